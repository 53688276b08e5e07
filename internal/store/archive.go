package store

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/internal/chat"
)

// Archive reads what happened. Every read of a room checks, on the same
// snapshot, that the asker may see it: its members may, for a channel everybody,
// and whoever runs the installation.
type Archive struct{ s *Store }

// Archive is the part of the store that role/archive uses.
func (s *Store) Archive() *Archive { return &Archive{s} }

// seen is a room that the asker may see.
type seen struct {
	head, messages uint64
}

// errEnough ends a query early.
var errEnough = errors.New("enough was read")

func see(q tx, user chat.UserID, runs bool, room chat.RoomID) (r seen, may bool, err error) {
	var kind chat.RoomKind
	var role chat.Role
	found, err := one(q, `SELECT r.kind, r.head, r.messages, m.role FROM rooms_now r
		LEFT JOIN members m ON m.room = r.id AND m.user_id = $1 WHERE r.id = $2`, []any{user, room},
		&kind, &r.head, &r.messages, &role)
	return r, found && (runs || role != "" || kind == chat.Channel), err
}

// Events tells, for each of rooms in order, what happened after the number of
// the same index in after: at most limit events per room. It stops after the
// room that brings the whole to about bytes bytes, so each is called for a
// beginning of the rooms, at least for the first. gone: the asker may not see
// the room. n is the partition's newest feed number: head counts everything of
// the room up to n. more: there are events after the last of events. All is read
// on one snapshot.
func (a *Archive) Events(ctx context.Context, user chat.UserID, runs bool, rooms []chat.RoomID, after []uint64, limit, bytes int,
	each func(room chat.RoomID, gone bool, head, n uint64, more bool, events []chat.Event)) error {
	return a.s.db.read(ctx, func(q tx) error {
		newest := map[int]uint64{}
		size := 0
		for i, room := range rooms {
			part := chat.PartitionOf(room, a.s.partitions)
			if _, known := newest[part]; !known {
				p, err := readPosition(q, part)
				if err != nil {
					return err
				}
				newest[part] = p.N
			}
			r, may, err := see(q, user, runs, room)
			if err != nil {
				return err
			}
			if !may {
				each(room, true, 0, newest[part], false, nil)
				continue
			}
			events, more, err := eventsAfter(q, room, after[i], r.head, limit, bytes-size)
			if err != nil {
				return err
			}
			each(room, false, r.head, newest[part], more, events)
			if size += sizeOf(events); size >= bytes {
				return nil
			}
		}
		return nil
	})
}

// eventsAfter reads at least one event, when there is one.
func eventsAfter(q tx, room chat.RoomID, after, head uint64, limit, bytes int) (events []chat.Event, more bool, err error) {
	if after >= head {
		return nil, false, nil
	}
	events, err = readEvents(q, `SELECT `+eventColumns+` FROM events e WHERE e.room = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3 + 0`,
		[]any{room, after, limit}, min(limit, int(head-after)), bytes)
	return events, len(events) == 0 || events[len(events)-1].Seq < head, err
}

// readEvents stops before bytes are exceeded by more than one event. expect is
// how many there probably are.
func readEvents(q tx, sql string, args []any, expect, bytes int) ([]chat.Event, error) {
	events := make([]chat.Event, 0, min(expect, 256))
	reader, size := newEventReader(), 0
	err := q.query(sql, args, func(r row) error {
		if len(events) > 0 && size >= bytes {
			return errEnough
		}
		e, err := reader.next(r)
		events = append(events, e)
		size += eventSize(&e)
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return events, err
}

// eventSize is about how many bytes an event takes on its way.
func eventSize(e *chat.Event) int {
	b := &e.Body
	return 160 + len(b.Text) + len(b.Attachments) + len(b.Meta) + 16*(len(b.Mentions)+len(b.Members))
}

func sizeOf(events []chat.Event) (size int) {
	for i := range events {
		size += eventSize(&events[i])
	}
	return size
}

// Event finds an event by its number, or, when that is 0, by the command's
// author and nonce. found is false also when the asker may not see the room.
func (a *Archive) Event(ctx context.Context, user chat.UserID, runs bool, room chat.RoomID, seq uint64, by chat.UserID, nonce string) (e chat.Event, head uint64, found bool, err error) {
	err = a.s.db.read(ctx, func(q tx) error {
		r, may, err := see(q, user, runs, room)
		if err != nil || !may {
			return err
		}
		head = r.head
		where, args := `e.seq = $2`, []any{room, seq}
		if seq == 0 {
			where, args = `e.by = $2 AND e.nonce = $3`, []any{room, by, packNonce(nonce)}
		}
		return q.query(`SELECT `+eventColumns+` FROM events e WHERE e.room = $1 AND `+where, args, func(r row) (err error) {
			found = true
			e, err = scanEvent(r)
			return err
		})
	})
	return e, head, found, err
}

// Feed reads a partition's events after a feed number, in order: at most limit,
// and about bytes bytes. n is the newest feed number and epoch the owner's, both
// of the same snapshot.
func (a *Archive) Feed(ctx context.Context, partition int, after uint64, limit, bytes int) (events []chat.Event, n, epoch uint64, err error) {
	err = a.s.db.read(ctx, func(q tx) error {
		p, err := readPosition(q, partition)
		if err != nil {
			return err
		}
		n, epoch = p.N, p.Epoch
		if after >= n {
			return nil
		}
		events, err = feed(q, partition, after, limit, bytes)
		return err
	})
	return events, n, epoch, err
}

func feed(q tx, partition int, after uint64, limit, bytes int) ([]chat.Event, error) {
	return readEvents(q, `SELECT `+eventColumns+` FROM events e WHERE e.part = $1 AND e.n > $2 ORDER BY e.n LIMIT $3 + 0`,
		[]any{partition, after, limit}, limit, bytes)
}

// Heads are the newest numbers of rooms, without asking who may know; rooms that
// do not exist are left out.
func (a *Archive) Heads(ctx context.Context, rooms []chat.RoomID) (map[chat.RoomID]uint64, error) {
	heads := make(map[chat.RoomID]uint64, len(rooms))
	err := a.s.db.read(ctx, func(q tx) error {
		return q.queryEach(`SELECT head FROM rooms_now WHERE id = $1`, len(rooms),
			func(i int) []any { return []any{rooms[i]} },
			func(i int, r row) error {
				var head uint64
				err := r.scan(&head)
				heads[rooms[i]] = head
				return err
			})
	})
	return heads, err
}
