package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// How a hub notices that it was not told something.
const (
	pollEvery  = 500 * time.Millisecond
	quietAfter = 1500 * time.Millisecond // owners speak once a second
	inboxSize  = 1024                    // notices; what does not fit is repaired from the feed
	feedLimit  = 1000
	feedBytes  = 512 << 10
)

// hub is where the events of one partition come in and go out to sessions.
//
// It stands at feed number n: every event up to n of the rooms in it has been
// handed on. Only run's goroutine moves n. mu guards everything below it, and is
// taken before a session's own.
type hub struct {
	g         *Gateway
	partition int
	log       *slog.Logger
	inbox     chan *contract.Notice
	nudge     chan struct{} // the feed may hold something: look
	appender  *bus.Appender

	mu      sync.Mutex
	n       uint64
	heard   time.Time // of the last notice that was of use
	behind  bool      // the archive could not be read when it had to be
	rooms   map[chat.RoomID]*room
	recent  recent
	pending pending
	watch   watch
}

// room is a room that somebody on this gateway is in, or waits for.
type room struct {
	id      chat.RoomID
	seats   []*seat
	holders int  // seats, and commands that wait for their event
	watched bool // the owner tells us of it
	idle    time.Time
}

// seat is one session in one room.
type seat struct {
	session *Session
	room    *room
	index   int    // in room.seats
	after   uint64 // feed number: live events behind it are handed on
	pos     uint64 // while catching up: the last of the room's numbers handed on
	live    bool
	gone    bool // removed from the room while catching up
	left    bool // by what was read so far the user is no member any more
}

func newHub(g *Gateway, partition, recentBytes int) *hub {
	h := &hub{
		g: g, partition: partition, log: g.log.With("partition", partition),
		inbox: make(chan *contract.Notice, inboxSize), nudge: make(chan struct{}, 1),
		rooms: map[chat.RoomID]*room{}, recent: recent{limit: recentBytes},
	}
	h.pending.waiters, h.pending.coming = map[chat.NonceKey][]*waiter{}, map[*Session][]*waiter{}
	h.watch.kick = make(chan struct{}, 1)
	h.watch.changed = make(chan struct{})
	h.appender = g.bus.Log(partition).Appender(bus.AppenderConfig{Gateway: g.id})
	return h
}

// open learns where the partition stands.
func (h *hub) open(ctx context.Context) error {
	for {
		page, err := contract.Feed.Ask(ctx, h.g.bus, &contract.FeedAsk{Partition: h.partition, After: math.MaxInt64, Limit: 1})
		if err == nil {
			h.mu.Lock()
			h.n, h.recent.floor, h.watch.epoch = page.N, page.N, max(h.watch.epoch, page.Epoch)
			h.mu.Unlock()
			return nil
		}
		h.log.Info("waiting for the archive", "err", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("gateway: the archive does not answer: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// deliver takes a notice in. It never blocks the bus.
func (h *hub) deliver(n *contract.Notice) {
	select {
	case h.inbox <- n:
	default:
		h.g.metrics.overflows.Inc()
	}
}

// look makes the hub read the feed soon.
func (h *hub) look() {
	select {
	case h.nudge <- struct{}{}:
	default:
	}
}

// run moves the hub on, by notices or, when none come, by the feed.
func (h *hub) run(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-h.inbox:
			h.hear(ctx, n)
		case <-h.nudge:
			h.readFeed(ctx, 0)
		case now := <-tick.C:
			if h.quiet(now) {
				h.g.metrics.polls.Inc()
				h.readFeed(ctx, 0)
			}
		}
	}
}

func (h *hub) quiet(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.watch.registered || h.behind || now.Sub(h.heard) > quietAfter
}

// hear takes a notice: hands its events on if the hub stands where it begins,
// and reads the feed first if not.
func (h *hub) hear(ctx context.Context, n *contract.Notice) {
	h.mu.Lock()
	use, from := h.watch.accepts(n), max(n.From, h.watch.solid)
	stands := h.n
	h.mu.Unlock()
	if !use {
		return
	}
	if from > stands {
		h.g.metrics.repairs.Inc()
		if !h.readFeed(ctx, from) {
			return
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.watch.current(n) { // the feed has shown that it is of another past, or of an owner that is gone
		return
	}
	h.heard = time.Now()
	for i := range n.Events {
		if e := &n.Events[i]; e.N > h.n {
			h.apply(e)
		}
	}
	h.n = max(h.n, n.To)
	h.answer(n.Answers)
	if n.LogSeq < h.pending.decided && n.To >= stands {
		h.pending.logAnew()
	}
	h.pending.decided = max(h.pending.decided, n.LogSeq)
	h.repeatUnanswered()
}

// readFeed moves the hub on by the archive, to at least the number that is
// given, and to where the feed ends. It is false when the archive cannot be
// read; then it is tried again soon.
func (h *hub) readFeed(ctx context.Context, least uint64) bool {
	for {
		h.mu.Lock()
		after, epoch := h.n, h.watch.epoch
		h.mu.Unlock()
		page, err := contract.Feed.Ask(ctx, h.g.bus, &contract.FeedAsk{
			Partition: h.partition, After: after, Limit: feedLimit, Bytes: feedBytes})
		restored := err == nil && (page.N < after || page.Epoch < epoch)
		ok := err == nil && (page.N >= least || restored)
		h.mu.Lock()
		h.behind = !ok
		switch {
		case err != nil:
			h.mu.Unlock()
			return false
		case restored:
			h.restored(page)
			h.mu.Unlock()
			return true
		}
		h.watch.follow(page.Epoch)
		for i := range page.Events {
			if e := &page.Events[i]; e.N > h.n && (h.rooms[e.Room] != nil || len(e.Joins()) > 0) {
				h.apply(e)
			}
		}
		more := len(page.Events) > 0 && page.Events[len(page.Events)-1].N < page.N
		if more {
			h.n = page.Events[len(page.Events)-1].N
		} else {
			h.n = page.N
		}
		h.mu.Unlock()
		if !more {
			return ok
		}
	}
}

// restored is called when the database is older than what was handed on: it came
// back from a backup. Sessions start anew and are told to reset.
func (h *hub) restored(page *contract.FeedPage) {
	h.log.Error("the feed is behind what was handed on: the database was restored; closing all sessions",
		"stood", h.n, "feed", page.N, "knew owner", h.watch.epoch, "last owner", page.Epoch)
	h.n, h.watch.epoch = page.N, page.Epoch
	h.recent.reset(page.N)
	h.watch.unregister()
	go h.g.closeAll(EndInternal)
}

// apply hands one event on. The hub is locked.
func (h *hub) apply(e *chat.Event) {
	d := &Delivery{Event: e}
	h.recent.add(d)
	waiting := h.pending.of(e)
	r := h.rooms[e.Room]
	if r != nil {
		for _, s := range r.seats {
			if s.live && !s.has(e) {
				h.hand(s.session, d, waiting)
			}
		}
	}
	for _, user := range e.Joins() {
		for _, session := range h.g.people.of(user) {
			h.enter(session, d, waiting)
		}
	}
	leaver := e.Leaves()
	if !leaver.IsZero() && r != nil {
		h.leave(r, e, leaver)
	}
	for _, w := range waiting {
		if w.session != nil && w.session.user == leaver && !w.answered && w.session.seat(e.Room) == nil {
			// It left while it was catching up. What it has not read is not for it
			// any more, so the event does not stand behind what it has: the answer
			// comes without it.
			h.answerUnchanged(w)
			continue
		}
		h.settle(w, d)
	}
}

// hand gives an event to a session: as the answer to its command, if it is.
func (h *hub) hand(s *Session, d *Delivery, waiting []*waiter) {
	for _, w := range waiting {
		if w.session == s && !w.answered {
			h.pending.answered(w)
			s.sink.Deliver(d, w.ref, true)
			return
		}
	}
	s.sink.Deliver(d, "", false)
}

// handMissed gives a session an event that it comes to by catching up, and answers
// all its commands that wait for that.
func (h *hub) handMissed(s *Session, d *Delivery) {
	waiting := h.pending.of(d.Event)
	h.hand(s, d, waiting)
	for _, w := range waiting {
		if w.session == s {
			h.settle(w, d)
		}
	}
}

// settle answers a waiter whose session did not get the event as one of its
// room: a request over REST, or somebody who is not in the room. A session that
// is catching up, or that has not come to the room yet, comes to the event in its
// order.
func (h *hub) settle(w *waiter, d *Delivery) {
	switch {
	case w.answered:
	case w.session == nil:
		h.pending.answered(w)
		w.result <- outcome{event: d.Event}
	case w.session.comesTo(d.Event.Room, d.Event.Seq):
		h.pending.comes(w, d.Event.Seq)
	default:
		h.pending.answered(w)
		w.session.sink.Deliver(d, w.ref, true)
	}
}

// enter brings a session into a room that the event makes its user a member of:
// its number is the event's.
func (h *hub) enter(s *Session, d *Delivery, waiting []*waiter) {
	if s.seat(d.Event.Room) != nil {
		return // it was a member when it began, and catches up by itself
	}
	for _, w := range waiting {
		if w.session == s && !w.answered {
			h.pending.answered(w)
			s.sink.Deliver(d, w.ref, true)
			break
		}
	}
	if place := h.subscribe(s, d.Event.Room, d.Event.Seq); place != nil {
		s.later(func(ctx context.Context) { s.enter(ctx, place) })
	}
}

// leave takes a user's sessions out of a room; they have had its last event. One
// that has read further stays: it has read how the user came back.
func (h *hub) leave(r *room, e *chat.Event, user chat.UserID) {
	for i := len(r.seats) - 1; i >= 0; i-- {
		s := r.seats[i]
		if s.session.user != user || s.has(e) {
			continue
		}
		live := s.live
		h.unsubscribe(s)
		s.session.drop(s)
		h.forgo(s.session, r.id)
		if live {
			s.session.sink.Tell(Gone{r.id})
		}
	}
}

// subscribe puts a session into a room, not live yet. It is nil when the session
// has ended.
func (h *hub) subscribe(s *Session, id chat.RoomID, pos uint64) *seat {
	r := h.hold(id)
	place := &seat{session: s, room: r, pos: pos, index: len(r.seats)}
	if !s.keep(place) {
		h.release(r)
		return nil
	}
	r.seats = append(r.seats, place)
	return place
}

// unsubscribe takes a place out of its room.
func (h *hub) unsubscribe(s *seat) {
	if s.gone {
		return
	}
	s.gone, s.live = true, false
	r := s.room
	last := r.seats[len(r.seats)-1]
	r.seats[s.index], last.index = last, s.index
	r.seats[len(r.seats)-1] = nil
	r.seats = r.seats[:len(r.seats)-1]
	h.release(r)
}

// has says whether the place's session has an event already, before the hub comes
// to it: the archive may be ahead of the hub.
func (s *seat) has(e *chat.Event) bool {
	if s.live {
		return e.N <= s.after
	}
	return e.Seq <= s.pos
}

// join makes a place live if everything between what it has, up to feed number n,
// and where the hub stands is at hand.
func (h *hub) join(s *seat, n uint64) bool {
	missed, ok := h.recent.since(s.room.id, n)
	if !ok {
		return false
	}
	s.after, s.live = max(n, h.n), true
	for _, d := range missed {
		h.handMissed(s.session, d)
	}
	return true
}
