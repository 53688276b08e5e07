package sequencer

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/contract"
)

// standings remembers which partitions are worked here.
type standings struct {
	mu      sync.Mutex
	workers map[int]*worker
}

// began notes that a worker works; the function that it returns, that it has ended.
func (s *standings) began(w *worker) (ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers == nil {
		s.workers = map[int]*worker{}
	}
	s.workers[w.partition] = w
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.workers[w.partition] == w {
			delete(s.workers, w.partition)
		}
	}
}

// handOver lets the worker of a partition go, when it has one.
func (s *standings) handOver(partition int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.workers[partition]; w != nil {
		w.letGo(errHandedOver)
	}
}

// Standings says where the partitions stand that this process owns, in their
// order.
func (s *Sequencer) Standings(ctx context.Context) []contract.Standing {
	s.standings.mu.Lock()
	workers := make([]*worker, 0, len(s.standings.workers))
	for _, w := range s.standings.workers {
		workers = append(workers, w)
	}
	s.standings.mu.Unlock()
	slices.SortFunc(workers, func(a, b *worker) int { return a.partition - b.partition })
	all := make([]contract.Standing, len(workers))
	var asking sync.WaitGroup
	for i, w := range workers {
		asking.Go(func() { all[i] = w.standing(ctx) })
	}
	asking.Wait()
	return all
}

// busyAfter is how long a standing waits for a commit.
const busyAfter = 300 * time.Millisecond

func (w *worker) standing(ctx context.Context) contract.Standing {
	s := contract.Standing{Partition: w.partition, Busy: true}
	for began := time.Now(); s.Busy && time.Since(began) < busyAfter; {
		if w.mu.TryLock() {
			s.Epoch, s.N, s.Decided, s.Busy = w.at.Epoch, w.at.N, w.at.Seq, false
			s.Gateways, s.Watched = len(w.audience.runs), len(w.audience.watches)
			w.mu.Unlock()
			break
		}
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, busyAfter)
	defer cancel()
	if _, last, _, err := w.bus.Log(w.partition).Info(ctx); err == nil {
		s.Last = last
	}
	return s
}
