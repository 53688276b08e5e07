package gateway

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// However often somebody says that they type, the others are told once a second,
// and at the end what was said last.
func TestTypingIsToldOnceASecond(t *testing.T) {
	var ty typing
	key, began := markKey{chat.RoomID{15: 1}, chat.UserID{15: 2}}, time.Unix(1000, 0)
	told, last := 0, false
	for i := range 10_001 {
		now, on := began.Add(time.Duration(i)*time.Millisecond), i%2 == 0
		if i == 10_000 {
			on = true
		}
		if ty.say(key, on, now) {
			told, last = told+1, on
		}
		if i%100 == 0 {
			for _, n := range ty.due(now) {
				told, last = told+1, n.On
			}
		}
	}
	for _, n := range ty.due(began.Add(12 * time.Second)) {
		told, last = told+1, n.On
	}
	if told > 12 || !last {
		t.Errorf("told %d times, at last %v", told, last)
	}
	ty.due(began.Add(20 * time.Second))
	if len(ty.recent) != 0 {
		t.Errorf("%d are kept", len(ty.recent))
	}
}

// Who sends a message and types on at once is seen typing: the message has ended it
// where it is shown.
func TestWhoTypesOnIsToldAgain(t *testing.T) {
	var ty typing
	key, began := markKey{chat.RoomID{15: 1}, chat.UserID{15: 2}}, time.Unix(1000, 0)
	if !ty.say(key, true, began) || ty.say(key, false, began.Add(200*time.Millisecond)) || ty.say(key, true, began.Add(300*time.Millisecond)) {
		t.Fatal("it is not told once")
	}
	if due := ty.due(began.Add(typingEvery)); len(due) != 1 || !due[0].On {
		t.Errorf("told then: %v", due)
	}
	if due := ty.due(began.Add(2 * typingEvery)); len(due) != 0 || len(ty.recent) != 0 {
		t.Errorf("told without a change: %v", due)
	}
}

func TestWhatChangesNoRoomIsLimitedBySocket(t *testing.T) {
	g := New(Config{}, bustest.Embedded(t), bustest.Log(t), prometheus.NewRegistry())
	told := &notebook{}
	s := &Session{g: g, id: chat.NewID(), user: chat.UserID{15: 2}, sink: told}
	for s.Allow() == nil {
	}
	s.seats = []*seat{{room: &room{id: chat.RoomID{15: 1}}}}
	s.Typing(chat.RoomID{15: 1}, true)
	if len(g.typing.recent) != 0 {
		t.Error("typing is not dropped")
	}
	s.Read(chat.RoomID{15: 1}, 7)
	if len(g.marks.take()) != 0 {
		t.Error("a mark does not wait")
	}
	g.marks.catchUp()
	if list := g.marks.take(); len(list) != 1 || list[0].Read != 7 {
		t.Errorf("the mark became %v", list)
	}
	before := len(told.lines)
	s.SetStatus("r", contract.Busy, "")
	s.WatchPresence("r", []chat.UserID{s.user})
	if len(told.lines) != before || len(g.presence.watchers) != 0 {
		t.Error("it is done all the same")
	}
	other := &Session{g: g, id: chat.NewID(), user: s.user, sink: told}
	if err := other.Allow(); err != nil {
		t.Errorf("another socket pays: %v", err)
	}
	if len(g.limits.told()) != 0 {
		t.Error("other gateways are told")
	}
	g.limits.forget(string(s.id[:]), LimitHint)
	g.limits.forget(string(other.id[:]), LimitHint)
	if len(g.limits.buckets) != 0 {
		t.Error("a bucket is kept")
	}
}
