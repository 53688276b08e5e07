package sequencer

import (
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/contract"
)

// How sequencers divide the partitions among themselves.
const (
	settled     = 10 * time.Second // ready for so long, a sequencer counts: those that start and fail move nothing
	tellEvery   = time.Second
	missedAfter = 3500 * time.Millisecond // without a word a sequencer counts no more
	yieldFor    = time.Second             // who has its share leaves a free partition to others that long
	givenFor    = time.Second             // and who gave one away does not take it back at once
	reachedFor  = 2500 * time.Millisecond // who has not reached the bus within that takes nothing
)

// share is what a sequencer knows of the others, and so how many of the
// partitions are its own. It only decides who tries when: that nobody owns what
// another owns is the store's affair.
type share struct {
	run        uint64
	partitions int
	settled    time.Duration

	mu      sync.Mutex
	ready   time.Time // since then; zero: not yet
	leaving bool
	reached time.Time // when the bus last answered
	others  map[uint64]*other
	owned   map[int]bool
	waits   map[int]time.Time // partitions that are left alone until then
	free    []chan struct{}   // by partition: holds a token when it may be had
}

type other struct {
	heard   time.Time
	owns    int
	settled bool
}

func newShare(run uint64, partitions int, settledAfter time.Duration) *share {
	s := &share{run: run, partitions: partitions, settled: settledAfter, others: map[uint64]*other{},
		owned: map[int]bool{}, waits: map[int]time.Time{}, free: make([]chan struct{}, partitions)}
	for p := range s.free {
		s.free[p] = make(chan struct{}, 1)
	}
	return s
}

// hear takes another's heartbeat.
func (s *share) hear(n *contract.OwningNotice, now time.Time) {
	if n.Run == s.run {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Leaving {
		delete(s.others, n.Run)
	} else {
		s.others[n.Run] = &other{heard: now, owns: n.Owns, settled: time.Duration(n.Ready)*time.Millisecond >= s.settled}
	}
	for _, p := range n.Free {
		if p < 0 || p >= s.partitions {
			continue
		}
		if len(s.owned) >= s.fair(now) {
			s.waits[p] = now.Add(yieldFor)
			continue
		}
		delete(s.waits, p)
		select {
		case s.free[p] <- struct{}{}:
		default:
		}
	}
}

// fair is how many partitions nobody should have more of: all of them divided by
// those that count. This one counts for itself.
func (s *share) fair(now time.Time) int {
	counted := 1
	for run, o := range s.others {
		switch {
		case now.Sub(o.heard) > missedAfter:
			delete(s.others, run)
		case o.settled:
			counted++
		}
	}
	return (s.partitions + counted - 1) / counted
}

// surplus is a partition to be given away, or -1. There is none while another is
// on its way: they go one at a time.
func (s *share) surplus(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving || len(s.owned) <= s.fair(now) {
		return -1
	}
	sum, newest := len(s.owned), -1
	for _, o := range s.others {
		sum += o.owns
	}
	if sum != s.partitions {
		return -1
	}
	for p := range s.owned {
		newest = max(newest, p)
	}
	return newest
}

// may says whether to try for a partition now.
func (s *share) may(p int, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.leaving && now.Sub(s.reached) < reachedFor && !now.Before(s.waits[p])
}

// leave lets a partition alone for a while.
func (s *share) leave(p int, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[p] = until
}

// owns notes whether a partition is owned here.
func (s *share) owns(p int, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is {
		s.owned[p] = true
	} else {
		delete(s.owned, p)
	}
}

func (s *share) reach(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached = now
}

func (s *share) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = now
}

// end takes nothing more.
func (s *share) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
}

// notice is this one's heartbeat.
func (s *share) notice(now time.Time, free ...int) *contract.OwningNotice {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &contract.OwningNotice{Run: s.run, Owns: len(s.owned), Free: free, Leaving: s.leaving}
	if !s.ready.IsZero() {
		n.Ready = now.Sub(s.ready).Milliseconds()
	}
	return n
}
