-- A message that is to be in a file has `messages.state` 9, and its row stays as it is from its accept until it is answered: a cut of a million
-- messages would write them all anew. Where it is stands beside it: in `gathering` or in `in_file`, always in one and never in both.
CREATE TABLE gathering (
    route   INTEGER NOT NULL,                       -- routes.number
    message INTEGER NOT NULL,                       -- messages.seq
    bundle  INTEGER NOT NULL,                       -- bundles.number
    grp     TEXT NOT NULL,                          -- what messages share with those of their groups
    PRIMARY KEY (route, message)
) STRICT, WITHOUT ROWID;

-- As long as the message is in the file and nothing is known of what became of it. Its attempt, which began when the file was cut, is
-- recorded in its row when it ends.
CREATE TABLE in_file (
    message INTEGER PRIMARY KEY,                    -- messages.seq
    route   INTEGER NOT NULL,                       -- routes.number
    cut     INTEGER NOT NULL                        -- cuts.number
) STRICT;

-- What an earlier version had in files: claimed by `GatewayId::FILE`, the last file being the one that is not answered.
INSERT INTO in_file SELECT m.seq, m.route, max(c.cut) FROM messages m JOIN cut_messages c ON c.message = m.seq
    WHERE m.state = 1 AND m.gateway = x'66696C65000080008000000000000001' GROUP BY m.seq;
UPDATE messages SET state = 9, attempt = attempt - 1, at = 9223372036854775807, gateway = NULL
    WHERE state = 1 AND gateway = x'66696C65000080008000000000000001';
-- And what gathered.
INSERT INTO gathering SELECT route, seq, bundle, iif(json_valid(envelope), coalesce(envelope ->> '$.group', ''), '')
    FROM messages WHERE state = 0 AND lost < 2 AND at = 9223372036854775807;
UPDATE messages SET state = 9 WHERE state = 0 AND lost < 2 AND at = 9223372036854775807;
