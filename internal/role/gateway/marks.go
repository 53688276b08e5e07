package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Receipts and typing go to rooms of at most so many sessions on this gateway: in
// larger ones everybody would tell everybody, and only somebody's own sessions
// learn how far they have read.
const chattyRoom = 100

const (
	flushEvery    = 100 * time.Millisecond
	maxMarks      = 1000            // marks in one ask
	marksPatience = 3 * time.Second // for the answer to one
	mostMarks     = 100_000         // wait for role/rooms; others are lost
)

type markKey struct {
	room chat.RoomID
	user chat.UserID
}

// marks gathers read and delivered marks; of several only the highest is kept.
type marks struct {
	mu      sync.Mutex
	waiting map[markKey]chat.Mark
	late    map[markKey]chat.Mark // beyond what a session is allowed: they wait longer
}

// Read marks a room that the client is in as read up to a number.
func (s *Session) Read(room chat.RoomID, seq uint64) {
	s.mark(chat.Mark{Room: room, User: s.user, Read: seq, Delivered: seq})
}

// Delivered marks a room that the client is in as given to it up to a number.
func (s *Session) Delivered(room chat.RoomID, seq uint64) {
	s.mark(chat.Mark{Room: room, User: s.user, Delivered: seq})
}

func (s *Session) mark(m chat.Mark) {
	if s.seat(m.Room) == nil {
		s.sink.Tell(Refused{"", chat.Errorf(chat.NotFound, "you are not in that room")})
		return
	}
	if s.Allow() != nil {
		s.g.marks.addLate(m)
		return
	}
	s.g.marks.add(m)
}

func (m *marks) add(list ...chat.Mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mark := range list {
		merge(&m.waiting, mark)
	}
}

func (m *marks) addLate(mark chat.Mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	merge(&m.late, mark)
}

// catchUp has what came late wait no longer.
func (m *marks) catchUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mark := range m.late {
		merge(&m.waiting, mark)
	}
	m.late = nil
}

// merge keeps the higher numbers of a mark and what waits already.
func merge(waiting *map[markKey]chat.Mark, mark chat.Mark) {
	if *waiting == nil {
		*waiting = map[markKey]chat.Mark{}
	}
	key := markKey{mark.Room, mark.User}
	old, waits := (*waiting)[key]
	if !waits && len(*waiting) >= mostMarks {
		return
	}
	mark.Read, mark.Delivered = max(mark.Read, old.Read), max(mark.Delivered, old.Delivered)
	(*waiting)[key] = mark
}

func (m *marks) take() []chat.Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]chat.Mark, 0, min(len(m.waiting), maxMarks))
	for key, mark := range m.waiting {
		if len(list) == maxMarks {
			break
		}
		list = append(list, mark)
		delete(m.waiting, key)
	}
	return list
}

// keepMarking hands marks on until ctx ends. It has a goroutine of its own: an
// answer may be long in coming, and nothing else waits for it.
func (g *Gateway) keepMarking(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.flushMarks(ctx)
		}
	}
}

// flushMarks hands what has gathered to role/rooms. While nobody takes it, it
// waits; what is refused is lost: marks are not promised.
func (g *Gateway) flushMarks(ctx context.Context) {
	for list := g.marks.take(); len(list) > 0; list = g.marks.take() {
		ask, cancel := context.WithTimeout(ctx, marksPatience)
		_, err := contract.SetMarks.Ask(ask, g.bus, &contract.MarkList{Marks: list, From: g.id})
		cancel()
		switch {
		case err == nil:
			continue
		case chat.CodeOf(err) == chat.Unavailable:
			g.marks.add(list...)
		}
		g.log.Debug("marks were not taken", "count", len(list), "err", err)
		return
	}
}

// marked tells the people in the rooms.
func (g *Gateway) marked(_ context.Context, list *contract.MarkList) {
	for _, m := range list.Marks {
		g.tellRoom(m.Room, m.User, Receipt{m}, func(*Session) bool { return true })
	}
}

// tellRoom tells a note to the sessions in a room that are live and fit; in a
// large room to those of the user whom it is about.
func (g *Gateway) tellRoom(id chat.RoomID, about chat.UserID, n Note, fits func(*Session) bool) {
	var own []*seat
	for _, s := range g.people.of(about) {
		if place := s.seat(id); place != nil {
			own = append(own, place)
		}
	}
	h := g.hubOf(id)
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[id]
	if r == nil {
		return
	}
	told := r.seats
	if len(told) > chattyRoom {
		told = own
	}
	for _, s := range told {
		if s.live && fits(s.session) {
			s.session.sink.Tell(n)
		}
	}
}
