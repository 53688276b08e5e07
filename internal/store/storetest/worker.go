package storetest

import (
	"context"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// Worker orders commands as a partition's worker does, without a log: each
// batch is one commit. It keeps every room in memory, to be compared with what
// the store says.
type Worker struct {
	t         *testing.T
	partition int
	Shard     *store.Shard
	Rooms     map[chat.RoomID]*chat.Room
	now       int64
}

// NewWorker claims partition 0, which has all rooms when there is no other.
func NewWorker(t *testing.T, s *store.Store) *Worker {
	t.Helper()
	return NewWorkerOf(t, s, 0)
}

// NewWorkerOf claims a partition.
func NewWorkerOf(t *testing.T, s *store.Store, partition int) *Worker {
	t.Helper()
	shard, err := s.Claim(t.Context(), partition)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return &Worker{t: t, Shard: shard, partition: partition, Rooms: map[chat.RoomID]*chat.Room{}, now: 1_000_000}
}

// Do orders the commands as one batch and commits it. It returns what became of
// each.
func (w *Worker) Do(commands ...chat.Command) []chat.Decision {
	w.t.Helper()
	commit, decisions := w.Decide(commands...)
	if err := w.Shard.Commit(context.Background(), commit); err != nil {
		w.t.Fatalf("commit: %v", err)
	}
	return decisions
}

// Decide admits and applies the commands in memory, and returns the commit that
// would make that true.
func (w *Worker) Decide(commands ...chat.Command) (*chat.Commit, []chat.Decision) {
	w.t.Helper()
	from := w.Shard.Position()
	commit := &chat.Commit{Partition: w.partition, From: from, To: from}
	commit.To.Seq++
	commit.To.Envelope = chat.NewID()
	touched := map[chat.RoomID]bool{}
	var decisions []chat.Decision
	for i := range commands {
		c := &commands[i]
		room := w.room(c.Room)
		if missing := room.Missing(c); !missing.Empty() {
			known, err := w.Shard.Facts(context.Background(), map[chat.RoomID]chat.Facts{c.Room: missing})
			if err != nil {
				w.t.Fatalf("facts: %v", err)
			}
			room.Learn(known[c.Room])
		}
		w.now++
		d := room.Admit(c, w.now)
		decisions = append(decisions, d)
		if d.Event == nil {
			continue
		}
		d.Event.Origin = chat.Origin{Gateway: 1 << 63, LogSeq: commit.To.Seq}
		room.Apply(d.Event)
		touched[c.Room] = true
		commit.Events = append(commit.Events, d.Event)
		if c.Alias != nil {
			commit.Aliases = append(commit.Aliases, chat.Named{Alias: *c.Alias, ID: d.Event.ID})
		}
	}
	for id := range touched {
		commit.Rooms = append(commit.Rooms, w.Rooms[id].Info)
	}
	commit.To.N += uint64(len(commit.Events))
	return commit, decisions
}

func (w *Worker) room(id chat.RoomID) *chat.Room {
	if r := w.Rooms[id]; r != nil {
		return r
	}
	infos, err := w.Shard.Rooms(context.Background(), []chat.RoomID{id})
	if err != nil {
		w.t.Fatalf("rooms: %v", err)
	}
	r := chat.NewRoom(chat.Info{})
	if len(infos) == 1 {
		r = chat.NewRoom(infos[0])
	}
	w.Rooms[id] = r
	return r
}

// Forget drops what is in memory, so that the next command asks the store.
func (w *Worker) Forget() { w.Rooms = map[chat.RoomID]*chat.Room{} }

// Event is like Do for one command that must make an event.
func (w *Worker) Event(c chat.Command) *chat.Event {
	w.t.Helper()
	d := w.Do(c)[0]
	if d.Event == nil {
		w.t.Fatalf("%s made no event: %+v", c.Kind, d)
	}
	return d.Event
}
