package gateway

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const (
	// lingering is how long a room is watched after its last session has left:
	// most come back.
	lingering = 30 * time.Second
	// askEvery is how often the owner hears from us, and askAgain how often it is
	// looked for when it is not there.
	askEvery = time.Second
	askAgain = 200 * time.Millisecond
)

// watch is what the partition's owner knows of this gateway. While it is not
// registered the hub reads the feed, which holds every room: nobody waits for an
// owner.
type watch struct {
	registered   bool
	epoch        uint64             // of the newest owner that we know of
	registration uint64             // how often we have registered, or tried
	number       uint64             // of the last ask
	solid        uint64             // notices are complete from this feed number on
	giveUp       context.CancelFunc // of the ask that waits for its answer
	add          []*room
	kick         chan struct{}
	changed      chan struct{} // closed and made anew when rooms become watched
}

// accepts says whether a notice is of use. One of a newer owner means that ours
// is gone; one made for an earlier registration may lack rooms.
func (w *watch) accepts(n *contract.Notice) bool {
	w.follow(n.Epoch)
	return w.current(n)
}

func (w *watch) current(n *contract.Notice) bool {
	return w.registered && n.Epoch == w.epoch && n.Registration == w.registration
}

// follow registers with a newer owner, if this is one. The one before may never
// answer what it was asked.
func (w *watch) follow(epoch uint64) {
	if epoch <= w.epoch {
		return
	}
	w.epoch = epoch
	if w.giveUp != nil {
		w.giveUp()
	}
	w.unregister()
}

func (w *watch) unregister() {
	if w.registered {
		w.registered = false
		w.announce()
	}
	w.wake()
}

func (w *watch) announce() {
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watch) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// hold finds or makes a room for somebody who needs it. The hub is locked.
func (h *hub) hold(id chat.RoomID) *room {
	r := h.rooms[id]
	if r == nil {
		r = &room{id: id}
		h.rooms[id] = r
		h.watch.add = append(h.watch.add, r)
	}
	r.holders++
	return r
}

func (h *hub) release(r *room) {
	r.holders--
	r.idle = time.Now()
}

// holdFor is hold for callers without the lock; they let go with letGo.
func (h *hub) holdFor(id chat.RoomID) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hold(id)
}

func (h *hub) letGo(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.release(r)
}

// awaitWatched returns when everything that happens in the rooms from now on
// reaches the hub.
func (h *hub) awaitWatched(ctx context.Context, rooms []*room) error {
	for {
		h.mu.Lock()
		waiting := false
		for _, r := range rooms {
			waiting = waiting || !r.watched
		}
		waiting = waiting && h.watch.registered
		changed := h.watch.changed
		if waiting {
			h.watch.wake()
		}
		h.mu.Unlock()
		if !waiting {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// keepWatching tells the owner which rooms are watched: changes at once, one ask
// at a time, and something once a second, so that it knows that we live.
func (h *hub) keepWatching(ctx context.Context) {
	for {
		h.mu.Lock()
		registered := h.watch.registered
		h.mu.Unlock()
		wait := askEvery
		switch {
		case registered:
			h.tellChanges(ctx)
		case h.register(ctx):
			continue // rooms may have come meanwhile
		default:
			wait = askAgain
		}
		select {
		case <-ctx.Done():
			return
		case <-h.watch.kick:
		case <-time.After(wait):
		}
	}
}

// taken hears that the partition has a new owner.
func (h *hub) taken(epoch uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watch.follow(epoch)
}

// register begins anew with the partition's owner, whoever it is now. Until
// every room is told the hub goes on by the feed.
func (h *hub) register(ctx context.Context) bool {
	h.mu.Lock()
	h.watch.registration++
	h.watch.number = 0
	h.watch.add = h.watch.add[:0]
	for _, r := range h.rooms {
		r.watched = false
		h.watch.add = append(h.watch.add, r)
	}
	h.mu.Unlock()
	for {
		add := h.takeAdded()
		answer, ok := h.tellOwner(ctx, add, nil)
		if !ok {
			return false
		}
		h.mu.Lock()
		for _, r := range add {
			r.watched = true
		}
		done := len(h.watch.add) == 0
		if done {
			if answer.Epoch != h.watch.epoch { // it was replaced meanwhile
				h.mu.Unlock()
				return false
			}
			h.watch.registered, h.watch.solid = true, answer.N
			h.heard = time.Now()
			h.watch.announce()
		}
		h.mu.Unlock()
		if done {
			h.look()
			return true
		}
	}
}

// tellChanges asks the owner to change the set, in pieces. When that fails the
// owner is not ours any more.
func (h *hub) tellChanges(ctx context.Context) {
	for first := true; ; first = false {
		add, remove := h.takeAdded(), h.takeIdle()
		if len(add) == 0 && len(remove) == 0 && !first {
			return
		}
		answer, ok := h.tellOwner(ctx, add, remove)
		h.mu.Lock()
		if !ok || answer.Epoch != h.watch.epoch {
			h.watch.unregister()
			h.mu.Unlock()
			h.look()
			return
		}
		for _, r := range add {
			r.watched = true
		}
		if len(add) > 0 {
			h.watch.announce()
		}
		h.mu.Unlock()
	}
}

func (h *hub) takeAdded() []*room {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(h.watch.add), contract.MaxWatch)
	add := h.watch.add[:n:n]
	h.watch.add = h.watch.add[n:]
	return add
}

// takeIdle lets go of rooms that nobody has needed for a while.
func (h *hub) takeIdle() (ids []chat.RoomID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, r := range h.rooms {
		if len(ids) == contract.MaxWatch {
			break
		}
		if r.holders == 0 && r.watched && time.Since(r.idle) > h.g.cfg.Linger {
			delete(h.rooms, id)
			ids = append(ids, id)
		}
	}
	return ids
}

func (h *hub) tellOwner(ctx context.Context, add []*room, remove []chat.RoomID) (*contract.WatchAnswer, bool) {
	h.mu.Lock()
	h.watch.number++
	q := &contract.WatchAsk{Run: h.g.id, Partition: h.partition, Registration: h.watch.registration, Number: h.watch.number, Remove: remove}
	owner := contract.Owner(h.partition, h.watch.epoch)
	ctx, h.watch.giveUp = context.WithTimeout(ctx, 2*time.Second)
	defer h.watch.giveUp()
	h.mu.Unlock()
	for _, r := range add {
		q.Add = append(q.Add, r.id)
	}
	answer, err := contract.Watch.At(owner).Ask(ctx, h.g.bus, q)
	if err != nil {
		h.log.Debug("the partition's owner does not answer", "err", err)
		return nil, false
	}
	return answer, !answer.Unknown
}
