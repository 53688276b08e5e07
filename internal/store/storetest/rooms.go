package storetest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func mineOf(t *testing.T, s *store.Store, user chat.UserID, room chat.RoomID) chat.Mine {
	t.Helper()
	m, member, found, err := s.Rooms().One(t.Context(), user, room)
	must(t, err)
	if !member || !found {
		t.Fatalf("member %v, found %v", member, found)
	}
	return m
}

// mark writes marks, and says which moved.
func mark(t *testing.T, s *store.Store, marks ...chat.Mark) []chat.Mark {
	t.Helper()
	moved, err := s.Rooms().Marks(t.Context(), marks)
	must(t, err)
	return moved
}

var rooms = []promise{
	{"unread are the messages after the read mark", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		w.Do(Say(alice, room, "2"), Say(alice, room, "3"), React(alice, room, 2, "👍", chat.OpAdd), Say(bob, room, "5"))
		for _, c := range []struct{ read, unread uint64 }{{0, 3}, {1, 3}, {2, 2}, {4, 1}, {5, 0}} {
			mark(t, s, chat.Mark{Room: room, User: bob, Read: c.read})
			if m := mineOf(t, s, bob, room); m.Read != c.read || m.Unread != c.unread || m.Last.Seq != 5 || m.Messages != 3 {
				t.Errorf("read up to %d: %+v", c.read, m)
			}
		}
	}},
	{"mentions are of me or of all, after the read mark, by others, each message once", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		say := func(by chat.UserID, all bool, who ...chat.UserID) {
			c := Say(by, room, "@")
			c.Body.Mentions, c.Body.MentionAll = who, all
			w.Event(c)
		}
		say(alice, false, bob)   // 2
		say(alice, true, bob)    // 3
		say(alice, false, carol) // 4
		say(bob, true, bob)      // 5: bob himself
		say(carol, true)         // 6
		for _, c := range []struct{ read, mentions uint64 }{{0, 3}, {2, 2}, {3, 1}, {6, 0}} {
			mark(t, s, chat.Mark{Room: room, User: bob, Read: c.read})
			if m := mineOf(t, s, bob, room); m.Mentions != c.mentions {
				t.Errorf("read up to %d: %d mentions instead of %d", c.read, m.Mentions, c.mentions)
			}
		}
	}},
	{"marks only grow, up to the head, for members", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		w.Do(Say(alice, room, "2"), Say(alice, room, "3"))
		moved := mark(t, s,
			chat.Mark{Room: room, User: bob, Read: 2, Delivered: 3}, chat.Mark{Room: room, User: bob, Read: 1, Delivered: 1},
			chat.Mark{Room: room, User: carol, Delivered: 99}, chat.Mark{Room: room, User: ID(9), Read: 1}, chat.Mark{Room: ID(90), User: bob, Read: 1})
		marks, _, err := s.Rooms().Receipts(t.Context(), room, "", 10)
		must(t, err)
		want := []chat.Mark{{Room: room, User: bob, Read: 2, Delivered: 3}, {Room: room, User: carol, Delivered: 3}}
		if !reflect.DeepEqual(marks, want) {
			t.Fatalf("receipts are %+v", marks)
		}
		first, next, err := s.Rooms().Receipts(t.Context(), room, "", 1)
		must(t, err)
		rest, end, err := s.Rooms().Receipts(t.Context(), room, next, 1)
		must(t, err)
		if next == "" || end != "" || !reflect.DeepEqual(append(first, rest...), want) {
			t.Fatalf("in pages they are %+v and %+v", first, rest)
		}
		if !reflect.DeepEqual(moved, want) {
			t.Fatalf("it says that these moved: %+v", moved)
		}
		moved = mark(t, s, chat.Mark{Room: room, User: bob, Read: 99, Delivered: 1}, chat.Mark{Room: room, User: carol, Delivered: 2})
		if want := []chat.Mark{{Room: room, User: bob, Read: 3, Delivered: 3}}; !reflect.DeepEqual(moved, want) {
			t.Fatalf("then it says that these moved: %+v", moved)
		}
		w.Event(Member(bob, room, chat.OpLeave, bob, ""))
		marks, _, err = s.Rooms().Receipts(t.Context(), room, "", 10)
		must(t, err)
		if len(marks) != 1 {
			t.Fatalf("after bob left, receipts are %+v", marks)
		}
	}},
	{"many marks at once are all written", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		var marks []chat.Mark
		for range 450 {
			room := w.Event(Create(chat.Group, "g", alice)).Room
			marks = append(marks, chat.Mark{Room: room, User: alice, Read: 1})
		}
		if moved := mark(t, s, marks...); len(moved) != len(marks) {
			t.Fatalf("%d of %d moved", len(moved), len(marks))
		}
		for _, m := range marks {
			if mineOf(t, s, alice, m.Room).Read != 1 {
				t.Fatalf("%s is not marked", m.Room)
			}
		}
	}},
	{"my rooms come most recently active first, and pages do not repeat or skip", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		var want []chat.RoomID
		for i := range 7 {
			want = append([]chat.RoomID{w.Event(Create(chat.Group, fmt.Sprint(i), alice, bob)).Room}, want...)
		}
		w.Event(Say(bob, want[4], "up"))
		want = append([]chat.RoomID{want[4]}, append(want[:4:4], want[5:]...)...)
		var have []chat.RoomID
		next := ""
		for {
			mine, more, err := s.Rooms().Mine(t.Context(), alice, next, 3)
			must(t, err)
			for _, m := range mine {
				if m.Role != chat.RoleOwner || m.Notify != chat.NotifyAll || m.Last == nil {
					t.Errorf("a room is %+v", m)
				}
				have = append(have, m.ID)
			}
			if next = more; next == "" {
				break
			}
			w.Event(Create(chat.Group, "meanwhile", alice))
		}
		if !reflect.DeepEqual(have, want) {
			t.Fatalf("rooms are %v, should be %v", have, want)
		}
		_, _, err := s.Rooms().Mine(t.Context(), alice, "nonsense", 3)
		mustCode(t, err, chat.Invalid)
	}},
	{"by id, pages have every room, also one that becomes active meanwhile", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		var want, have []chat.RoomID
		for i := range 7 {
			want = append(want, w.Event(Create(chat.Group, fmt.Sprint(i), alice, bob)).Room)
		}
		want = chat.SortIDs(want)
		next := ""
		for {
			mine, more, err := s.Rooms().MineByID(t.Context(), alice, next, 3)
			must(t, err)
			for _, m := range mine {
				if m.Role != chat.RoleOwner || m.Last == nil {
					t.Errorf("a room is %+v", m)
				}
				have = append(have, m.ID)
			}
			if next = more; next == "" {
				break
			}
			w.Event(Say(bob, want[6], "the last one goes up"))
		}
		if !reflect.DeepEqual(have, want) {
			t.Fatalf("rooms are %v, should be %v", have, want)
		}
		_, _, err := s.Rooms().MineByID(t.Context(), alice, "nonsense", 3)
		mustCode(t, err, chat.Invalid)
	}},
	{"a direct room names the other one", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		room := w.Event(Create(chat.Direct, "", alice, bob)).Room
		notes := w.Event(Create(chat.Direct, "", alice)).Room
		if m := mineOf(t, s, alice, room); m.Peer != bob {
			t.Errorf("alice's peer is %s", m.Peer)
		}
		if m := mineOf(t, s, bob, room); m.Peer != alice {
			t.Errorf("bob's peer is %s", m.Peer)
		}
		if m := mineOf(t, s, alice, notes); !m.Peer.IsZero() {
			t.Errorf("the peer of notes is %s", m.Peer)
		}
	}},
	{"one room tells whether it is there and mine", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		m, member, found, err := s.Rooms().One(t.Context(), ID(9), room)
		must(t, err)
		if member || !found || m.Info != w.Rooms[room].Info || m.Last != nil {
			t.Errorf("to a stranger: member %v, found %v, %+v", member, found, m)
		}
		if _, _, found, err = s.Rooms().One(t.Context(), alice, ID(9)); found || err != nil {
			t.Errorf("a room that is not there is found: %v, %v", found, err)
		}
	}},
	{"channels are found by the beginning of name or handle, archived ones not", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		for _, name := range []string{"Zebra", "apple pie", "Apple Juice", "Über"} {
			w.Event(Create(chat.Channel, name, alice))
		}
		handled := Create(chat.Channel, "The Fruit", alice)
		handled.Body.Handle = "apples"
		w.Event(handled)
		w.Event(Create(chat.Group, "Apple secret", alice))
		old := w.Event(Create(chat.Channel, "Apple old", alice)).Room
		c := command(chat.KindRoom, alice, old)
		c.Body.Op = chat.OpArchive
		w.Event(c)
		names := func(find func(query, cursor string) ([]chat.Info, string, error), query string) (names []string) {
			for next := ""; ; {
				list, more, err := find(query, next)
				must(t, err)
				for _, info := range list {
					names = append(names, info.Name)
				}
				if next = more; next == "" {
					return names
				}
			}
		}
		public := func(query, cursor string) ([]chat.Info, string, error) {
			return s.Rooms().Public(t.Context(), query, cursor, 2)
		}
		if have, want := names(public, "APPLE"), []string{"Apple Juice", "apple pie", "The Fruit"}; !reflect.DeepEqual(have, want) {
			t.Errorf("APPLE finds %v", have)
		}
		if have := names(public, "ü"); len(have) != 1 {
			t.Errorf("ü finds %v", have)
		}
		if have := names(public, ""); len(have) != 5 {
			t.Errorf("nothing finds %v", have)
		}
		all := func(query, cursor string) ([]chat.Info, string, error) {
			return s.Rooms().All(t.Context(), query, cursor, 3)
		}
		if have := names(all, "apple"); len(have) != 5 {
			t.Errorf("all that begin with apple are %v", have)
		}
	}},
	{"members come in pages, or as asked for", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		w.Event(Member(alice, room, chat.OpRole, bob, chat.RoleModerator))
		first, next, err := s.Rooms().Members(t.Context(), room, nil, "", 2)
		must(t, err)
		rest, end, err := s.Rooms().Members(t.Context(), room, nil, next, 2)
		must(t, err)
		at := w.Rooms[room].CreatedAt
		want := []chat.Member{
			{User: alice, Role: chat.RoleOwner, JoinedAt: at}, {User: bob, Role: chat.RoleModerator, JoinedAt: at},
			{User: carol, Role: chat.RoleMember, JoinedAt: at},
		}
		if have := append(first, rest...); !reflect.DeepEqual(have, want) || next == "" || end != "" {
			t.Fatalf("members are %+v", have)
		}
		some, _, err := s.Rooms().Members(t.Context(), room, []chat.UserID{carol, ID(9), carol}, "", 10)
		must(t, err)
		if !reflect.DeepEqual(some, want[2:]) {
			t.Fatalf("some are %+v", some)
		}
		for id, want := range map[chat.UserID]chat.Role{alice: chat.RoleOwner, ID(9): ""} {
			if role, err := s.Rooms().IsMember(t.Context(), room, id); err != nil || role != want {
				t.Errorf("%s is %q, %v", id, role, err)
			}
		}
	}},
	{"a member's own settings change one by one", func(t *testing.T, open Open) {
		s, _, room := team(t, open)
		yes, no, none := true, false, chat.NotifyNone
		must(t, s.Rooms().SetMine(t.Context(), bob, room, chat.Settings{Muted: &yes, Favourite: &yes}))
		must(t, s.Rooms().SetMine(t.Context(), bob, room, chat.Settings{Notify: &none, Muted: &no}))
		if m := mineOf(t, s, bob, room); m.Muted || !m.Favourite || m.Notify != chat.NotifyNone {
			t.Fatalf("bob's settings are %+v", m)
		}
		if m := mineOf(t, s, alice, room); m.Favourite || m.Notify != chat.NotifyAll {
			t.Fatalf("alice's settings are %+v", m)
		}
	}},
	{"a handle is one room's", func(t *testing.T, open Open) {
		s := open(t)
		create := Create(chat.Channel, "Team", alice)
		create.Body.Handle = "team"
		room := NewWorker(t, s).Event(create).Room
		must(t, s.Rooms().ReserveHandle(t.Context(), "team", room))
		must(t, s.Rooms().ReserveHandle(t.Context(), "team", room))
		mustCode(t, s.Rooms().ReserveHandle(t.Context(), "team", ID(9)), chat.Conflict)
		must(t, s.Rooms().ReleaseHandle(t.Context(), "team", room))
		mustCode(t, s.Rooms().ReserveHandle(t.Context(), "team", ID(9)), chat.Conflict)
		must(t, s.Rooms().ReserveHandle(t.Context(), "free", ID(9)))
		must(t, s.Rooms().ReleaseHandle(t.Context(), "free", ID(9)))
		must(t, s.Rooms().ReserveHandle(t.Context(), "free", room))
		must(t, s.Rooms().ReleaseHandle(t.Context(), "free", room)) // which has another
		must(t, s.Rooms().ReserveHandle(t.Context(), "free", ID(9)))
	}},
	{"a reader goes on where it was", func(t *testing.T, open Open) {
		s := open(t)
		n, err := s.Readers().Position(t.Context(), "push", 0)
		must(t, err)
		if n != 0 {
			t.Fatalf("a new reader is at %d", n)
		}
		must(t, s.Readers().SetPosition(t.Context(), "push", 0, 7))
		must(t, s.Readers().SetPosition(t.Context(), "push", 0, 9))
		must(t, s.Readers().SetPosition(t.Context(), "hooks", 0, 1))
		if n, err = s.Readers().Position(t.Context(), "push", 0); err != nil || n != 9 {
			t.Fatalf("it is at %d, %v", n, err)
		}
	}},
}
