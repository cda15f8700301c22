-- Files that are made of messages: which were cut, by route and number without gaps, and which messages are in them. A message that gathers
-- is due at 9223372036854775807; one that is in a file is claimed by no gateway (`GatewayId::FILE`).

CREATE TABLE cuts (
    number    INTEGER PRIMARY KEY,
    route     INTEGER NOT NULL,                     -- routes.number
    sequence  INTEGER NOT NULL,                     -- of the route, from 1
    bundle    BLOB NOT NULL,                        -- SHA-256
    at        INTEGER NOT NULL,                     -- all times: microseconds since 1970
    messages  INTEGER NOT NULL,
    state     INTEGER NOT NULL,                     -- 0 open, 1 ready, 2 delivered
    name      TEXT,
    aside     TEXT,                                 -- under which name it was put aside
    hash      BLOB,                                 -- SHA-256 of the content
    bytes     INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER,
    UNIQUE (route, sequence)
) STRICT;

CREATE INDEX cuts_open ON cuts (route) WHERE state < 2;

-- In the order of the file.
CREATE TABLE cut_messages (
    cut     INTEGER NOT NULL,                       -- cuts.number
    grp     TEXT NOT NULL,                          -- what messages share with those of their groups
    message INTEGER NOT NULL,                       -- messages.seq
    route   INTEGER NOT NULL,
    key     TEXT,                                   -- by which it is known to whoever answers it
    PRIMARY KEY (cut, grp, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX cut_messages_key ON cut_messages (route, key) WHERE key IS NOT NULL;
CREATE INDEX cut_messages_message ON cut_messages (message);
