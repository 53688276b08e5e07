package ws

import (
	"fmt"
	"runtime/debug"

	"github.com/gobwas/ws"
)

// feed reads what has come from the peer. Only the reader calls it.
func (c *Conn) feed(s *scratch, b []byte) {
	c.heard.Store(c.srv.now())
	c.in.feed(s, b, c.srv.cfg.MaxFrame, (*events)(c))
}

// events is the connection as its decoder sees it.
type events Conn

func (e *events) text(msg []byte) {
	c := (*Conn)(e)
	if c.current() != phaseOpen {
		return
	}
	c.busy.Store(true)
	defer func() {
		c.heard.Store(c.srv.now())
		c.busy.Store(false)
		if p := recover(); p != nil {
			c.srv.cfg.Log.Error("websocket handler panics", "panic", p, "stack", string(debug.Stack()))
			c.shut(CodeInternal, "internal error", fmt.Errorf("ws: handler panics: %v", p), true)
		}
	}()
	c.handler.Text(c, msg)
}

func (e *events) ping(payload []byte) {
	_ = (*Conn)(e).Send(makeFrame(ws.OpPong, payload)) // a closing connection owes none
}

func (e *events) refused(code int, err error) { (*Conn)(e).shut(code, err.Error(), err, true) }

// closed answers the peer's close frame, which makes what is still queued pointless, and hangs up when the answer is
// written. Where this side has closed first, the peer's frame is the answer.
func (e *events) closed(code int) {
	c := (*Conn)(e)
	c.mu.Lock()
	c.peerClosed = true
	answered := c.current() == phaseClosing && c.out == nil
	c.mu.Unlock()
	if answered {
		c.link.hangup(c, false)
		return
	}
	c.shut(code, "", nil, true)
}
