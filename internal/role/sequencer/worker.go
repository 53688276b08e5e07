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
	partition  int
	partitions int
	log        *slog.Logger
	owning     context.Context // ends with the run, or by letGo
	letGo      context.CancelCauseFunc
	ending     sync.WaitGroup // what may take its time to end, and the partition is not to wait for

	intake *bus.Log  // of run's goroutine only, like
	heard  time.Time // when the log last gave a sign of life, and
	failed int       // how often it had to start over since a batch was committed

	tally *bus.Tally    // of what is decided
	much  chan struct{} // holds a token when that is much since the log was trimmed

	mu       sync.Mutex // held through a commit and its notices: watch sets change between commits
	at       chat.Position
	decided  uint64 // of the log that is read now, the records up to this one
	rooms    *rooms
	audience *audience
}

func newWorker(ctx context.Context, s *Sequencer, shard Shard, intake *bus.Log, partition, partitions int) *worker {
	ctx, letGo := context.WithCancelCause(ctx)
	return &worker{
		Sequencer: s, shard: shard, intake: intake, partition: partition, partitions: partitions, owning: ctx, letGo: letGo,
		log: s.log.With("partition", partition), at: shard.Position(), decided: shard.Position().Seq,
		rooms: newRooms(s.cfg.RoomBytes), audience: newAudience(), tally: bus.NewTally(s.cfg.Log), much: make(chan struct{}, 1),
	}
}

func (w *worker) listen() *bus.Subscriptions {
	var subs bus.Subscriptions
	subs.Add(contract.Watch.At(contract.Owner(w.partition, w.at.Epoch)).Answer(w.bus, w.watch, bus.Serial()))
	subs.Add(contract.Watchers.At(contract.Partition(w.partition)).Answer(w.bus, w.watchers))
	return &subs
}

const (
	// cutOff is how long an owner may be without the log: another may have it.
	cutOff = 3 * time.Second
	// leastTry is how long opening the log may take at least.
	leastTry = 700 * time.Millisecond
	// leastWait and mostWait are how long it is waited before starting over.
	leastWait, mostWait = 20 * time.Millisecond, 500 * time.Millisecond
	// finishWithin is how long a batch may take when the partition is let go.
	finishWithin = 3 * time.Second
)

// run orders commands until ownership is lost or the worker's context ends; the
// batch that is under way then is finished.
func (w *worker) run(ready func()) error {
	ctx := w.owning
	finish, stop := outliving(ctx, finishWithin)
	defer stop()
	pinged := make(chan struct{}, 1)
	defer w.letGo(nil)
	w.ending.Go(func() { w.ping(ctx, pinged) })
	w.ending.Go(func() { w.beat(ctx, pinged) })
	w.ending.Go(func() { w.keepRoom(ctx) })

	w.log.Info("owning a partition", "epoch", w.at.Epoch, "feed", w.at.N, "log", w.at.Seq)
	w.heard = time.Now()
	ready()
	if err := contract.Taken.Publish(ctx, w.bus, &contract.TakenNotice{Partition: w.partition, Epoch: w.at.Epoch}); err != nil {
		w.log.Debug("gateways were not told who owns the partition", "err", err)
	}
	for ctx.Err() == nil {
		reader, err := w.openLog(ctx)
		switch {
		case err == nil:
			err = w.work(ctx, finish, reader)
		case time.Since(w.heard) > cutOff && !errors.Is(err, bus.ErrDiskFull): // a full disk is nobody's alone
			return fmt.Errorf("%w: %w", errCutOff, err)
		}
		if lost := w.recover(ctx, err); lost != nil {
			return lost
		}
	}
	return context.Cause(ctx)
}

// outliving is a context that ends so long after another.
func outliving(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return later, func() {
		unhook()
		cancel()
	}
}

// openLog opens the log where the position says.
func (w *worker) openLog(ctx context.Context) (*bus.Reader, error) {
	ctx, cancel := context.WithTimeout(ctx, max(cutOff-time.Since(w.heard), leastTry))
	defer cancel()
	reader, err := w.intake.Read(ctx, w.at)
	if errors.Is(err, bus.ErrNoLog) {
		// Its folder was deleted under us: the log is only intake, make it again.
		var made *bus.Log
		if made, err = w.bus.MakeLog(ctx, w.partition, w.cfg.Log); err == nil {
			w.intake = made
			reader, err = made.Read(ctx, w.at)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	w.stand(reader.Restarted() != "")
	if why := reader.Restarted(); why != "" {
		w.metrics.restarts.Inc()
		w.log.Warn("the log is not the one we knew: reading it from its first record; nonces make that harmless", "why", why)
	}
	return reader, nil
}

// work takes what the log has until something fails or ctx ends. A batch that was
// begun has until finish ends.
func (w *worker) work(ctx, finish context.Context, reader *bus.Reader) error {
	defer func() {
		w.heard = reader.Heard()
		w.ending.Go(reader.Close)
	}()
	for {
		records, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if err := w.take(finish, records); err != nil {
			return err
		}
		w.failed = 0
		if w.tally.Count(records) {
			select {
			case w.much <- struct{}{}:
			default:
			}
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
	level := slog.LevelWarn
	if w.failed > 0 {
		level = slog.LevelDebug // the first time has said it
	}
	w.log.Log(ctx, level, "starting over from the stored position", "err", err)
	w.mu.Lock()
	w.rooms = newRooms(w.cfg.RoomBytes)
	w.mu.Unlock()
	for {
		wait := min(leastWait<<min(w.failed, 10), mostWait)
		w.failed++
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

// ping asks the store once a second whether this is still the owner, whatever
// else goes on: a session that says nothing would be put out. Who is not lets go.
func (w *worker) ping(ctx context.Context, pinged chan<- struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch err := w.shard.Ping(ctx); {
		case errors.Is(err, chat.ErrNotOwner):
			w.letGo(err)
		case err == nil:
			select {
			case pinged <- struct{}{}:
			default:
			}
		}
	}
}

// beat tells every gateway where the partition stands, after each ping that the
// store has answered: who hears it knows that the owner can commit.
func (w *worker) beat(ctx context.Context, pinged <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-pinged:
			w.tellStanding(ctx, time.Now())
		}
	}
}

func (w *worker) tellStanding(ctx context.Context, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
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
}

const (
	trimEvery  = time.Minute
	trimAgain  = time.Second // when it failed
	trimFailed = 10          // so often in a row is worth a warning
)

// keepRoom trims the log: at once, for the owner before may have left it full,
// then each minute, and whenever much of it was decided.
func (w *worker) keepRoom(ctx context.Context) {
	for failed := 0; ; {
		wait := trimEvery
		if err := w.trim(ctx); err == nil {
			failed = 0
		} else {
			wait = trimAgain
			if failed++; failed == trimFailed && ctx.Err() == nil {
				w.log.Warn("the log is not trimmed, and becomes full", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-w.much:
		case <-time.After(wait):
		}
	}
}

// trim lets go of log records that are decided, if they are old or the log has
// need of room.
func (w *worker) trim(ctx context.Context) error {
	w.mu.Lock()
	at := w.at
	w.mu.Unlock()
	return w.bus.Log(w.partition).Trim(ctx, at, w.cfg.KeepLog, time.Now(), w.tally)
}

// tell sends a notice on from where the gateway was last told. Losing it is no
// harm: the next one's From shows the gap.
func (w *worker) tell(ctx context.Context, l *listener, n *contract.Notice) {
	n.Partition, n.Epoch, n.From, n.Registration = w.partition, w.at.Epoch, l.told, l.registration
	l.told, l.log = n.To, n.LogSeq
	w.metrics.notices.Inc()
	if err := contract.Noticed.At(contract.Run(l.run)).Publish(ctx, w.bus, n); err != nil {
		w.log.Debug("a notice was not sent", "gateway", contract.Run(l.run), "err", err)
	}
}
