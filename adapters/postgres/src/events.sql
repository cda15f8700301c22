-- What became of announced messages, for those who listen. Whatever finishes such a message, or makes it a dead letter,
-- leaves an event in the same transaction: by a trigger, so that no statement can forget it.
ALTER TABLE messages ADD COLUMN announced boolean NOT NULL DEFAULT false;

-- Copies: the message may go on, or be forgotten, before anybody is told.
CREATE TABLE events (
    number   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message  uuid        NOT NULL,
    route    text        NOT NULL,
    attempt  integer     NOT NULL,
    at       bigint      NOT NULL,
    dead     boolean     NOT NULL,
    envelope text        NOT NULL,                  -- as JSON
    failure  text,                                  -- as JSON
    reply    bytea,                                 -- the answer, of a finished message
    taken    timestamptz                            -- until when somebody is about to announce it
);

CREATE FUNCTION leave_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO portolan.events (message, route, attempt, at, dead, envelope, failure, reply)
    VALUES (NEW.id, NEW.route, NEW.attempt, NEW.at, NEW.state = 3, NEW.envelope, NEW.failure,
            CASE WHEN NEW.state = 2 THEN NEW.reply END);
    RETURN NULL;
END
$$;

CREATE TRIGGER leave_event AFTER UPDATE OF state ON messages FOR EACH ROW
    WHEN (NEW.announced AND NEW.state IN (2, 3) AND OLD.state <> NEW.state) EXECUTE FUNCTION leave_event();
