package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

var commits = []promise{
	{"a commit is all or nothing", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		good := w.Event(Say(alice, room, "one"))
		before := w.Shard.Position()
		c, _ := w.Decide(Say(alice, room, "two"), Say(bob, room, "three"))
		c.Events[1].Nonce, c.Events[1].By = good.Nonce, good.By
		if err := w.Shard.Commit(t.Context(), c); !errors.Is(err, chat.ErrRepeat) {
			t.Fatalf("a nonce again gives %v", err)
		}
		if w.Shard.Position() != before {
			t.Fatalf("the position moved to %+v", w.Shard.Position())
		}
		if p, err := w.Shard.Reload(t.Context()); err != nil || p != before {
			t.Fatalf("the stored position is %+v, %v", p, err)
		}
		infos, err := w.Shard.Rooms(t.Context(), []chat.RoomID{room})
		must(t, err)
		if infos[0].Head != good.Seq {
			t.Fatalf("the room stands at %d", infos[0].Head)
		}
		sound(t, s)
	}},
	{"a commit that continues another position is refused", func(t *testing.T, open Open) {
		_, w, room := team(t, open)
		stale, _ := w.Decide(Say(alice, room, "late"))
		w.Forget()
		w.Event(Say(alice, room, "first"))
		if err := w.Shard.Commit(t.Context(), stale); !errors.Is(err, chat.ErrNotOwner) {
			t.Fatalf("got %v", err)
		}
	}},
	{"a partition has one owner", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		next, err := s.Claim(t.Context(), 0)
		if errors.Is(err, chat.ErrNotOwner) {
			// Where several processes can have the database, the owner stays.
			w.Event(Say(alice, room, "I stay"))
			must(t, w.Shard.Ping(t.Context()))
			must(t, w.Shard.Release(t.Context()))
			next, err = s.Claim(t.Context(), 0)
		}
		must(t, err)
		old := w.Shard.Position()
		if p := next.Position(); p.Epoch != 2 || p.N != old.N || p.Seq != old.Seq || p.Envelope != old.Envelope {
			t.Fatalf("claimed at %+v after %+v", p, old)
		}
		c, _ := w.Decide(Say(alice, room, "still me"))
		if err := w.Shard.Commit(t.Context(), c); !errors.Is(err, chat.ErrNotOwner) {
			t.Fatalf("the old owner's commit gives %v", err)
		}
		if err := w.Shard.Ping(t.Context()); !errors.Is(err, chat.ErrNotOwner) {
			t.Fatalf("the old owner's ping gives %v", err)
		}
		must(t, next.Ping(t.Context()))
	}},
	{"a released shard commits nothing", func(t *testing.T, open Open) {
		_, w, room := team(t, open)
		c, _ := w.Decide(Say(alice, room, "bye"))
		must(t, w.Shard.Release(t.Context()))
		if err := w.Shard.Commit(t.Context(), c); !errors.Is(err, chat.ErrNotOwner) {
			t.Fatalf("got %v", err)
		}
	}},
	{"a number that is taken means another owner", func(t *testing.T, open Open) {
		_, w, room := team(t, open)
		c, _ := w.Decide(Say(alice, room, "again"))
		c.Events[0].Seq--
		if err := w.Shard.Commit(t.Context(), c); !errors.Is(err, chat.ErrNotOwner) {
			t.Fatalf("got %v", err)
		}
	}},
	{"an ended context commits nothing and leaves the fate open", func(t *testing.T, open Open) {
		_, w, room := team(t, open)
		c, _ := w.Decide(Say(alice, room, "too late"))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.Shard.Commit(ended, c); !errors.Is(err, chat.ErrUnreachable) {
			t.Fatalf("got %v", err)
		}
		must(t, w.Shard.Commit(t.Context(), c))
	}},
	{"a commit without events moves the position", func(t *testing.T, open Open) {
		s, w, _ := team(t, open)
		from := w.Shard.Position()
		to := from
		to.Seq, to.Envelope = from.Seq+7, chat.NewID()
		must(t, w.Shard.Commit(t.Context(), &chat.Commit{From: from, To: to}))
		if p, err := w.Shard.Reload(t.Context()); err != nil || p != to {
			t.Fatalf("the position is %+v, %v", p, err)
		}
		sound(t, s)
	}},
	{"the feed is dense and in order of commit", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		other := w.Event(Create(chat.Channel, "Lobby", bob)).Room
		var want []chat.Event
		for i := range 7 {
			for _, d := range w.Do(Say(alice, room, "a"), Say(bob, other, "b"), Edit(alice, room, uint64(2+2*i), "c")) {
				want = append(want, *d.Event)
			}
		}
		var have []chat.Event
		at := uint64(2)
		for {
			events, n, epoch, err := s.Archive().Feed(t.Context(), 0, at, 4, 1<<20)
			must(t, err)
			if n != w.Shard.Position().N || epoch != w.Shard.Position().Epoch {
				t.Fatalf("the feed stands at %d of epoch %d", n, epoch)
			}
			if len(events) == 0 {
				break
			}
			have = append(have, events...)
			at = events[len(events)-1].N
		}
		for i := range want {
			if want[i].N != uint64(i+3) {
				t.Fatalf("event %d of the feed has number %d", i, want[i].N)
			}
		}
		if !reflect.DeepEqual(have, want) {
			t.Fatalf("the feed is\n%+v, committed was\n%+v", have, want)
		}
	}},
	{"everything is there after opening again", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		e := w.Event(Say(alice, room, "remember"))
		at := w.Shard.Position()
		must(t, s.Close())
		s = open(t)
		have, found, err := s.Explain(t.Context(), room, e.Seq)
		must(t, err)
		if !found || !reflect.DeepEqual(have, *e) {
			t.Fatalf("the event is %+v, committed was %+v", have, *e)
		}
		shard, err := s.Claim(t.Context(), 0)
		must(t, err)
		p := shard.Position()
		if p.Epoch != at.Epoch+1 || p.N != at.N || p.Envelope != at.Envelope || p.Seq != at.Seq {
			t.Fatalf("it stands at %+v, was at %+v", p, at)
		}
		sound(t, s)
	}},
	{"an alias is committed with its event, and the first one stays", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		c := Say(alice, room, "from outside")
		c.Alias = &chat.Alias{Door: "rooms", Kind: "message", Foreign: "m-1"}
		first := w.Event(c)
		c = Say(alice, room, "again")
		c.Alias = &chat.Alias{Door: "rooms", Kind: "message", Foreign: "m-1"}
		w.Event(c)
		found, err := s.Accounts().FindAlias(t.Context(), *c.Alias, chat.ID{})
		must(t, err)
		if len(found) != 1 || found[0].ID != first.ID {
			t.Fatalf("found %+v", found)
		}
	}},
	{"dead commands are kept and counted", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		c, _ := w.Decide()
		c.Dead = []chat.DeadCommand{{LogSeq: 9, Command: Say(alice, room, "poison"), Reason: "it made us panic", At: 1}}
		must(t, w.Shard.Commit(t.Context(), c))
		stats, err := s.Access().Stats(t.Context())
		must(t, err)
		if stats.Dead != 1 {
			t.Fatalf("stats are %+v", stats)
		}
	}},
	{"an event knows where it came from", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		w.Do(Say(alice, room, "one"), Say(alice, room, "two"))
		e, found, err := s.Explain(t.Context(), room, 3)
		must(t, err)
		want := chat.Origin{Gateway: 1 << 63, LogSeq: w.Shard.Position().Seq, Batch: 2, Committed: e.Origin.Committed}
		if !found || e.Origin != want || e.Origin.Committed == 0 {
			t.Fatalf("found %v, origin %+v", found, e.Origin)
		}
		if _, found, err := s.Explain(t.Context(), room, 4); found || err != nil {
			t.Fatalf("an event that is not there is found %v, %v", found, err)
		}
	}},
}
