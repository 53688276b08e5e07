package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

const loginColumns = `l.id, l.user_id, l.device, l.address, l.created_at, l.last_used`

func loginDest(l *chat.Login) []any {
	return []any{&l.ID, &l.User, &l.Device, &l.Address, &l.CreatedAt, &l.LastUsed}
}

const insertRefresh = `INSERT INTO refresh_tokens (hash, login, expires, used) VALUES ($1, $2, $3, 0)`

// CreateLogin keeps a new session and its first refresh token. Where that token is
// kept already and is unused, the answer of then was lost: have is the session of
// then. One that has been used or has expired begins no session, and ok is false.
// proved is the user's secret that was checked before, empty: none was. It is a
// [chat.Conflict] when another has been set since.
func (a *Accounts) CreateLogin(ctx context.Context, l chat.Login, first chat.Refresh, proved string) (have chat.Login, ok bool, err error) {
	err = a.s.db.write(ctx, ofOthers, func(q tx) error {
		if err := holdSecret(q, l.User, proved); err != nil {
			return err
		}
		made, err := q.exec(insertRefresh+` ON CONFLICT (hash) DO NOTHING`, first.Hash, l.ID, first.Expires)
		if err != nil {
			return err
		}
		if made == 0 {
			ok, err = one(q, `SELECT `+loginColumns+` FROM refresh_tokens t JOIN logins l ON l.id = t.login
				WHERE t.hash = $1 AND t.used = 0 AND t.expires > $2 AND l.user_id = $3`, []any{first.Hash, l.CreatedAt, l.User}, loginDest(&have)...)
			return err
		}
		have, ok = l, true
		_, err = q.exec(`INSERT INTO logins (id, user_id, device, address, created_at, last_used) VALUES ($1, $2, $3, $4, $5, $6)`,
			l.ID, l.User, l.Device, l.Address, l.CreatedAt, l.LastUsed)
		return err
	})
	return have, ok, err
}

// Logins are a user's sessions, the last used first.
func (a *Accounts) Logins(ctx context.Context, user chat.UserID) (logins []chat.Login, err error) {
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT `+loginColumns+` FROM logins l WHERE l.user_id = $1 ORDER BY l.last_used DESC, l.id DESC`, []any{user}, func(r row) error {
			var l chat.Login
			err := r.scan(loginDest(&l)...)
			logins = append(logins, l)
			return err
		})
	})
	return logins, err
}

// Login finds a session.
func (a *Accounts) Login(ctx context.Context, id chat.ID) (l chat.Login, found bool, err error) {
	err = a.s.db.ask(ctx, func(q tx) (err error) {
		found, err = one(q, `SELECT `+loginColumns+` FROM logins l WHERE l.id = $1`, []any{id}, loginDest(&l)...)
		return err
	})
	return l, found, err
}

// Rotate exchanges a refresh token for the next, and notes when and from where the
// session was used; an empty address or device leaves the old one. A token that
// was exchanged before revokes the session and everything made for it: reused says
// so, and the login is the one that was. It does not when it was exchanged for
// this very next one and that is unused: then the answer was lost, and is given
// again. An unknown or expired token is [chat.Unauthenticated].
func (a *Accounts) Rotate(ctx context.Context, old [32]byte, next chat.Refresh, now int64, address, device string) (l chat.Login, reused bool, err error) {
	err = a.s.db.write(ctx, ofOthers, func(q tx) error {
		// The session's row first, so that of two who come with its tokens at
		// once, or end it, the second sees what the first did.
		changed, err := q.exec(`UPDATE logins SET last_used = $1 WHERE id = (SELECT login FROM refresh_tokens WHERE hash = $2)`, now, old)
		if err == nil && changed == 0 {
			err = badRefresh()
		}
		if err != nil {
			return err
		}
		var expires int64
		found, err := one(q, `SELECT `+loginColumns+`, t.expires, t.used FROM refresh_tokens t JOIN logins l ON l.id = t.login WHERE t.hash = $1`,
			[]any{old}, append(loginDest(&l), &expires, &reused)...)
		if err != nil {
			return err
		}
		if !found || !reused && expires <= now {
			return badRefresh()
		}
		if reused {
			var used bool
			found, err := one(q, `SELECT used FROM refresh_tokens WHERE hash = $1 AND login = $2 AND expires > $3`, []any{next.Hash, l.ID, now}, &used)
			if reused = err == nil && (!found || used); !reused {
				return err
			}
			return endLogin(q, l.User, l.ID, now)
		}
		if _, err := q.exec(`UPDATE refresh_tokens SET used = 1 WHERE hash = $1`, old); err != nil {
			return err
		}
		if address != "" {
			l.Address = address
		}
		if device != "" {
			l.Device = device
		}
		if _, err := q.exec(`UPDATE logins SET device = $1, address = $2 WHERE id = $3`, l.Device, l.Address, l.ID); err != nil {
			return err
		}
		_, err = q.exec(insertRefresh, next.Hash, l.ID, next.Expires)
		return err
	})
	return l, reused, err
}

func badRefresh() error {
	return chat.Errorf(chat.Unauthenticated, "this refresh token is not valid")
}

// EndLogin revokes one session of the user. A session that is not theirs, or
// not there, is [chat.NotFound].
func (a *Accounts) EndLogin(ctx context.Context, user chat.UserID, login chat.ID, at int64) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error { return endLogin(q, user, login, at) })
}

func endLogin(q tx, user chat.UserID, login chat.ID, at int64) error {
	ended, err := q.exec(`DELETE FROM logins WHERE id = $1 AND user_id = $2`, login, user)
	if err != nil {
		return err
	}
	if ended == 0 {
		return chat.Errorf(chat.NotFound, "there is no such session")
	}
	if _, err := q.exec(`DELETE FROM refresh_tokens WHERE login = $1`, login); err != nil {
		return err
	}
	return revoke(q, chat.Revocation{User: user, Login: login, At: at})
}

// forgetLogins takes all sessions of a user away, whom a revocation of everything
// tells of.
func forgetLogins(q tx, user chat.UserID) error {
	if _, err := q.exec(`DELETE FROM refresh_tokens WHERE login IN (SELECT id FROM logins WHERE user_id = $1)`, user); err != nil {
		return err
	}
	_, err := q.exec(`DELETE FROM logins WHERE user_id = $1`, user)
	return err
}

// endLoginsBut revokes all sessions of the user except one. It takes them in one
// statement before the numbers: who ends one of them meanwhile is waited for, or
// waits, and none is counted twice.
func endLoginsBut(q tx, user chat.UserID, keep chat.ID, at int64) error {
	var ended []chat.ID
	err := q.query(`DELETE FROM logins WHERE user_id = $1 AND id <> $2 RETURNING id`, []any{user, keep}, func(r row) error {
		var id chat.ID
		err := r.scan(&id)
		ended = append(ended, id)
		return err
	})
	if err != nil {
		return err
	}
	err = q.execEach(`DELETE FROM refresh_tokens WHERE login = $1`, len(ended), func(i int) []any { return []any{ended[i]} })
	if err != nil {
		return err
	}
	for _, id := range ended {
		if err := revoke(q, chat.Revocation{User: user, Login: id, At: at}); err != nil {
			return err
		}
	}
	return nil
}

// PruneExpired forgets refresh tokens and door tokens that have expired, sessions
// without any token left, and invites that expired a month ago.
func (a *Accounts) PruneExpired(ctx context.Context, now int64) error {
	for _, sql := range [...]string{
		`DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires <= $1 LIMIT $2 + 0)`,
		`DELETE FROM door_tokens WHERE (door, hash) IN (SELECT door, hash FROM door_tokens WHERE expires <> 0 AND expires <= $1 LIMIT $2 + 0)`,
		`DELETE FROM logins WHERE id IN (SELECT l.id FROM logins l WHERE l.last_used <= $1
			AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.login = l.id) LIMIT $2 + 0)`,
		`DELETE FROM invites WHERE id IN (SELECT id FROM invites WHERE expires_at <= $1 - 2678400000 LIMIT $2 + 0)`,
	} {
		for more := true; more; {
			err := a.s.db.write(ctx, ofOthers, func(q tx) error {
				gone, err := q.exec(sql, now, rowsAtOnce)
				more = gone == rowsAtOnce
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsAtOnce is how many rows anybody but the sequencer writes in one
// transaction where it can be several.
const rowsAtOnce = 200
