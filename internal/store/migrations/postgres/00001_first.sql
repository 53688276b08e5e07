-- +goose Up

-- Texts that are compared or sorted are compared by their bytes, as SQLite does.

CREATE TABLE meta (
	key   text COLLATE "C" PRIMARY KEY,
	value text NOT NULL
);
-- The oldest schema whose binaries can work on this one: see migrate.go.
INSERT INTO meta (key, value) VALUES ('usable_since', '1');

-- Numbers that must be dense in the order of commits; a row lock makes them so.
CREATE TABLE counters (
	name text COLLATE "C" PRIMARY KEY,
	n    bigint NOT NULL
);
INSERT INTO counters (name, n) VALUES ('revocations', 0);

-- Where each partition's worker stands, set by the commit that it belongs to.
-- Each row is rewritten with every commit: it gets a page with room to do so.
CREATE TABLE partitions (
	part     smallint PRIMARY KEY,
	epoch    bigint NOT NULL,
	log_seq  bigint NOT NULL,
	envelope uuid   NOT NULL,
	n        bigint NOT NULL
) WITH (fillfactor = 25);

-- move_partition is the first statement of a commit, and ends it when somebody
-- else has moved the partition: a failed statement fails the whole pipeline.
-- +goose StatementBegin
CREATE FUNCTION move_partition(
	which smallint, from_epoch bigint, from_log_seq bigint, from_envelope uuid, from_n bigint,
	to_log_seq bigint, to_envelope uuid, to_n bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE partitions SET log_seq = to_log_seq, envelope = to_envelope, n = to_n
	WHERE part = which AND epoch = from_epoch AND log_seq = from_log_seq AND envelope = from_envelope AND n = from_n;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'partition % has moved on without its owner', which USING ERRCODE = 'PY001';
	END IF;
END
$$;
-- +goose StatementEnd

-- The columns stand in the order in which a row wastes least.
CREATE TABLE events (
	n         bigint   NOT NULL,
	seq       bigint   NOT NULL,
	at        bigint   NOT NULL,
	messages  bigint   NOT NULL, -- messages of the room up to and including this event
	gateway   bigint   NOT NULL,
	log_seq   bigint   NOT NULL,
	batch     bigint   NOT NULL,
	committed bigint   NOT NULL,
	target    bigint,
	thread    bigint,            -- stays when the message is deleted
	room      uuid     NOT NULL,
	by        uuid     NOT NULL,
	id        uuid     NOT NULL,
	part      smallint NOT NULL,
	kind      smallint NOT NULL,
	nonce     bytea    NOT NULL, -- 16 bytes: a lower-case UUID; else its text, and a zero byte behind one of 16 bytes
	text      text,
	extra     text,              -- JSON: the body without text and thread
	CONSTRAINT events_n PRIMARY KEY (part, n)
);
CREATE UNIQUE INDEX events_seq ON events (room, seq);
-- The nonce comes first: those made in order of time then share the index's last
-- pages, instead of dirtying one page per message.
CREATE UNIQUE INDEX events_nonce ON events (nonce, room, by);
CREATE INDEX events_target ON events (room, target) WHERE target IS NOT NULL;
CREATE INDEX events_thread ON events (room, thread, seq) WHERE thread IS NOT NULL;

CREATE TABLE rooms (
	id           uuid PRIMARY KEY,
	kind         text     NOT NULL,
	name         text     NOT NULL,
	folded       text     COLLATE "C" NOT NULL, -- the name as it is searched
	handle       text     COLLATE "C" NOT NULL,
	topic        text     NOT NULL,
	created_at   bigint   NOT NULL,
	created_by   uuid     NOT NULL,
	member_count bigint   NOT NULL,
	owners       bigint   NOT NULL,
	read_only    smallint NOT NULL,
	archived     smallint NOT NULL
);
CREATE INDEX rooms_folded ON rooms (folded, id);

-- A room with where it stands, which its newest event says. The limit keeps the
-- planner from reading all events for many rooms: it is one look per room.
CREATE VIEW rooms_now AS
SELECT r.id, r.kind, r.name, r.folded, r.handle, r.topic, r.created_at, r.created_by, r.member_count, r.owners,
	r.read_only, r.archived, l.seq AS head, l.messages, l.at AS last_at
FROM rooms r CROSS JOIN LATERAL (SELECT e.seq, e.messages, e.at FROM events e WHERE e.room = r.id ORDER BY e.seq DESC LIMIT 1) l;

CREATE TABLE members (
	room      uuid   NOT NULL,
	user_id   uuid   NOT NULL,
	joined_at bigint NOT NULL,
	role      text   NOT NULL,
	PRIMARY KEY (room, user_id)
);
CREATE INDEX members_user ON members (user_id, room);

-- Messages that are not as they were sent.
CREATE TABLE edits (
	room      uuid     NOT NULL,
	seq       bigint   NOT NULL,
	edited_at bigint   NOT NULL,
	deleted   smallint NOT NULL,
	text      text     NOT NULL,
	PRIMARY KEY (room, seq)
);

CREATE TABLE reactions (
	room    uuid   NOT NULL,
	user_id uuid   NOT NULL,
	seq     bigint NOT NULL,
	added   bigint NOT NULL, -- the number of the event that added it
	emoji   text   COLLATE "C" NOT NULL,
	PRIMARY KEY (room, seq, emoji, user_id)
);

CREATE TABLE threads (
	room    uuid   NOT NULL,
	root    bigint NOT NULL,
	replies bigint NOT NULL, -- that have not been deleted
	PRIMARY KEY (room, root)
);

-- The zero user stands for everybody in the room.
CREATE TABLE mentions (
	room    uuid   NOT NULL,
	user_id uuid   NOT NULL,
	by      uuid   NOT NULL,
	seq     bigint NOT NULL,
	PRIMARY KEY (room, user_id, seq)
);

CREATE TABLE aliases (
	id         uuid NOT NULL,
	door       text COLLATE "C" NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	foreign_id text COLLATE "C" NOT NULL,
	PRIMARY KEY (door, kind, foreign_id)
);
CREATE INDEX aliases_id ON aliases (id, door, kind);

CREATE TABLE dead_commands (
	part    smallint NOT NULL,
	log_seq bigint   NOT NULL,
	id      uuid     NOT NULL,
	at      bigint   NOT NULL,
	command text     NOT NULL, -- JSON
	reason  text     NOT NULL,
	PRIMARY KEY (part, log_seq, id)
);

-- Written by role/rooms, so apart from what the sequencer writes.
CREATE TABLE marks (
	room      uuid   NOT NULL,
	user_id   uuid   NOT NULL,
	read      bigint NOT NULL,
	delivered bigint NOT NULL,
	PRIMARY KEY (room, user_id)
) WITH (fillfactor = 80);

CREATE TABLE member_settings (
	room      uuid     NOT NULL,
	user_id   uuid     NOT NULL,
	muted     smallint NOT NULL,
	favourite smallint NOT NULL,
	notify    text     NOT NULL,
	PRIMARY KEY (room, user_id)
);

CREATE TABLE handles (
	handle text COLLATE "C" PRIMARY KEY,
	room   uuid NOT NULL
);

CREATE TABLE users (
	id           uuid PRIMARY KEY,
	created_at   bigint   NOT NULL,
	banned       smallint NOT NULL,
	deleted      smallint NOT NULL,
	username     text     COLLATE "C" NOT NULL,
	display_name text     NOT NULL,
	folded       text     COLLATE "C" NOT NULL, -- the display name as it is searched
	kind         text     NOT NULL,
	role         text     NOT NULL,
	status_text  text     NOT NULL,
	issuer       text     COLLATE "C" NOT NULL,
	subject      text     COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX users_username ON users (username);
CREATE UNIQUE INDEX users_foreign ON users (issuer, subject) WHERE issuer <> '';
CREATE INDEX users_folded ON users (folded);

-- Who speaks when Parley does something by itself.
INSERT INTO users (id, username, display_name, folded, kind, role, created_at, status_text, banned, deleted, issuer, subject)
VALUES ('00000000-0000-8000-8000-000000000001', 'system', 'Parley', 'parley', 'bot', 'system', 0, '', 0, 0, '', '');

CREATE TABLE credentials (
	user_id uuid PRIMARY KEY,
	scheme  text NOT NULL,
	secret  text NOT NULL
);

CREATE TABLE logins (
	id         uuid PRIMARY KEY,
	user_id    uuid   NOT NULL,
	created_at bigint NOT NULL,
	last_used  bigint NOT NULL,
	device     text   NOT NULL,
	address    text   NOT NULL
);
CREATE INDEX logins_user ON logins (user_id);

CREATE TABLE refresh_tokens (
	hash    bytea PRIMARY KEY, -- SHA-256
	login   uuid     NOT NULL,
	expires bigint   NOT NULL,
	used    smallint NOT NULL
);
CREATE INDEX refresh_tokens_login ON refresh_tokens (login);

CREATE TABLE signing_keys (
	id         text COLLATE "C" PRIMARY KEY,
	seed       bytea  NOT NULL,
	created_at bigint NOT NULL
);

CREATE TABLE revocations (
	number     bigint PRIMARY KEY,
	user_id    uuid     NOT NULL,
	login      uuid     NOT NULL, -- zero: all that were made before
	not_before bigint   NOT NULL,
	at         bigint   NOT NULL,
	banned     smallint NOT NULL
);

CREATE TABLE door_tokens (
	hash    bytea  NOT NULL, -- SHA-256
	user_id uuid   NOT NULL,
	expires bigint NOT NULL, -- 0: never
	door    text   COLLATE "C" NOT NULL,
	PRIMARY KEY (door, hash)
);
CREATE INDEX door_tokens_user ON door_tokens (user_id);

CREATE TABLE jobs (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	command text NOT NULL -- JSON
);

CREATE TABLE readers (
	name text COLLATE "C" NOT NULL,
	part smallint NOT NULL,
	n    bigint NOT NULL,
	PRIMARY KEY (name, part)
) WITH (fillfactor = 25);

-- The search index: which words a message has. It is filled from the feed and
-- can be emptied at any time. A row's words include its room and its author, so
-- that one index narrows down all three.
CREATE TABLE words (
	doc  bigint   PRIMARY KEY, -- the event's feed number and partition: see docID
	at   bigint   NOT NULL,
	room uuid     NOT NULL,
	said tsvector NOT NULL
);
CREATE INDEX words_said ON words USING gin (said);
