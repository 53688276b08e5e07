package bench

import (
	"context"
	"time"
)

// epoch is where the generator's clock starts; stamps count from it.
var epoch = time.Now()

// clock is the generator's time in nanoseconds, never going back.
func clock() int64 { return int64(time.Since(epoch)) }

// pacer says when message k of an open loop is due: at its own time, whatever
// became of those before, so that a stall of the server shows in the latency
// of everything that was due meanwhile.
type pacer struct {
	start int64   // clock of message 0
	gap   float64 // nanoseconds between two
	end   int64   // nothing is due from here on
	sent  int64
}

func newPacer(start int64, rate float64, length time.Duration) *pacer {
	return &pacer{start: start, gap: float64(time.Second) / rate, end: start + int64(length)}
}

func (p *pacer) due(k int64) int64 { return p.start + int64(float64(k)*p.gap) }

// take hands every message that is due by now to send, in order.
func (p *pacer) take(now int64, send func(k, due int64)) {
	for {
		due := p.due(p.sent)
		if due > now || due >= p.end {
			return
		}
		send(p.sent, due)
		p.sent++
	}
}

// minNap bounds how often the pacer wakes: messages that are due within it go
// together, which at high rates is many a write.
const minNap = 100 * time.Microsecond

// wait is how long to nap before looking again; done means nothing follows.
func (p *pacer) wait(now int64) (d time.Duration, done bool) {
	due := p.due(p.sent)
	if due >= p.end {
		return 0, true
	}
	return max(minNap, time.Duration(due-now)), false
}

// run sends until the end or until ctx ends; flush is called after each look.
func (p *pacer) run(ctx context.Context, send func(k, due int64), flush func()) {
	for ctx.Err() == nil {
		p.take(clock(), send)
		flush()
		d, done := p.wait(clock())
		if done {
			return
		}
		nap(min(d, 50*time.Millisecond))
	}
}
