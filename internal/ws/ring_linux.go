package ws

import "sync"

// ring is the queue of connections with something to write, chained through their links: each is in it at most once,
// so pushing never allocates and never blocks.
type ring struct {
	mu          sync.Mutex
	some        sync.Cond
	first, last *Conn
	closed      bool
}

func newRing() *ring {
	r := new(ring)
	r.some.L = &r.mu
	return r
}

func (r *ring) push(c *Conn) {
	r.mu.Lock()
	if r.first == nil {
		r.first = c
	} else {
		r.last.link.(*epollLink).next = c
	}
	r.last = c
	r.mu.Unlock()
	r.some.Signal()
}

// pop waits for a connection; nil means that the ring is closed.
func (r *ring) pop() *Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.first == nil {
		if r.closed {
			return nil
		}
		r.some.Wait()
	}
	c := r.first
	l := c.link.(*epollLink)
	r.first, l.next = l.next, nil
	if r.first == nil {
		r.last = nil
	}
	return c
}

func (r *ring) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.some.Broadcast()
}
