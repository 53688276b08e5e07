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
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

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
	KeepLog   time.Duration // how long consumed records stay; 0: an hour
}

// Sequencer is the role.
type Sequencer struct {
	cfg     Config
	bus     *bus.Bus
	store   Store
	log     *slog.Logger
	metrics *metrics

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
	return &Sequencer{cfg: cfg, bus: b, store: store, log: log.With("role", "sequencer"), metrics: newMetrics(reg)}
}

// Name is the role's name.
func (s *Sequencer) Name() string { return "sequencer" }

// Run owns every partition that it can get until ctx ends. It is ready when it
// owns one of them, or all are owned by others.
func (s *Sequencer) Run(ctx context.Context, ready func()) error {
	partitions, err := s.store.Partitions(ctx)
	if err != nil {
		return fmt.Errorf("sequencer: how many partitions: %w", err)
	}
	var subs bus.Subscriptions
	subs.Add(contract.Partitions.Answer(s.bus, func(context.Context, *contract.None) (*contract.PartitionsAnswer, error) {
		return &contract.PartitionsAnswer{Partitions: partitions}, nil
	}))
	if err := subs.Err(); err != nil {
		return err
	}
	defer func() { _ = subs.Stop() }()
	tried := make(chan struct{}, partitions)
	group, ctx := errgroup.WithContext(ctx)
	for p := range partitions {
		group.Go(func() error { return s.keep(ctx, p, partitions, func() { tried <- struct{}{} }) })
	}
	for range partitions {
		select {
		case <-tried:
		case <-ctx.Done():
			return group.Wait()
		}
	}
	ready()
	return group.Wait()
}

// retryClaim is how often a partition that another process owns is tried.
const retryClaim = 500 * time.Millisecond

// keep owns the partition whenever it can be had. tried is called once, after
// the first try came to something.
func (s *Sequencer) keep(ctx context.Context, partition, partitions int, tried func()) error {
	once := func() {
		if tried != nil {
			tried()
			tried = nil
		}
	}
	for ctx.Err() == nil {
		err := s.own(ctx, partition, partitions, once)
		if ctx.Err() != nil {
			break
		}
		if !errors.Is(err, chat.ErrNotOwner) {
			s.log.Error("lost a partition, taking it up again", "partition", partition, "err", err)
		}
		once()
		select {
		case <-ctx.Done():
		case <-time.After(retryClaim):
		}
	}
	return nil
}

// own claims the partition and works it until ownership, log or store are lost.
func (s *Sequencer) own(ctx context.Context, partition, partitions int, ready func()) error {
	shard, err := s.store.Claim(ctx, partition)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := shard.Release(ctx); err != nil {
			s.log.Warn("partition not released cleanly", "partition", partition, "err", err)
		}
	}()
	log, err := s.bus.MakeLog(ctx, partition, s.cfg.Log)
	if err != nil {
		return fmt.Errorf("log of partition %d: %w", partition, err)
	}
	w := newWorker(s, shard, log, partition, partitions)
	defer s.standings.began(w)()
	return w.run(ctx, ready)
}
