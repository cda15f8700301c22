-- Files that were refused, and that an operator lets be taken all the same: state 3, until they are found.
ALTER TABLE files ADD COLUMN released bigint;           -- when
ALTER TABLE files ADD COLUMN release_reason text;       -- why

CREATE INDEX files_released ON files (seq) WHERE released IS NOT NULL AND state IN (0, 3);
