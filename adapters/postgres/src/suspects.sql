-- Suspects: messages of which the last attempts ended with their gateway, two or more (`is_suspect` in core/delivery). `lost`
-- counts in a row: an attempt that ends otherwise sets it to 0. They wait in an outbox of their own, which they leave one at
-- a time: `taken` says until when its turn keeps the others waiting.
DROP INDEX messages_outbox;
CREATE INDEX messages_outbox   ON messages (at, seq) WHERE state = 0 AND NOT published AND lost < 2;
CREATE INDEX messages_suspects ON messages (state, at, seq) WHERE lost >= 2 AND state IN (0, 1);

-- The suspect whose turn it is, taken to be published; nobody, while another one is under way, or somebody else asks.
CREATE FUNCTION next_suspect(now bigint, except_routes text[]) RETURNS SETOF messages LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(8101820099073958255) OR EXISTS (
        SELECT FROM portolan.messages
        WHERE lost >= 2 AND state IN (0, 1)
          AND (state = 1 OR (taken >= clock_timestamp() AND route <> ALL (except_routes))))
    THEN
        RETURN;
    END IF;
    RETURN QUERY UPDATE portolan.messages SET taken = clock_timestamp() + interval '10 s'
    WHERE id = (
        SELECT id FROM portolan.messages
        WHERE lost >= 2 AND state IN (0, 1) AND state = 0 AND NOT published
          AND at <= now AND route <> ALL (except_routes)
        ORDER BY at, seq LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING *;
END
$$;

-- Whether no suspect is claimed; until the transaction ends, nobody else is told so.
CREATE FUNCTION no_suspect_claimed() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(8101820099073958255);
    RETURN NOT EXISTS (SELECT FROM portolan.messages WHERE lost >= 2 AND state IN (0, 1) AND state = 1);
END
$$;
