//go:build !linux

package bench

import (
	"math"
	"net"
	"sync"
	"time"
)

// reader reads each connection in its own goroutine: right everywhere, and
// slower than what Linux offers.
type reader struct {
	worker *worker
	mu     sync.Mutex
	conns  map[*conn]*reading
}

// reading is one socket being read.
type reading struct {
	nc      net.Conn
	dropped bool
	done    chan struct{}
}

func newReader(w *worker) (*reader, error) {
	return &reader{worker: w, conns: map[*conn]*reading{}}, nil
}

// add takes over a connection from which early was read already.
func (r *reader) add(c *conn, nc net.Conn, early []byte) error {
	c.mu.Lock()
	c.wire, c.out = netWire{nc}, c.out[:0]
	c.mu.Unlock()
	s := &reading{nc: nc, done: make(chan struct{})}
	r.mu.Lock()
	r.conns[c] = s
	r.mu.Unlock()
	go r.read(c, s, append([]byte(nil), early...))
	return nil
}

func (r *reader) read(c *conn, s *reading, early []byte) {
	defer close(s.done)
	buf := make([]byte, max(16<<10, len(early)))
	have := copy(buf, early)
	for {
		taken, need, err := r.worker.feed(c, buf[:have], clock())
		have = copy(buf, buf[taken:have])
		if need > len(buf) {
			buf = append(buf, make([]byte, need-len(buf))...)
		}
		if err == nil {
			var n int
			n, err = s.nc.Read(buf[have:])
			have += n
		}
		if err != nil {
			s.nc.Close()
			r.mu.Lock()
			dropped := s.dropped
			delete(r.conns, c)
			r.mu.Unlock()
			if !dropped {
				r.worker.lost(c, err)
			}
			return
		}
	}
}

// drop ends c's connection with a reset, as a lost network would. Nothing of it
// is read afterwards, and c can be added again.
func (r *reader) drop(c *conn) {
	r.mu.Lock()
	s := r.conns[c]
	if s != nil {
		s.dropped = true
	}
	r.mu.Unlock()
	if s == nil {
		return
	}
	if tcp, ok := s.nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // at worst an orderly end
	}
	s.nc.Close()
	<-s.done
}

// close ends all connections.
func (r *reader) close() error {
	r.mu.Lock()
	all := make([]*conn, 0, len(r.conns))
	for c := range r.conns {
		all = append(all, c)
	}
	r.mu.Unlock()
	for _, c := range all {
		r.drop(c)
	}
	return nil
}

type netWire struct{ nc net.Conn }

func (w netWire) write(data []byte) (int, error) { return w.nc.Write(data) }

func nap(d time.Duration) { time.Sleep(d) }

func raiseFileLimit() (uint64, error) { return math.MaxUint64, nil }
