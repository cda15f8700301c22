-- What the system said when it took the request, which it answers later; it is asked for the answer with it.
ALTER TABLE messages ADD COLUMN ticket BLOB;
