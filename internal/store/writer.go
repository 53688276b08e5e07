package store

import (
	"context"
	"sync"
)

// queue lets one at a time through, the sequencer before everybody else.
type queue struct {
	mu      sync.Mutex
	taken   bool
	waiting [2][]chan struct{} // by class
}

// enter returns when it is our turn; leave must follow. With an error it is not
// our turn, and will not be.
func (q *queue) enter(ctx context.Context, c class) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	if !q.taken {
		q.taken = true
		q.mu.Unlock()
		return nil
	}
	turn := make(chan struct{}, 1)
	q.waiting[c] = append(q.waiting[c], turn)
	q.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		q.giveUp(c, turn)
		return ctx.Err()
	}
}

func (q *queue) giveUp(c class, turn chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting[c] {
		if w == turn {
			q.waiting[c] = append(q.waiting[c][:i], q.waiting[c][i+1:]...)
			return
		}
	}
	// The turn came while we were leaving: it is the next one's.
	q.pass()
}

func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pass()
}

func (q *queue) pass() {
	for _, c := range [...]class{ofSequencer, ofOthers} {
		if len(q.waiting[c]) > 0 {
			turn := q.waiting[c][0]
			q.waiting[c] = q.waiting[c][1:]
			turn <- struct{}{}
			return
		}
	}
	q.taken = false
}
