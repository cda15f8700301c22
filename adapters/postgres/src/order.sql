-- Order by key. A message that waits behind another of its key is parked: state 4, in no outbox. Its line is what others of
-- the key wait for: of it, one at most is claimed or may be; the others are parked, or dead letters that hold.
ALTER TABLE messages
    ADD COLUMN order_key bytea,                     -- where the message has one
    ADD COLUMN passes boolean NOT NULL DEFAULT false; -- a dead letter lets its key pass

CREATE INDEX messages_line ON messages (order_key, state, seq)
    WHERE order_key IS NOT NULL AND state <> 2 AND NOT (state = 3 AND passes);

DROP INDEX messages_waiting;
CREATE INDEX messages_waiting ON messages (route) INCLUDE (received) WHERE state IN (0, 4);

-- Who comes into a line or leaves it does so alone, until its transaction ends: `seq` of a line is then the order in which
-- its messages were committed. Lines that share a number only wait for each other.
CREATE FUNCTION lock_line(line bytea) RETURNS void LANGUAGE sql STRICT AS $$
    SELECT pg_advisory_xact_lock(('x' || encode(substr(line, 1, 8), 'hex'))::bit(64)::bigint)
$$;

-- What follows looks with the lock in its hands, and each of its statements sees what was committed before it: a single
-- statement sees what was there when it began to wait.

-- Whether anybody is in a line.
CREATE FUNCTION line_taken(line bytea) RETURNS boolean LANGUAGE plpgsql STRICT AS $$
BEGIN
    PERFORM portolan.lock_line(line);
    RETURN EXISTS (SELECT FROM portolan.messages
                   WHERE order_key = line AND state <> 2 AND NOT (state = 3 AND passes));
END
$$;

-- After somebody left a line, came back into it or waits again: the first that is parked may be claimed, unless one is at
-- work, or comes before it and may be claimed or holds. Gives when that one is due.
CREATE FUNCTION next_in_line(line bytea) RETURNS bigint LANGUAGE plpgsql STRICT AS $$
DECLARE
    active portolan.messages.id%TYPE;
    active_state portolan.messages.state%TYPE;
    active_seq portolan.messages.seq%TYPE;
    next portolan.messages.id%TYPE;
    next_seq portolan.messages.seq%TYPE;
    due portolan.messages.at%TYPE;
BEGIN
    PERFORM portolan.lock_line(line);
    SELECT id, state, seq INTO active, active_state, active_seq FROM portolan.messages
    WHERE order_key = line AND state IN (0, 1) AND state <> 2 AND NOT (state = 3 AND passes) LIMIT 1;
    IF active_state = 1 THEN
        RETURN NULL;
    END IF;
    SELECT id, seq INTO next, next_seq FROM portolan.messages
    WHERE order_key = line AND state = 4 AND state <> 2 AND NOT (state = 3 AND passes) ORDER BY seq LIMIT 1;
    IF next IS NULL OR active_seq < next_seq OR EXISTS (
        SELECT FROM portolan.messages
        WHERE order_key = line AND state = 3 AND state <> 2 AND NOT (state = 3 AND passes) AND seq < next_seq)
    THEN
        RETURN NULL;
    END IF;
    IF active IS NOT NULL THEN
        UPDATE portolan.messages SET state = 4 WHERE id = active AND state = 0;
        IF NOT FOUND THEN
            RETURN NULL; -- It was claimed just now.
        END IF;
    END IF;
    UPDATE portolan.messages SET state = 0, published = false, taken = NULL WHERE id = next RETURNING at INTO due;
    RETURN due;
END
$$;
