package sequencer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// worker works one partition, for as long as it owns it.
type worker struct {
	*Sequencer
	shard      Shard
	intake     *bus.Log
	partition  int
	partitions int
	log        *slog.Logger

	mu       sync.Mutex // held through a commit and its notices: watch sets change between commits
	at       chat.Position
	decided  uint64 // of the log that is read now, the records up to this one
	rooms    *rooms
	audience *audience
}

func newWorker(s *Sequencer, shard Shard, intake *bus.Log, partition, partitions int) *worker {
	return &worker{
		Sequencer: s, shard: shard, intake: intake, partition: partition, partitions: partitions,
		log: s.log.With("partition", partition), at: shard.Position(), decided: shard.Position().Seq,
		rooms: newRooms(s.cfg.RoomBytes), audience: newAudience(),
	}
}

// run orders commands until ownership is lost or ctx ends.
func (w *worker) run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	key := contract.Partition(w.partition)
	var subs bus.Subscriptions
	subs.Add(contract.Watch.At(key).Answer(w.bus, w.watch, bus.Serial()))
	subs.Add(contract.Watchers.At(key).Answer(w.bus, w.watchers))
	defer func() { _ = subs.Stop() }()
	if err := subs.Err(); err != nil {
		return err
	}
	var beating sync.WaitGroup
	beating.Go(func() { w.beat(ctx, cancel) })
	defer beating.Wait()
	defer cancel(nil)

	w.log.Info("owning a partition", "epoch", w.at.Epoch, "feed", w.at.N, "log", w.at.Seq)
	ready()
	for ctx.Err() == nil {
		if err := w.read(ctx); err != nil {
			if lost := w.recover(ctx, err); lost != nil {
				return lost
			}
		}
	}
	return context.Cause(ctx)
}

// read opens the log where the position says and works it until something fails.
func (w *worker) read(ctx context.Context) error {
	reader, err := w.intake.Read(ctx, w.at)
	if errors.Is(err, bus.ErrNoLog) {
		// Its folder was deleted under us: the log is only intake, make it again.
		if w.intake, err = w.bus.MakeLog(ctx, w.partition, w.cfg.Log); err == nil {
			reader, err = w.intake.Read(ctx, w.at)
		}
	}
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	defer reader.Close()
	w.stand(reader.Restarted() != "")
	if why := reader.Restarted(); why != "" {
		w.metrics.restarts.Inc()
		w.log.Warn("the log is not the one we knew: reading it from its first record; nonces make that harmless", "why", why)
	}
	for {
		records, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if err := w.take(ctx, records); err != nil {
			return err
		}
	}
}

// stand says up to where the log that is read now is decided: nothing of one that
// is new. Gateways see the step back, and append again what has no answer.
func (w *worker) stand(anew bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.decided = w.at.Seq
	if anew {
		w.decided = 0
	}
}

// recover decides what an error of reading or committing means. It answers an
// error when the partition must be let go.
func (w *worker) recover(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, chat.ErrNotOwner) {
		return err
	}
	w.log.Warn("starting over from the stored position", "err", err)
	w.mu.Lock()
	w.rooms = newRooms(w.cfg.RoomBytes)
	w.mu.Unlock()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		at, err := w.shard.Reload(ctx)
		switch {
		case err == nil:
			w.mu.Lock()
			w.at = at
			w.mu.Unlock()
			return nil
		case !errors.Is(err, chat.ErrUnreachable):
			return err
		}
	}
}

// beat, once a second, tells every gateway where the partition stands, but only
// after the store has answered: who hears it knows that the owner can commit.
func (w *worker) beat(ctx context.Context, lost context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	trim := time.NewTicker(time.Minute)
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-trim.C:
			w.trim(ctx)
		case now := <-tick.C:
			if err := w.tellStanding(ctx, now); errors.Is(err, chat.ErrNotOwner) {
				lost(err)
			}
		}
	}
}

func (w *worker) tellStanding(ctx context.Context, now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.shard.Ping(ctx); err != nil {
		return err
	}
	for run, l := range w.audience.runs {
		if now.Sub(l.asked) > forgetAfter {
			w.log.Info("forgetting a gateway that asks no more", "gateway", contract.Run(run))
			w.audience.forget(run)
			continue
		}
		w.tell(ctx, l, &contract.Notice{To: w.at.N, LogSeq: w.decided})
	}
	partition := strconv.Itoa(w.partition)
	w.metrics.gateways.WithLabelValues(partition).Set(float64(len(w.audience.runs)))
	w.metrics.watched.WithLabelValues(partition).Set(float64(len(w.audience.watches)))
	w.metrics.rooms.WithLabelValues(partition).Set(float64(w.rooms.order.Len()))
	w.metrics.position.WithLabelValues(partition).Set(float64(w.at.N))
	return nil
}

// trim lets go of log records that are consumed and old.
func (w *worker) trim(ctx context.Context) {
	w.mu.Lock()
	behind := w.at.Seq
	w.mu.Unlock()
	if err := w.intake.Trim(ctx, behind, w.cfg.KeepLog, time.Now()); err != nil && ctx.Err() == nil {
		w.log.Warn("the log was not trimmed", "err", err)
	}
}

// tell sends a notice on from where the gateway was last told. Losing it is no
// harm: the next one's From shows the gap.
func (w *worker) tell(ctx context.Context, l *listener, n *contract.Notice) {
	n.Partition, n.Epoch, n.From = w.partition, w.at.Epoch, l.told
	l.told, l.log = n.To, n.LogSeq
	w.metrics.notices.Inc()
	if err := contract.Noticed.At(contract.Run(l.run)).Publish(ctx, w.bus, n); err != nil {
		w.log.Debug("a notice was not sent", "gateway", contract.Run(l.run), "err", err)
	}
}
