package store_test

import (
	"fmt"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// bench is a store with rooms and the messages that go on being said in them.
type bench struct {
	s     *store.Store
	shard *store.Shard
	rooms []chat.Info
	user  chat.UserID
	next  int
}

func newBench(b *testing.B, rooms int) *bench {
	s, err := store.Open(b.Context(), "sqlite:"+b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
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
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			n := newBench(b, 1000)
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				c := n.say(size)
				b.StartTimer()
				n.done(b, c)
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
