package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// Accounts keeps people, bots and how they prove it.
type Accounts struct{ s *Store }

// Accounts is the part of the store that role/accounts uses.
func (s *Store) Accounts() *Accounts { return &Accounts{s} }

// Create makes an account and stores the jobs that go with it, in one
// transaction, in which the use of an invite is counted. Who is not admitted is
// [chat.Forbidden]. A username that somebody has is a [chat.Conflict], a foreign
// subject that has an account too.
func (a *Accounts) Create(ctx context.Context, account chat.Account, jobs []chat.Command, admission chat.Admission) (chat.User, error) {
	u := account.User
	err := a.s.db.write(ctx, ofOthers, func(q tx) error {
		owns := false
		if admission.FirstOwns && account.Scheme != "" {
			first, err := q.exec(`INSERT INTO meta (key, value) VALUES ('first_owner', $1) ON CONFLICT DO NOTHING`, u.ID.String())
			if err != nil {
				return err
			}
			if owns = first > 0; owns {
				u.Role = chat.OrgOwner
			}
		}
		joins, err := admit(q, u.ID, owns, &admission)
		if err != nil {
			return err
		}
		_, err = q.exec(`INSERT INTO users (id, username, display_name, folded, kind, role, created_at, status_text, banned, deleted, issuer, subject)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			u.ID, u.Username, u.DisplayName, fold(u.DisplayName), u.Kind, u.Role, u.CreatedAt, u.StatusText, u.Banned, u.Deleted,
			account.Issuer, account.Subject)
		if err != nil {
			return err
		}
		if account.Scheme != "" {
			if err := setSecret(q, u.ID, account.Scheme, account.Secret); err != nil {
				return err
			}
		}
		return insertJobs(q, slices.Concat(jobs, joins))
	})
	switch columns := violated(err); {
	case strings.Contains(columns, "users.username"):
		return u, chat.Errorf(chat.Conflict, "the username %s is taken", u.Username)
	case columns != "":
		return u, chat.Errorf(chat.Conflict, "this account exists")
	}
	return u, err
}

// Foreign finds the account of a foreign token's subject.
func (a *Accounts) Foreign(ctx context.Context, issuer, subject string) (chat.Account, bool, error) {
	return a.account(ctx, `u.issuer = $1 AND u.subject = $2 AND u.issuer <> ''`, issuer, subject)
}

// Account finds an account by id.
func (a *Accounts) Account(ctx context.Context, id chat.UserID) (chat.Account, bool, error) {
	return a.account(ctx, `u.id = $1`, id)
}

// AccountNamed finds an account by its folded username.
func (a *Accounts) AccountNamed(ctx context.Context, name string) (chat.Account, bool, error) {
	return a.account(ctx, `u.username = $1`, name)
}

func (a *Accounts) account(ctx context.Context, where string, args ...any) (account chat.Account, found bool, err error) {
	err = a.s.db.ask(ctx, func(q tx) (err error) {
		found, err = one(q, `SELECT `+userColumns+`, u.issuer, u.subject, c.scheme, c.secret FROM users u
			LEFT JOIN credentials c ON c.user_id = u.id WHERE `+where, args,
			append(userDest(&account.User), &account.Issuer, &account.Subject, &account.Scheme, &account.Secret)...)
		return err
	})
	return account, found, err
}

// Users finds users by id, also those that are banned or gone; unknown ones are
// left out.
func (a *Accounts) Users(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
	return users(ctx, a.s, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, len(ids), func(i int) []any { return []any{ids[i]} })
}

// UsersNamed finds users by folded username; unknown ones are left out.
func (a *Accounts) UsersNamed(ctx context.Context, names []string) ([]chat.User, error) {
	return users(ctx, a.s, `SELECT `+userColumns+` FROM users u WHERE u.username = $1`, len(names), func(i int) []any { return []any{names[i]} })
}

func users(ctx context.Context, s *Store, sql string, n int, args func(i int) []any) (found []chat.User, err error) {
	err = s.db.ask(ctx, func(q tx) error {
		return q.queryEach(sql, n, args, func(_ int, r row) error {
			u, err := scanUser(r)
			found = append(found, u)
			return err
		})
	})
	return found, err
}

// Find pages through the directory by username: accounts that are not gone and
// of which the username or the display name begins with query, in either case.
func (a *Accounts) Find(ctx context.Context, query, after string, limit int) ([]chat.User, string, error) {
	return findUsers(ctx, a.s, query, after, limit, `AND u.deleted = 0`)
}

func findUsers(ctx context.Context, s *Store, query, behind string, limit int, which string) (found []chat.User, next string, err error) {
	key, err := parseCursor(behind, 1)
	if err != nil {
		return nil, "", err
	}
	last := ""
	if key != nil {
		last = key[0]
	}
	prefix := fold(query)
	err = s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT `+userColumns+` FROM users u WHERE u.username > $1 AND u.role <> 'system' `+which+`
			AND (u.username >= $2 AND u.username < $3 OR u.folded >= $2 AND u.folded < $3) ORDER BY u.username LIMIT $4 + 0`,
			[]any{last, prefix, after(prefix), limit + 1}, func(r row) error {
				u, err := scanUser(r)
				found = append(found, u)
				return err
			})
	})
	found, next = page(found, limit, func(u *chat.User) string { return cursor(u.Username) })
	return found, next, err
}

// SetSecret changes how a user's password is checked and revokes all their sessions
// except one, in one transaction; the zero ID keeps none. proved is the secret that
// was checked before, empty: none was. It is a [chat.Conflict] when another has
// been set since.
func (a *Accounts) SetSecret(ctx context.Context, id chat.UserID, proved, scheme, secret string, keep chat.ID, at int64) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error {
		if err := holdSecret(q, id, proved); err != nil {
			return err
		}
		if err := setSecret(q, id, scheme, secret); err != nil {
			return err
		}
		return endLoginsBut(q, id, keep, at)
	})
}

// holdSecret keeps others from changing the secret that was proved, if one was,
// until the transaction ends.
func holdSecret(q tx, id chat.UserID, proved string) error {
	if proved == "" {
		return nil
	}
	still, err := q.exec(`UPDATE credentials SET secret = secret WHERE user_id = $1 AND secret = $2`, id, proved)
	if err == nil && still == 0 {
		err = chat.Errorf(chat.Conflict, "the password was changed meanwhile: sign in again")
	}
	return err
}

// Rehash keeps another hash of the same password, unless the secret is not the old
// one any more.
func (a *Accounts) Rehash(ctx context.Context, id chat.UserID, old, scheme, secret string) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error {
		_, err := q.exec(`UPDATE credentials SET scheme = $1, secret = $2 WHERE user_id = $3 AND secret = $4`, scheme, secret, id, old)
		return err
	})
}

func setSecret(q tx, id chat.UserID, scheme, secret string) error {
	_, err := q.exec(`INSERT INTO credentials (user_id, scheme, secret) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET scheme = excluded.scheme, secret = excluded.secret`, id, scheme, secret)
	return err
}

// SetProfile changes what is not nil, and returns the user as it is then.
func (a *Accounts) SetProfile(ctx context.Context, id chat.UserID, displayName, statusText *string) (u chat.User, err error) {
	err = a.s.db.write(ctx, ofOthers, func(q tx) error {
		if displayName != nil {
			_, err := q.exec(`UPDATE users SET display_name = $1, folded = $2 WHERE id = $3 AND deleted = 0`, *displayName, fold(*displayName), id)
			if err != nil {
				return err
			}
		}
		if statusText != nil {
			if _, err := q.exec(`UPDATE users SET status_text = $1 WHERE id = $2 AND deleted = 0`, *statusText, id); err != nil {
				return err
			}
		}
		u, err = userByID(q, id)
		return err
	})
	return u, err
}

func userByID(q tx, id chat.UserID) (u chat.User, err error) {
	found, err := one(q, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, []any{id}, userDest(&u)...)
	if err == nil && !found {
		err = chat.Errorf(chat.NotFound, "there is no such user")
	}
	return u, err
}

// Close ends an account for ever, in one transaction: everything that proves who
// they are goes, the name becomes a tombstone, every session is revoked, jobs that
// bring them into rooms are forgotten, and a job for each of their rooms removes
// them there. Closing twice changes nothing. What was on its way into a log may
// make them a member yet: see [Accounts.Sweep].
func (a *Accounts) Close(ctx context.Context, id chat.UserID, tombstone string, at int64) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error {
		name, err := deletedName(q, id)
		if err != nil {
			return err
		}
		changed, err := q.exec(`UPDATE users SET username = $1, display_name = $2, folded = $3, status_text = '', issuer = '', subject = '', deleted = 1
			WHERE id = $4 AND deleted = 0`, name, tombstone, fold(tombstone), id)
		if err != nil || changed == 0 {
			return err
		}
		for _, sql := range [...]string{
			`DELETE FROM credentials WHERE user_id = $1`,
			`DELETE FROM door_tokens WHERE user_id = $1`,
			`DELETE FROM invites WHERE created_by = $1`,
		} {
			if _, err := q.exec(sql, id); err != nil {
				return err
			}
		}
		if err := forgetLogins(q, id); err != nil {
			return err
		}
		if err := forgetEntries(q, id); err != nil {
			return err
		}
		jobs, err := removals(q, id, at)
		if err != nil {
			return err
		}
		if err := insertJobs(q, jobs); err != nil {
			return err
		}
		return revoke(q, chat.Revocation{User: id, NotBefore: at + 1, Banned: true, At: at})
	})
}

// deletedName frees the username. Ids are made in order of time, so their last
// bytes tell them apart: four of them, unless somebody has that name already.
func deletedName(q tx, id chat.UserID) (name string, err error) {
	for from := len(id) - 4; from >= 0; from -= 4 {
		name = "deleted-" + hex.EncodeToString(id[from:])
		var taken int
		if _, err = one(q, `SELECT count(*) FROM users WHERE username = $1`, []any{name}, &taken); err != nil || taken == 0 {
			break
		}
	}
	return name, err
}

// Sweep makes jobs that take somebody who has closed their account out of rooms
// that they were brought into meanwhile, and says how many. While there are jobs
// about them it makes none.
func (a *Accounts) Sweep(ctx context.Context, id chat.UserID, at int64) (jobs int, err error) {
	in := 0
	err = a.s.db.ask(ctx, func(q tx) error {
		_, err := one(q, `SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id WHERE m.user_id = $1 AND u.deleted = 1`, []any{id}, &in)
		return err
	})
	if err != nil || in == 0 {
		return 0, err
	}
	err = a.s.db.write(ctx, ofOthers, func(q tx) error {
		waiting, err := jobsAbout(q, id)
		if err != nil || len(waiting) > 0 {
			return err
		}
		list, err := removals(q, id, at)
		jobs = len(list)
		if err != nil {
			return err
		}
		return insertJobs(q, list)
	})
	return jobs, err
}

// removals are the commands that take a user out of all their rooms.
func removals(q tx, id chat.UserID, at int64) (jobs []chat.Command, err error) {
	err = q.query(`SELECT room FROM members WHERE user_id = $1 ORDER BY room`, []any{id}, func(r row) error {
		c := chat.Command{
			ID: chat.NewID(), By: chat.System, As: chat.OrgSystem, Kind: chat.KindMember, Asked: at,
			Body: chat.Body{Op: chat.OpRemove, User: id},
		}
		err := r.scan(&c.Room)
		c.Nonce = fmt.Sprintf("close:%s:%d", id, at)
		jobs = append(jobs, c)
		return err
	})
	return jobs, err
}
