package bus

import (
	"context"
	"sync"
)

// Faults decides what happens to each thing that passes through a Bus. It makes
// a test's bad day; outside tests there is none. It is called from many
// goroutines.
type Faults interface {
	Fate(Passage) Fate
}

// What is it that passes?
type What uint8

// All that passes through a Bus.
const (
	PassQuestion  What = iota + 1 // of a Call
	PassAnswer                    // to it
	PassNotice                    // of a Topic
	PassRecord                    // to or from a Log
	PassAck                       // a Log's word that it has stored a record
	PassHeartbeat                 // a Log's word to its Reader that nothing is new
)

// Passage is one thing on its way out of this Bus or into it.
type Passage struct {
	What    What
	Inbound bool
	Subject string
	Data    []byte // not to be kept or changed
}

// Fate is what becomes of a passage. The zero Fate lets it through.
type Fate struct {
	Drop   bool
	Repeat int             // so many more times
	Swap   bool            // it passes right behind the next of its kind and subject
	Hold   <-chan struct{} // it passes when this is closed; others overtake it
}

type laneKey struct {
	what    What
	inbound bool
	subject string
}

// lane is where passages of one kind, direction and subject follow each other.
type lane struct {
	mu      sync.Mutex
	swapped []func()
}

func (b *Bus) lane(p Passage) *lane {
	key := laneKey{p.What, p.Inbound, p.Subject}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lanes[key]
	if l == nil {
		l = &lane{}
		b.lanes[key] = l
	}
	return l
}

// pass calls deliver as often as fate has it, one passage of the lane at a time,
// and perhaps after pass has returned.
func (b *Bus) pass(p Passage, deliver func()) {
	if b.faults == nil {
		deliver()
		return
	}
	fate, l := b.faults.Fate(p), b.lane(p)
	again := func() {
		for range 1 + fate.Repeat {
			deliver()
		}
	}
	switch {
	case fate.Drop:
	case fate.Swap:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.swapped = append(l.swapped, again)
	case fate.Hold != nil:
		go func() {
			select {
			case <-fate.Hold:
				l.run(again)
			case <-b.ctx.Done():
			}
		}()
	default:
		l.run(again)
	}
}

func (l *lane) run(deliver func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	deliver()
	for _, swapped := range l.swapped {
		swapped()
	}
	l.swapped = nil
}

// await is pass for who waits for the passage to be through: so many times it
// is to be sent, or the end of ctx.
func (b *Bus) await(ctx context.Context, p Passage) (times int, err error) {
	if b.faults == nil {
		return 1, nil
	}
	through := make(chan struct{}, maxRepeat)
	b.pass(p, func() {
		select {
		case through <- struct{}{}:
		default:
		}
	})
	select {
	case <-through:
		return 1 + len(through), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

const maxRepeat = 16
