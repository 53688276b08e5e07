package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// SetAlias ties a door's foreign id to an id. A foreign id that already stands
// for another one is a [chat.Conflict].
func (a *Accounts) SetAlias(ctx context.Context, n chat.Named) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error {
		if err := insertAlias(q, n); err != nil {
			return err
		}
		var id chat.ID
		_, err := one(q, `SELECT id FROM aliases WHERE door = $1 AND kind = $2 AND foreign_id = $3`, []any{n.Door, n.Kind, n.Foreign}, &id)
		if err == nil && id != n.ID {
			err = chat.Errorf(chat.Conflict, "this %s stands for another one", n.Kind)
		}
		return err
	})
}

// insertAlias keeps the first: a foreign id that already stands for something
// goes on standing for it.
func insertAlias(q tx, a chat.Named) error {
	_, err := q.exec(`INSERT INTO aliases (door, kind, foreign_id, id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		a.Door, a.Kind, a.Foreign, a.ID)
	return err
}

// FindAlias finds aliases of a door and kind: the one with the foreign id or,
// when that is empty, those of the id.
func (a *Accounts) FindAlias(ctx context.Context, alias chat.Alias, id chat.ID) (found []chat.Named, err error) {
	where, key := `foreign_id = $3`, any(alias.Foreign)
	if alias.Foreign == "" {
		where, key = `id = $3`, id
	}
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT door, kind, foreign_id, id FROM aliases WHERE door = $1 AND kind = $2 AND `+where+` ORDER BY foreign_id`,
			[]any{alias.Door, alias.Kind, key}, func(r row) error {
				var n chat.Named
				err := r.scan(&n.Door, &n.Kind, &n.Foreign, &n.ID)
				found = append(found, n)
				return err
			})
	})
	return found, err
}

// SetToken keeps a door's token, in place of one with the same hash.
func (a *Accounts) SetToken(ctx context.Context, t chat.DoorToken) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error {
		_, err := q.exec(`INSERT INTO door_tokens (door, hash, user_id, expires) VALUES ($1, $2, $3, $4)
			ON CONFLICT (door, hash) DO UPDATE SET user_id = excluded.user_id, expires = excluded.expires`,
			t.Door, t.Hash, t.User, t.Expires)
		return err
	})
}

// FindToken finds a door's token that has not expired at now.
func (a *Accounts) FindToken(ctx context.Context, door string, hash [32]byte, now int64) (t chat.DoorToken, found bool, err error) {
	err = a.s.db.ask(ctx, func(q tx) (err error) {
		found, err = one(q, `SELECT door, hash, user_id, expires FROM door_tokens WHERE door = $1 AND hash = $2 AND (expires = 0 OR expires > $3)`,
			[]any{door, hash, now}, &t.Door, &t.Hash, &t.User, &t.Expires)
		return err
	})
	return t, found, err
}
