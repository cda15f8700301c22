-- What became of announced messages, for those who listen: copies, since the message may go on, or be forgotten, before
-- anybody is told. Beside a transport a trigger leaves them (`ledger/events.rs`); a queue's file has none.
ALTER TABLE messages ADD COLUMN announced INTEGER NOT NULL DEFAULT 0;

CREATE TABLE events (
    number   INTEGER PRIMARY KEY,
    message  BLOB NOT NULL,                         -- messages.id
    route    INTEGER NOT NULL,                      -- routes.number
    attempt  INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    dead     INTEGER NOT NULL,                      -- 1 for a dead letter
    envelope TEXT NOT NULL,                         -- as JSON
    failure  TEXT,                                  -- as JSON
    reply    BLOB                                   -- the answer, of a finished message
) STRICT;
