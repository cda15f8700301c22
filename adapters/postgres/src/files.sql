-- Files that came in, remembered for good: by route and by what is in them, so that none is taken twice.
CREATE TABLE files (
    seq      bigint   GENERATED ALWAYS AS IDENTITY UNIQUE, -- order of arrival
    route    text     NOT NULL,
    hash     bytea    NOT NULL,                     -- SHA-256 of the content
    bundle   bytea    NOT NULL,
    name     text     NOT NULL,
    bytes    bigint   NOT NULL,
    received bigint   NOT NULL,                     -- all times: microseconds since 1970
    state    smallint NOT NULL,                     -- 0 open, 1 taken, 2 refused
    gateway  uuid     NOT NULL,                     -- who takes it, or took it
    position bigint   NOT NULL,                     -- the number of the last record that was gone through
    messages bigint   NOT NULL,
    skipped  bigint   NOT NULL,
    rejected bigint   NOT NULL,
    ended    bigint,
    receipt  text,                                  -- as JSON
    PRIMARY KEY (route, hash)
);

CREATE INDEX files_open ON files (seq, bundle) WHERE state = 0;

-- Whether a gateway lives, by its lease. While the server was away nobody could renew: whoever lived until then has a lease's length
-- (`grace`, in seconds) to.
CREATE FUNCTION is_alive(gateway uuid, grace double precision) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (
        SELECT FROM portolan.leases l WHERE l.id = gateway AND (l.expires > clock_timestamp()
            OR (clock_timestamp() < pg_postmaster_start_time() + make_interval(secs => grace)
                AND l.expires > pg_postmaster_start_time() - interval '1 h')))
$$;
