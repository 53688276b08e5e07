package ws

import "sync"

// table holds a server's connections at numbered places. A place is small enough to travel as an event's user data,
// and walking the places in order spreads the sweeper's work.
type table struct {
	mu     sync.RWMutex
	conns  []*Conn
	free   []int32
	open   int
	closed bool
	empty  chan struct{} // closed when the table is closed and the last connection gone
}

func newTable() *table { return &table{empty: make(chan struct{})} }

// add gives c a place, unless the table is closed.
func (t *table) add(c *Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	if n := len(t.free); n > 0 {
		c.slot, t.free = t.free[n-1], t.free[:n-1]
		t.conns[c.slot] = c
	} else {
		c.slot = int32(len(t.conns))
		t.conns = append(t.conns, c)
	}
	t.open++
	return true
}

func (t *table) remove(c *Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns[c.slot] = nil
	t.free = append(t.free, c.slot)
	t.open--
	if t.closed && t.open == 0 {
		close(t.empty)
	}
}

// close lets no connection in any more.
func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed && t.open == 0 {
		close(t.empty)
	}
	t.closed = true
}

func (t *table) isClosed() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.closed
}

func (t *table) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.open
}

// part appends the connections of the i-th of n equal parts of the table to into.
func (t *table) part(i, n int, into []*Conn) []*Conn {
	t.mu.RLock()
	defer t.mu.RUnlock()
	from, to := len(t.conns)*i/n, len(t.conns)*(i+1)/n
	for _, c := range t.conns[from:to] {
		if c != nil {
			into = append(into, c)
		}
	}
	return into
}
