package sequencer

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// listening is a gateway that only counts what it is told.
type listening struct {
	run     uint64
	notices chan *contract.Notice
}

// listens registers another gateway, which watches some rooms.
func (d *desk) listens(run uint64, rooms ...chat.RoomID) *listening {
	d.t.Helper()
	l := &listening{run: run, notices: make(chan *contract.Notice, 1000)}
	sub, err := contract.Noticed.At(contract.Run(run)).Subscribe(d.bus, func(_ context.Context, n *contract.Notice) {
		if len(n.Events) > 0 || len(n.Answers) > 0 { // and not only a heartbeat
			l.notices <- n
		}
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = sub.Stop(context.Background()) })
	_, err = contract.Watch.At(contract.Owner(0, d.epoch)).Ask(d.t.Context(), d.bus,
		&contract.WatchAsk{Run: run, Registration: 1, Number: 1, Add: rooms})
	if err != nil {
		d.t.Fatal(err)
	}
	return l
}

// commits appends commands as one record, which is one commit, and then makes a
// room, which every gateway hears of: what came before was told before.
func (d *desk) commits(run uint64, commands ...chat.Command) chat.RoomID {
	d.t.Helper()
	for i := range commands {
		commands[i].ID, commands[i].As = chat.NewID(), chat.OrgMember
	}
	seq, err := d.bus.Log(0).Append(d.t.Context(), &bus.Envelope{ID: chat.NewID(), Gateway: run, Commands: commands})
	for decided := uint64(0); err == nil && decided < seq; {
		var a *contract.WatchersAnswer
		if a, err = contract.Watchers.At(contract.Partition(0)).Ask(d.t.Context(), d.bus, &contract.WatchersAsk{}); err == nil {
			decided = a.Decided
		}
	}
	if err != nil {
		d.t.Fatal(err)
	}
	nonce, name := chat.NewID().String(), "end"
	end := chat.CreatedRoomID(bob, nonce)
	d.ask(chat.Command{Room: end, By: bob, Nonce: nonce, Kind: chat.KindRoom, Body: chat.Body{Op: chat.OpCreate, RoomKind: chat.Group, Name: &name}})
	return end
}

// before lists what the gateway was told before it heard of a room.
func (l *listening) before(t *testing.T, end chat.RoomID) (told []*contract.Notice) {
	t.Helper()
	for {
		select {
		case n := <-l.notices:
			if len(n.Events) > 0 && n.Events[len(n.Events)-1].Room == end {
				return told
			}
			told = append(told, n)
		case <-time.After(20 * time.Second):
			t.Fatal("it is told nothing more")
		}
	}
}

// TestMoreIsSaidThanFitsInAMessage: the notices follow each other without a gap,
// and only the last one says that all is decided.
func TestMoreIsSaidThanFitsInAMessage(t *testing.T) {
	b := bustest.Embedded(t)
	s := New(Config{}, b, nil, bustest.Log(t), prometheus.NewRegistry())
	w := &worker{Sequencer: s, at: chat.Position{Epoch: 1, N: 3000}, decided: 50}
	l := &listener{run: 5, told: 1000, log: 40}
	notices := make(chan *contract.Notice, 100)
	sub, err := contract.Noticed.At(contract.Run(l.run)).Subscribe(b, func(_ context.Context, n *contract.Notice) { notices <- n })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop(context.Background())
	var events []*chat.Event
	for n := uint64(1001); n <= 3000; n++ {
		events = append(events, &chat.Event{N: n, Seq: n, Nonce: strings.Repeat("n", 128), Body: chat.Body{Text: strings.Repeat("x", 300)}})
	}
	var answers []contract.Answer
	for i := range uint64(3000) {
		answers = append(answers, contract.Answer{Key: chat.NonceKey{Nonce: strings.Repeat("n", 128)}, Repeat: i + 1,
			Err: chat.Errorf(chat.Forbidden, "%s", strings.Repeat("no ", 50))})
	}
	w.tellAll(t.Context(), l, events, answers)
	at, answered, messages := uint64(1000), uint64(0), 0
	for last := false; !last; messages++ {
		var n *contract.Notice
		select {
		case n = <-notices:
		case <-time.After(20 * time.Second):
			t.Fatalf("no more is said after %d messages, up to %d and %d answers", messages, at, answered)
		}
		if n.From != at {
			t.Fatalf("message %d begins at %d, not at %d", messages, n.From, at)
		}
		for i := range n.Events {
			if at++; n.Events[i].N != at {
				t.Fatalf("event %d comes where %d is due", n.Events[i].N, at)
			}
		}
		for _, a := range n.Answers {
			if answered++; a.Repeat != answered {
				t.Fatalf("answer %d comes where %d is due", a.Repeat, answered)
			}
		}
		last = n.LogSeq == 50
		if n.To != at || !last && n.LogSeq != 40 || last != (answered == 3000) {
			t.Fatalf("message %d ends at %d, log %d, after event %d and %d answers", messages, n.To, n.LogSeq, at, answered)
		}
	}
	if at != 3000 || messages < 4 {
		t.Errorf("%d messages, up to %d", messages, at)
	}
}

func TestACommitIsOneMessageToEachGatewayThatItConcerns(t *testing.T) {
	d := newDesk(t)
	room := d.room("general")
	watches, watchesToo, elsewhere := d.listens(1, room), d.listens(2, room), d.listens(3)
	expect := func(what string, end chat.RoomID, want map[*listening]int, events int) {
		t.Helper()
		for l, n := range want {
			told := l.before(t, end)
			if len(told) != n {
				t.Errorf("%s: gateway %d is sent %d messages, not %d", what, l.run, len(told), n)
			}
			got := 0
			for _, notice := range told {
				got += len(notice.Events)
			}
			if n > 0 && got != events {
				t.Errorf("%s: gateway %d is told %d events, not %d", what, l.run, got, events)
			}
		}
	}
	several := func(n, size int) (all []chat.Command) {
		for range n {
			all = append(all, say(room, ann, chat.NewID().String(), strings.Repeat("x", size)))
		}
		return all
	}

	end := d.commits(1, several(50, 100)...)
	expect("50 messages", end, map[*listening]int{watches: 1, watchesToo: 1, elsewhere: 0}, 50)

	end = d.commits(1, chat.Command{Room: room, By: ann, Nonce: "add", Kind: chat.KindMember, Body: chat.Body{Op: chat.OpAdd, User: chat.UserID{15: 9}}})
	expect("a new member", end, map[*listening]int{watches: 1, watchesToo: 1, elsewhere: 1}, 1)

	end = d.commits(3, say(chat.RoomID{15: 77}, ann, "nowhere", "is anybody there?"))
	expect("a refusal", end, map[*listening]int{watches: 0, watchesToo: 0, elsewhere: 1}, 0)

	end = d.commits(2, append(several(3, 100), say(chat.RoomID{15: 77}, ann, "nowhere, again", "?"))...)
	expect("a refusal among messages", end, map[*listening]int{watches: 1, watchesToo: 1, elsewhere: 0}, 3)

	// As much as one record may hold: an event is a little longer than its command.
	full := &bus.Envelope{ID: chat.NewID(), Gateway: 1, Commands: several(15, chat.MaxText)}
	for bytes := 0; bytes < bus.MaxBytes-20_000; {
		full.Commands = append(full.Commands, several(10, 10)...)
		encoded, err := full.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		bytes = len(encoded)
	}
	end = d.commits(1, full.Commands...)
	expect("more than fits in one message", end, map[*listening]int{watches: 2, watchesToo: 2, elsewhere: 0}, len(full.Commands))
}
