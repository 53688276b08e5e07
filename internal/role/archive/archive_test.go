package archive

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ann, bob, carl = storetest.ID(1), storetest.ID(2), storetest.ID(3)

// library is the role at work over a real bus and a real store; Ann and Bob are
// in a group, Carl is not.
type library struct {
	t      *testing.T
	bus    *bus.Bus
	worker *storetest.Worker
	room   chat.RoomID
}

func newLibrary(t *testing.T) *library {
	t.Helper()
	s := storetest.SQLite(t)
	l := &library{t: t, bus: bustest.Embedded(t), worker: storetest.NewWorker(t, s)}
	l.room = l.worker.Event(storetest.Create(chat.Group, "group", ann, bob)).Room
	role := New(l.bus, s.Archive(), s.Search(), bustest.Log(t), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- role.Run(ctx, func() { close(ready) }) }()
	<-ready
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	return l
}

func (l *library) say(text string) *chat.Event {
	return l.worker.Event(storetest.Say(ann, l.room, text))
}

func (l *library) ask(user chat.UserID) contract.RoomAsk {
	return contract.RoomAsk{User: user, Room: l.room}
}

func TestOnlyMembersReadAGroup(t *testing.T) {
	l := newLibrary(t)
	said := l.say("a secret")
	for _, c := range []struct {
		who  contract.RoomAsk
		want chat.Code
	}{
		{l.ask(bob), ""}, {l.ask(carl), chat.NotFound}, {contract.RoomAsk{User: carl, Room: l.room, Runs: true}, ""},
		{contract.RoomAsk{User: bob, Room: chat.NewID()}, chat.NotFound},
	} {
		history, err := contract.History.Ask(t.Context(), l.bus, &contract.HistoryAsk{RoomAsk: c.who})
		if chat.CodeOf(err) != c.want || err == nil && (len(history.Messages) != 1 || history.Head != 2 || history.HasMore) {
			t.Errorf("%+v read %+v, %v", c.who, history, err)
		}
		for _, q := range []contract.EventAsk{{RoomAsk: c.who, Seq: said.Seq}, {RoomAsk: c.who, By: ann, Nonce: said.Nonce}} {
			event, err := contract.EventOf.Ask(t.Context(), l.bus, &q)
			if chat.CodeOf(err) != c.want || err == nil && (event.Rooms[0].Events[0].ID != said.ID || event.Rooms[0].Head != 2) {
				t.Errorf("%+v found %+v, %v", q, event, err)
			}
		}
		events, err := contract.Events.Ask(t.Context(), l.bus, &contract.EventsAsk{User: c.who.User, Runs: c.who.Runs, Cursors: []contract.Cursor{{Room: c.who.Room}}})
		if err != nil || events.Rooms[0].Gone != (c.want != "") || c.want == "" && len(events.Rooms[0].Events) != 2 {
			t.Errorf("%+v caught up with %+v, %v", c.who, events, err)
		}
	}
	_, err := contract.EventOf.Ask(t.Context(), l.bus, &contract.EventAsk{RoomAsk: l.ask(bob), Seq: 99})
	if chat.CodeOf(err) != chat.NotFound {
		t.Errorf("event 99: %v", err)
	}
}

func TestPagesAreBounded(t *testing.T) {
	l := newLibrary(t)
	long := strings.Repeat("x", chat.MaxText)
	for range 40 {
		l.say(long)
	}
	events, err := contract.Events.Ask(t.Context(), l.bus, &contract.EventsAsk{User: bob, Cursors: []contract.Cursor{{Room: l.room}}, Limit: 1 << 30, Bytes: 1 << 30})
	if err != nil || !events.Rooms[0].More || len(events.Rooms[0].Events) < 10 {
		t.Fatalf("%v", err)
	}
	feed, err := contract.Feed.Ask(t.Context(), l.bus, &contract.FeedAsk{Limit: 1 << 30, Bytes: 1 << 30})
	if err != nil || len(feed.Events) < 10 || len(feed.Events) == 41 || feed.N != 41 || feed.Epoch == 0 {
		t.Fatalf("%d of %d, %v", len(feed.Events), feed.N, err)
	}
	read := uint64(0)
	for pages := 0; read < 41; pages++ {
		page, err := contract.Feed.Ask(t.Context(), l.bus, &contract.FeedAsk{After: read, Limit: 7})
		if err != nil || len(page.Events) == 0 || len(page.Events) > 7 || page.Events[0].N != read+1 {
			t.Fatalf("after %d: %+v, %v", read, page, err)
		}
		read = page.Events[len(page.Events)-1].N
	}
	history, err := contract.History.Ask(t.Context(), l.bus, &contract.HistoryAsk{RoomAsk: l.ask(bob), Limit: 1000})
	if err != nil || !history.HasMore || len(history.Messages) < 5 {
		t.Fatalf("the longest messages cannot be read: %v", err)
	}
	if newest := history.Messages[len(history.Messages)-1].Seq; newest != 41 {
		t.Errorf("the newest of the newest is %d", newest)
	}
	after, err := contract.History.Ask(t.Context(), l.bus, &contract.HistoryAsk{RoomAsk: l.ask(bob), After: 1, Limit: 1000})
	if err != nil || !after.HasMore || after.Messages[0].Seq != 2 {
		t.Fatalf("reading forwards: %v", err)
	}
	around, err := contract.History.Ask(t.Context(), l.bus, &contract.HistoryAsk{RoomAsk: l.ask(bob), Around: 20, Limit: 1000})
	if err != nil || !around.HasMore {
		t.Fatalf("reading around: %v", err)
	}
	first, last := around.Messages[0].Seq, around.Messages[len(around.Messages)-1].Seq
	if first > 20 || last < 20 {
		t.Errorf("around 20 are %d to %d", first, last)
	}
}

func TestWhatWasSaidIsFoundWithinASecond(t *testing.T) {
	l := newLibrary(t)
	for range 3 {
		said := l.say("the quick brown fox " + chat.NewID().String())
		word := strings.Fields(said.Body.Text)[4]
		started := time.Now()
		tick := time.NewTicker(10 * time.Millisecond)
		for range tick.C {
			page, err := contract.Search.Ask(t.Context(), l.bus, &contract.SearchAsk{User: bob, Query: word})
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Hits) == 1 && page.Hits[0].Message.Seq == said.Seq {
				break
			}
			if time.Since(started) > 10*time.Second {
				t.Fatalf("%q is not found: %+v", word, page)
			}
		}
		tick.Stop()
		bustest.Prompt(t, "finding it", started, time.Second)
		if page, err := contract.Search.Ask(t.Context(), l.bus, &contract.SearchAsk{User: carl, Query: word}); err != nil || len(page.Hits) != 0 {
			t.Errorf("carl finds %+v, %v", page, err)
		}
	}
}
