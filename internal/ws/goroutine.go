package ws

import (
	"crypto/tls"
	"net"
	"sync"
)

// netLink serves one connection by a reading goroutine and, while something is queued, a writing one.
type netLink struct{ conn net.Conn }

func newNetLink(conn net.Conn) link { return netLink{conn} }

func (l netLink) start(c *Conn, first []byte) { go l.read(c, first) }

func (l netLink) read(c *Conn, first []byte) {
	if len(first) > 0 {
		s := scratches.Get().(*scratch)
		c.feed(s, first)
		scratches.Put(s)
	}
	next := reader(l.conn)
	for {
		s, n, err := next()
		if n > 0 {
			c.feed(s, s.buf[:n])
		}
		if s != nil {
			scratches.Put(s)
		}
		if err != nil {
			_ = l.conn.Close() // frees a writer that the peer keeps waiting
			c.finish(err)
			return
		}
	}
}

// reader returns how to wait for bytes and read them into a scratch, which the caller gives back.
func reader(conn net.Conn) func() (*scratch, int, error) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if next := thriftyReader(tcp); next != nil {
			return next
		}
	}
	return func() (*scratch, int, error) {
		s := scratches.Get().(*scratch)
		n, err := conn.Read(s.buf[:])
		return s, n, err
	}
}

var writeBuffers = sync.Pool{New: func() any { return new([writeSize]byte) }}

func (l netLink) schedule(c *Conn) {
	go func() {
		buf := writeBuffers.Get().(*[writeSize]byte)
		for c.flush(buf[:]) {
		}
		writeBuffers.Put(buf)
	}()
}

func (l netLink) write(p []byte) (int, error) { return l.conn.Write(p) }

func (l netLink) hangup(_ *Conn, reset bool) {
	conn := l.conn
	if t, ok := conn.(*tls.Conn); ok && reset {
		conn = t.NetConn() // TLS would wait for its farewell to be written
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close() // the reader reports the end
}

func (l netLink) release() { _ = l.conn.Close() }

func (l netLink) remote() net.Addr { return l.conn.RemoteAddr() }
