package store_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func openSQLite(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestWhatWasCommittedIsRead(t *testing.T) {
	s := openSQLite(t)
	w := storetest.NewWorker(t, s)
	alice, bob := storetest.ID(1), storetest.ID(2)
	room := w.Event(storetest.Create("group", "team", alice, bob)).Room
	said := w.Event(storetest.Say(alice, room, "hello"))
	w.Event(storetest.React(bob, room, said.Seq, "👍", "add"))
	list, head, more, found, err := s.Archive().History(t.Context(), bob, false, room, 0, 0, 0, 0, 50)
	if err != nil || !found || more || head != 3 || len(list) != 1 || list[0].Text != "hello" || !list[0].Reactions[0].Me {
		t.Fatalf("history is %+v, head %d, more %v, found %v, %v", list, head, more, found, err)
	}
	mine, _, err := s.Rooms().Mine(t.Context(), bob, "", 10)
	if err != nil || len(mine) != 1 || mine[0].Unread != 1 || mine[0].Last.Seq != 3 {
		t.Fatalf("bob's rooms are %+v, %v", mine, err)
	}
}
