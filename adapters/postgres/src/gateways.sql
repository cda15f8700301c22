-- Which leases are those of gateways, and where each runs: for people.
ALTER TABLE leases ADD COLUMN host text;
