package gateway

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// leaver is a client that notes how it was ended.
type leaver struct {
	notebook
	ends chan End
}

func (e *leaver) Close(end End) {
	select {
	case e.ends <- end:
	default:
	}
}

// Marks that nobody takes are no reason to leave a session open whose token has
// run out, or to be taken for dead. They wait, and are taken later.
func TestMarksThatHangHoldUpNothingElse(t *testing.T) {
	b := bustest.Embedded(t)
	asked, lost, taken := make(chan struct{}, 1), make(chan struct{}), make(chan []chat.Mark, 1)
	first := true
	marks, err := contract.SetMarks.Answer(b, func(ctx context.Context, list *contract.MarkList) (*contract.None, error) {
		if !first {
			taken <- list.Marks
			return &contract.None{}, nil
		}
		first = false
		asked <- struct{}{}
		<-ctx.Done()
		close(lost)
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = marks.Stop(context.Background()) }()
	g := New(Config{}, b, bustest.Log(t), prometheus.NewRegistry())
	beats := make(chan struct{}, 100)
	here, err := contract.Here.Subscribe(b, func(context.Context, *contract.HereNotice) { beats <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = here.Stop(context.Background()) }()
	client := &leaver{ends: make(chan End, 1)}
	s := &Session{g: g, user: chat.UserID{15: 2}, sink: client}
	g.people.add(s.user, s)

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { g.keepMarking(ctx) })
	running.Go(func() { g.tick(ctx) })
	defer running.Wait()
	defer cancel()
	mark := chat.Mark{Room: chat.RoomID{15: 1}, User: s.user, Read: 7, Delivered: 7}
	g.marks.add(mark)
	<-asked
	for len(beats) > 0 {
		<-beats
	}
	s.expires.Store(1)
	select {
	case end := <-client.ends:
		if end != EndExpired {
			t.Errorf("it ended with %s", end)
		}
	case <-lost:
		t.Error("its token has run out, and the session waits for marks")
	}
	select {
	case <-beats:
	case <-lost:
		t.Error("presence was told nothing while marks hung")
	}
	g.marks.add(chat.Mark{Room: mark.Room, User: s.user, Delivered: 9})
	select {
	case list := <-taken:
		if len(list) != 1 || list[0].Read != 7 || list[0].Delivered != 9 {
			t.Errorf("taken later: %+v", list)
		}
	case <-time.After(20 * time.Second):
		t.Error("the marks were lost")
	}
}

func TestMarksThatNobodyTakesAreBounded(t *testing.T) {
	var m marks
	for i := range mostMarks + 10 {
		m.add(chat.Mark{Room: chat.RoomID{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16)}, Read: 1})
	}
	m.add(chat.Mark{Read: 5}) // of a room that waits
	if len(m.waiting) != mostMarks || m.waiting[markKey{}].Read != 5 {
		t.Errorf("%d wait, one of them: %+v", len(m.waiting), m.waiting[markKey{}])
	}
}
