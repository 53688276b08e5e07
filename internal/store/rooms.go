package store

import (
	"context"
	"math"

	"github.com/parley-chat/parley/internal/chat"
)

// Rooms is the directory, and what is a member's own.
type Rooms struct{ s *Store }

// Rooms is the part of the store that role/rooms uses.
func (s *Store) Rooms() *Rooms { return &Rooms{s} }

const mineColumns = infoColumns + `, m.role, k.read, k.delivered, r.messages - coalesce(e.messages, 0),
	t.muted, t.favourite, coalesce(t.notify, '')`

// mineRoom is one room as the user $1 sees it, who may be no member.
const mineRoom = `SELECT ` + mineColumns + ` FROM rooms_now r
	LEFT JOIN members m ON m.room = r.id AND m.user_id = $1
	LEFT JOIN marks k ON k.room = r.id AND k.user_id = $1
	LEFT JOIN member_settings t ON t.room = r.id AND t.user_id = $1
	LEFT JOIN events e ON e.room = r.id AND e.seq = k.read
	WHERE r.id = $2`

func scanMine(r row) (m chat.Mine, err error) {
	err = r.scan(append(infoDest(&m.Info), &m.Role, &m.Read, &m.Delivered, &m.Unread, &m.Muted, &m.Favourite, &m.Notify)...)
	if m.Notify == "" {
		m.Notify = chat.NotifyAll
	}
	return m, err
}

// Mine pages through a user's rooms, the most recently active first. One in which
// something happens meanwhile may be missed by all pages: see [Rooms.MineByID].
func (r *Rooms) Mine(ctx context.Context, user chat.UserID, behind string, limit int) (mine []chat.Mine, next string, err error) {
	lastAt, lastRoom := int64(math.MaxInt64), chat.RoomID{}
	key, err := parseCursor(behind, 2)
	if err != nil {
		return nil, "", err
	}
	if key != nil {
		if lastAt, err = parseInt(key[0]); err != nil {
			return nil, "", err
		}
		if lastRoom, err = parseID(key[1]); err != nil {
			return nil, "", err
		}
	}
	err = r.s.db.read(ctx, func(q tx) error {
		var active []roomActive
		err := q.query(`SELECT m.room, l.at FROM members m
			JOIN events l ON l.room = m.room AND l.seq = (SELECT max(seq) FROM events WHERE room = m.room)
			WHERE m.user_id = $1 AND (l.at < $2 OR l.at = $2 AND m.room < $3) ORDER BY l.at DESC, m.room DESC LIMIT $4 + 0`,
			[]any{user, lastAt, lastRoom, limit + 1}, func(r row) error {
				var a roomActive
				err := r.scan(&a.id, &a.at)
				active = append(active, a)
				return err
			})
		if err != nil {
			return err
		}
		active, next = page(active, limit, func(a *roomActive) string { return cursor(cursorInt(a.at), cursorID(a.id)) })
		mine, err = describe(q, user, len(active), func(i int) chat.RoomID { return active[i].id })
		return err
	})
	return mine, next, err
}

// MineByID pages through a user's rooms in the order of their ids: the pages have
// every room that the user is in from the first to the last, whatever happens.
func (r *Rooms) MineByID(ctx context.Context, user chat.UserID, behind string, limit int) (mine []chat.Mine, next string, err error) {
	var last chat.RoomID
	key, err := parseCursor(behind, 1)
	if err == nil && key != nil {
		last, err = parseID(key[0])
	}
	if err != nil {
		return nil, "", err
	}
	err = r.s.db.read(ctx, func(q tx) error {
		var ids []chat.RoomID
		err := q.query(`SELECT room FROM members WHERE user_id = $1 AND room > $2 ORDER BY room LIMIT $3 + 0`, []any{user, last, limit + 1}, func(r row) error {
			var id chat.RoomID
			err := r.scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			return err
		}
		ids, next = page(ids, limit, func(id *chat.RoomID) string { return cursor(cursorID(*id)) })
		mine, err = describe(q, user, len(ids), func(i int) chat.RoomID { return ids[i] })
		return err
	})
	return mine, next, err
}

// describe shows n rooms as one of their members sees them.
func describe(q tx, user chat.UserID, n int, id func(i int) chat.RoomID) (mine []chat.Mine, err error) {
	err = q.queryEach(mineRoom, n,
		func(i int) []any { return []any{user, id(i)} },
		func(_ int, r row) error {
			m, err := scanMine(r)
			mine = append(mine, m)
			return err
		})
	if err != nil {
		return nil, err
	}
	return mine, complete(q, user, mine)
}

// roomActive is a room and when something happened in it last.
type roomActive struct {
	id chat.RoomID
	at int64
}

// One is a room as the user sees it. member says whether they are in it, found
// whether it exists; who may see it is for the caller to judge.
func (r *Rooms) One(ctx context.Context, user chat.UserID, room chat.RoomID) (m chat.Mine, member, found bool, err error) {
	err = r.s.db.read(ctx, func(q tx) error {
		var list []chat.Mine
		err := q.query(mineRoom, []any{user, room}, func(r row) error {
			m, err := scanMine(r)
			list = append(list, m)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		found, member = true, list[0].Role != ""
		if !member {
			m = chat.Mine{Info: list[0].Info, Notify: chat.NotifyAll}
			return nil
		}
		err = complete(q, user, list)
		m = list[0]
		return err
	})
	return m, member, found, err
}

// complete adds to a member's rooms what is counted or found in other tables.
func complete(q tx, user chat.UserID, mine []chat.Mine) error {
	var direct []*chat.Mine
	for i := range mine {
		if mine[i].Kind == chat.Direct {
			direct = append(direct, &mine[i])
		}
	}
	return q.together(
		question{`SELECT ` + eventColumns + ` FROM events e WHERE e.room = $1 AND e.seq = $2`, len(mine),
			func(i int) []any { return []any{mine[i].ID, mine[i].Head} },
			func(i int, r row) error {
				e, err := scanEvent(r)
				mine[i].Last = &e
				return err
			}},
		question{`SELECT count(DISTINCT seq) FROM mentions WHERE room = $1 AND user_id IN ($2, $3) AND seq > $4 AND by <> $2`, len(mine),
			func(i int) []any { return []any{mine[i].ID, user, everybody, mine[i].Read} },
			func(i int, r row) error { return r.scan(&mine[i].Mentions) }},
		question{`SELECT user_id FROM members WHERE room = $1 AND user_id <> $2`, len(direct),
			func(i int) []any { return []any{direct[i].ID, user} },
			func(i int, r row) error { return r.scan(&direct[i].Peer) }})
}

// Public pages through the channels that are not archived and of which the name
// or the handle begins with query, by name.
func (r *Rooms) Public(ctx context.Context, query, after string, limit int) ([]chat.Info, string, error) {
	return r.find(ctx, query, after, limit, `AND r.kind = 'channel' AND r.archived = 0`)
}

// All pages through every room, by name.
func (r *Rooms) All(ctx context.Context, query, after string, limit int) ([]chat.Info, string, error) {
	return r.find(ctx, query, after, limit, "")
}

func (r *Rooms) find(ctx context.Context, query, behind string, limit int, which string) (found []chat.Info, next string, err error) {
	key, err := parseCursor(behind, 2)
	if err != nil {
		return nil, "", err
	}
	lastName, lastRoom := "", chat.RoomID{}
	if key != nil {
		lastName = key[0]
		if lastRoom, err = parseID(key[1]); err != nil {
			return nil, "", err
		}
	}
	prefix := fold(query)
	err = r.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT `+infoColumns+` FROM rooms_now r WHERE (r.folded > $1 OR r.folded = $1 AND r.id > $2) `+which+`
			AND (r.folded >= $3 AND r.folded < $4 OR r.handle >= $3 AND r.handle < $4) ORDER BY r.folded, r.id LIMIT $5 + 0`,
			[]any{lastName, lastRoom, prefix, after(prefix), limit + 1}, func(r row) error {
				info, err := scanInfo(r)
				found = append(found, info)
				return err
			})
	})
	found, next = page(found, limit, func(i *chat.Info) string { return cursor(fold(i.Name), cursorID(i.ID)) })
	return found, next, err
}

// Members pages through a room's members by id: all of them or, when only is
// not empty, those of them who are members.
func (r *Rooms) Members(ctx context.Context, room chat.RoomID, only []chat.UserID, behind string, limit int) (members []chat.Member, next string, err error) {
	last, err := parseUserCursor(behind)
	if err != nil {
		return nil, "", err
	}
	each := func(r row) error {
		var m chat.Member
		err := r.scan(&m.User, &m.Role, &m.JoinedAt)
		members = append(members, m)
		return err
	}
	err = r.s.db.ask(ctx, func(q tx) error {
		if len(only) == 0 {
			return q.query(`SELECT user_id, role, joined_at FROM members WHERE room = $1 AND user_id > $2 ORDER BY user_id LIMIT $3 + 0`,
				[]any{room, last, limit + 1}, each)
		}
		asked := chat.SortIDs(only)
		return q.queryEach(`SELECT user_id, role, joined_at FROM members WHERE room = $1 AND user_id = $2 AND user_id > $3`, len(asked),
			func(i int) []any { return []any{room, asked[i], last} },
			func(_ int, r row) error { return each(r) })
	})
	members, next = page(members, limit, func(m *chat.Member) string { return cursor(cursorID(m.User)) })
	return members, next, err
}

// IsMember is the user's role in the room; the empty role is no member.
func (r *Rooms) IsMember(ctx context.Context, room chat.RoomID, user chat.UserID) (role chat.Role, err error) {
	err = r.s.db.ask(ctx, func(q tx) (err error) {
		_, err = one(q, `SELECT role FROM members WHERE room = $1 AND user_id = $2`, []any{room, user}, &role)
		return err
	})
	return role, err
}

// ReserveHandle keeps a handle for a room. One that another room has is a
// [chat.Conflict].
func (r *Rooms) ReserveHandle(ctx context.Context, handle string, room chat.RoomID) error {
	return r.s.db.write(ctx, ofOthers, func(q tx) error {
		if _, err := q.exec(`INSERT INTO handles (handle, room) VALUES ($1, $2) ON CONFLICT DO NOTHING`, handle, room); err != nil {
			return err
		}
		var holder chat.RoomID
		_, err := one(q, `SELECT room FROM handles WHERE handle = $1`, []any{handle}, &holder)
		if err == nil && holder != room {
			err = chat.Errorf(chat.Conflict, "the handle %s is taken", handle)
		}
		return err
	})
}

// ReleaseHandle gives up a handle that is reserved for a room which does not
// exist, or has another. A room that exists keeps its own.
func (r *Rooms) ReleaseHandle(ctx context.Context, handle string, room chat.RoomID) error {
	return r.s.db.write(ctx, ofOthers, func(q tx) error {
		_, err := q.exec(`DELETE FROM handles WHERE handle = $1 AND room = $2 AND NOT EXISTS (SELECT 1 FROM rooms WHERE id = $2 AND handle = $1)`, handle, room)
		return err
	})
}
