package store

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// Marks moves read and delivered marks forward, never back and never beyond the
// room's head. Marks of people who are not members are ignored.
func (r *Rooms) Marks(ctx context.Context, marks []chat.Mark) error {
	for part := range slices.Chunk(marks, rowsAtOnce) {
		err := r.s.db.write(ctx, ofOthers, func(q tx) error {
			for _, m := range part {
				if err := mark(q, m); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func mark(q tx, m chat.Mark) error {
	var head uint64
	member, err := one(q, `SELECT r.head FROM members m JOIN rooms_now r ON r.id = m.room WHERE m.room = $1 AND m.user_id = $2`,
		[]any{m.Room, m.User}, &head)
	if err != nil || !member {
		return err
	}
	_, err = q.exec(`INSERT INTO marks (room, user_id, read, delivered) VALUES ($1, $2, $3, $4)
		ON CONFLICT (room, user_id) DO UPDATE SET
		read = CASE WHEN excluded.read > marks.read THEN excluded.read ELSE marks.read END,
		delivered = CASE WHEN excluded.delivered > marks.delivered THEN excluded.delivered ELSE marks.delivered END`,
		m.Room, m.User, min(m.Read, head), min(m.Delivered, head))
	return err
}

// Receipts are the marks of a room's members, of those who have any.
func (r *Rooms) Receipts(ctx context.Context, room chat.RoomID) (marks []chat.Mark, err error) {
	err = r.s.db.read(ctx, func(q tx) error {
		return q.query(`SELECT k.user_id, k.read, k.delivered FROM marks k
			JOIN members m ON m.room = k.room AND m.user_id = k.user_id WHERE k.room = $1 ORDER BY k.user_id`, []any{room}, func(r row) error {
			m := chat.Mark{Room: room}
			err := r.scan(&m.User, &m.Read, &m.Delivered)
			marks = append(marks, m)
			return err
		})
	})
	return marks, err
}

// SetMine changes a member's own settings of a room.
func (r *Rooms) SetMine(ctx context.Context, user chat.UserID, room chat.RoomID, set chat.Settings) error {
	return r.s.db.write(ctx, ofOthers, func(q tx) error {
		muted, favourite, notify := false, false, chat.NotifyAll
		_, err := one(q, `SELECT muted, favourite, notify FROM member_settings WHERE room = $1 AND user_id = $2`, []any{room, user},
			&muted, &favourite, &notify)
		if err != nil {
			return err
		}
		if set.Muted != nil {
			muted = *set.Muted
		}
		if set.Favourite != nil {
			favourite = *set.Favourite
		}
		if set.Notify != nil {
			notify = *set.Notify
		}
		_, err = q.exec(`INSERT INTO member_settings (room, user_id, muted, favourite, notify) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (room, user_id) DO UPDATE SET muted = excluded.muted, favourite = excluded.favourite, notify = excluded.notify`,
			room, user, muted, favourite, notify)
		return err
	})
}
