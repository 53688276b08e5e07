package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// Archive reads what happened. Every read of a room checks, on the same
// snapshot, that the asker may see it: its members may, for a channel everybody,
// and whoever runs the installation.
type Archive struct{ s *Store }

// Archive is the part of the store that role/archive uses.
func (s *Store) Archive() *Archive { return &Archive{s} }

// sight is what a question about a room finds out: whether the asker may see it.
type sight struct {
	head, messages uint64
	kind           chat.RoomKind
	role           chat.Role
	runs           bool // the asker runs the installation
	found          bool
}

const seeRoom = `SELECT r.kind, r.head, r.messages, m.role FROM rooms_now r
	LEFT JOIN members m ON m.room = r.id AND m.user_id = $1 WHERE r.id = $2`

func (s *sight) take(r row) error {
	s.found = true
	return r.scan(&s.kind, &s.head, &s.messages, &s.role)
}

func (s *sight) may() bool {
	return s.found && (s.runs || s.role != "" || s.kind == chat.Channel)
}

func (s *sight) question(user chat.UserID, room chat.RoomID) question {
	return once(seeRoom, []any{user, room}, s.take)
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
		c := catching{q: q, partitions: a.s.partitions, user: user, runs: runs, limit: limit, left: bytes, newest: map[int]*chat.Position{}, each: each}
		for from := 0; from < len(rooms) && c.left > 0; from += roomsAtOnce {
			to := min(from+roomsAtOnce, len(rooms))
			if err := c.rooms(rooms[from:to], after[from:to]); err != nil {
				return err
			}
		}
		return nil
	})
}

// roomsAtOnce is of how many rooms it is asked together where they stand.
const roomsAtOnce = 100

// catching is one call of [Archive.Events].
type catching struct {
	q           tx
	partitions  int
	user        chat.UserID
	runs        bool
	limit, left int // events per room, and bytes for all
	newest      map[int]*chat.Position
	each        func(room chat.RoomID, gone bool, head, n uint64, more bool, events []chat.Event)
}

// missing is a room of which there may be something to tell.
type missing struct {
	see   sight
	room  chat.RoomID
	after uint64
	list  eventList
}

// rooms asks where the rooms stand, and then reads what is missing of as many
// together as there is room for.
func (c *catching) rooms(ids []chat.RoomID, after []uint64) error {
	list := make([]missing, len(ids))
	for i := range list {
		list[i].room, list[i].after, list[i].see.runs = ids[i], after[i], c.runs
	}
	if err := c.stand(list); err != nil {
		return err
	}
	for len(list) > 0 && c.left > 0 {
		n := c.fitting(list)
		if err := c.read(list[:n]); err != nil {
			return err
		}
		for i := 0; i < n && c.left > 0; i++ {
			c.tell(&list[i])
		}
		list = list[n:]
	}
	return nil
}

func (c *catching) stand(list []missing) error {
	var questions []question
	for i := range list {
		part := chat.PartitionOf(list[i].room, c.partitions)
		if c.newest[part] == nil {
			c.newest[part] = new(chat.Position)
			questions = append(questions, positionOf(part, c.newest[part]))
		}
	}
	return c.q.together(append(questions, question{
		sql: seeRoom, n: len(list),
		args: func(i int) []any { return []any{c.user, list[i].room} },
		each: func(i int, r row) error { return list[i].see.take(r) },
	})...)
}

func (m *missing) behind() uint64 {
	if !m.see.may() || m.after >= m.see.head {
		return 0
	}
	return m.see.head - m.after
}

// usualEvent is about how many bytes most events take.
const usualEvent = 256

// fitting is how many rooms will probably fit, at least one.
func (c *catching) fitting(list []missing) int {
	size := 0
	for i := range list {
		size += usualEvent * int(min(list[i].behind(), uint64(c.limit)))
		if size > c.left && i > 0 {
			return i
		}
	}
	return len(list)
}

func (c *catching) read(list []missing) error {
	var questions []question
	for i := range list {
		m := &list[i]
		if behind := m.behind(); behind > 0 {
			m.list = newEventList(int(min(behind, uint64(c.limit))), c.left)
			questions = append(questions, m.list.question(`e.room = $1 AND e.seq > $2 ORDER BY e.seq`, m.room, m.after, c.limit))
		}
	}
	if len(questions) == 0 {
		return nil
	}
	return c.q.together(questions...)
}

// tell hands on what fits, and at least one event where there is one.
func (c *catching) tell(m *missing) {
	n := c.newest[chat.PartitionOf(m.room, c.partitions)].N
	if !m.see.may() {
		c.each(m.room, true, 0, n, false, nil)
		return
	}
	events, size := m.list.events, 0
	for i := range events {
		if i > 0 && size >= c.left {
			events = events[:i]
			break
		}
		size += eventSize(&events[i])
	}
	c.left -= size
	last := m.after
	if len(events) > 0 {
		last = events[len(events)-1].Seq
	}
	c.each(m.room, false, m.see.head, n, last < m.see.head, events)
}

// eventList reads events until they take about so many bytes, at least one.
type eventList struct {
	events      []chat.Event
	size, bytes int
	reader      *eventReader
}

// newEventList expects so many events.
func newEventList(expect, bytes int) eventList {
	return eventList{events: make([]chat.Event, 0, min(expect, 256)), bytes: bytes}
}

// question asks for events where the first two arguments say, at most limit.
func (l *eventList) question(where string, a, b any, limit int) question {
	return once(`SELECT `+eventColumns+` FROM events e WHERE `+where+` LIMIT $3 + 0`, []any{a, b, limit}, l.take)
}

func (l *eventList) take(r row) error {
	if len(l.events) > 0 && l.size >= l.bytes {
		return errEnough
	}
	if l.reader == nil {
		l.reader = newEventReader()
	}
	e, err := l.reader.next(r)
	l.events = append(l.events, e)
	l.size += eventSize(&e)
	return err
}

// eventSize is about how many bytes an event takes on its way.
func eventSize(e *chat.Event) int {
	b := &e.Body
	return 160 + len(b.Text) + len(b.Attachments) + len(b.Meta) + 16*(len(b.Mentions)+len(b.Members))
}

// Event finds an event by its number, or, when that is 0, by the command's
// author and nonce. found is false also when the asker may not see the room.
func (a *Archive) Event(ctx context.Context, user chat.UserID, runs bool, room chat.RoomID, seq uint64, by chat.UserID, nonce string) (e chat.Event, head uint64, found bool, err error) {
	where, args := `e.seq = $2`, []any{room, seq}
	if seq == 0 {
		where, args = `e.by = $2 AND e.nonce = $3`, []any{room, by, packNonce(nonce)}
	}
	see := sight{runs: runs}
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.together(see.question(user, room), once(`SELECT `+eventColumns+` FROM events e WHERE e.room = $1 AND `+where, args, func(r row) (err error) {
			found = true
			e, err = scanEvent(r)
			return err
		}))
	})
	if err != nil || !see.may() {
		return chat.Event{}, 0, false, err
	}
	return e, see.head, found, nil
}

// Feed reads a partition's events after a feed number, in order: at most limit,
// and about bytes bytes. n is the newest feed number and epoch the owner's, both
// of the same snapshot.
func (a *Archive) Feed(ctx context.Context, partition int, after uint64, limit, bytes int) (events []chat.Event, n, epoch uint64, err error) {
	var p chat.Position
	list := newEventList(limit, bytes)
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.together(positionOf(partition, &p), list.ofFeed(partition, after, limit))
	})
	return list.events, p.N, p.Epoch, err
}

func (l *eventList) ofFeed(partition int, after uint64, limit int) question {
	return l.question(`e.part = $1 AND e.n > $2 ORDER BY e.n`, partition, after, limit)
}

func feed(q tx, partition int, after uint64, limit, bytes int) ([]chat.Event, error) {
	list := newEventList(limit, bytes)
	err := q.together(list.ofFeed(partition, after, limit))
	return list.events, err
}

// NumberAt is the number of a room's first event at or after a time in Unix
// milliseconds, the newest one's when all are before, without asking who may know.
// Events are in order of time, so it halves the numbers: there is no index that a
// commit would have to write.
func (a *Archive) NumberAt(ctx context.Context, room chat.RoomID, at int64) (seq uint64, err error) {
	err = a.s.db.ask(ctx, func(q tx) error {
		_, err := one(q, `WITH RECURSIVE half (low, high) AS (
				SELECT CAST(1 AS bigint), max(seq) FROM events WHERE room = $1
				UNION ALL
				SELECT CASE WHEN m.at < $2 THEN m.seq + 1 ELSE h.low END, CASE WHEN m.at < $2 THEN h.high ELSE m.seq END
				FROM half h JOIN events m ON m.room = $1 AND m.seq = (h.low + h.high) / 2 WHERE h.low < h.high
			) SELECT max(low) FROM half`, []any{room, at}, &seq)
		return err
	})
	return seq, err
}

// Heads are the newest numbers of rooms, without asking who may know; rooms that
// do not exist are left out.
func (a *Archive) Heads(ctx context.Context, rooms []chat.RoomID) (map[chat.RoomID]uint64, error) {
	heads := make(map[chat.RoomID]uint64, len(rooms))
	err := a.s.db.ask(ctx, func(q tx) error {
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
