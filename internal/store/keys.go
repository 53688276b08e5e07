package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// SigningKeys are the keys that sign access tokens, the newest first.
func (a *Accounts) SigningKeys(ctx context.Context) (keys []chat.SigningKey, err error) {
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT id, seed, created_at FROM signing_keys ORDER BY created_at DESC, id`, nil, func(r row) error {
			var k chat.SigningKey
			err := r.scan(&k.ID, &k.Seed, &k.CreatedAt)
			keys = append(keys, k)
			return err
		})
	})
	return keys, err
}

// AddSigningKey keeps the key if there is none yet: of two that start at once the
// first wins, and both read [Accounts.SigningKeys] afterwards.
func (a *Accounts) AddSigningKey(ctx context.Context, k chat.SigningKey) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error {
		first, err := q.exec(`INSERT INTO meta (key, value) VALUES ('signing_key', $1) ON CONFLICT DO NOTHING`, k.ID)
		if err != nil || first == 0 {
			return err
		}
		_, err = q.exec(`INSERT INTO signing_keys (id, seed, created_at) VALUES ($1, $2, $3)`, k.ID, k.Seed, k.CreatedAt)
		return err
	})
}
