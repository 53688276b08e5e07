-- +goose Up

-- Links with which people who are asked to come sign up.
CREATE TABLE invites (
	id         BLOB PRIMARY KEY,
	hash       BLOB    NOT NULL, -- SHA-256 of the code
	created_by BLOB    NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	max_uses   INTEGER NOT NULL,
	uses       INTEGER NOT NULL,
	room       BLOB    NOT NULL  -- zero: none but those that everybody joins
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invites_hash ON invites (hash);
