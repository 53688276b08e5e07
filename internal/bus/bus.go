package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bus is one connection to everybody else. It is safe for concurrent use.
type Bus struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	log    *slog.Logger
	faults Faults

	// Of an embedded server; nil when dialled.
	server  *embedded
	gate    *gate
	unwatch context.CancelFunc
	watched sync.WaitGroup

	ctx    context.Context // ends when Close has waited long enough
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	status  Status
	subs    map[*Subscription]struct{}
	readers map[*Reader]struct{}
	lanes   map[laneKey]*lane // with faults only
}

// Status is how the connection stands.
type Status struct {
	Connected bool
	Since     time.Time // when it became so
	Lost      int       // how many times it was lost
	Denied    string    // what the server last forbade this connection; "": nothing
}

const reconnectWait = 100 * time.Millisecond

// open connects once, by whatever way the options of reach add.
func open(name string, log *slog.Logger, faults Faults, reach ...nats.Option) (*Bus, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{
		log: log, faults: faults,
		subs: map[*Subscription]struct{}{}, readers: map[*Reader]struct{}{}, lanes: map[laneKey]*lane{},
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.status = Status{Connected: true, Since: time.Now()}
	nc, err := nats.Connect("", append(reach,
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		// Nothing is kept for later: what is late is better asked again.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { b.lost(err) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { b.found(nc.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) { b.complain(s, err) }),
		nats.PingInterval(time.Second),
		nats.MaxPingsOutstanding(3),
	)...)
	if err != nil {
		b.cancel()
		return nil, err
	}
	b.nc = nc
	if b.js, err = jetstream.New(nc); err != nil {
		b.cancel()
		nc.Close()
		return nil, err
	}
	return b, nil
}

// Connected says whether the bus can be reached now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// Status says how the connection stands and since when.
func (b *Bus) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// Flush waits until the server has seen everything published so far.
func (b *Bus) Flush(ctx context.Context) error {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	if err := b.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("flush the bus: %w", err)
	}
	return nil
}

// Close stops listening, waits for the handlers that run and for what was
// published to leave, closes the connection and, last, an embedded server. When
// ctx ends first it stops waiting, ends the handlers' contexts and closes all
// the same.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	subs, readers := b.listening()
	b.mu.Unlock()

	if b.unwatch != nil {
		b.unwatch()
		b.watched.Wait()
	}
	for _, r := range readers {
		r.Close()
	}
	var err error
	if b.nc.IsConnected() {
		err = errors.Join(stopAll(ctx, subs), b.Flush(ctx))
	}
	b.cancel()
	b.nc.Close()
	b.mu.Lock()
	b.status = Status{Since: time.Now(), Lost: b.status.Lost + 1}
	b.mu.Unlock()
	if b.server != nil {
		err = errors.Join(err, b.server.stop(ctx))
	}
	return err
}

// listening lists what Close has to end. Callers hold mu.
func (b *Bus) listening() (subs []*Subscription, readers []*Reader) {
	for s := range b.subs {
		subs = append(subs, s)
	}
	for r := range b.readers {
		readers = append(readers, r)
	}
	return subs, readers
}

func stopAll(ctx context.Context, subs []*Subscription) error {
	errs := make(chan error, len(subs))
	for _, s := range subs {
		go func() { errs <- s.Stop(ctx) }()
	}
	var err error
	for range subs {
		err = errors.Join(err, <-errs)
	}
	return err
}

func (b *Bus) lost(err error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.status = Status{Since: time.Now(), Lost: b.status.Lost + 1}
	_, readers := b.listening()
	b.mu.Unlock()
	b.log.Log(b.ctx, b.surprise(slog.LevelWarn), "bus lost", "err", err)
	for _, r := range readers {
		r.fail("the bus was lost")
	}
}

func (b *Bus) found(url string) {
	level := b.surprise(slog.LevelInfo)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	// What was forbidden is asked for again, and forbidden again unless it is allowed by now.
	b.status.Connected, b.status.Since, b.status.Denied = true, time.Now(), ""
	b.mu.Unlock()
	b.log.Log(b.ctx, level, "bus found again", "url", url)
}

// surprise is the level, or debug while the embedded server is started anew on
// purpose.
func (b *Bus) surprise(level slog.Level) slog.Level {
	if b.gate.err() != nil {
		return slog.LevelDebug
	}
	return level
}

// complain tells of what NATS could not return to anybody: messages dropped
// because a handler is too slow, and what the credential does not allow.
func (b *Bus) complain(s *nats.Subscription, err error) {
	subject := ""
	if s != nil {
		subject = s.Subject
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		b.mu.Lock()
		b.status.Denied = err.Error()
		b.mu.Unlock()
		b.log.Error("the NATS server forbids what this process needs; `parley nats-permissions` prints what to allow", "err", err)
		return
	}
	b.log.Warn("bus", "subject", subject, "err", err)
}

const defaultTimeout = 5 * time.Second

// withDeadline gives ctx the usual deadline when it has none.
func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return within(ctx, defaultTimeout)
}

// within gives ctx a deadline when it has none.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}
