package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// stretch is what Archive.Events tells of one room.
type stretch struct {
	room    chat.RoomID
	gone    bool
	head, n uint64
	more    bool
	events  []chat.Event
}

func eventsSince(t *testing.T, s *store.Store, user chat.UserID, runs bool, rooms []chat.RoomID, after []uint64, limit, bytes int) (told []stretch) {
	t.Helper()
	must(t, s.Archive().Events(t.Context(), user, runs, rooms, after, limit, bytes,
		func(room chat.RoomID, gone bool, head, n uint64, more bool, events []chat.Event) {
			told = append(told, stretch{room, gone, head, n, more, events})
		}))
	return told
}

func newest(t *testing.T, s *store.Store, user chat.UserID, room chat.RoomID) []chat.Message {
	t.Helper()
	list, _, _, found, err := s.Archive().History(t.Context(), user, false, room, 0, 0, 0, 0, 100)
	must(t, err)
	if !found {
		t.Fatal("the room is not found")
	}
	return list
}

var archives = []promise{
	{"events are told after a number, to those who may see the room", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		lobby := w.Event(Create(chat.Channel, "Lobby", alice)).Room
		secret := w.Event(Create(chat.Group, "Secret", alice)).Room
		for range 5 {
			w.Event(Say(alice, room, "x"))
		}
		n := w.Shard.Position().N
		rooms, after := []chat.RoomID{room, lobby, secret, ID(50), room}, []uint64{2, 0, 0, 0, 6}
		told := eventsSince(t, s, bob, false, rooms, after, 3, 1<<20)
		if len(told) != 5 {
			t.Fatalf("%d rooms are told", len(told))
		}
		first := told[0]
		if first.gone || first.head != 6 || first.n != n || !first.more || len(first.events) != 3 || first.events[0].Seq != 3 {
			t.Fatalf("the team is %+v", first)
		}
		if told[1].gone || len(told[1].events) != 1 || told[1].more {
			t.Fatalf("the channel is %+v", told[1])
		}
		for _, hidden := range told[2:4] {
			if !hidden.gone || hidden.head != 0 || hidden.events != nil || hidden.n != n {
				t.Fatalf("a room that bob may not see is %+v", hidden)
			}
		}
		if last := told[4]; last.gone || last.more || len(last.events) != 0 || last.head != 6 {
			t.Fatalf("nothing missed is %+v", last)
		}
		if told := eventsSince(t, s, ID(9), true, rooms[2:3], after[2:3], 3, 1<<20); told[0].gone {
			t.Fatal("who runs everything does not see a group")
		}
	}},
	{"a page of events stops at its size, never before one event", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		for range 3 {
			w.Event(Say(alice, room, strings.Repeat("x", 1000)))
		}
		told := eventsSince(t, s, alice, false, []chat.RoomID{room, room}, []uint64{1, 1}, 100, 1500)
		if len(told) != 1 || len(told[0].events) != 2 || !told[0].more {
			t.Fatalf("told is %+v", told)
		}
		if told = eventsSince(t, s, alice, false, []chat.RoomID{room}, []uint64{1}, 100, 1); len(told[0].events) != 1 {
			t.Fatalf("told is %+v", told)
		}
		events, _, _, err := s.Archive().Feed(t.Context(), 0, 0, 100, 1)
		must(t, err)
		if len(events) != 1 {
			t.Fatalf("the feed gives %d events", len(events))
		}
	}},
	{"every body comes back as it was sent", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		full := Say(alice, room, "<b>quoted & \"plain\"</b> 🎉")
		full.Body.ReplyTo, full.Body.Thread = 2, 2
		full.Body.Attachments = json.RawMessage(`[{"url":"a<b"}]`)
		full.Body.Meta = json.RawMessage(`{"k":[1,2]}`)
		full.Body.Mentions, full.Body.MentionAll = []chat.UserID{bob, carol}, true
		bare := Say(alice, room, "")
		bare.Body.Meta = json.RawMessage(`{}`)
		commands := []chat.Command{
			Say(alice, room, "root"), full, bare, Edit(alice, room, 2, "better"), React(bob, room, 2, "👍", chat.OpAdd),
			Member(alice, room, chat.OpAdd, ID(4), chat.RoleModerator), Rename(alice, room, "New"), Delete(alice, room, 4),
		}
		for _, c := range commands[:len(commands)-1] {
			want := w.Event(c)
			have, _, found, err := s.Archive().Event(t.Context(), bob, false, room, want.Seq, chat.UserID{}, "")
			must(t, err)
			if !found || !reflect.DeepEqual(have, *want) {
				t.Fatalf("the event is\n%+v, committed was\n%+v", have, *want)
			}
		}
		sound(t, s)
	}},
	{"history folds edits, reactions and replies into messages", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		root := w.Event(Say(alice, room, "first"))
		reply := Say(bob, room, "reply")
		reply.Body.Thread, reply.Body.ReplyTo = root.Seq, root.Seq
		w.Event(reply)
		edit := w.Event(Edit(alice, room, root.Seq, "second"))
		w.Do(React(bob, room, root.Seq, "👍", chat.OpAdd), React(alice, room, root.Seq, "👍", chat.OpAdd),
			React(alice, room, root.Seq, "🎉", chat.OpAdd), React(bob, room, root.Seq, "🎉", chat.OpAdd),
			React(bob, room, root.Seq, "🎉", chat.OpRemove))
		list := newest(t, s, bob, room)
		if len(list) != 2 {
			t.Fatalf("history has %d messages", len(list))
		}
		want := chat.Message{
			Room: room, Seq: root.Seq, ID: root.ID, By: alice, At: root.At, Text: "second", EditedAt: edit.At, ReplyCount: 1,
			Reactions: []chat.Reaction{
				{Emoji: "👍", Count: 2, Users: []chat.UserID{bob, alice}, Me: true},
				{Emoji: "🎉", Count: 1, Users: []chat.UserID{alice}},
			},
		}
		if !reflect.DeepEqual(list[0], want) {
			t.Fatalf("the message is\n%+v, should be\n%+v", list[0], want)
		}
		if list[1].Thread != root.Seq || list[1].ReplyTo != root.Seq {
			t.Fatalf("the reply is %+v", list[1])
		}
	}},
	{"a reaction names its first twenty people and counts all", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		var people []chat.UserID
		for i := range 25 {
			people = append(people, ID(byte(100+i)))
		}
		room := w.Event(Create(chat.Group, "Many", alice, people...)).Room
		said := w.Event(Say(alice, room, "vote"))
		for _, p := range people {
			w.Event(React(p, room, said.Seq, "👍", chat.OpAdd))
		}
		r := newest(t, s, people[24], room)[0].Reactions[0]
		if r.Count != 25 || !r.Me || !reflect.DeepEqual(r.Users, people[:chat.MaxReactors]) {
			t.Fatalf("the reaction is %+v", r)
		}
	}},
	{"the number at a time is that of the first event then or later", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		room := w.Event(Create(chat.Group, "Team", alice)).Room
		for i := range 40 {
			w.now += int64(i%4)*3 - 1 // pauses, and several at the same time
			w.Event(Say(alice, room, "something"))
		}
		events, _, _, err := s.Archive().Feed(t.Context(), 0, 0, 1000, 1<<20)
		must(t, err)
		newest := events[len(events)-1]
		for at := events[0].At - 1; at <= newest.At+1; at++ {
			want := newest.Seq
			for i := range events {
				if events[i].At >= at {
					want = events[i].Seq
					break
				}
			}
			have, err := s.Archive().NumberAt(t.Context(), room, at)
			must(t, err)
			if have != want {
				t.Fatalf("at %d it is %d, should be %d", at, have, want)
			}
		}
		if _, err := s.Archive().NumberAt(t.Context(), ID(77), 5); err != nil {
			t.Fatalf("a room that does not exist: %v", err)
		}
	}},
	{"history pages in both directions and around a number", checkHistoryPages},
	{"a thread is its root and its replies", checkThread},
	{"a delete clears what was said wherever it is kept", checkDelete},
}

func checkHistoryPages(t *testing.T, open Open) {
	s, w, room := team(t, open)
	for i := range 20 { // messages at 2, 4, …, 40
		w.Event(Say(alice, room, fmt.Sprint(i)))
		w.Event(React(alice, room, uint64(2*i+2), "👍", chat.OpAdd))
	}
	for _, c := range []struct {
		before, after, around uint64
		limit                 int
		first, last           uint64
		more                  bool
	}{
		{limit: 5, first: 32, last: 40, more: true},
		{limit: 20, first: 2, last: 40},
		{before: 12, limit: 3, first: 6, last: 10, more: true},
		{before: 12, limit: 5, first: 2, last: 10},
		{after: 35, limit: 2, first: 36, last: 38, more: true},
		{after: 35, limit: 3, first: 36, last: 40},
		{around: 20, limit: 5, first: 16, last: 24, more: true},
		{around: 21, limit: 4, first: 18, last: 24, more: true},
		{around: 1, limit: 40, first: 2, last: 40},
	} {
		list, head, more, found, err := s.Archive().History(t.Context(), bob, false, room, c.before, c.after, c.around, 0, c.limit)
		must(t, err)
		if !found || head != 41 || more != c.more || list[0].Seq != c.first || list[len(list)-1].Seq != c.last {
			t.Errorf("%+v gives %d to %d, more %v, head %d", c, list[0].Seq, list[len(list)-1].Seq, more, head)
		}
	}
	if _, _, _, found, err := s.Archive().History(t.Context(), ID(9), false, room, 0, 0, 0, 0, 5); found || err != nil {
		t.Errorf("a stranger finds the room: %v, %v", found, err)
	}
}

func checkThread(t *testing.T, open Open) {
	s, w, room := team(t, open)
	w.Event(Say(alice, room, "before"))
	root := w.Event(Say(alice, room, "root"))
	var seqs []uint64
	for range 4 {
		w.Event(Say(bob, room, "beside"))
		c := Say(bob, room, "in")
		c.Body.Thread = root.Seq
		seqs = append(seqs, w.Event(c).Seq)
	}
	read := func(before, after uint64, limit int) (got []uint64, more bool) {
		list, _, more, _, err := s.Archive().History(t.Context(), bob, false, room, before, after, 0, root.Seq, limit)
		must(t, err)
		for _, m := range list {
			got = append(got, m.Seq)
		}
		return got, more
	}
	all := append([]uint64{root.Seq}, seqs...)
	for _, c := range []struct {
		before, after uint64
		limit         int
		want          []uint64
		more          bool
	}{
		{0, 0, 10, all, false}, {0, 0, 5, all, false}, {0, 0, 4, all[1:], true}, {0, 0, 2, all[3:], true},
		{0, 1, 2, all[:2], true}, {0, root.Seq, 10, seqs, false}, {seqs[0], 0, 10, all[:1], false},
	} {
		if got, more := read(c.before, c.after, c.limit); !reflect.DeepEqual(got, c.want) || more != c.more {
			t.Errorf("%+v gives %v, more %v", c, got, more)
		}
	}
}

func checkDelete(t *testing.T, open Open) {
	s, w, room := team(t, open)
	root := w.Event(Say(alice, room, "root"))
	c := Say(alice, room, "my secret")
	c.Body.Mentions, c.Body.MentionAll = []chat.UserID{bob}, true
	c.Body.Attachments, c.Body.Meta = json.RawMessage(`["secret"]`), json.RawMessage(`{"secret":1}`)
	c.Body.Thread = root.Seq
	said := w.Event(c)
	edit := w.Event(Edit(alice, room, said.Seq, "my other secret"))
	reaction := w.Event(React(bob, room, said.Seq, "🔑", chat.OpAdd))
	w.Event(Delete(alice, room, said.Seq))

	for _, e := range eventsSince(t, s, bob, false, []chat.RoomID{room}, []uint64{root.Seq}, 100, 1<<20)[0].events {
		want := e.Seq == said.Seq || e.Seq == edit.Seq || e.Seq == reaction.Seq
		if want && !reflect.DeepEqual(e.Body, chat.Body{Deleted: true}) || e.Body.Deleted != want {
			t.Errorf("event %d says %+v", e.Seq, e.Body)
		}
	}
	list := newest(t, s, bob, room)
	want := chat.Message{Room: room, Seq: said.Seq, ID: said.ID, By: alice, At: said.At, Thread: root.Seq, Deleted: true}
	if len(list) != 2 || !reflect.DeepEqual(list[1], want) || list[0].ReplyCount != 0 {
		t.Errorf("history is %+v", list)
	}
	mine, _, _, err := s.Rooms().One(t.Context(), bob, room)
	must(t, err)
	if mine.Mentions != 0 {
		t.Errorf("bob is still mentioned %d times", mine.Mentions)
	}
	sound(t, s)
}
