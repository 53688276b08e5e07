package storetest

import (
	"fmt"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// catchUp lets the index read the feed to its end.
func catchUp(t *testing.T, s *store.Store) {
	t.Helper()
	for {
		moved, err := s.Search().Catch(t.Context())
		must(t, err)
		if moved == 0 {
			return
		}
	}
}

// found are the texts that a search finds, with their matches in brackets.
func found(t *testing.T, s *store.Store, user chat.UserID, query string, room chat.RoomID, from chat.UserID, before int64) (texts []string) {
	t.Helper()
	catchUp(t, s)
	for next := ""; ; {
		hits, more, err := s.Search().Query(t.Context(), user, query, room, from, before, next, 2)
		must(t, err)
		for _, h := range hits {
			text, shift := h.Message.Text, 0
			for _, r := range h.Highlights {
				text = text[:r[0]+shift] + "[" + text[r[0]+shift:r[1]+shift] + "]" + text[r[1]+shift:]
				shift += 2
			}
			texts = append(texts, text)
		}
		if next = more; next == "" {
			return texts
		}
	}
}

var searches = []promise{
	{"search finds words and beginnings, newest first, in the asker's rooms", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		private := w.Event(Create(chat.Group, "Private", alice)).Room
		lobby := w.Event(Create(chat.Channel, "Lobby", alice)).Room
		w.Event(Say(alice, room, "The quick brown fox"))
		w.Event(Say(bob, room, "Quickly, über the FOXES"))
		w.Event(Say(alice, private, "a private fox"))
		w.Event(Say(alice, lobby, "a fox in the lobby"))
		last := w.Event(Say(carol, room, "no animal, room by text"))
		var zero chat.ID
		for _, c := range []struct {
			user   chat.UserID
			query  string
			room   chat.RoomID
			from   chat.UserID
			before int64
			want   string
		}{
			{bob, "fox", zero, zero, 0, "[Quickly, über the [FOXES] The quick brown [fox]]"},
			{bob, "quick fox", zero, zero, 0, "[The [quick] brown [fox]]"},
			{bob, "UBER", zero, zero, 0, "[Quickly, [über] the FOXES]"},
			{alice, "fox", zero, zero, 0, "[a [fox] in the lobby a private [fox] Quickly, über the [FOXES] The quick brown [fox]]"},
			{alice, "fox", private, zero, 0, "[a private [fox]]"},
			{alice, "fox", zero, bob, 0, "[Quickly, über the [FOXES]]"},
			{bob, "fox", private, zero, 0, "[]"},
			{bob, "fox", lobby, zero, 0, "[]"},
			{bob, "the", zero, zero, last.At - 2, "[Quickly, über [the] FOXES [The] quick brown fox]"},
			{bob, "", zero, zero, 0, "[]"}, {bob, "!?", zero, zero, 0, "[]"}, {bob, `"fo`, zero, zero, 0, "[Quickly, über the [FOXES] The quick brown [fox]]"},
			{bob, "quick OR animal", zero, zero, 0, "[]"}, {bob, "text:fox", zero, zero, 0, "[]"}, {bob, "NEAR(fox*) - ^", zero, zero, 0, "[]"},
		} {
			if have := fmt.Sprint(found(t, s, c.user, c.query, c.room, c.from, c.before)); have != c.want {
				t.Errorf("%q finds %s instead of %s", c.query, have, c.want)
			}
		}
	}},
	{"search sees edits and deletes", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		one, two := w.Event(Say(alice, room, "apple")), w.Event(Say(alice, room, "apple pie"))
		if have := found(t, s, bob, "apple", chat.RoomID{}, chat.UserID{}, 0); len(have) != 2 {
			t.Fatalf("found %v", have)
		}
		w.Do(Edit(alice, room, one.Seq, "pear"), Delete(alice, room, two.Seq))
		for query, want := range map[string]string{"apple": "[]", "pear": "[[pear]]", "pie": "[]"} {
			if have := fmt.Sprint(found(t, s, bob, query, chat.RoomID{}, chat.UserID{}, 0)); have != want {
				t.Errorf("%s finds %s", query, have)
			}
		}
		must(t, s.Search().Rebuild(t.Context()))
		for query, want := range map[string]string{"apple": "[]", "pear": "[[pear]]", "pie": "[]"} {
			if have := fmt.Sprint(found(t, s, bob, query, chat.RoomID{}, chat.UserID{}, 0)); have != want {
				t.Errorf("after a rebuild %s finds %s", query, have)
			}
		}
	}},
	{"search forgets a room with the membership, and what was deleted before it was indexed", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		said := w.Event(Say(alice, room, "cherry"))
		catchUp(t, s)
		w.Event(Delete(alice, room, said.Seq))
		hits, _, err := s.Search().Query(t.Context(), bob, "cherry", chat.RoomID{}, chat.UserID{}, 0, "", 10)
		must(t, err)
		if len(hits) != 0 {
			t.Fatalf("found %+v", hits)
		}
		w.Event(Say(alice, room, "cherry tree"))
		if have := found(t, s, bob, "cherry", room, chat.UserID{}, 0); len(have) != 1 {
			t.Fatalf("found %v", have)
		}
		w.Event(Member(bob, room, chat.OpLeave, bob, ""))
		if have := found(t, s, bob, "cherry", room, chat.UserID{}, 0); len(have) != 0 {
			t.Fatalf("found %v", have)
		}
	}},
	{"search in more rooms than the index is asked about", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		var commands []chat.Command
		for range 120 {
			c := Create(chat.Group, "g", alice)
			commands = append(commands, c, Say(alice, c.Room, "needle"))
		}
		hidden := Create(chat.Group, "g", bob)
		w.Do(append(commands, hidden, Say(bob, hidden.Room, "needle"))...)
		if have := found(t, s, alice, "needle", chat.RoomID{}, chat.UserID{}, 0); len(have) != 120 {
			t.Fatalf("found %d", len(have))
		}
	}},
}
