-- +goose Up

-- Links with which people who are asked to come sign up.
CREATE TABLE invites (
	id         uuid PRIMARY KEY,
	created_by uuid   NOT NULL,
	room       uuid   NOT NULL, -- zero: none but those that everybody joins
	created_at bigint NOT NULL,
	expires_at bigint NOT NULL,
	max_uses   bigint NOT NULL,
	uses       bigint NOT NULL,
	hash       bytea  NOT NULL  -- SHA-256 of the code
);
CREATE UNIQUE INDEX invites_hash ON invites (hash);

UPDATE meta SET value = '1' WHERE key = 'usable_since';
