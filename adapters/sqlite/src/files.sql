-- Files that came in, remembered for good: by route and by what is in them, so that none is taken twice.

CREATE TABLE files (
    seq      INTEGER PRIMARY KEY,                   -- order of arrival
    route    INTEGER NOT NULL,                      -- routes.number
    hash     BLOB NOT NULL,                         -- SHA-256 of the content
    bundle   BLOB NOT NULL,                         -- SHA-256
    name     TEXT NOT NULL,
    bytes    INTEGER NOT NULL,
    received INTEGER NOT NULL,                      -- all times: microseconds since 1970
    state    INTEGER NOT NULL,                      -- 0 open, 1 taken, 2 refused
    gateway  BLOB NOT NULL,                         -- who takes it, or took it
    position INTEGER NOT NULL,                      -- the number of the last record that was gone through
    messages INTEGER NOT NULL,
    skipped  INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    ended    INTEGER,
    receipt  TEXT,                                  -- as JSON
    UNIQUE (route, hash)
) STRICT;

CREATE INDEX files_open ON files (route) WHERE state = 0;
