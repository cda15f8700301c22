-- Files that are made of messages: which were cut, by route and number without gaps, and which messages are in them. A message that gathers
-- is due at 9223372036854775807; one that is in a file is claimed by no gateway (`GatewayId::FILE`).
CREATE TABLE cuts (
    number    bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order in which they were cut
    route     text     NOT NULL,
    sequence  bigint   NOT NULL,                    -- of the route, from 1
    bundle    bytea    NOT NULL,                    -- SHA-256
    at        bigint   NOT NULL,                    -- all times: microseconds since 1970
    messages  bigint   NOT NULL,
    state     smallint NOT NULL,                    -- 0 open, 1 ready, 2 delivered
    gateway   uuid,                                 -- who is at it
    name      text,
    aside     text,                                 -- under which name it was put aside
    hash      bytea,                                -- SHA-256 of the content
    bytes     bigint   NOT NULL DEFAULT 0,
    delivered bigint,
    UNIQUE (route, sequence)
);

CREATE UNIQUE INDEX cuts_open ON cuts (route) WHERE state < 2;

CREATE TABLE cut_messages (
    cut     bigint NOT NULL REFERENCES cuts,
    place   bigint NOT NULL,                        -- where it stands, from 1
    message uuid   NOT NULL REFERENCES messages ON DELETE CASCADE,
    route   text   NOT NULL,
    key     bytea,                                  -- SHA-256 of that by which it is known to whoever answers it
    PRIMARY KEY (cut, place)
);

CREATE INDEX cut_messages_key ON cut_messages (route, key) WHERE key IS NOT NULL;
CREATE INDEX cut_messages_message ON cut_messages (message);
CREATE INDEX messages_gather ON messages (route, seq) INCLUDE (received) WHERE state = 0 AND at = 9223372036854775807;

-- Cuts a file; nothing where one of the route is not delivered yet, or none of its messages waits. One after the other for each route: with
-- the lock in hand each statement sees what was committed before. `again` where it may have been done already.
CREATE FUNCTION cut(of_route text, most bigint, moment bigint, in_file uuid, again boolean)
RETURNS SETOF cuts LANGUAGE plpgsql AS $$
DECLARE
    version portolan.cuts.bundle%TYPE;
    cut_number portolan.cuts.number%TYPE;
    taken bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(of_route, 8101820099073958256));
    IF EXISTS (SELECT FROM portolan.cuts c WHERE c.route = of_route AND c.state < 2) THEN
        RETURN QUERY SELECT c.* FROM portolan.cuts c
            WHERE again AND c.route = of_route AND c.state < 2 AND c.at = moment;
        RETURN;
    END IF;
    SELECT m.bundle INTO version FROM portolan.messages m
    WHERE m.state = 0 AND m.at = 9223372036854775807 AND m.route = of_route ORDER BY m.seq LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO portolan.cuts (route, sequence, bundle, at, messages, state)
    SELECT of_route, coalesce(max(c.sequence), 0) + 1, version, moment, 0, 0 FROM portolan.cuts c WHERE c.route = of_route
    RETURNING number INTO cut_number;
    WITH gathered AS (
        SELECT m.id FROM portolan.messages m
        WHERE m.state = 0 AND m.at = 9223372036854775807 AND m.route = of_route AND m.bundle = version
        ORDER BY m.seq LIMIT most FOR UPDATE),
    claimed AS (
        UPDATE portolan.messages m
        SET state = 1, attempt = m.attempt + 1, at = moment, started = greatest(moment, m.received), gateway = in_file
        FROM gathered g WHERE m.id = g.id
        RETURNING m.id, m.seq, coalesce(m.envelope::json ->> 'group', '') COLLATE "C" AS grp)
    INSERT INTO portolan.cut_messages (cut, place, message, route)
    SELECT cut_number, row_number() OVER (ORDER BY grp, seq), id, of_route FROM claimed;
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken = 0 THEN
        -- They were cancelled just now.
        DELETE FROM portolan.cuts c WHERE c.number = cut_number;
        RETURN;
    END IF;
    RETURN QUERY UPDATE portolan.cuts c SET messages = taken WHERE c.number = cut_number RETURNING c.*;
END
$$;
