package ws

import "time"

// shut begins to close the connection, if it is open. With cut, what is queued and not begun is dropped first.
func (c *Conn) shut(code int, reason string, err error, cut bool) bool {
	c.mu.Lock()
	if c.current() != phaseOpen {
		c.mu.Unlock()
		return false
	}
	c.phase.Store(uint32(phaseClosing))
	c.code, c.err = int32(code), err
	if cut && c.out != nil {
		c.out.cut()
	}
	start := c.enqueue(closeFrame(code, reason))
	c.wake()
	c.deadline = time.AfterFunc(c.srv.cfg.CloseTimeout, c.expire)
	c.mu.Unlock()
	if start {
		c.link.schedule(c)
	}
	return true
}

// expire ends a close that took too long. A peer that has not even taken what was queued gets a reset: the kernel
// should not keep megabytes for it.
func (c *Conn) expire() {
	c.mu.Lock()
	reset := c.out != nil
	c.mu.Unlock()
	c.kill(nil, reset)
}

// kill ends the connection without another word. err counts where nothing was decided before.
func (c *Conn) kill(err error, reset bool) {
	c.mu.Lock()
	if c.current() == phaseGone {
		c.mu.Unlock()
		return
	}
	if c.current() == phaseOpen {
		c.phase.Store(uint32(phaseClosing))
		c.code, c.err = CodeAbnormal, err
	}
	c.discard()
	c.wake()
	c.mu.Unlock()
	c.link.hangup(c, reset)
}

// finish is the end of every connection. The reader calls it, once, and reads no more.
func (c *Conn) finish(err error) {
	c.mu.Lock()
	if c.current() == phaseOpen {
		c.code, c.err = CodeAbnormal, err
	}
	c.phase.Store(uint32(phaseGone))
	c.discard()
	c.wake()
	if c.deadline != nil {
		c.deadline.Stop()
	}
	code, err, unused := int(c.code), c.err, !c.writing
	c.mu.Unlock()
	if unused { // else the writer releases it
		c.link.release()
	}
	c.handler.Closed(c, code, err)
	c.srv.conns.remove(c)
}
