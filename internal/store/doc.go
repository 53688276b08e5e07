// Package store is the record: what was committed here happened. It is the only
// home of SQL, and it decides nothing; rules live in package chat, and a store
// maps events onto rows mechanically.
//
// The statements are the same text for every database. What differs is the
// schema (migrations/) and how a database is reached (sqlite*.go, postgres*.go),
// behind the small interface of database.go.
//
// An SQLite folder belongs to one process. A PostgreSQL database is shared by any
// number of them; what only one of them may do stands on advisory locks:
//
//	a partition     the session that commits to it: postgres_hold.go
//	a named job     Exclusive
//	the schema      while it is brought up to date: postgres_migrate.go
//	the index       for the length of a batch: postgres_search.go
//
// Who writes what:
//
//	Shard      events, rooms, members, edits, reactions, threads, mentions, aliases
//	Accounts   users, credentials, logins, keys, revocations, jobs, door tokens, aliases
//	Access     roles and bans of users
//	Rooms      marks, members' own settings, reserved handles
//	Readers    how far each background reader has come
//	Search     its own file or table, which can be built again from the events
package store
