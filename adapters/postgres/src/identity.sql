-- Whose messages the parcels of a broker speak of: one row, for as long as the tables are there.
CREATE TABLE identity (id uuid NOT NULL);
INSERT INTO identity VALUES (gen_random_uuid());
