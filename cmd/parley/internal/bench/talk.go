package bench

import (
	"context"
	"fmt"
	"time"
)

// sender is a connection that talks in one room.
type sender struct {
	conn     *conn
	template template
}

// talk offers messages at a rate and measures what becomes of them.
type talk struct {
	arena    *arena
	senders  []sender
	audience int   // connections that each message reaches, the sender's included
	counter  int64 // nonces over all steps
	unsent   []*conn
}

// step is one measured stretch at one rate.
func (t *talk) step(ctx context.Context, rate float64, warmup, length time.Duration) (Report, *tally) {
	a := t.arena
	start := clock()
	from := start + int64(warmup)
	a.begin(from)
	p := newPacer(start, rate, warmup+length)
	var lag histogram
	var sent uint64
	quit := a.progress.every(time.Second, t.line(from))
	var cost meter
	metering := false
	p.run(ctx, func(k, due int64) {
		s := &t.senders[int(k)%len(t.senders)]
		t.queue(s, due)
		if due >= from {
			if !metering {
				cost, metering = a.meter(), true
			}
			sent++
			lag.add(clock() - due)
		}
	}, t.flush)
	var r Report
	if metering {
		r.CPU, _ = cost.stop()
	}
	quit()
	r.Seconds, r.Offered, r.Sent, r.Lag = length.Seconds(), rate, sent, lag.latency()
	r.Expected = sent * uint64(t.audience)
	r.drained = a.settle(ctx, r.Expected, 3*time.Second)
	return r, a.counted()
}

// queue lines a message up for the next flush.
func (t *talk) queue(s *sender, due int64) {
	if s.conn.queue(&s.template, t.counter, due) {
		t.unsent = append(t.unsent, s.conn)
	}
	t.counter++
}

// flush writes what is lined up; what a socket would not take stays so.
func (t *talk) flush() {
	left := t.unsent[:0]
	for _, c := range t.unsent {
		if c.flush() {
			left = append(left, c)
		}
	}
	t.unsent = left
}

// line tells what a second brought.
func (t *talk) line(from int64) func() string {
	var before uint64
	return func() string {
		now, acked := t.arena.delivered()
		second := now - before
		before = now
		phase := "measuring"
		if clock() < from {
			phase = "warming up"
		}
		return fmt.Sprintf("%s: %d deliveries/s, %d delivered, %d acknowledged, %d reconnects", phase, second, now, acked, t.arena.away.Load())
	}
}

// measure is a whole run at one rate.
func (t *talk) measure(ctx context.Context, rate float64, timing Timing) (Report, error) {
	r, count := t.step(ctx, rate, timing.Warmup, timing.Duration)
	r.fill(t.arena, count)
	v, err := t.arena.check(ctx)
	r.judge(v)
	return r, err
}

// Sustained means: everything came, nothing was refused, nobody was thrown
// out, and the last message of a step was everywhere within sustainedDrain.
const (
	sustainedDrain = time.Second
	sustainedP99   = 1000.0 // ms
	searchStep     = 10 * time.Second
	searchGrowth   = 1.5
	searchHalvings = 4
)

// limit searches the highest rate that is sustained, from rate on: up by half
// until it breaks (or down until it holds), then between the two.
func (t *talk) limit(ctx context.Context, rate float64, timing Timing) (Report, error) {
	timing.Duration = min(timing.Duration, searchStep)
	var best Report
	var steps []Step
	good, bad := 0.0, 0.0
	for halvings := 0; ctx.Err() == nil && halvings < searchHalvings; {
		r, s, err := t.try(ctx, rate, timing)
		if err != nil {
			return best, err
		}
		steps = append(steps, s)
		if s.Sustained {
			good, best = rate, r
		} else {
			bad = rate
		}
		if best.Kind == "" {
			best = r
		}
		rate, halvings = nextRate(good, bad, halvings)
		if rate < 1 {
			break
		}
	}
	best.Steps = steps
	return best, ctx.Err()
}

// nextRate is where to look next, given the best rate that held and the lowest
// that did not (0 while there is none).
func nextRate(good, bad float64, halvings int) (float64, int) {
	switch {
	case bad == 0:
		return good * searchGrowth, halvings
	case good == 0:
		return bad / 2, halvings
	}
	return (good + bad) / 2, halvings + 1
}

func (t *talk) try(ctx context.Context, rate float64, timing Timing) (Report, Step, error) {
	away := t.arena.away.Load()
	r, err := t.measure(ctx, rate, timing)
	s := Step{Rate: rate, DeliveredPS: r.DeliveredPS, Receive: r.Receive}
	switch {
	case len(r.Refused) > 0:
		s.Why = "refused " + refusals(r.Refused)
	case t.arena.away.Load() > away:
		s.Why = "connections were closed"
	case r.Delivered < r.Expected:
		s.Why = fmt.Sprintf("%d of %d delivered", r.Delivered, r.Expected)
	case r.drained > sustainedDrain:
		s.Why = fmt.Sprintf("%.1f s behind at the end", r.drained.Seconds())
	case r.Receive.P99 > sustainedP99:
		s.Why = "p99 above a second"
	default:
		s.Sustained = true
	}
	return r, s, err
}
