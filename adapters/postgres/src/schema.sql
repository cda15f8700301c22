-- The ledger of several gateways. Every intent is one statement, and so one transaction; a statement whose answer was lost
-- with its connection can be sent again (see `again` in src/ledger.rs).

CREATE TABLE bundles (
    hash    bytea PRIMARY KEY,                      -- SHA-256
    content bytea NOT NULL
);

-- Who keeps a bundle ready for its first message, as long as the holder's lease lasts.
CREATE TABLE bundle_holders (
    holder uuid  NOT NULL,
    bundle bytea NOT NULL,
    PRIMARY KEY (holder, bundle)
);

-- Gateways and processes that are alive: by this server's clock, and no other.
CREATE TABLE leases (
    id      uuid        PRIMARY KEY,
    expires timestamptz NOT NULL
);

CREATE TABLE messages (
    id         uuid     PRIMARY KEY,                -- version 7: ordered by acceptance
    seq        bigint   GENERATED ALWAYS AS IDENTITY, -- order of acceptance
    state      smallint NOT NULL,                   -- 0 waiting, 1 claimed, 2 finished, 3 dead
    route      text     NOT NULL,
    bundle     bytea    NOT NULL,
    received   bigint   NOT NULL,                   -- all times of messages: microseconds since 1970
    attempt    integer  NOT NULL,                   -- the last one recorded; 0 before the first
    at         bigint   NOT NULL,                   -- waiting: due; claimed: since; finished, dead: when
    started    bigint   NOT NULL,                   -- of the last attempt; 0 before the first
    lost       integer  NOT NULL DEFAULT 0,         -- attempts whose gateway died
    gateway    uuid,                                -- who made the last attempt
    published  boolean  NOT NULL DEFAULT false,     -- waiting: its parcel is with the transport (outbox)
    published_at timestamptz,                       -- when that was, by this server's clock
    taken      timestamptz,                         -- waiting: until when somebody is about to publish it
    class      text,                                -- dead: the failure's class
    envelope   text     NOT NULL,                   -- as JSON
    payload    bytea    NOT NULL,                   -- byte for byte
    failure    text,                                -- finished, dead: why, as JSON
    party      text,                                -- dead: the side at fault, as JSON
    reply      bytea                                -- finished: the answer; dead: what the system said
);

CREATE INDEX messages_outbox   ON messages (at, seq) WHERE state = 0 AND NOT published;
CREATE INDEX messages_published ON messages (published_at, route) WHERE state = 0 AND published;
CREATE INDEX messages_waiting  ON messages (route)   WHERE state = 0;
CREATE INDEX messages_claimed  ON messages (gateway) WHERE state = 1;
CREATE INDEX messages_finished ON messages (at)      WHERE state = 2;
CREATE INDEX messages_dead     ON messages (route, class) WHERE state = 3;
CREATE INDEX messages_bundle   ON messages (bundle);

-- Attempts that ended without finishing their message.
CREATE TABLE attempts (
    message uuid    NOT NULL REFERENCES messages ON DELETE CASCADE,
    number  integer NOT NULL,
    started bigint  NOT NULL,
    ended   bigint  NOT NULL,
    failure text    NOT NULL,                       -- as JSON
    PRIMARY KEY (message, number)
);

CREATE TABLE request_keys (
    route   text NOT NULL,
    caller  text NOT NULL,
    id      text NOT NULL,
    message uuid NOT NULL,
    PRIMARY KEY (route, caller, id)
);
CREATE INDEX request_keys_message ON request_keys (message);
