package gateway

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

func userNo(n int) (id chat.UserID) {
	id[6], id[8] = 0x70, 0x80
	binary.BigEndian.PutUint32(id[12:], uint32(n)) //nolint:gosec // small
	return id
}

// Whom the sessions of a gateway watch fits into no message when there are many.
func TestManyWatchedAreToldInPieces(t *testing.T) {
	b := bustest.Embedded(t)
	var mu sync.Mutex
	heard, done := map[chat.UserID]bool{}, make(chan int, 1)
	pieces := 0
	sub, err := contract.WatchPresence.Subscribe(b, func(_ context.Context, w *contract.PresenceWatch) {
		mu.Lock()
		defer mu.Unlock()
		if w.On != (pieces > 0) {
			t.Errorf("piece %d goes on: %v", pieces, w.On)
		}
		pieces++
		for _, id := range w.Users {
			heard[id] = true
		}
		if !w.More {
			done <- len(heard)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Stop(context.Background()) }()
	g := New(Config{}, b, bustest.Log(t), prometheus.NewRegistry())
	const many = 50_000
	for i := range many {
		g.presence.watchers[userNo(i)] = []*Session{{}}
	}
	g.presence.rewatch = true
	g.presence.beat(t.Context())
	select {
	case n := <-done:
		if n != many {
			t.Errorf("told of %d", n)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing was told")
	}
}

func TestWhatCouldNotBeToldIsToldAgain(t *testing.T) {
	b := bustest.Embedded(t)
	g := New(Config{}, b, bustest.Log(t), prometheus.NewRegistry())
	g.presence.rewatch = true
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.presence.beat(t.Context())
	if !g.presence.rewatch {
		t.Error("whom we watch is never told")
	}
}

func TestAUserWatchesSoManyWithAllTheirSockets(t *testing.T) {
	g := New(Config{}, bustest.Embedded(t), bustest.Log(t), prometheus.NewRegistry())
	ids := make([]chat.UserID, MaxWatched)
	var sessions []*Session
	watches := func(s *Session, ids []chat.UserID) int {
		s.WatchPresence("r", ids)
		return len(s.watches)
	}
	for n := range MaxWatchedByUser/MaxWatched + 1 {
		for i := range ids {
			ids[i] = userNo(n*MaxWatched + i)
		}
		s := &Session{g: g, id: chat.NewID(), user: userNo(1), sink: &notebook{}, asks: true}
		sessions = append(sessions, s)
		if got := watches(s, ids); (got == 0) != (n == MaxWatchedByUser/MaxWatched) {
			t.Fatalf("socket %d watches %d", n, got)
		}
	}
	if watches(sessions[0], ids) != MaxWatched {
		t.Error("a socket cannot change its mind")
	}
	g.presence.went(sessions[1])
	if watches(sessions[len(sessions)-1], ids) != MaxWatched {
		t.Error("what a socket has given up counts")
	}
	for _, s := range sessions {
		g.presence.went(s)
	}
	if n := len(g.presence.watching) + len(g.presence.watchers); n != 0 {
		t.Errorf("%d are kept", n)
	}
}

// Who is refused at once was never here, and takes nobody along.
func TestARefusedSessionLeavesTheOthersHere(t *testing.T) {
	g, _ := newHubAlone(t)
	me := chat.UserID{15: 2}
	live := &Session{g: g, user: me, sink: &notebook{}}
	g.people.add(me, live)
	g.presence.came(live)
	refused := &Session{g: g, user: me, sink: &notebook{}}
	refused.detach()
	if g.presence.here[me] == nil {
		t.Error("who is connected counts as away")
	}
	live.detach()
	live.detach()
	if g.presence.here[me] != nil {
		t.Error("who has gone counts as here")
	}
}
