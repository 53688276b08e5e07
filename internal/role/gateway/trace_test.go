package gateway

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// listening keeps what a client was told.
type listening struct {
	Sink
	told []Note
}

func (l *listening) Tell(n Note) { l.told = append(l.told, n) }

// Nobody begins a trace for a command of a socket: it is found by its own id, in
// what is asked for it and in what it is refused with.
func TestACommandOfASocketIsTracedByItsID(t *testing.T) {
	b := bustest.Embedded(t)
	traces := make(chan string, 1)
	sub, err := contract.Lookup.Answer(b, func(ctx context.Context, _ *contract.LookupAsk) (*contract.UserList, error) {
		traces <- bus.TraceOf(ctx)
		return nil, errors.New("the disk is on fire")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Stop(context.Background()) }()
	g, client := New(Config{}, b, bustest.Log(t), prometheus.NewRegistry()), new(listening)
	s := &Session{g: g, user: chat.UserID{15: 1}, sink: client}
	s.identity.User.ID = s.user
	cmd := &chat.Command{Kind: chat.KindMessage, Room: chat.RoomID{15: 2}, Body: chat.Body{Text: "hi @bob"}}
	s.Do("r", cmd)
	if trace := <-traces; trace != cmd.ID.Hex() {
		t.Errorf("what is asked for %s has the trace %q", cmd.ID, trace)
	}
	r, is := client.told[0].(Refused)
	if !is || r.Err.Code != chat.Unavailable || r.Err.Trace != cmd.ID.Hex() {
		t.Errorf("the client was told %+v", client.told)
	}

	client.told = nil
	h := newHub(g, 0, 1<<20)
	defer func() { _ = h.appender.Close(context.Background()) }()
	for _, code := range []chat.Code{chat.Internal, chat.Forbidden} {
		w := &waiter{cmd: cmd, session: s, ref: "r"}
		s.waiting.Add(1)
		h.mu.Lock()
		h.pending.add(w)
		h.answer([]contract.Answer{{Key: cmd.Key(), Err: &chat.Error{Code: code}}})
		h.mu.Unlock()
	}
	if got := client.told[0].(Refused).Err.Trace; got != cmd.ID.Hex() {
		t.Errorf("a command that failed has the trace %q", got)
	}
	if got := client.told[1].(Refused).Err.Trace; got != "" {
		t.Errorf("a refusal has the trace %q", got)
	}
}
