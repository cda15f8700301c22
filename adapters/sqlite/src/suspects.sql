-- Suspects: messages of which the last attempts ended with their gateway, two or more (`is_suspect` in core/delivery). They
-- wait in an index of their own, which they leave one at a time.
ALTER TABLE messages ADD COLUMN lost INTEGER NOT NULL DEFAULT 0; -- attempts in a row whose gateway died
UPDATE messages SET lost = (SELECT count(*) FROM attempts a WHERE a.message = messages.seq AND a.lost)
    WHERE seq IN (SELECT message FROM attempts WHERE lost);
ALTER TABLE attempts DROP COLUMN lost;

DROP INDEX messages_waiting;
CREATE INDEX messages_waiting ON messages (route, at) WHERE state = 0 AND lost < 2;
CREATE INDEX messages_suspects ON messages (state, at) WHERE lost >= 2 AND state IN (0, 1, 7, 8);
