// Package sequencer is the one place where order is made.
//
// A worker owns a partition: it reads the partition's log, lets each room admit
// or refuse each command, makes the events true in one transaction of the store,
// and then, never before, tells the gateways.
//
//	log ──records──► batch ──Admit, Apply──► Shard.Commit ──► notice per gateway
//	                   ▲                          │
//	                   └── forget, reread ◄── outcome unknown
package sequencer

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Store hands out partitions.
type Store interface {
	Partitions(ctx context.Context) (int, error)
	// Claim takes ownership of a partition, or answers [chat.ErrNotOwner] while
	// somebody else has it.
	Claim(ctx context.Context, partition int) (Shard, error)
}

// Shard is a partition that this process owns. Every commit checks that it
// still does.
type Shard interface {
	Position() chat.Position
	// Reload reads the position anew, after a commit whose outcome is unknown.
	Reload(ctx context.Context) (chat.Position, error)
	Commit(ctx context.Context, c *chat.Commit) error
	Rooms(ctx context.Context, ids []chat.RoomID) ([]chat.Info, error)
	Facts(ctx context.Context, want map[chat.RoomID]chat.Facts) (map[chat.RoomID]chat.Known, error)
	Repeats(ctx context.Context, keys []chat.NonceKey) (map[chat.NonceKey]uint64, error)
	Ping(ctx context.Context) error
	Release(ctx context.Context) error
}

// Config is what an operator can choose.
type Config struct {
	Log       bus.LogConfig
	RoomBytes int           // memory for room state per partition; 0: 64 MiB
	KeepLog   time.Duration // how long consumed records stay while less than half of the log is full; 0: an hour
	Settled   time.Duration // after so long others make room for this one; 0: 10 s
	Clock     chat.Clock    // beside that of who keeps the log, which tells when something happened
}

// Sequencer is the role.
type Sequencer struct {
	cfg     Config
	bus     *bus.Bus
	store   Store
	log     *slog.Logger
	metrics *metrics

	share     *share // from Run on
	moved     chan struct{}
	standings standings
}

// New makes the role; it does no I/O.
func New(cfg Config, b *bus.Bus, store Store, log *slog.Logger, reg prometheus.Registerer) *Sequencer {
	if cfg.RoomBytes == 0 {
		cfg.RoomBytes = 64 << 20
	}
	if cfg.KeepLog == 0 {
		cfg.KeepLog = time.Hour
	}
	if cfg.Settled == 0 {
		cfg.Settled = settled
	}
	return &Sequencer{cfg: cfg, bus: b, store: store, log: log.With("role", "sequencer"), metrics: newMetrics(reg), moved: make(chan struct{}, 1)}
}

// Name is the role's name.
func (s *Sequencer) Name() string { return "sequencer" }

// Run owns its share of the partitions until ctx ends, and more while there is
// nobody else. It is ready when each partition is owned, here or by another. In
// the end it hands over what it has.
func (s *Sequencer) Run(ctx context.Context, ready func()) error {
	partitions, err := s.store.Partitions(ctx)
	if err != nil {
		return fmt.Errorf("sequencer: how many partitions: %w", err)
	}
	var run [8]byte
	_, _ = rand.Read(run[:]) // never fails, says crypto/rand
	s.share = newShare(binary.LittleEndian.Uint64(run[:]), partitions, s.cfg.Settled)
	subs := s.listen(partitions)
	defer func() { _ = subs.Stop() }()
	if err := subs.Err(); err != nil {
		return err
	}
	// Before the first try for a partition, which otherwise waits for its second.
	s.reachBus(ctx)
	telling, hush := context.WithCancel(context.WithoutCancel(ctx)) // also while the partitions are handed over
	var others sync.WaitGroup
	others.Go(func() { s.tellOthers(telling) })
	defer others.Wait()
	defer hush()
	defer context.AfterFunc(ctx, func() {
		s.share.end()
		s.tell(telling)
	})()
	tried := make(chan struct{}, partitions)
	var keeping sync.WaitGroup
	defer keeping.Wait()
	for p := range partitions {
		keeping.Go(func() { s.keep(ctx, p, partitions, func() { tried <- struct{}{} }) })
	}
	for range partitions {
		select {
		case <-tried:
		case <-ctx.Done():
			return nil
		}
	}
	s.share.begin(time.Now())
	ready()
	<-ctx.Done()
	return nil
}

func (s *Sequencer) listen(partitions int) *bus.Subscriptions {
	var subs bus.Subscriptions
	subs.Add(contract.Partitions.Answer(s.bus, func(context.Context, *contract.None) (*contract.PartitionsAnswer, error) {
		return &contract.PartitionsAnswer{Partitions: partitions}, nil
	}))
	subs.Add(contract.Owning.Subscribe(s.bus, func(_ context.Context, n *contract.OwningNotice) { s.share.hear(n, time.Now()) }))
	return &subs
}

// tellOthers tells what is owned here, each second and when it changes, and gives
// away what is too much.
func (s *Sequencer) tellOthers(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		s.tell(ctx)
		s.reachBus(ctx)
		select {
		case <-ctx.Done():
			return
		case <-s.moved:
			continue
		case <-tick.C:
		}
		if p := s.share.surplus(time.Now()); p >= 0 {
			s.standings.handOver(p)
		}
	}
}

// reachBus notes whether the bus can be reached from here.
func (s *Sequencer) reachBus(ctx context.Context) {
	if s.bus.Flush(ctx) == nil {
		s.share.reach(time.Now())
	}
}

func (s *Sequencer) tell(ctx context.Context, free ...int) {
	if err := contract.Owning.Publish(ctx, s.bus, s.share.notice(time.Now(), free...)); err != nil {
		s.log.Debug("what is owned here was not told", "err", err)
	}
}

const (
	// retryClaim is how often a partition that another process owns is tried.
	retryClaim = 500 * time.Millisecond
	// othersFirst is how long a partition is left to others that was let go
	// because it could not be worked here.
	othersFirst = 3 * time.Second
)

// Why a partition is let go that nobody has taken away.
var (
	errHandedOver = errors.New("handed over")
	errCutOff     = errors.New("the log cannot be read from here")
)

// keep owns the partition whenever it can be had and is not left to another.
// tried is called once, after the first try came to something.
func (s *Sequencer) keep(ctx context.Context, partition, partitions int, tried func()) {
	tried = sync.OnceFunc(tried)
	for ctx.Err() == nil {
		if s.share.may(partition, time.Now()) {
			s.outlive(partition, s.own(ctx, partition, partitions, tried))
			tried()
		}
		select {
		case <-ctx.Done():
		case <-s.share.free[partition]:
		case <-time.After(retryClaim):
		}
	}
}

// outlive decides what the end of an ownership means for the next try.
func (s *Sequencer) outlive(partition int, err error) {
	switch {
	case errors.Is(err, errHandedOver):
		s.share.leave(partition, time.Now().Add(givenFor))
	case errors.Is(err, errCutOff):
		s.log.Warn("letting go of a partition: others may reach its log", "partition", partition, "err", err)
		s.share.leave(partition, time.Now().Add(othersFirst))
	case errors.Is(err, chat.ErrNotOwner), errors.Is(err, context.Canceled):
	default:
		s.log.Error("a partition cannot be owned; trying again", "partition", partition, "err", err)
		s.share.leave(partition, time.Now().Add(retryClaim))
	}
}

// own claims the partition and works it until it is lost, or let go.
func (s *Sequencer) own(ctx context.Context, partition, partitions int, ready func()) (err error) {
	shard, err := s.store.Claim(ctx, partition)
	if err != nil {
		return err
	}
	intake, err := s.bus.MakeLog(ctx, partition, s.cfg.Log)
	if err != nil {
		return errors.Join(fmt.Errorf("log of partition %d: %w", partition, err), s.release(ctx, shard, partition))
	}
	w := newWorker(ctx, s, shard, intake, partition, partitions)
	subs := w.listen()
	defer s.metrics.forget(partition) // when nothing of the worker sets them any more
	defer w.ending.Wait()
	defer w.letGo(nil)
	defer func() { _ = subs.Stop() }() // behind the release, which nobody is to wait for
	defer func() { _ = s.release(ctx, shard, partition) }()
	if err := subs.Err(); err != nil {
		return err
	}
	defer s.began(w)()
	err = w.run(ready)
	switch {
	case errors.Is(err, chat.ErrNotOwner):
		s.log.Warn("a partition is another's now", "partition", partition, "err", err)
	case errors.Is(err, errHandedOver):
		s.log.Info("a partition is given to others, who have fewer", "partition", partition)
	case ctx.Err() != nil:
		s.log.Info("a partition is given up: this process stops", "partition", partition)
	}
	return err
}

// began notes that a worker works; the function that it returns, that it has ended.
func (s *Sequencer) began(w *worker) (ended func()) {
	gone := s.standings.began(w)
	note := func(is bool) {
		s.share.owns(w.partition, is)
		select {
		case s.moved <- struct{}{}:
		default:
		}
	}
	note(true)
	return func() {
		gone()
		note(false)
	}
}

// release gives a partition up and tells the others that it is free.
func (s *Sequencer) release(ctx context.Context, shard Shard, partition int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := shard.Release(ctx)
	if err != nil {
		s.log.Warn("partition not released cleanly", "partition", partition, "err", err)
	}
	s.tell(ctx, partition)
	return err
}
