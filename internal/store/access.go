package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// Access keeps who may do what outside a room's own state.
type Access struct{ s *Store }

// Access is the part of the store that role/access uses.
func (s *Store) Access() *Access { return &Access{s} }

// SetRole gives a user an org role, and returns them as they are then. A change
// writes a revocation that covers no session: by its number everybody learns that
// what they know of the user is old.
func (a *Access) SetRole(ctx context.Context, user chat.UserID, role chat.OrgRole, at int64) (u chat.User, err error) {
	err = a.s.db.write(ctx, ofOthers, func(q tx) error {
		changed, err := q.exec(`UPDATE users SET role = $1 WHERE id = $2 AND role <> $1 AND role <> 'system'`, role, user)
		if err == nil && changed > 0 {
			err = revoke(q, chat.Revocation{User: user, At: at})
		}
		if err != nil {
			return err
		}
		u, err = userByID(q, user)
		return err
	})
	return u, err
}

// SetBanned bans a user or lifts the ban, and returns them as they are then. A
// change writes a revocation. A ban ends every session, with its refresh token,
// and while it lasts nothing new begins. Rooms keep the member.
func (a *Access) SetBanned(ctx context.Context, user chat.UserID, banned bool, at int64) (u chat.User, err error) {
	err = a.s.db.write(ctx, ofOthers, func(q tx) error {
		changed, err := q.exec(`UPDATE users SET banned = $1 WHERE id = $2 AND banned <> $1 AND role <> 'system'`, banned, user)
		if err != nil {
			return err
		}
		if changed > 0 {
			if banned {
				if err := forgetLogins(q, user); err != nil {
					return err
				}
			}
			if err := revoke(q, chat.Revocation{User: user, NotBefore: at, Banned: banned, At: at}); err != nil {
				return err
			}
		}
		u, err = userByID(q, user)
		return err
	})
	return u, err
}

// Role is a user's org role; banned and deleted users have none.
func (a *Access) Role(ctx context.Context, user chat.UserID) (role chat.OrgRole, found bool, err error) {
	err = a.s.db.ask(ctx, func(q tx) (err error) {
		found, err = one(q, `SELECT role FROM users WHERE id = $1 AND banned = 0 AND deleted = 0`, []any{user}, &role)
		return err
	})
	return role, found, err
}

// User finds anybody, also the banned and the gone.
func (a *Access) User(ctx context.Context, user chat.UserID) (u chat.User, err error) {
	err = a.s.db.ask(ctx, func(q tx) (err error) {
		u, err = userByID(q, user)
		return err
	})
	return u, err
}

// Users pages through everybody, also the banned and the gone, by username.
func (a *Access) Users(ctx context.Context, query, after string, limit int) ([]chat.User, string, error) {
	return findUsers(ctx, a.s, query, after, limit, "")
}

// Owners is how many users own the installation and can sign in.
func (a *Access) Owners(ctx context.Context) (n int, err error) {
	err = a.s.db.ask(ctx, func(q tx) (err error) {
		_, err = one(q, `SELECT count(*) FROM users WHERE role = 'owner' AND banned = 0 AND deleted = 0`, nil, &n)
		return err
	})
	return n, err
}

// Stats counts.
func (a *Access) Stats(ctx context.Context) (s chat.Stats, err error) {
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.together(
			onceInto(`SELECT count(*) FROM users WHERE deleted = 0 AND role <> 'system'`, nil, &s.Users),
			onceInto(`SELECT count(*) FROM rooms`, nil, &s.Rooms),
			onceInto(`SELECT CAST(sum(messages) AS bigint) FROM rooms_now`, nil, &s.Messages),
			onceInto(`SELECT CAST(sum(n) AS bigint) FROM partitions`, nil, &s.Events),
			onceInto(`SELECT count(*) FROM dead_commands`, nil, &s.Dead))
	})
	return s, err
}
