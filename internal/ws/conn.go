package ws

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Handler is told what happens on a connection. A panic in Text is logged and closes that connection with CodeInternal:
// one bad message must not end everybody's. Closed must not panic.
type Handler interface {
	// Text hands over one whole text message, valid UTF-8. Calls for one connection come in order and never at the same
	// time. Text may block: only this connection's reading waits. msg is valid only until Text returns and may be
	// changed. After Conn.Close or Conn.Drop no new call begins.
	Text(c *Conn, msg []byte)
	// Closed is called exactly once, after the last Text has returned, when the connection is gone, however it went.
	// code is the websocket close code that decided: the peer's, or the one given to Conn.Close; CodeNone when the peer
	// gave none, CodeAbnormal when the connection just ended. err is nil when one side closed as it should.
	Closed(c *Conn, code int, err error)
}

// link is the socket below a connection and the way it waits: a goroutine or the event loop.
type link interface {
	// start begins to read for c, first what came with the handshake. The reader calls Conn.finish at the end.
	start(c *Conn, first []byte)
	// schedule has Conn.flush called soon, on another goroutine. It never blocks.
	schedule(c *Conn)
	// write sends what the socket takes, or, where nothing has been sent, returns errAgain when it takes nothing
	// now; then Conn.writable is called when it does.
	write(p []byte) (int, error)
	// hangup ends the connection: the reader sees its end and calls Conn.finish. With reset, what the kernel still
	// holds for the peer is thrown away and nothing blocks.
	hangup(c *Conn, reset bool)
	// release frees the socket. Neither reader nor writer uses it any more.
	release()
	remote() net.Addr
}

type phase uint32

const (
	phaseOpen    phase = iota
	phaseClosing       // nothing is accepted; the queue's last frame is the close frame
	phaseGone          // the socket is, or will at once be, released
)

// Conn is one connection. All methods may be called by any goroutine, also from within its Handler, and none but Wait
// blocks.
type Conn struct {
	srv     *Server
	handler Handler
	link    link

	// The reader's own; see feed.
	in decoder

	// For the sweeper.
	heard  atomic.Int64 // when bytes last came, or Text returned; Server.now
	busy   atomic.Bool  // Text is running
	pinged int64        // when it was last pinged
	slot   int32        // place in the server's table

	phase atomic.Uint32 // changed under mu only

	mu         sync.Mutex
	flushing   bool // someone has been asked to flush, or is flushing, or waits for the socket to take more
	writing    bool // a write is under way, outside mu
	blocked    bool // the socket took nothing; writable goes on
	unblocked  bool // writable was called since the write under way began
	peerClosed bool // the peer's close frame has come
	code       int32
	err        error
	out        *queue        // nil while nothing waits
	waitBelow  int           // Wait's highest threshold
	waiting    chan struct{} // closed when less than that waits, or nothing ever will
	deadline   *time.Timer   // ends a close that takes too long
}

// Send queues f and returns at once. Frames leave in the order of the calls. It returns ErrClosed when the connection
// is closed or closing, and ErrSlow when more than Config.MaxQueue bytes would wait; the connection is then already
// closing with CodeSlow and what waited is dropped, so the peer never sees a gap without its end.
func (c *Conn) Send(f Frame) error {
	c.mu.Lock()
	if c.current() != phaseOpen {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.waits()+len(f)+frameCost > c.srv.cfg.MaxQueue {
		c.mu.Unlock()
		if c.shut(CodeSlow, "slow consumer", ErrSlow, true) {
			c.srv.slow.Add(1)
		}
		return ErrSlow
	}
	start := c.enqueue(f)
	c.mu.Unlock()
	if start {
		c.link.schedule(c)
	}
	return nil
}

// SendText is Send of a frame that only this connection gets.
func (c *Conn) SendText(payload []byte) error { return c.Send(TextFrame(payload)) }

// Close sends what is queued and then a close frame with code and reason (at most 123 bytes of it), waits for the
// peer's answer and closes the connection; where that takes longer than Config.CloseTimeout, it is dropped. Close
// returns at once; Handler.Closed tells when it is done. A second call changes nothing.
func (c *Conn) Close(code int, reason string) { c.shut(code, reason, nil, false) }

// Drop closes the TCP connection at once. What is queued is lost and the peer gets no close frame.
func (c *Conn) Drop() { c.kill(ErrClosed, true) }

// Queued returns how many bytes wait to be written, 24 more for each frame.
func (c *Conn) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waits()
}

// Wait blocks until Queued is less than below (at least 1). It returns ErrClosed when the connection closes, or the
// context's error. Who sends much waits between the pieces, so that a slow link is not taken for a slow reader.
func (c *Conn) Wait(ctx context.Context, below int) error {
	below = max(below, 1)
	for {
		c.mu.Lock()
		if c.current() != phaseOpen {
			c.mu.Unlock()
			return ErrClosed
		}
		if c.waits() < below {
			c.mu.Unlock()
			return nil
		}
		if c.waiting == nil {
			c.waiting, c.waitBelow = make(chan struct{}), 0
		}
		c.waitBelow = max(c.waitBelow, below)
		changed := c.waiting
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// RemoteAddr returns the peer's address, also after the connection has gone.
func (c *Conn) RemoteAddr() net.Addr { return c.link.remote() }

func (c *Conn) current() phase { return phase(c.phase.Load()) }

func (c *Conn) waits() int {
	if c.out == nil {
		return 0
	}
	return c.out.bytes
}

// enqueue needs mu; it says whether the caller must have the connection flushed.
func (c *Conn) enqueue(f Frame) (start bool) {
	if c.out == nil {
		c.out = queues.Get().(*queue)
	}
	c.out.push(f)
	start = !c.flushing
	c.flushing = true
	return start
}

// wake lets Wait look again where it may return; needs mu.
func (c *Conn) wake() {
	if c.waiting != nil && (c.current() != phaseOpen || c.waits() < c.waitBelow) {
		close(c.waiting)
		c.waiting = nil
	}
}

// discard drops what waits; needs mu.
func (c *Conn) discard() {
	if c.out != nil {
		c.out.free()
		c.out = nil
	}
}

// ping asks the peer for a sign of life, unless so much waits that it would only add to it.
func (c *Conn) ping(f Frame) {
	c.mu.Lock()
	start := false
	if c.current() == phaseOpen && c.waits()+len(f)+frameCost <= c.srv.cfg.MaxQueue {
		start = c.enqueue(f)
	}
	c.mu.Unlock()
	if start {
		c.link.schedule(c)
	}
}
