-- Routes that are not simply to run. By name, not by number: one may be paused before its first message, or for good.
CREATE TABLE controls (
    route   TEXT PRIMARY KEY,
    control TEXT NOT NULL                           -- paused, draining
) STRICT, WITHOUT ROWID;
