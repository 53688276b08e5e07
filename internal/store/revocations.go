package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// revoke writes the next revocation. Its number comes from a row that stays
// locked until the end, so that numbers are dense and in order of commit: who
// has seen n has seen all before n.
func revoke(q tx, r chat.Revocation) error {
	if _, err := one(q, `UPDATE counters SET n = n + 1 WHERE name = 'revocations' RETURNING n`, nil, &r.Number); err != nil {
		return err
	}
	_, err := q.exec(`INSERT INTO revocations (number, user_id, login, not_before, banned, at) VALUES ($1, $2, $3, $4, $5, $6)`,
		r.Number, r.User, r.Login, r.NotBefore, r.Banned, r.At)
	return err
}

// Revocations reads what was revoked after a number, in order, at most limit.
// last is the newest there is.
func (a *Accounts) Revocations(ctx context.Context, since uint64, limit int) (list []chat.Revocation, last uint64, err error) {
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.together(
			onceInto(`SELECT n FROM counters WHERE name = 'revocations'`, nil, &last),
			once(`SELECT number, user_id, login, not_before, banned, at FROM revocations WHERE number > $1 ORDER BY number LIMIT $2 + 0`,
				[]any{since, limit}, func(r row) error {
					var v chat.Revocation
					err := r.scan(&v.Number, &v.User, &v.Login, &v.NotBefore, &v.Banned, &v.At)
					list = append(list, v)
					return err
				}))
	})
	return list, last, err
}
