package gateway

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Hello is how a session begins.
type Hello struct {
	Identity    contract.Identity
	Device      string
	Address     string
	Cursors     map[chat.RoomID]uint64 // the last number that the client has, by room
	ReplayLimit int                    // events per room that are replayed at most; 0: 500
}

// maxWaiting is how many commands of a session may wait for their answer.
const maxWaiting = 1000

// Session is one client on this gateway. Its door opens it, hands commands in,
// and closes it when the connection has gone.
type Session struct {
	g       *Gateway
	id      chat.ID
	user    chat.UserID
	sink    Sink
	expires atomic.Int64 // Unix milliseconds
	waiting atomic.Int32 // commands without an answer
	over    atomic.Bool
	ending  atomic.Bool
	here    bool // presence counts it; guarded by presence

	mu       sync.Mutex // taken after a hub's
	identity contract.Identity
	arriving bool          // it may have rooms in which it has no seat yet
	seats    []*seat       // by room id
	outdated []chat.RoomID // that wait to be shown again
	tasks    []func(context.Context)
	cancel   context.CancelFunc // of the goroutine that runs tasks, while there is one
	watches  []chat.UserID
	asks     bool // a task will ask how those are
}

// Open begins a session. It returns at once; the welcome, what was missed and
// live traffic follow on the sink.
func (g *Gateway) Open(h Hello, sink Sink) *Session {
	s := &Session{g: g, id: chat.NewID(), user: h.Identity.User.ID, sink: sink, identity: h.Identity, arriving: true}
	s.expires.Store(h.Identity.Expires)
	g.people.add(s.user, s)
	g.metrics.opened.Inc()
	switch {
	case g.draining.Load():
		s.end(EndDraining)
		return s
	case !g.identities.check(&h.Identity):
		s.end(EndRevoked)
		return s
	}
	g.presence.came(s)
	s.later(func(ctx context.Context) { s.begin(ctx, h) })
	return s
}

// ID names the session.
func (s *Session) ID() chat.ID { return s.id }

// User is who the session's client is.
func (s *Session) User() chat.User { return s.who().User }

func (s *Session) who() contract.Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// setUser changes what is known of the user, and says what was known before.
func (s *Session) setUser(u chat.User) (old chat.User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, s.identity.User = s.identity.User, u
	return old
}

func (s *Session) ended() bool { return s.over.Load() }

// end closes the client's connection for a reason; the door answers by Close.
func (s *Session) end(e End) {
	if !s.ending.Swap(true) {
		s.g.metrics.ended.WithLabelValues(string(e)).Inc()
	}
	s.sink.Close(e)
}

// Close says that the connection has gone. It may be called at any time, more
// than once, and from within a sink.
func (s *Session) Close() {
	if s.over.Swap(true) {
		return
	}
	s.g.people.remove(s.user, s)
	go s.detach() // a hub may be calling us
}

// detach takes the session out of its rooms.
func (s *Session) detach() {
	s.mu.Lock()
	seats, cancel := s.seats, s.cancel
	s.seats, s.tasks = nil, nil
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	for _, place := range seats {
		h := s.g.hubOf(place.room.id)
		h.mu.Lock()
		h.unsubscribe(place)
		h.mu.Unlock()
	}
	s.eachWaiting(func(h *hub) {
		for _, w := range h.pending.coming[s] {
			h.pending.answered(w)
		}
	})
	s.g.presence.went(s)
	s.g.limits.forget(string(s.id[:]), LimitHint)
}

// later runs a task behind those that the session runs already. An idle session
// has no goroutine.
func (s *Session) later(task func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Load() {
		return
	}
	s.tasks = append(s.tasks, task)
	if s.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(WithTrace(context.Background(), NewTrace()))
	s.cancel = cancel
	s.g.restless.Go(func() { s.runTasks(ctx) })
}

func (s *Session) runTasks(ctx context.Context) {
	for {
		s.mu.Lock()
		if len(s.tasks) == 0 || s.over.Load() {
			s.cancel()
			s.tasks, s.cancel = nil, nil
			s.mu.Unlock()
			return
		}
		task := s.tasks[0]
		s.tasks = s.tasks[1:]
		s.mu.Unlock()
		task(ctx)
	}
}

func (s *Session) find(id chat.RoomID) (int, bool) {
	return slices.BinarySearchFunc(s.seats, id, func(place *seat, id chat.RoomID) int {
		return slices.Compare(place.room.id[:], id[:])
	})
}

// seat is the session's place in a room, or nil.
func (s *Session) seat(id chat.RoomID) *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.find(id); ok {
		return s.seats[i]
	}
	return nil
}

// comesTo says whether the session will come to a number of a room by itself. The
// room's hub is locked.
func (s *Session) comesTo(id chat.RoomID, seq uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Load() {
		return false
	}
	i, ok := s.find(id)
	if !ok {
		return s.arriving
	}
	place := s.seats[i]
	return !place.live && !place.gone && place.pos < seq
}

// keep remembers a seat; false when the session has ended.
func (s *Session) keep(place *seat) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Load() {
		return false
	}
	i, _ := s.find(place.room.id)
	s.seats = slices.Insert(s.seats, i, place)
	return true
}

func (s *Session) drop(place *seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.find(place.room.id); ok && s.seats[i] == place {
		s.seats = slices.Delete(s.seats, i, i+1)
	}
}

// Renew gives the session another token of the same user before the old one
// runs out.
func (s *Session) Renew(ref string, id contract.Identity) {
	if id.User.ID != s.user {
		s.sink.Tell(Refused{ref, chat.Errorf(chat.Forbidden, "that token is somebody else's")})
		return
	}
	s.mu.Lock()
	s.identity = id
	s.mu.Unlock()
	s.expires.Store(id.Expires)
	if !s.g.identities.check(&id) {
		s.end(EndRevoked)
		return
	}
	s.sink.Tell(Acked{ref})
}

// expired says whether the session's token has run out.
func (s *Session) expired(now time.Time) bool {
	e := s.expires.Load()
	return e != 0 && e <= now.UnixMilli()
}
