-- One row is both message and ledger. A request-reply message costs one insert and one update, and touches no index but
-- that of ids: what a commit costs is the pages it changes. Of the partial indexes below, a row stands in one at most, and
-- in none once it is finished.

CREATE TABLE routes (
    number  INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE bundles (
    number  INTEGER PRIMARY KEY,
    hash    BLOB NOT NULL UNIQUE,                   -- SHA-256
    content BLOB NOT NULL
) STRICT;

-- Apart from the bundles, whose rows are long. Counts the messages up to `tally.seq`.
CREATE TABLE bundle_uses (
    bundle   INTEGER PRIMARY KEY REFERENCES bundles,
    messages INTEGER NOT NULL
) STRICT;

-- What came after this message is found by looking at it: it is not counted above, and where its attempt began with its
-- accept it has state 4. Few enough that this is quick; moving on settles both for many messages at once.
CREATE TABLE tally (
    seq INTEGER NOT NULL                            -- messages.seq; one row
) STRICT;
INSERT INTO tally VALUES (0);

-- A table with rowids and a unique index, not WITHOUT ROWID: measured with 512 B of payload and an answer of 300 B,
-- 5.0 us an intent against 10.8 us, and 65 MB against 283 MB, since an index page keeps only 1 KB of a row.
CREATE TABLE messages (
    seq      INTEGER PRIMARY KEY,                   -- order of acceptance
    id       BLOB NOT NULL UNIQUE,                  -- 16 bytes, UUID version 7
    state    INTEGER NOT NULL,                      -- 0 waiting, 1 claimed, 2 finished, 3 dead, 4 claimed and after the tally
    route    INTEGER NOT NULL,                      -- routes.number; no REFERENCES: checked in memory by the one writer
    bundle   INTEGER NOT NULL,                      -- bundles.number; as above
    received INTEGER NOT NULL,                      -- all times: microseconds since 1970
    attempt  INTEGER NOT NULL,                      -- the last one recorded; 0 before the first
    at       INTEGER NOT NULL,                      -- waiting: due; claimed: since; finished, dead: when
    started  INTEGER NOT NULL,                      -- of the last attempt; 0 before the first
    gateway  BLOB,                                  -- claimed: by whom
    class    TEXT,                                  -- dead: the failure's class
    party    TEXT,                                  -- dead: the side at fault
    envelope TEXT NOT NULL,                         -- what nothing queries, as JSON
    payload  BLOB NOT NULL,                         -- byte for byte
    failure  TEXT,                                  -- finished, dead: why, as JSON
    reply    BLOB                                   -- finished: the answer; dead: what the system said
) STRICT;

CREATE INDEX messages_waiting ON messages (route, at) WHERE state = 0;
CREATE INDEX messages_claimed ON messages (route) WHERE state = 1;
CREATE INDEX messages_dead ON messages (route, class) WHERE state = 3;

-- Attempts that ended without finishing their message.
CREATE TABLE attempts (
    message INTEGER NOT NULL,                       -- messages.seq
    number  INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended   INTEGER NOT NULL,
    lost    INTEGER NOT NULL,                       -- 1 where its gateway died
    failure TEXT NOT NULL,                          -- as JSON
    PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE request_keys (
    route   INTEGER NOT NULL,
    caller  TEXT NOT NULL,
    id      TEXT NOT NULL,
    message INTEGER NOT NULL,                       -- messages.seq
    PRIMARY KEY (route, caller, id)
) STRICT, WITHOUT ROWID;
