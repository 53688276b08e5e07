package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// AppenderConfig says for whom an Appender collects.
type AppenderConfig struct {
	Gateway uint64 // the gateway run, written into each envelope
}

const (
	maxWaiting   = 4 // full envelopes behind the one in flight
	ackTimeout   = 2 * time.Second
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = 500 * time.Millisecond
)

// Appender is a gateway's lane into one log.
//
//	Add ──► filling ──► full, at most 4 ──► in flight, exactly 1 ──► done
//
// While one envelope is in flight the next one fills, and leaves the moment the
// first is stored: under load envelopes grow by themselves, and without load a
// command waits for nobody. An envelope whose fate is unknown is sent again,
// with the same ID, before the next one goes, so commands stay in the order in
// which they were added. It is safe for concurrent use.
type Appender struct {
	log     *Log
	gateway uint64

	ctx    context.Context // ends when Close has waited long enough
	cancel context.CancelFunc
	news   chan struct{} // holds a token when there is something to send
	ended  chan struct{}

	mu      sync.Mutex
	filling *load
	full    []*load
	closing bool
	usual   int // how many bytes envelopes have lately: room to give the next
}

// load is an envelope on its way, encoded already.
type load struct {
	id   chat.ID
	data []byte
	done []func(seq uint64, err error)
}

// Appender starts a lane. Its user closes it.
func (l *Log) Appender(cfg AppenderConfig) *Appender {
	a := &Appender{
		log: l, gateway: cfg.Gateway,
		news: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	go a.run()
	return a
}

// Add takes a command, or says why not: [chat.Unavailable] when too much waits
// already, the disk is full or the Appender is closed, [chat.TooLarge] when it
// fits no envelope.
//
// When Add has taken it, done is called exactly once: with the sequence of the
// record that holds the command, or with an error, which is [chat.Unavailable]
// when the log or the disk is full and otherwise comes from Close. Calls of done
// follow the order of Add, come from the Appender's own goroutine and must not
// block. The command is not kept.
func (a *Appender) Add(cmd *chat.Command, done func(seq uint64, err error)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing {
		return chat.Busy(retryAfter, "this gateway is closing")
	}
	if a.log.bus.gate.err() != nil {
		return diskFull()
	}
	if a.filling == nil {
		a.filling = a.newLoad()
	}
	size := len(a.filling.data)
	e := Encoder{a.filling.data}
	e.Command(cmd)
	if len(e.B) > MaxBytes || len(a.filling.done) == MaxCommands {
		if err := a.turn(len(e.B) - size); err != nil {
			return err
		}
		e = Encoder{a.filling.data}
		e.Command(cmd)
	}
	a.filling.data = e.B
	a.filling.done = append(a.filling.done, done)
	if len(a.filling.done) == 1 {
		select {
		case a.news <- struct{}{}:
		default:
		}
	}
	return nil
}

func diskFull() error {
	return fmt.Errorf("%w: %w", chat.Busy(retryAfter, "nothing can be stored now"), ErrDiskFull)
}

// turn puts the filling envelope among the full ones and begins another, for a
// command of so many bytes. Callers hold mu.
func (a *Appender) turn(size int) error {
	switch {
	case size > MaxBytes-envelopeHead:
		return chat.Errorf(chat.TooLarge, "a command of %d bytes", size)
	case len(a.full) >= maxWaiting:
		return chat.Busy(retryAfter, "too much is waiting to be stored")
	}
	a.full = append(a.full, a.filling)
	a.filling = a.newLoad()
	return nil
}

func (a *Appender) newLoad() *load {
	l := &load{id: chat.NewID()}
	e := Encoder{make([]byte, 0, a.usual)}
	e.envelope(l.id, a.gateway)
	l.data = e.B
	return l
}

// next takes the oldest envelope that has something in it, or nil.
func (a *Appender) next() *load {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.full) > 0 {
		l := a.full[0]
		a.full = append(a.full[:0], a.full[1:]...)
		return l
	}
	if !a.filling.any() {
		return nil
	}
	l := a.filling
	a.filling = nil
	a.usual = max(len(l.data), a.usual*7/8, envelopeHead)
	return l
}

func (l *load) any() bool { return l != nil && len(l.done) > 0 }

func (a *Appender) run() {
	defer close(a.ended)
	for {
		for l := a.next(); l != nil; l = a.next() {
			seq, err := a.send(l)
			for _, done := range l.done {
				done(seq, err)
			}
		}
		a.mu.Lock()
		finished := a.closing && !a.filling.any()
		a.mu.Unlock()
		if finished {
			return
		}
		<-a.news
	}
}

// send appends until the log has said yes or no, or Close stops waiting.
func (a *Appender) send(l *load) (seq uint64, err error) {
	for wait := firstBackoff; ; wait = min(2*wait, lastBackoff) {
		ctx, cancel := context.WithTimeout(a.ctx, ackTimeout)
		seq, err = a.log.append(ctx, l.id, l.data)
		cancel()
		switch {
		case err == nil:
			return seq, nil
		case errors.Is(err, ErrLogFull):
			return 0, fmt.Errorf("%w: %w", chat.Busy(retryAfter, "the log is full"), err)
		case errors.Is(err, ErrDiskFull):
			return 0, diskFull()
		}
		select {
		case <-time.After(wait):
		case <-a.ctx.Done():
			return 0, fmt.Errorf("%w: %w", chat.Busy(retryAfter, "this gateway is closing"), err)
		}
	}
}

// Close takes no more commands, waits for those that it has until ctx ends, and
// then tells the rest that it gave up; those may have been stored or not.
func (a *Appender) Close(ctx context.Context) error {
	a.mu.Lock()
	a.closing = true
	a.mu.Unlock()
	select {
	case a.news <- struct{}{}:
	default:
	}
	defer a.cancel()
	select {
	case <-a.ended:
		return nil
	case <-ctx.Done():
		a.cancel()
		<-a.ended
		return fmt.Errorf("close the lane to %s: %w", a.log.subject, ctx.Err())
	}
}
