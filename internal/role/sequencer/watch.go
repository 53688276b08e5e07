package sequencer

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// forgetAfter is how long a gateway may ask nothing before it is forgotten; it
// asks once a second.
const forgetAfter = 5 * time.Second

// listener is a gateway run that is told of commits.
type listener struct {
	run          uint64
	registration uint64
	number       uint64 // of its last ask

	told  uint64 // feed number up to which it has been told
	log   uint64 // log record up to which it has been told
	asked time.Time
	rooms map[chat.RoomID]struct{}
}

// audience is who watches what in one partition. Its worker guards it: it
// changes between commits only.
type audience struct {
	runs    map[uint64]*listener
	watches map[chat.RoomID][]*listener
}

func newAudience() *audience {
	return &audience{runs: map[uint64]*listener{}, watches: map[chat.RoomID][]*listener{}}
}

// change carries out a gateway's ask. It is false when the gateway is unknown or
// an ask of its was lost: then it must register anew.
func (a *audience) change(q *contract.WatchAsk, at chat.Position, now time.Time) bool {
	l := a.runs[q.Run]
	switch {
	case q.Number == 1 && (l == nil || q.Registration > l.registration):
		a.forget(q.Run)
		l = &listener{run: q.Run, registration: q.Registration, told: at.N, log: at.Seq, rooms: map[chat.RoomID]struct{}{}}
		a.runs[q.Run] = l
	case l == nil || q.Registration != l.registration || q.Number != l.number+1:
		return false
	}
	l.number, l.asked = q.Number, now
	for _, id := range q.Remove {
		a.unwatch(l, id)
	}
	for _, id := range q.Add {
		if _, has := l.rooms[id]; !has {
			l.rooms[id] = struct{}{}
			a.watches[id] = append(a.watches[id], l)
		}
	}
	return true
}

func (a *audience) unwatch(l *listener, id chat.RoomID) {
	delete(l.rooms, id)
	list := a.watches[id]
	for i, other := range list {
		if other == l {
			list[i] = list[len(list)-1]
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(a.watches, id)
	} else {
		a.watches[id] = list
	}
}

func (a *audience) forget(run uint64) {
	if l := a.runs[run]; l != nil {
		for id := range l.rooms {
			a.unwatch(l, id)
		}
		delete(a.runs, run)
	}
}

// watch answers a gateway's ask, between commits and without asking the store.
func (w *worker) watch(_ context.Context, q *contract.WatchAsk) (*contract.WatchAnswer, error) {
	if len(q.Add) > contract.MaxWatch || len(q.Remove) > contract.MaxWatch {
		return nil, chat.Errorf(chat.TooLarge, "an ask changes at most %d rooms", contract.MaxWatch)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.audience.change(q, w.at, time.Now())
	return &contract.WatchAnswer{Epoch: w.at.Epoch, N: w.at.N, Unknown: !known}, nil
}

func (w *worker) watchers(_ context.Context, q *contract.WatchersAsk) (*contract.WatchersAnswer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &contract.WatchersAnswer{Decided: w.decided}
	for _, l := range w.audience.watches[q.Room] {
		a.Runs = append(a.Runs, l.run)
	}
	return a, nil
}
