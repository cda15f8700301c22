-- Routes that are not simply to run, for every gateway.
CREATE TABLE controls (
    route   text PRIMARY KEY,
    control text NOT NULL                           -- paused, draining
);
