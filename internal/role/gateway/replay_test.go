package gateway

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// notebook is a client that writes down what it is told, in words.
type notebook struct{ lines []string }

func (n *notebook) Deliver(d *Delivery, ref string, acks bool) {
	n.lines = append(n.lines, fmt.Sprint(d.Event.Seq))
}

func (n *notebook) Tell(note Note) {
	if _, ok := note.(Gone); ok {
		n.lines = append(n.lines, "gone")
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
			b := bustest.Embedded(t)
			if _, err := b.MakeLog(t.Context(), 0, bus.LogConfig{}); err != nil {
				t.Fatal(err)
			}
			g := New(Config{}, b, bustest.Log(t), prometheus.NewRegistry())
			h := newHub(g, 0, 1<<20)
			defer func() { _ = h.appender.Close(t.Context()) }()
			g.hubs.Store(&[]*hub{h})
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
