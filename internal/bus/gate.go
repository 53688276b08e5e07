package bus

import (
	"context"
	"errors"
	"sync"
)

// ErrDiskFull means that the folder of an embedded log cannot be written now. What was
// being appended may be in the log or not.
var ErrDiskFull = errors.New("the disk under the log is full or cannot be written")

// gate keeps appends away from a server that could not store them, and lets go
// of those that wait for its answer: it would not come. The nil gate, of a
// dialled bus, is always open.
type gate struct {
	mu   sync.Mutex
	full context.Context // ended while the gate is shut
	fill context.CancelFunc
	free chan struct{} // closed while it is open
}

func newGate() *gate {
	g := &gate{free: make(chan struct{})}
	g.open()
	return g
}

// open lets appends pass. Only the watcher opens and shuts.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.full, g.fill = context.WithCancel(context.Background())
	close(g.free)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fill()
	g.free = make(chan struct{})
}

func (g *gate) state() (full context.Context, free <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.full, g.free
}

// err is ErrDiskFull while the gate is shut.
func (g *gate) err() error {
	if g == nil {
		return nil
	}
	if full, _ := g.state(); full.Err() != nil {
		return ErrDiskFull
	}
	return nil
}

// within gives a context that ends, because of ErrDiskFull, when the gate is
// shut.
func (g *gate) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if g == nil {
		return ctx, func() {}
	}
	full, _ := g.state()
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(full, func() { cancel(ErrDiskFull) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// wait returns when the gate is open, or with ErrDiskFull when ctx has ended.
func (g *gate) wait(ctx context.Context) error {
	if g == nil {
		return nil
	}
	_, free := g.state()
	select {
	case <-free:
		return nil
	case <-ctx.Done():
		return errors.Join(ErrDiskFull, ctx.Err())
	}
}
