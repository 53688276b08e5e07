package gateway

import (
	"context"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// feedOf is an archive whose partition stands where the test says.
type feedOf struct {
	mu   sync.Mutex
	page contract.FeedPage
}

func (f *feedOf) stands(n, epoch uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.page = contract.FeedPage{N: n, Epoch: epoch}
}

func newHubOver(t *testing.T) (*hub, *feedOf) {
	t.Helper()
	b, feed := bustest.Embedded(t), &feedOf{}
	feed.stands(100, 7)
	sub, err := contract.Feed.Answer(b, func(context.Context, *contract.FeedAsk) (*contract.FeedPage, error) {
		feed.mu.Lock()
		defer feed.mu.Unlock()
		page := feed.page
		return &page, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Stop(context.Background()) })
	h := newHub(New(Config{}, b, bustest.Log(t), prometheus.NewRegistry()), 0, 1<<20)
	t.Cleanup(func() { _ = h.appender.Close(context.Background()) })
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.watch.registered, h.watch.registration = true, 1
	return h, feed
}

// newHubAlone is the one hub of a gateway, over a log that nobody decides.
func newHubAlone(t *testing.T) (*Gateway, *hub) {
	t.Helper()
	b := bustest.Embedded(t)
	if _, err := b.MakeLog(t.Context(), 0, bus.LogConfig{}); err != nil {
		t.Fatal(err)
	}
	g := New(Config{}, b, bustest.Log(t), prometheus.NewRegistry())
	g.presence = newPresence(g)
	h := newHub(g, 0, 1<<20)
	t.Cleanup(func() { _ = h.appender.Close(context.Background()) })
	g.hubs.Store(&[]*hub{h})
	h.watch.epoch, h.watch.registered = 1, true
	return g, h
}

// ending is a client that waits for its end.
type ending struct {
	Sink
	ends chan End
}

func (e ending) Close(end End) { e.ends <- end }

// A database that is restored stands at an earlier number, or has an earlier
// owner. Who was given what is not there any more starts anew.
func TestAFeedOfAnotherPastEndsSessions(t *testing.T) {
	for name, c := range map[string]struct{ n, epoch uint64 }{
		"it stands at an earlier number": {99, 7},
		"it had fewer owners":            {100, 6},
	} {
		t.Run(name, func(t *testing.T) {
			h, feed := newHubOver(t)
			client := ending{ends: make(chan End, 1)}
			h.g.people.add(chat.UserID{15: 1}, &Session{g: h.g, sink: client})
			feed.stands(c.n, c.epoch)
			// What the owner says that was put out is of the past that is gone.
			h.hear(t.Context(), &contract.Notice{Epoch: 7, Registration: 1, From: 103, To: 105})
			if end := <-client.ends; end != EndInternal {
				t.Errorf("the session ends with %s", end)
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.n != c.n || h.watch.epoch != c.epoch || h.watch.registered {
				t.Errorf("it stands at %d of epoch %d, registered: %v", h.n, h.watch.epoch, h.watch.registered)
			}
		})
	}
}

// An owner that is replaced while the feed is read is not one that was restored.
func TestANewOwnerEndsNoSessions(t *testing.T) {
	h, feed := newHubOver(t)
	h.g.people.add(chat.UserID{15: 1}, &Session{g: h.g, sink: ending{ends: make(chan End)}}) // whoever ends it blocks
	feed.stands(104, 8)
	h.hear(t.Context(), &contract.Notice{Epoch: 7, Registration: 1, From: 103, To: 105})
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n != 104 || h.watch.epoch != 8 || h.watch.registered {
		t.Errorf("it stands at %d of epoch %d, registered: %v", h.n, h.watch.epoch, h.watch.registered)
	}
}

func TestANoticeForAnEarlierRegistrationMayLackRooms(t *testing.T) {
	w := watch{epoch: 3, registered: true, registration: 5, kick: make(chan struct{}, 1), changed: make(chan struct{})}
	if w.accepts(&contract.Notice{Epoch: 3, Registration: 4}) || !w.accepts(&contract.Notice{Epoch: 3, Registration: 5}) {
		t.Error("a notice for an earlier registration is believed, or one for ours is not")
	}
}

func TestAnAskThatWaitsForAnOwnerThatIsGoneIsGivenUp(t *testing.T) {
	w := watch{epoch: 3, registered: true, kick: make(chan struct{}, 1), changed: make(chan struct{})}
	asking, cancel := context.WithCancel(t.Context())
	w.giveUp = cancel
	if w.follow(3); asking.Err() != nil || !w.registered {
		t.Error("nothing is new")
	}
	if w.follow(4); asking.Err() == nil || w.registered {
		t.Error("it waits for an owner that is gone")
	}
}
