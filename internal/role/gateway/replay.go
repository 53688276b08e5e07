package gateway

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Sizes of what a session reads while it catches up.
const (
	welcomeRooms  = 500       // in the welcome; the rest follow
	welcomeBytes  = 900 << 10 // of them; a socket may have 1 MiB waiting
	roomBytes     = 1 << 10   // of a room without its texts
	idBytes       = 40
	defaultReplay = 500 // events per room
	replayPage    = 500
	replayBytes   = 256 << 10
	replayRooms   = 500 // per ask
)

// fitting is how many of the rooms a welcome can show: it is one frame, and what
// waits for a client is bounded. The sizes are those of the JSON, rather too large.
func fitting(rooms []chat.Mine) int {
	size := 0
	for i := range rooms {
		r := &rooms[i]
		size += roomBytes + 2*(inJSON(r.Name)+inJSON(r.Topic)) // twice: the event may be what set them
		if e := r.Last; e != nil {
			size += inJSON(e.Body.Text) + inJSON(e.Nonce) + len(e.Body.Attachments) + len(e.Body.Meta) +
				idBytes*(len(e.Body.Mentions)+len(e.Body.Members))
		}
		if size > welcomeBytes {
			return i
		}
	}
	return len(rooms)
}

// inJSON is how long a text may become in JSON.
func inJSON(text string) (size int) {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ':
			size += 6
		case c == '"', c == '\\', c > '~':
			size += 2
		default:
			size++
		}
	}
	return size
}

// begin welcomes the client and brings it into its rooms, as it reads.
func (s *Session) begin(ctx context.Context, h Hello) {
	limit := uint64(defaultReplay)
	if h.ReplayLimit > 0 {
		limit = uint64(h.ReplayLimit)
	}
	var seats []*seat
	shown := map[chat.RoomID]bool{}
	ask := contract.MyRoomsAsk{User: s.user, Limit: welcomeRooms}
	for first, more := true, true; more; first = false {
		patience := forever
		if first {
			patience = welcomeWithin
		}
		page, err := retry(ctx, patience, func(ctx context.Context) (*contract.MyRoomsPage, error) {
			return contract.MyRooms.Ask(ctx, s.g.bus, &ask)
		})
		if err != nil {
			s.giveUp(ctx, err)
			return
		}
		rooms := slices.DeleteFunc(page.Rooms, func(r chat.Mine) bool { return shown[r.ID] })
		told := 0
		if first {
			told = fitting(rooms)
			s.sink.Tell(Welcome{Session: s.id, User: s.who().User, Rooms: rooms[:told]})
		}
		for i := range rooms {
			if s.sink.Wait(ctx) != nil {
				return
			}
			if i >= told {
				s.sink.Tell(Entered{rooms[i]})
			}
			shown[rooms[i].ID] = true
			if place := s.arrive(&rooms[i], h.Cursors, limit); place != nil {
				seats = append(seats, place)
			}
			delete(h.Cursors, rooms[i].ID)
		}
		more, ask.Cursor = page.Next != "", page.Next
		if first { // what follows is in an order that no activity changes
			ask.Cursor, ask.ByID = "", true
		}
	}
	for room := range h.Cursors {
		if s.sink.Wait(ctx) != nil {
			return
		}
		if s.seat(room) == nil {
			s.sink.Tell(Gone{room})
		}
	}
	s.arrived()
	s.catchUp(ctx, seats)
}

// arrived says that the session is in all of its rooms: what was commanded in
// another one need not wait for it.
func (s *Session) arrived() {
	s.mu.Lock()
	s.arriving = false
	s.mu.Unlock()
	s.eachWaiting(func(h *hub) { h.reconsider(s) })
}

// eachWaiting does something in every hub in which commands of the session may
// wait; the hub is locked.
func (s *Session) eachWaiting(do func(*hub)) {
	if s.waiting.Load() == 0 {
		return
	}
	for _, h := range *s.g.hubs.Load() {
		h.mu.Lock()
		do(h)
		h.mu.Unlock()
	}
}

// arrive puts the session into one of its rooms, behind the number that the
// client has. It is nil when an event has brought it there already: the task of
// that comes next, and catches up from the same number.
func (s *Session) arrive(r *chat.Mine, cursors map[chat.RoomID]uint64, limit uint64) *seat {
	pos, has := cursors[r.ID]
	switch {
	case !has:
		pos = r.Head
	case pos > r.Head:
		s.sink.Tell(Reset{r.ID, r.Head})
		pos = 0
	}
	if r.Head-pos > limit {
		pos = r.Head - limit
		s.sink.Tell(Truncated{r.ID, pos + 1})
	}
	h := s.g.hubOf(r.ID)
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.reconsider(s)
	if place := s.seat(r.ID); place != nil {
		place.pos = pos // what the client was just told, not the event that brought it here
		return nil
	}
	return h.subscribe(s, r.ID, pos)
}

// enter shows a room that the user was just made a member of, and follows it
// from there.
func (s *Session) enter(ctx context.Context, place *seat) {
	mine, err := retry(ctx, forever, func(ctx context.Context) (*chat.Mine, error) {
		return contract.Room.Ask(ctx, s.g.bus, &contract.RoomAsk{User: s.user, Room: place.room.id})
	})
	switch {
	case chat.CodeOf(err) == chat.NotFound:
		s.vanish(place)
		return
	case err != nil:
		s.giveUp(ctx, err)
		return
	}
	if s.sink.Wait(ctx) != nil {
		return
	}
	mine.Head = place.pos // where the client's number begins; what came since follows
	s.sink.Tell(Entered{*mine})
	s.catchUp(ctx, []*seat{place})
}

// mineChanged shows the room anew to everything that its member is connected with:
// their own settings are no event.
func (g *Gateway) mineChanged(_ context.Context, who *contract.RoomAsk) {
	for _, s := range g.people.of(who.User) {
		s.mu.Lock()
		waits := slices.Contains(s.outdated, who.Room)
		if !waits {
			s.outdated = append(s.outdated, who.Room)
		}
		s.mu.Unlock()
		if !waits { // in turn, for only a room that was entered can change
			s.later(func(ctx context.Context) { s.showAgain(ctx, who.Room) })
		}
	}
}

// showAgain shows a room as it is now, once for all changes before.
func (s *Session) showAgain(ctx context.Context, room chat.RoomID) {
	s.mu.Lock()
	s.outdated = slices.DeleteFunc(s.outdated, func(id chat.RoomID) bool { return id == room })
	s.mu.Unlock()
	if s.seat(room) == nil {
		return
	}
	mine, err := contract.Room.Ask(ctx, s.g.bus, &contract.RoomAsk{User: s.user, Room: room})
	if err != nil {
		s.g.log.Debug("changed settings were not told", "trace", TraceOf(ctx), "err", err)
		return
	}
	if s.sink.Wait(ctx) != nil {
		return
	}
	if s.seat(room) == nil {
		return
	}
	s.sink.Tell(Entered{*mine}) // without the hub's lock: a door may have to ask who is in it
	if s.seat(room) == nil {
		s.sink.Tell(Gone{room}) // again, behind what was just told
	}
}

// catchUp reads what happened in the rooms since each place's number, page by page
// as the client reads, and joins the hubs one by one.
func (s *Session) catchUp(ctx context.Context, seats []*seat) {
	if !s.awaitWatched(ctx, seats) {
		return
	}
	for len(seats) > 0 {
		if err := s.sink.Wait(ctx); err != nil {
			return
		}
		ask := contract.EventsAsk{User: s.user, Limit: replayPage, Bytes: replayBytes}
		for _, place := range seats[:min(len(seats), replayRooms)] {
			ask.Cursors = append(ask.Cursors, contract.Cursor{Room: place.room.id, After: place.pos})
		}
		page, err := retry(ctx, forever, func(ctx context.Context) (*contract.EventsPage, error) {
			return contract.Events.Ask(ctx, s.g.bus, &ask)
		})
		if err != nil {
			s.giveUp(ctx, err)
			return
		}
		var unfinished []*seat
		for i := range page.Rooms {
			if !s.take(seats[i], &page.Rooms[i]) {
				unfinished = append(unfinished, seats[i])
			}
		}
		seats = append(unfinished, seats[len(page.Rooms):]...)
	}
}

func (s *Session) awaitWatched(ctx context.Context, seats []*seat) bool {
	byHub := map[*hub][]*room{}
	for _, place := range seats {
		h := s.g.hubOf(place.room.id)
		byHub[h] = append(byHub[h], place.room)
	}
	for h, rooms := range byHub {
		if h.awaitWatched(ctx, rooms) != nil {
			return false
		}
	}
	return true
}

// take hands a page of one room on and, at its end, joins the hub. It is true when
// the room needs no more reading.
func (s *Session) take(place *seat, page *contract.RoomEvents) bool {
	h := s.g.hubOf(place.room.id)
	if page.Gone {
		s.vanish(place)
		return true
	}
	s.g.metrics.replayed.Add(float64(len(page.Events)))
	events := page.Events
	if i := s.lastMove(place, events); place.left && !page.More {
		events = events[:i+1] // a channel shows its events also to those who left it
	}
	for i := range events {
		if !h.replay(s, place, &events[i]) {
			break
		}
	}
	if place.left && !page.More {
		s.vanish(place)
		return true
	}
	h.mu.Lock()
	gone := place.gone
	done := gone || !page.More && h.join(place, page.N)
	h.mu.Unlock()
	if gone {
		s.sink.Tell(Gone{place.room.id})
	}
	return done
}

// lastMove notes in the place whether the user has left by the last of the events
// that let them in or out, and where that is; -1: there is none. The hub may have
// passed the event before the owner told this gateway of the room.
func (s *Session) lastMove(place *seat, events []chat.Event) int {
	for i, e := range slices.Backward(events) {
		switch {
		case e.Leaves() == s.user:
			place.left = true
			return i
		case slices.Contains(e.Joins(), s.user):
			place.left = false
			return i
		}
	}
	return -1
}

// replay hands one old event on. It is false when the user has left the room: what
// comes behind that is for the place that they come back to.
func (h *hub) replay(s *Session, place *seat, e *chat.Event) bool {
	d := &Delivery{Event: e}
	h.mu.Lock()
	if place.gone {
		h.mu.Unlock()
		return false
	}
	place.pos = e.Seq
	if len(h.pending.of(e)) > 0 {
		h.handMissed(s, d)
		h.mu.Unlock()
		return true
	}
	h.mu.Unlock()
	s.sink.Deliver(d, "", false)
	return true
}

// vanish takes the session out of a room that is its user's no more.
func (s *Session) vanish(place *seat) {
	h := s.g.hubOf(place.room.id)
	h.mu.Lock()
	h.unsubscribe(place)
	h.forgo(s, place.room.id)
	h.mu.Unlock()
	s.drop(place)
	s.sink.Tell(Gone{place.room.id})
}

// giveUp ends a session that could not be brought to its rooms; the client comes
// back.
func (s *Session) giveUp(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.g.log.Warn("a session could not catch up; it is closed and comes back",
		"session", s.id, "trace", TraceOf(ctx), "err", err)
	s.end(EndInternal)
}

// How long a session asks for its rooms while a role or the database is away. Who
// waits for the welcome is told to come back, maybe to another gateway; a socket
// that is welcome stays, and catches up when they are back.
const (
	welcomeWithin = 10 * time.Second
	forever       = time.Duration(math.MaxInt64)
)

// retry asks again while a role or the database is away and the patience lasts.
func retry[A any](ctx context.Context, patience time.Duration, ask func(context.Context) (*A, error)) (*A, error) {
	begun := time.Now()
	for attempt := 0; ; attempt++ {
		a, err := ask(ctx)
		if err == nil || chat.CodeOf(err) != chat.Unavailable || time.Since(begun) >= patience {
			return a, err
		}
		backoff := time.Duration(50*math.Pow(2, float64(min(attempt, 5)))) * time.Millisecond
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(rand.N(backoff) + backoff/2):
		}
	}
}
