package gateway

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// notebook is a client that writes down what it is told, in words.
type notebook struct {
	mu    sync.Mutex
	lines []string
}

func (n *notebook) write(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

func (n *notebook) Deliver(d *Delivery, ref string, acks bool) {
	line := fmt.Sprint(d.Event.Seq)
	if acks {
		line = "ack " + line
	}
	n.write(line)
}

func (n *notebook) Tell(note Note) {
	switch note.(type) {
	case Gone:
		n.write("gone")
	case Entered:
		n.write("room")
	case Acked:
		n.write("ack")
	}
}
func (n *notebook) Wait(context.Context) error { return nil }
func (n *notebook) Close(End)                  {}

// Who leaves a channel in the moment between the beginning of a session and the
// owner's telling this gateway of the channel leaves by an event that the hub has
// passed. The archive still shows the channel, as it does to everybody.
func TestWhoLeavesAChannelWhileCatchingUpIsNotFollowed(t *testing.T) {
	me := chat.UserID{15: 2}
	said := func(seq uint64) chat.Event {
		return chat.Event{Seq: seq, N: seq, Kind: chat.KindMessage, By: chat.UserID{15: 3}}
	}
	moved := func(seq uint64, op chat.Op) chat.Event {
		return chat.Event{Seq: seq, N: seq, Kind: chat.KindMember, By: me, Body: chat.Body{Op: op, User: me}}
	}
	for name, c := range map[string]struct {
		pages [][]chat.Event
		want  []string
		live  bool
	}{
		"nothing":             {[][]chat.Event{{said(2)}}, []string{"2"}, true},
		"leaves":              {[][]chat.Event{{said(2), moved(3, chat.OpLeave), said(4)}}, []string{"2", "3", "gone"}, false},
		"leaves and is back":  {[][]chat.Event{{moved(2, chat.OpLeave), said(3), moved(4, chat.OpJoin), said(5)}}, []string{"2", "3", "4", "5"}, true},
		"leaves a page ago":   {[][]chat.Event{{moved(2, chat.OpLeave)}, {said(3)}}, []string{"2", "gone"}, false},
		"is back a page ago":  {[][]chat.Event{{moved(2, chat.OpLeave), moved(3, chat.OpJoin)}, {said(4)}}, []string{"2", "3", "4"}, true},
		"back on a next page": {[][]chat.Event{{moved(2, chat.OpLeave), said(3)}, {moved(4, chat.OpJoin)}}, []string{"2", "3", "4"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			g, h := newHubAlone(t)
			told := &notebook{}
			s := &Session{g: g, user: me, sink: told}
			place := h.subscribe(s, chat.RoomID{15: 1}, 1)
			for i, events := range c.pages {
				s.take(place, &contract.RoomEvents{Events: events, N: 5, More: i < len(c.pages)-1})
			}
			if !slices.Equal(told.lines, c.want) || place.live != c.live {
				t.Errorf("the client was told %v, and the session is live: %v", told.lines, place.live)
			}
		})
	}
}

// Who has more rooms than a welcome holds is told of the others behind it, and may
// have repeated a command in one of them by then. Its answer stands at its place
// among the events that the client missed, or comes at once where there are none.
func TestAnAnswerWaitsForARoomThatComesBehindTheWelcome(t *testing.T) {
	room, me := chat.RoomID{15: 1}, chat.UserID{15: 2}
	event := func(seq uint64) chat.Event {
		return chat.Event{Room: room, Seq: seq, N: seq, Kind: chat.KindMessage, By: me, Nonce: fmt.Sprint("n", seq)}
	}
	committed := func(h *hub) { e := event(3); h.apply(&e) }
	repeated := func(h *hub) {
		e := event(3)
		h.answer([]contract.Answer{{Key: e.Key(), Repeat: 3}})
	}
	comes := func(cursor uint64) func(*Session) {
		return func(s *Session) {
			place := s.arrive(&chat.Mine{Info: chat.Info{ID: room, Head: 4}}, map[chat.RoomID]uint64{room: cursor}, 500)
			page := &contract.RoomEvents{N: 4}
			for seq := cursor + 1; seq <= 4; seq++ {
				page.Events = append(page.Events, event(seq))
			}
			s.arrived()
			s.g.restless.Wait()
			s.take(place, page)
		}
	}
	for name, c := range map[string]struct {
		known func(*hub)
		then  func(*Session)
		want  []string
	}{
		"committed now":               {committed, comes(1), []string{"2", "ack 3", "4"}},
		"committed before":            {repeated, comes(1), []string{"2", "ack 3", "4"}},
		"the client has it":           {repeated, comes(3), []string{"ack 3", "4"}},
		"no room of the client's":     {repeated, (*Session).arrived, []string{"ack 3"}},
		"a channel that it looked at": {committed, (*Session).arrived, []string{"ack 3"}},
		"the room is gone when it is read": {committed, func(s *Session) {
			place := s.arrive(&chat.Mine{Info: chat.Info{ID: room, Head: 4}}, map[chat.RoomID]uint64{room: 1}, 500)
			s.take(place, &contract.RoomEvents{Gone: true})
		}, []string{"ack", "gone"}},
		"the client has gone": {committed, func(s *Session) { s.over.Store(true); s.detach() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g, h := newHubAlone(t)
			asks, err := contract.EventOf.Answer(g.bus, func(_ context.Context, a *contract.EventAsk) (*contract.EventsPage, error) {
				return &contract.EventsPage{Rooms: []contract.RoomEvents{{Events: []chat.Event{event(3)}}}}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = asks.Stop(context.Background()) }()
			told := &notebook{}
			s := &Session{g: g, user: me, sink: told, arriving: true}
			w := &waiter{cmd: &chat.Command{Room: room, By: me, Nonce: "n3"}, session: s, ref: "r"}
			s.waiting.Add(1)
			h.mu.Lock()
			h.pending.add(w)
			c.known(h)
			h.mu.Unlock()
			g.restless.Wait()
			if len(told.lines) > 0 {
				t.Fatalf("before its rooms are known the client was told %v", told.lines)
			}
			c.then(s)
			g.restless.Wait()
			if !slices.Equal(told.lines, c.want) {
				t.Errorf("the client was told %v", told.lines)
			}
			if n := len(h.pending.waiters) + len(h.pending.coming) + int(s.waiting.Load()); n != 0 {
				t.Errorf("%d traces of the command are kept", n)
			}
		})
	}
}

// The hub and the archive are not at the same place. Who left and came back is
// told of everything once, whichever of them is ahead.
func TestWhoIsBackIsToldOnce(t *testing.T) {
	room, me := chat.RoomID{15: 1}, chat.UserID{15: 2}
	moved := func(seq uint64, op chat.Op) chat.Event {
		return chat.Event{Room: room, Seq: seq, N: seq, Kind: chat.KindMember, By: me, Body: chat.Body{Op: op, User: me}}
	}
	said := func(seq uint64) chat.Event {
		return chat.Event{Room: room, Seq: seq, N: seq, Kind: chat.KindMessage, By: chat.UserID{15: 3}}
	}
	events := []chat.Event{moved(2, chat.OpLeave), moved(3, chat.OpJoin), said(4), said(5)}
	for name, c := range map[string]struct {
		hubFirst bool
		want     []string
	}{
		"the archive is ahead": {false, []string{"2", "3", "4", "5"}},
		"the hub is ahead":     {true, []string{"gone", "room", "4", "5"}},
	} {
		t.Run(name, func(t *testing.T) {
			g, h := newHubAlone(t)
			h.n = 1
			mine, err := contract.Room.Answer(g.bus, func(context.Context, *contract.RoomAsk) (*chat.Mine, error) {
				return &chat.Mine{Info: chat.Info{ID: room, Head: 5}}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = mine.Stop(context.Background()) }()
			missed, err := contract.Events.Answer(g.bus, func(_ context.Context, q *contract.EventsAsk) (*contract.EventsPage, error) {
				return &contract.EventsPage{Rooms: []contract.RoomEvents{{Events: events[q.Cursors[0].After-1:], N: 5}}}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = missed.Stop(context.Background()) }()
			told := &notebook{}
			s := &Session{g: g, user: me, sink: told}
			g.people.add(me, s)
			h.mu.Lock()
			place := h.subscribe(s, room, 1)
			place.room.watched = true
			h.mu.Unlock()
			hear := func() { h.hear(t.Context(), &contract.Notice{Epoch: 1, From: 1, To: 5, Events: events}) }
			catchUp := func(ctx context.Context) { s.catchUp(ctx, []*seat{place}) }
			if c.hubFirst {
				s.later(func(ctx context.Context) { hear(); catchUp(ctx) })
			} else {
				s.later(catchUp)
				g.restless.Wait()
				hear()
			}
			g.restless.Wait()
			if !slices.Equal(told.lines, c.want) {
				t.Errorf("the client was told %v", told.lines)
			}
			if place := s.seat(room); place == nil || !place.live {
				t.Error("it is not in the room")
			}
		})
	}
}

// A command that was given twice, with its nonce, is answered twice, also where
// the session comes to its event by catching up.
func TestEveryRepeatIsAnsweredWhileCatchingUp(t *testing.T) {
	room, me := chat.RoomID{15: 1}, chat.UserID{15: 2}
	event := chat.Event{Room: room, Seq: 2, N: 2, Kind: chat.KindMessage, By: me, Nonce: "n"}
	for name, through := range map[string]func(*hub, *Session, *seat){
		"by the archive": func(_ *hub, s *Session, place *seat) {
			s.take(place, &contract.RoomEvents{Events: []chat.Event{event}, N: 2})
		},
		"by the hub": func(h *hub, s *Session, place *seat) { s.take(place, &contract.RoomEvents{N: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			g, h := newHubAlone(t)
			h.n, h.recent.floor = 1, 1
			told := &notebook{}
			s := &Session{g: g, user: me, sink: told}
			h.mu.Lock()
			place := h.subscribe(s, room, 1)
			for _, ref := range []string{"1", "2"} {
				s.waiting.Add(1)
				h.pending.add(&waiter{cmd: &chat.Command{Room: room, By: me, Nonce: "n"}, session: s, ref: ref})
			}
			h.mu.Unlock()
			h.hear(t.Context(), &contract.Notice{Epoch: 1, From: 1, To: 2, Events: []chat.Event{event}, Answers: []contract.Answer{{Key: event.Key(), Repeat: 2}}})
			through(h, s, place)
			g.restless.Wait()
			if want := []string{"ack 2", "ack 2"}; !slices.Equal(told.lines, want) {
				t.Errorf("the client was told %v", told.lines)
			}
			if n := len(h.pending.waiters) + len(h.pending.coming) + int(s.waiting.Load()); n != 0 {
				t.Errorf("%d traces of the commands are kept", n)
			}
		})
	}
}

// slowDoor is one that has to ask who is in a room before it can tell of it.
type slowDoor struct {
	notebook
	asks, answered chan struct{}
}

func (d *slowDoor) Tell(n Note) {
	if _, is := n.(Entered); is {
		d.asks <- struct{}{}
		<-d.answered
	}
	d.notebook.Tell(n)
}

// A room whose settings are changed is shown again without holding others up,
// once for all the changes that came before it is read, and never as the last
// thing that is told of a room that the user has left.
func TestSettingsAreShownAgain(t *testing.T) {
	g, h := newHubAlone(t)
	room, me := chat.RoomID{15: 1}, chat.UserID{15: 2}
	mine, err := contract.Room.Answer(g.bus, func(context.Context, *contract.RoomAsk) (*chat.Mine, error) {
		return &chat.Mine{Info: chat.Info{ID: room}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mine.Stop(context.Background()) }()
	door := &slowDoor{asks: make(chan struct{}), answered: make(chan struct{})}
	s := &Session{g: g, user: me, sink: door}
	g.people.add(me, s)
	h.mu.Lock()
	place := h.subscribe(s, room, 1)
	place.live = true
	h.mu.Unlock()
	goOn := make(chan struct{})
	s.later(func(context.Context) { <-goOn }) // the client does not read
	for range 10_000 {
		g.mineChanged(t.Context(), &contract.RoomAsk{User: me, Room: room})
	}
	s.mu.Lock()
	if n := len(s.tasks); n != 1 {
		t.Errorf("%d tasks wait for a client that does not read", n)
	}
	s.mu.Unlock()
	close(goOn)
	<-door.asks
	left := chat.Event{Room: room, Seq: 2, N: 2, Kind: chat.KindMember, By: me, Body: chat.Body{Op: chat.OpLeave, User: me}}
	h.hear(t.Context(), &contract.Notice{Epoch: 1, To: 2, Events: []chat.Event{left}}) // nobody holds the hub
	close(door.answered)
	g.restless.Wait()
	if want := []string{"2", "gone", "room", "gone"}; !slices.Equal(door.lines, want) {
		t.Errorf("the client was told %v", door.lines)
	}
}
