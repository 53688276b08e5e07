package gateway

import (
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

func waiterFor(nonce string) *waiter {
	return &waiter{cmd: &chat.Command{Room: chat.RoomID{15: 1}, By: chat.UserID{15: 2}, Nonce: nonce}, result: make(chan outcome, 1)}
}

func TestWaitersOfTheSameCommandAreAnsweredOneByOne(t *testing.T) {
	p := pending{waiters: map[chat.NonceKey][]*waiter{}}
	first, second := waiterFor("n"), waiterFor("n")
	p.add(first)
	p.add(second)
	walking := p.of(&chat.Event{Room: chat.RoomID{15: 1}, By: chat.UserID{15: 2}, Nonce: "n"})
	p.answered(first)
	if len(walking) != 2 || walking[1] != second {
		t.Error("the list changed under somebody who walks it")
	}
	if left := p.waiters[second.cmd.Key()]; len(left) != 1 || left[0] != second {
		t.Errorf("%d are left", len(left))
	}
	p.answered(second)
	if len(p.waiters) != 0 {
		t.Errorf("%d commands are kept", len(p.waiters))
	}
}

// A log that was wiped begins with record 1 again. What waits for record 300 of the
// old one would wait until the new one has as many.
func TestWhatWaitsInALogThatIsGoneIsAppendedAgain(t *testing.T) {
	b := bustest.Embedded(t)
	if _, err := b.MakeLog(t.Context(), 0, bus.LogConfig{}); err != nil {
		t.Fatal(err)
	}
	h := newHub(New(Config{}, b, bustest.Log(t), prometheus.NewRegistry()), 0, 1<<20)
	defer func() { _ = h.appender.Close(t.Context()) }()
	h.watch.epoch, h.watch.registered = 1, true
	w := waiterFor("n")
	w.cmd.Kind, w.cmd.ID, w.logSeq = chat.KindMessage, chat.NewID(), 300
	h.pending.add(w)
	h.pending.order, h.pending.decided = []*waiter{w}, 299
	h.hear(t.Context(), &contract.Notice{Epoch: 1, LogSeq: 0})
	for deadline := time.Now().Add(10 * time.Second); ; {
		h.mu.Lock()
		seq, decided := w.logSeq, h.pending.decided
		h.mu.Unlock()
		if seq == 1 && decided == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it waits for record %d, and those up to %d count as decided", seq, decided)
		}
		runtime.Gosched()
	}
}

func TestOneMarkOfSeveralIsKept(t *testing.T) {
	var m marks
	room, user := chat.RoomID{15: 1}, chat.UserID{15: 2}
	m.add(chat.Mark{Room: room, User: user, Read: 5, Delivered: 5})
	m.add(chat.Mark{Room: room, User: user, Delivered: 9})
	m.add(chat.Mark{Room: room, User: user, Read: 3, Delivered: 3})
	list := m.take()
	if len(list) != 1 || list[0].Read != 5 || list[0].Delivered != 9 {
		t.Errorf("%+v", list)
	}
	if len(m.take()) != 0 {
		t.Error("they are told twice")
	}
}

func TestOnlyNoticesOfTheOwnerAreOfUse(t *testing.T) {
	w := watch{epoch: 3, kick: make(chan struct{}, 1), changed: make(chan struct{})}
	if w.accepts(&contract.Notice{Epoch: 3}) {
		t.Error("a notice is of use before anybody is registered")
	}
	w.registered = true
	if !w.accepts(&contract.Notice{Epoch: 3}) || w.accepts(&contract.Notice{Epoch: 2}) {
		t.Error("an older owner is believed, or ours is not")
	}
	changed := w.changed
	if w.accepts(&contract.Notice{Epoch: 4}) || w.registered {
		t.Error("a newer owner does not know us yet")
	}
	select {
	case <-changed:
	default:
		t.Error("who waits for the owner that is gone still waits")
	}
}

func TestARevocationCoversWhatItSays(t *testing.T) {
	login := chat.ID{15: 7}
	id := contract.Identity{User: chat.User{ID: chat.UserID{15: 2}}, Login: login, Issued: 1000, Revoked: 5}
	for name, c := range map[string]struct {
		r    chat.Revocation
		want bool
	}{
		"this session":               {chat.Revocation{Number: 6, Login: login}, true},
		"another session":            {chat.Revocation{Number: 6, Login: chat.ID{15: 8}}, false},
		"everything made before":     {chat.Revocation{Number: 6, NotBefore: 1001}, true},
		"everything made before it":  {chat.Revocation{Number: 6, NotBefore: 1000}, false},
		"a ban, whenever it is made": {chat.Revocation{Number: 6, NotBefore: 1, Banned: true}, true},
		"what accounts knew already": {chat.Revocation{Number: 5, Login: login}, false},
	} {
		ids := newIdentities(&Gateway{})
		c.r.User = id.User.ID
		ids.take(&c.r)
		if got := ids.revoked(&id); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
