-- Order by key. `messages.state` 5: waiting and parked, behind another of its order key, and in no index of what may be claimed.
ALTER TABLE messages ADD COLUMN order_key BLOB;     -- 32 bytes, where the message has an order key
ALTER TABLE messages ADD COLUMN passes INTEGER NOT NULL DEFAULT 0; -- 1 where a dead letter lets its key pass

-- Lines: the messages of an order key that others wait for. Of a line, one at most is claimed or may be; the others are
-- parked, or dead letters that hold. A key is of one route, which stands here so that counting parked ones reads no rows.
CREATE INDEX messages_line ON messages (order_key, state, route)
    WHERE order_key IS NOT NULL AND state <> 2 AND NOT (state = 3 AND passes);
