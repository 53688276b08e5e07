package store

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// Marks moves read and delivered marks forward, never back and never beyond the
// room's head, and returns those that moved, as they are then. Marks of people who
// are not members are ignored.
func (r *Rooms) Marks(ctx context.Context, marks []chat.Mark) (moved []chat.Mark, err error) {
	// In one order, so that two who write the same marks at once do not wait for
	// each other for ever.
	marks = slices.SortedFunc(slices.Values(marks), func(a, b chat.Mark) int {
		return cmp.Or(bytes.Compare(a.Room[:], b.Room[:]), bytes.Compare(a.User[:], b.User[:]))
	})
	for part := range slices.Chunk(marks, rowsAtOnce) {
		before := len(moved)
		err := r.s.db.write(ctx, ofOthers, func(q tx) error {
			return q.queryEach(moveMark, len(part), func(i int) []any {
				m := &part[i]
				return []any{m.Room, m.User, min(m.Read, math.MaxInt64), min(m.Delivered, math.MaxInt64)}
			}, func(i int, row row) error {
				m := chat.Mark{Room: part[i].Room, User: part[i].User}
				err := row.scan(&m.Read, &m.Delivered)
				moved = append(moved, m)
				return err
			})
		})
		if err != nil {
			return moved[:before], err
		}
	}
	return moved, nil
}

const moveMark = `INSERT INTO marks (room, user_id, read, delivered)
	SELECT m.room, m.user_id, CASE WHEN $3 < r.head THEN $3 ELSE r.head END, CASE WHEN $4 < r.head THEN $4 ELSE r.head END
	FROM members m JOIN rooms_now r ON r.id = m.room WHERE m.room = $1 AND m.user_id = $2
	ON CONFLICT (room, user_id) DO UPDATE SET
	read = CASE WHEN excluded.read > marks.read THEN excluded.read ELSE marks.read END,
	delivered = CASE WHEN excluded.delivered > marks.delivered THEN excluded.delivered ELSE marks.delivered END
	WHERE excluded.read > marks.read OR excluded.delivered > marks.delivered
	RETURNING read, delivered`

// Receipts is a page of the marks of a room's members, of those who have any.
func (r *Rooms) Receipts(ctx context.Context, room chat.RoomID, behind string, limit int) (marks []chat.Mark, next string, err error) {
	last, err := parseUserCursor(behind)
	if err != nil {
		return nil, "", err
	}
	err = r.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT k.user_id, k.read, k.delivered FROM marks k
			JOIN members m ON m.room = k.room AND m.user_id = k.user_id
			WHERE k.room = $1 AND k.user_id > $2 ORDER BY k.user_id LIMIT $3 + 0`, []any{room, last, limit + 1}, func(r row) error {
			m := chat.Mark{Room: room}
			err := r.scan(&m.User, &m.Read, &m.Delivered)
			marks = append(marks, m)
			return err
		})
	})
	marks, next = page(marks, limit, func(m *chat.Mark) string { return cursor(cursorID(m.User)) })
	return marks, next, err
}

// SetMine changes a member's own settings of a room.
func (r *Rooms) SetMine(ctx context.Context, user chat.UserID, room chat.RoomID, set chat.Settings) error {
	var muted, favourite, notify any // NULL: as it is
	if set.Muted != nil {
		muted = *set.Muted
	}
	if set.Favourite != nil {
		favourite = *set.Favourite
	}
	if set.Notify != nil {
		notify = *set.Notify
	}
	return r.s.db.write(ctx, ofOthers, func(q tx) error {
		_, err := q.exec(`INSERT INTO member_settings (room, user_id, muted, favourite, notify)
			VALUES ($1, $2, coalesce($3, 0), coalesce($4, 0), coalesce($5, 'all'))
			ON CONFLICT (room, user_id) DO UPDATE SET muted = coalesce($3, member_settings.muted),
			favourite = coalesce($4, member_settings.favourite), notify = coalesce($5, member_settings.notify)`,
			room, user, muted, favourite, notify)
		return err
	})
}
