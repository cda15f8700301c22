-- The ledger beside a transport. `messages.state` 7: waiting and handed out to be published; 8: and published.
CREATE INDEX messages_out ON messages (route, state, at) WHERE state IN (7, 8);
