package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// Explain finds an event with where it came from, for the operator: it asks
// nobody whether they may see the room.
func (s *Store) Explain(ctx context.Context, room chat.RoomID, seq uint64) (e chat.Event, found bool, err error) {
	err = s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT `+eventColumns+` FROM events e WHERE e.room = $1 AND e.seq = $2`, []any{room, seq}, func(r row) (err error) {
			found = true
			e, err = scanEvent(r)
			return err
		})
	})
	return e, found, err
}
