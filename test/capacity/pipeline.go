package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Result is what a run of the pipeline showed.
type Result struct {
	P50, P99  time.Duration // from a message's arrival to its commit
	PerCommit float64
	Done      int
}

// Simulate lets messages come to a partition at random, rate of them a second,
// spread over gateways.
//
//	message ──► envelope that fills ──► the one in flight ──► log ──► commit of all that is there
//	            (one per gateway)       (Append)                      (CommitBase + n × CommitEach)
//
// It is the path of internal/bus Appender and the sequencer's worker: a gateway
// has one append in flight, and whatever comes meanwhile leaves with the next; the
// worker commits what the log holds, up to the limit of a batch.
func Simulate(c Costs, rate float64, gateways int, length time.Duration, seed uint64) Result {
	s := simulation{c: c, random: rand.New(rand.NewPCG(seed, 0)), gateways: make([]gatewayQueue, gateways)}
	end := float64(length) / float64(time.Microsecond)
	for next := s.pause(rate); next < end; next += s.pause(rate) {
		s.until(next)
		g := &s.gateways[s.random.IntN(gateways)]
		g.filling = append(g.filling, next)
		s.start(g, next)
	}
	s.until(end)
	return s.result()
}

// simulation keeps times in microseconds.
type simulation struct {
	c        Costs
	random   *rand.Rand
	gateways []gatewayQueue
	log      []float64 // arrivals of the messages that wait for a commit
	batch    []float64 // of those in the commit that runs
	commit   float64   // when it ends
	took     []float64
	commits  int
}

type gatewayQueue struct {
	filling, flying []float64 // arrivals
	back            float64   // when the append in flight is answered
}

func (s *simulation) pause(rate float64) float64 { return s.random.ExpFloat64() * 1e6 / rate }

func (s *simulation) start(g *gatewayQueue, now float64) {
	if len(g.flying) > 0 || len(g.filling) == 0 {
		return
	}
	n := min(len(g.filling), s.c.MostCommands)
	g.flying, g.filling = g.filling[:n:n], g.filling[n:]
	g.back = now + s.c.Append
}

// until lets everything happen that does before a time, in order.
func (s *simulation) until(end float64) {
	for {
		first, at := -2, end
		if len(s.batch) > 0 && s.commit <= at {
			first, at = -1, s.commit
		}
		for i := range s.gateways {
			if g := &s.gateways[i]; len(g.flying) > 0 && g.back <= at {
				first, at = i, g.back
			}
		}
		switch first {
		case -2:
			return
		case -1:
			for _, arrival := range s.batch {
				s.took = append(s.took, at-arrival)
			}
			s.batch = nil
		default:
			g := &s.gateways[first]
			s.log = append(s.log, g.flying...)
			g.flying = nil
			s.start(g, at)
		}
		s.work(at)
	}
}

// work begins a commit when none runs and something waits.
func (s *simulation) work(now float64) {
	if len(s.batch) > 0 || len(s.log) == 0 {
		return
	}
	n := min(len(s.log), s.c.MostEvents)
	s.batch, s.log = s.log[:n:n], s.log[n:]
	s.commit = now + s.c.CommitBase + float64(n)*s.c.CommitEach
	s.commits++
}

func (s *simulation) result() Result {
	if len(s.took) == 0 {
		return Result{}
	}
	slices.Sort(s.took)
	at := func(share float64) time.Duration {
		return time.Duration(s.took[int(share*float64(len(s.took)-1))] * float64(time.Microsecond))
	}
	return Result{P50: at(0.5), P99: at(0.99), PerCommit: float64(len(s.took)) / float64(s.commits), Done: len(s.took)}
}
