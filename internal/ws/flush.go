package ws

import "errors"

// flush does one write and says whether it should be called again. Only one goroutine at a time flushes a connection.
func (c *Conn) flush(buf []byte) (again bool) {
	c.mu.Lock()
	if c.out == nil {
		c.flushing = false
		c.mu.Unlock()
		return false
	}
	p := c.out.gather(buf)
	c.writing, c.unblocked = true, false
	c.mu.Unlock()

	n, err := c.link.write(p)
	if err == nil {
		c.srv.writes.Add(1)
		c.srv.bytes.Add(uint64(n))
	}

	c.mu.Lock()
	c.writing = false
	if c.current() == phaseGone {
		c.flushing = false
		c.mu.Unlock()
		c.link.release()
		return false
	}
	if c.out != nil {
		c.srv.frames.Add(uint64(c.out.landed(n)))
	}
	if err != nil && !errors.Is(err, errAgain) {
		c.flushing = false
		c.mu.Unlock()
		c.kill(err, true)
		return false
	}
	again, over := c.flushed(err != nil)
	c.mu.Unlock()
	if over {
		c.link.hangup(c, false)
	}
	return again
}

// flushed decides what comes after a write: another one, or, when both close frames are exchanged, the end; needs mu.
func (c *Conn) flushed(full bool) (again, over bool) {
	c.wake()
	switch {
	case c.out == nil: // killed meanwhile
		c.flushing = false
	case c.out.empty():
		c.discard()
		c.flushing = false
		over = c.current() == phaseClosing && c.peerClosed
	case full && !c.unblocked:
		c.blocked = true
	default:
		again = true
	}
	return again, over
}

// writable tells that the socket takes bytes again.
func (c *Conn) writable() {
	c.mu.Lock()
	c.unblocked = true
	start := c.blocked
	c.blocked = false
	c.mu.Unlock()
	if start {
		c.link.schedule(c)
	}
}
