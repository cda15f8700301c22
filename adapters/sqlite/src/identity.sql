-- Whose messages the parcels of a broker speak of: one row, for as long as the file is there.
CREATE TABLE identity (id BLOB NOT NULL) STRICT;
INSERT INTO identity VALUES (randomblob(16));
