package store_test

import (
	"fmt"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// bench is a store with rooms and the messages that go on being said in them.
type bench struct {
	s     *store.Store
	shard *store.Shard
	rooms []chat.Info
	user  chat.UserID
	next  int
}

// eachDatabase runs a benchmark on every kind of database there is.
func eachDatabase(b *testing.B, run func(b *testing.B, dsn func() string)) {
	b.Run("sqlite", func(b *testing.B) { run(b, func() string { return "sqlite:" + b.TempDir() }) })
	b.Run("postgres", func(b *testing.B) { run(b, func() string { return pgtest.Fresh(b, 1) }) })
}

func newBench(b *testing.B, dsn string, rooms int) *bench {
	s := pgtest.Open(b, dsn, store.Options{})
	shard, err := s.Claim(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	n := &bench{s: s, shard: shard, user: chat.NewID()}
	c := n.commit()
	for range rooms {
		name, id := "room", chat.NewID()
		info := chat.Info{ID: id, Kind: chat.Group, Name: name, CreatedBy: n.user, MemberCount: 1, Owners: 1, Head: 1}
		c.Events = append(c.Events, &chat.Event{
			Room: id, Seq: 1, ID: chat.NewID(), Kind: chat.KindRoom, By: n.user, Nonce: chat.NewID().String(),
			Body: chat.Body{Op: chat.OpCreate, RoomKind: chat.Group, Name: &name, Members: []chat.UserID{n.user}},
		})
		n.rooms = append(n.rooms, info)
	}
	c.Rooms = n.rooms
	n.done(b, c)
	return n
}

func (n *bench) commit() *chat.Commit {
	from := n.shard.Position()
	to := from
	to.Seq++
	to.Envelope = chat.NewID()
	return &chat.Commit{From: from, To: to}
}

func (n *bench) done(b *testing.B, c *chat.Commit) {
	c.To.N = c.From.N + uint64(len(c.Events))
	if err := n.shard.Commit(b.Context(), c); err != nil {
		b.Fatal(err)
	}
}

// reclaim takes the partition again, which is lost when nothing was said for a
// while.
func (n *bench) reclaim(b *testing.B) {
	if err := n.shard.Release(b.Context()); err != nil {
		b.Fatal(err)
	}
	shard, err := n.s.Claim(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	n.shard = shard
}

// say makes a commit of size messages, each in the next room.
func (n *bench) say(size int) *chat.Commit {
	c := n.commit()
	touched := map[int]bool{}
	for range size {
		i := n.next % len(n.rooms)
		n.next++
		r := &n.rooms[i]
		r.Head++
		r.Messages++
		r.LastAt++
		touched[i] = true
		c.Events = append(c.Events, &chat.Event{
			Room: r.ID, Seq: r.Head, ID: chat.NewID(), Kind: chat.KindMessage, By: n.user, At: 1_700_000_000_000 + r.LastAt,
			Nonce: chat.NewID().String(), Body: chat.Body{Text: "the quick brown fox jumps over the lazy dog, twice a day"},
			Messages: r.Messages, Origin: chat.Origin{Gateway: 0xdeadbeefcafebabe, LogSeq: c.To.Seq},
		})
	}
	for i := range touched {
		c.Rooms = append(c.Rooms, n.rooms[i])
	}
	return c
}

func BenchmarkCommit(b *testing.B) {
	eachDatabase(b, func(b *testing.B, dsn func() string) {
		n := newBench(b, dsn(), 1000)
		for _, size := range []int{1, 100, 1000} {
			b.Run(fmt.Sprint(size), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					c := n.say(size)
					b.StartTimer()
					n.done(b, c)
				}
				b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
			})
		}
	})
}

// filled is a store with a million plain messages, or what is left of that with
// -short, in a thousand rooms.
func filled(b *testing.B, dsn string) *bench {
	n := newBench(b, dsn, 1000)
	events := 1_000_000
	if testing.Short() {
		events = 100_000
	}
	for range events / 1000 {
		n.done(b, n.say(1000))
	}
	return n
}

func BenchmarkRead(b *testing.B) {
	eachDatabase(b, func(b *testing.B, dsn func() string) { benchmarkReads(b, filled(b, dsn())) })
}

func benchmarkReads(b *testing.B, n *bench) {
	room := &n.rooms[len(n.rooms)/2]
	run := func(name string, fn func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if err := fn(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	archive := n.s.Archive()
	run("history, the newest 50", func() error {
		list, _, _, _, err := archive.History(b.Context(), n.user, false, room.ID, 0, 0, 0, 0, 50)
		if len(list) != 50 {
			b.Fatalf("%d messages", len(list))
		}
		return err
	})
	none := func(chat.RoomID, bool, uint64, uint64, bool, []chat.Event) {}
	for _, missed := range []uint64{0, 3, 100} {
		run(fmt.Sprintf("events since, %d missed", missed), func() error {
			return archive.Events(b.Context(), n.user, false, []chat.RoomID{room.ID}, []uint64{room.Head - missed}, 500, 1<<20, none)
		})
	}
	run("my rooms, 50 of 1000", func() error {
		_, _, err := n.s.Rooms().Mine(b.Context(), n.user, "", 50)
		return err
	})
	run("one room", func() error {
		_, _, _, err := n.s.Rooms().One(b.Context(), n.user, room.ID)
		return err
	})
	run("facts of one command", func() error {
		_, err := n.shard.Facts(b.Context(), map[chat.RoomID]chat.Facts{room.ID: {Members: []chat.UserID{n.user}, Targets: []uint64{5}}})
		return err
	})
	run("the feed, 100 events", func() error {
		_, _, _, err := archive.Feed(b.Context(), 0, n.shard.Position().N-100, 100, 1<<20)
		return err
	})
	n.reclaim(b)
	b.Run("commit of 100 beside it", func(b *testing.B) {
		for range b.N {
			n.done(b, n.say(100))
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	open := func(b *testing.B, dsn string) {
		s, err := store.Open(b.Context(), dsn, store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("sqlite, an empty folder", func(b *testing.B) {
		for range b.N {
			open(b, "sqlite:"+b.TempDir())
		}
	})
	eachDatabase(b, func(b *testing.B, dsn func() string) {
		same := dsn()
		for range b.N {
			open(b, same)
		}
	})
}

// BenchmarkCatch is what the search index costs for each message.
func BenchmarkCatch(b *testing.B) {
	eachDatabase(b, func(b *testing.B, dsn func() string) {
		for _, size := range []int{100, 1000, 10_000} {
			b.Run(fmt.Sprintf("after every %d messages", size), func(b *testing.B) {
				n := newBench(b, dsn(), 1000)
				for b.Loop() {
					b.StopTimer()
					for range size / 100 {
						n.done(b, n.say(100))
					}
					b.StartTimer()
					for moved := 1; moved > 0; {
						var err error
						if moved, err = n.s.Search().Catch(b.Context()); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/message")
			})
		}
	})
}
