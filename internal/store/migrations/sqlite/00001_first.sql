-- +goose Up

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that must be dense in the order of commits; a row lock makes them so.
CREATE TABLE counters (
	name TEXT PRIMARY KEY,
	n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, n) VALUES ('revocations', 0);

-- Where each partition's worker stands, set by the commit that it belongs to.
CREATE TABLE partitions (
	part     INTEGER PRIMARY KEY,
	epoch    INTEGER NOT NULL,
	log_seq  INTEGER NOT NULL,
	envelope BLOB    NOT NULL,
	n        INTEGER NOT NULL
) STRICT;

-- There is one partition here, so its feed number is the row's own key.
CREATE TABLE events (
	n         INTEGER PRIMARY KEY,
	part      INTEGER NOT NULL,
	room      BLOB    NOT NULL,
	seq       INTEGER NOT NULL,
	id        BLOB    NOT NULL,
	kind      INTEGER NOT NULL,
	by        BLOB    NOT NULL,
	at        INTEGER NOT NULL,
	nonce     BLOB    NOT NULL, -- 16 bytes: a lower-case UUID; else its text, and a zero byte behind one of 16 bytes
	target    INTEGER,
	thread    INTEGER,          -- stays when the message is deleted
	text      TEXT,
	extra     TEXT,             -- JSON: the body without text and thread
	messages  INTEGER NOT NULL, -- messages of the room up to and including this event
	gateway   INTEGER NOT NULL,
	log_seq   INTEGER NOT NULL,
	batch     INTEGER NOT NULL,
	committed INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_seq ON events (room, seq);
-- The nonce comes first: those made in order of time then share the index's last
-- page, instead of dirtying one page per message.
CREATE UNIQUE INDEX events_nonce ON events (nonce, room, by);
CREATE INDEX events_target ON events (room, target) WHERE target IS NOT NULL;
CREATE INDEX events_thread ON events (room, thread, seq) WHERE thread IS NOT NULL;

CREATE TABLE rooms (
	id           BLOB PRIMARY KEY,
	kind         TEXT    NOT NULL,
	name         TEXT    NOT NULL,
	folded       TEXT    NOT NULL, -- the name as it is searched
	handle       TEXT    NOT NULL,
	topic        TEXT    NOT NULL,
	created_at   INTEGER NOT NULL,
	created_by   BLOB    NOT NULL,
	member_count INTEGER NOT NULL,
	owners       INTEGER NOT NULL,
	read_only    INTEGER NOT NULL,
	archived     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rooms_folded ON rooms (folded, id);

-- A room with where it stands, which its newest event says: writing that into
-- the room's row with every message was a fifth of the cost of a commit.
CREATE VIEW rooms_now AS
SELECT r.id, r.kind, r.name, r.folded, r.handle, r.topic, r.created_at, r.created_by, r.member_count, r.owners,
	r.read_only, r.archived, l.seq AS head, l.messages, l.at AS last_at
FROM rooms r JOIN events l ON l.room = r.id AND l.seq = (SELECT max(seq) FROM events WHERE room = r.id);

CREATE TABLE members (
	room      BLOB    NOT NULL,
	user_id   BLOB    NOT NULL,
	role      TEXT    NOT NULL,
	joined_at INTEGER NOT NULL,
	PRIMARY KEY (room, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_user ON members (user_id, room);

-- Messages that are not as they were sent.
CREATE TABLE edits (
	room      BLOB    NOT NULL,
	seq       INTEGER NOT NULL,
	text      TEXT    NOT NULL,
	edited_at INTEGER NOT NULL,
	deleted   INTEGER NOT NULL,
	PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE reactions (
	room    BLOB    NOT NULL,
	seq     INTEGER NOT NULL,
	emoji   TEXT    NOT NULL,
	user_id BLOB    NOT NULL,
	added   INTEGER NOT NULL, -- the number of the event that added it
	PRIMARY KEY (room, seq, emoji, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE threads (
	room    BLOB    NOT NULL,
	root    INTEGER NOT NULL,
	replies INTEGER NOT NULL, -- that have not been deleted
	PRIMARY KEY (room, root)
) STRICT, WITHOUT ROWID;

-- The zero user stands for everybody in the room.
CREATE TABLE mentions (
	room    BLOB    NOT NULL,
	user_id BLOB    NOT NULL,
	seq     INTEGER NOT NULL,
	by      BLOB    NOT NULL,
	PRIMARY KEY (room, user_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE aliases (
	door       TEXT NOT NULL,
	kind       TEXT NOT NULL,
	foreign_id TEXT NOT NULL,
	id         BLOB NOT NULL,
	PRIMARY KEY (door, kind, foreign_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_id ON aliases (id, door, kind);

CREATE TABLE dead_commands (
	part    INTEGER NOT NULL,
	log_seq INTEGER NOT NULL,
	id      BLOB    NOT NULL,
	command TEXT    NOT NULL, -- JSON
	reason  TEXT    NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (part, log_seq, id)
) STRICT, WITHOUT ROWID;

-- Written by role/rooms, so apart from what the sequencer writes.
CREATE TABLE marks (
	room      BLOB    NOT NULL,
	user_id   BLOB    NOT NULL,
	read      INTEGER NOT NULL,
	delivered INTEGER NOT NULL,
	PRIMARY KEY (room, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE member_settings (
	room      BLOB    NOT NULL,
	user_id   BLOB    NOT NULL,
	muted     INTEGER NOT NULL,
	favourite INTEGER NOT NULL,
	notify    TEXT    NOT NULL,
	PRIMARY KEY (room, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE handles (
	handle TEXT PRIMARY KEY,
	room   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
	id           BLOB PRIMARY KEY,
	username     TEXT    NOT NULL,
	display_name TEXT    NOT NULL,
	folded       TEXT    NOT NULL, -- the display name as it is searched
	kind         TEXT    NOT NULL,
	role         TEXT    NOT NULL,
	created_at   INTEGER NOT NULL,
	status_text  TEXT    NOT NULL,
	banned       INTEGER NOT NULL,
	deleted      INTEGER NOT NULL,
	issuer       TEXT    NOT NULL,
	subject      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_username ON users (username);
CREATE UNIQUE INDEX users_foreign ON users (issuer, subject) WHERE issuer <> '';
CREATE INDEX users_folded ON users (folded);

-- Who speaks when Parley does something by itself.
INSERT INTO users (id, username, display_name, folded, kind, role, created_at, status_text, banned, deleted, issuer, subject)
VALUES (x'00000000000080008000000000000001', 'system', 'Parley', 'parley', 'bot', 'system', 0, '', 0, 0, '', '');

CREATE TABLE credentials (
	user_id BLOB PRIMARY KEY,
	scheme  TEXT NOT NULL,
	secret  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
	id         BLOB PRIMARY KEY,
	user_id    BLOB    NOT NULL,
	device     TEXT    NOT NULL,
	address    TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	last_used  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_user ON logins (user_id);

CREATE TABLE refresh_tokens (
	hash    BLOB PRIMARY KEY, -- SHA-256
	login   BLOB    NOT NULL,
	expires INTEGER NOT NULL,
	used    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_login ON refresh_tokens (login);

CREATE TABLE signing_keys (
	id         TEXT PRIMARY KEY,
	seed       BLOB    NOT NULL,
	created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE revocations (
	number     INTEGER PRIMARY KEY,
	user_id    BLOB    NOT NULL,
	login      BLOB    NOT NULL, -- zero: all that were made before
	not_before INTEGER NOT NULL,
	banned     INTEGER NOT NULL,
	at         INTEGER NOT NULL
) STRICT;

CREATE TABLE door_tokens (
	door    TEXT    NOT NULL,
	hash    BLOB    NOT NULL, -- SHA-256
	user_id BLOB    NOT NULL,
	expires INTEGER NOT NULL, -- 0: never
	PRIMARY KEY (door, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX door_tokens_user ON door_tokens (user_id);

CREATE TABLE jobs (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	command TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE readers (
	name TEXT    NOT NULL,
	part INTEGER NOT NULL,
	n    INTEGER NOT NULL,
	PRIMARY KEY (name, part)
) STRICT, WITHOUT ROWID;
