// Package archive answers what happened: history, raw events, the feed, search.
// It reads the primary database and changes nothing but the search index.
package archive

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Store is the events. Every method that takes the asking user reads, in the same
// snapshot, whether they may see the room; runs lets an admin see every room.
type Store interface {
	History(ctx context.Context, user chat.UserID, runs bool, room chat.RoomID, before, after, around, thread uint64, limit int) (messages []chat.Message, head uint64, hasMore, found bool, err error)
	NumberAt(ctx context.Context, room chat.RoomID, at int64) (seq uint64, err error)
	Events(ctx context.Context, user chat.UserID, runs bool, rooms []chat.RoomID, after []uint64, limit, bytes int,
		each func(room chat.RoomID, gone bool, head, n uint64, more bool, events []chat.Event)) error
	Event(ctx context.Context, user chat.UserID, runs bool, room chat.RoomID, seq uint64, by chat.UserID, nonce string) (e chat.Event, head uint64, found bool, err error)
	Feed(ctx context.Context, partition int, after uint64, limit, bytes int) (events []chat.Event, n, epoch uint64, err error)
}

// Index is the search index.
type Index interface {
	// Catch takes in a batch of what it lacks, and says of how many events.
	Catch(ctx context.Context) (moved int, err error)
	Query(ctx context.Context, user chat.UserID, text string, room chat.RoomID, from chat.UserID, before int64, cursor string, limit int) (hits []chat.Hit, next string, err error)
}

// Limits of a page.
const (
	mostMessages = 200
	mostEvents   = 1000
	mostRooms    = 1000
	mostBytes    = 512 << 10
)

// How the index follows: it looks every catchEvery, well within the second in
// which a message is to be found. When there may be more it goes on sooner, but
// rests three times as long as it worked: messages come first.
const (
	catchEvery  = 250 * time.Millisecond
	leastRest   = 50 * time.Millisecond
	restShare   = 3
	muchToCatch = 32 // events moved at once: there may be more; a batch of the largest ones is not smaller
)

// Archive is the role.
type Archive struct {
	bus     *bus.Bus
	store   Store
	index   Index
	log     *slog.Logger
	metrics *metrics
}

// New makes the role; it does no I/O.
func New(b *bus.Bus, store Store, index Index, log *slog.Logger, reg prometheus.Registerer) *Archive {
	return &Archive{bus: b, store: store, index: index, log: log.With("role", "archive"), metrics: newMetrics(reg)}
}

// Name is the role's name.
func (a *Archive) Name() string { return "archive" }

// Run answers until ctx ends.
func (a *Archive) Run(ctx context.Context, ready func()) error {
	subs := a.listen()
	if err := subs.Err(); err != nil {
		_ = subs.Stop()
		return err
	}
	ready()
	a.keepIndex(ctx)
	return subs.Stop()
}

func (a *Archive) listen() *bus.Subscriptions {
	var subs bus.Subscriptions
	seen := a.metrics.seen
	subs.Add(contract.History.Answer(a.bus, a.history, seen))
	subs.Add(contract.Events.Answer(a.bus, a.events, seen))
	subs.Add(contract.EventOf.Answer(a.bus, a.event, seen))
	subs.Add(contract.Feed.Answer(a.bus, a.feed, seen))
	subs.Add(contract.Search.Answer(a.bus, a.search, seen))
	return &subs
}

// keepIndex follows the feed into the search index until ctx ends.
func (a *Archive) keepIndex(ctx context.Context) {
	for {
		began := time.Now()
		moved, err := a.index.Catch(ctx)
		a.metrics.indexed.Add(float64(moved))
		if err != nil && ctx.Err() == nil {
			a.metrics.failed.Inc()
			a.log.Warn("the search index is behind; trying again", "err", err)
		}
		rest := catchEvery
		if moved >= muchToCatch && err == nil {
			rest = min(catchEvery, max(leastRest, restShare*time.Since(began)))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

func unseen() error { return chat.Errorf(chat.NotFound, "there is no such room") }

func (a *Archive) history(ctx context.Context, q *contract.HistoryAsk) (*contract.HistoryPage, error) {
	around := q.Around
	if q.AroundTime != 0 {
		var err error
		if around, err = a.store.NumberAt(ctx, q.Room, q.AroundTime); err != nil {
			return nil, err
		}
	}
	messages, head, more, found, err := a.store.History(ctx, q.User, q.Runs, q.Room, q.Before, q.After, around, q.Thread,
		bounded(q.Limit, mostMessages))
	if err == nil && !found {
		err = unseen()
	}
	if err != nil {
		return nil, err
	}
	return &contract.HistoryPage{Messages: messages, Head: head, HasMore: more}, nil
}

func (a *Archive) events(ctx context.Context, q *contract.EventsAsk) (*contract.EventsPage, error) {
	cursors := q.Cursors[:min(len(q.Cursors), mostRooms)]
	rooms, after := make([]chat.RoomID, len(cursors)), make([]uint64, len(cursors))
	for i, c := range cursors {
		rooms[i], after[i] = c.Room, c.After
	}
	page := &contract.EventsPage{Rooms: make([]contract.RoomEvents, 0, len(cursors))}
	err := a.store.Events(ctx, q.User, q.Runs, rooms, after, bounded(q.Limit, mostEvents), bounded(q.Bytes, mostBytes),
		func(room chat.RoomID, gone bool, head, n uint64, more bool, events []chat.Event) {
			page.Rooms = append(page.Rooms, contract.RoomEvents{Room: room, Gone: gone, Head: head, N: n, More: more, Events: events})
		})
	return page, err
}

func (a *Archive) event(ctx context.Context, q *contract.EventAsk) (*contract.EventsPage, error) {
	e, head, found, err := a.store.Event(ctx, q.User, q.Runs, q.Room, q.Seq, q.By, q.Nonce)
	if err == nil && !found {
		err = chat.Errorf(chat.NotFound, "there is no such event")
	}
	if err != nil {
		return nil, err
	}
	return &contract.EventsPage{Rooms: []contract.RoomEvents{{Room: q.Room, Head: head, N: e.N, Events: []chat.Event{e}}}}, nil
}

func (a *Archive) feed(ctx context.Context, q *contract.FeedAsk) (*contract.FeedPage, error) {
	events, n, epoch, err := a.store.Feed(ctx, q.Partition, q.After, bounded(q.Limit, mostEvents), bounded(q.Bytes, mostBytes))
	if err != nil {
		return nil, err
	}
	return &contract.FeedPage{Events: events, N: n, Epoch: epoch}, nil
}

func (a *Archive) search(ctx context.Context, q *contract.SearchAsk) (*contract.SearchPage, error) {
	hits, next, err := a.index.Query(ctx, q.User, q.Query, q.Room, q.From, q.Before, q.Cursor, bounded(q.Limit, mostMessages))
	if err != nil {
		return nil, err
	}
	return &contract.SearchPage{Hits: hits, Next: next}, nil
}

// bounded is what was asked for, within what there is to be had; nothing asked
// for is everything.
func bounded(asked, most int) int {
	if asked <= 0 {
		return most
	}
	return min(asked, most)
}
