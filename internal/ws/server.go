package ws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Mode says how connections wait for their peers.
type Mode uint8

const (
	// Auto is Epoll where it is possible, Goroutine elsewhere.
	Auto Mode = iota
	// Goroutine gives every connection a reading goroutine. It works on every system and over TLS.
	Goroutine
	// Epoll waits for all connections together; Linux only. A connection that is not plain TCP (in-process TLS, a
	// wrapped listener) still gets a goroutine.
	Epoll
)

// Config is what a Server may be told. The zero value of a field means its default.
type Config struct {
	// MaxFrame is the largest message in bytes, however many frames it comes in. A larger one is refused from its
	// header, unread, with CodeTooLarge. Default 64 KiB.
	MaxFrame int
	// MaxQueue is how many bytes may wait for one connection, 24 more counted for each frame. Beyond, it is closed
	// with CodeSlow. Default 1 MiB.
	MaxQueue int
	// PingEvery is how often a connection is pinged, up to a tenth later. Default 25 s.
	PingEvery time.Duration
	// IdleTimeout is how long a peer may be silent, not even answering pings, before it is closed with CodeIdle, up to
	// a tenth later. A connection whose Handler.Text is running is not silent. Default 60 s.
	IdleTimeout time.Duration
	// CloseTimeout is how long closing may take: writing what is queued and hearing the peer's close frame. Default 5 s.
	CloseTimeout time.Duration
	// Mode is Auto by default.
	Mode Mode
	// Subprotocols are those the server speaks. The first of the client's that is among them is chosen.
	Subprotocols []string
	// Log is slog.Default by default.
	Log *slog.Logger
}

func (cfg Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	dur := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&cfg.MaxFrame, 64<<10)
	def(&cfg.MaxQueue, 1<<20)
	dur(&cfg.PingEvery, 25*time.Second)
	dur(&cfg.IdleTimeout, 60*time.Second)
	dur(&cfg.CloseTimeout, 5*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return cfg
}

func (cfg Config) check() error {
	if cfg.MaxFrame < 0 || cfg.MaxQueue < 0 || cfg.PingEvery < 0 || cfg.IdleTimeout < 0 || cfg.CloseTimeout < 0 {
		return errors.New("ws: a limit is negative")
	}
	if cfg.Mode > Epoll {
		return fmt.Errorf("ws: unknown mode %d", cfg.Mode)
	}
	return nil
}

// Server accepts websocket connections and keeps them alive.
type Server struct {
	cfg   Config
	conns *table
	poll  poller // nil where every connection has its goroutine
	began time.Time

	stop    chan struct{}
	stopped sync.WaitGroup
	ending  sync.Once

	frames, bytes, writes, slow atomic.Uint64
}

// poller is the event loop that connections can wait in.
type poller interface {
	// adopt takes over the socket of conn, which is closed in exchange. On an error conn is as it was.
	adopt(conn *net.TCPConn) (link, error)
	close()
}

// Stats are a server's counters since it was made, and gauges.
type Stats struct {
	Open   int // connections, closing ones included
	Queued int // bytes that wait now, places in the queues included

	Frames     uint64 // written completely, control frames included
	Bytes      uint64 // written, headers included
	Writes     uint64 // system calls (over TLS: records or more) that they took
	SlowCloses uint64 // connections closed with CodeSlow
}

// NewServer returns a running server. It fails on a senseless configuration, and with Mode Epoll where there is none.
// Server.Close stops it.
func NewServer(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, conns: newTable(), began: time.Now(), stop: make(chan struct{})}
	if cfg.Mode != Goroutine {
		poll, err := newPoller(s)
		switch {
		case err == nil:
			s.poll = poll
		case cfg.Mode == Epoll:
			return nil, fmt.Errorf("ws: epoll: %w", err)
		default:
			cfg.Log.Debug("no event loop, every connection gets a goroutine", "reason", err)
		}
	}
	s.stopped.Go(s.sweep)
	return s, nil
}

// Len returns how many connections there are: accepted ones of which Handler.Closed has not returned yet.
func (s *Server) Len() int { return s.conns.len() }

// Stats walks over all connections to sum up what is queued; meant for a collector that asks every few seconds.
func (s *Server) Stats() Stats {
	st := Stats{
		Frames: s.frames.Load(), Bytes: s.bytes.Load(), Writes: s.writes.Load(), SlowCloses: s.slow.Load(),
	}
	conns := s.conns.part(0, 1, nil)
	st.Open = len(conns)
	for _, c := range conns {
		st.Queued += c.Queued()
	}
	return st
}

// Close refuses new connections, closes every open one with CodeGoingAway and returns when all Handler.Closed calls
// have returned and the server's goroutines have ended. When ctx ends before, the connections left are dropped and its
// error is returned; what is left of them then ends in the background.
func (s *Server) Close(ctx context.Context) error {
	s.conns.close()
	for _, c := range s.conns.part(0, 1, nil) {
		c.Close(CodeGoingAway, "server is going away")
	}
	select {
	case <-s.conns.empty:
		s.end()
		return nil
	case <-ctx.Done():
	}
	for _, c := range s.conns.part(0, 1, nil) {
		c.Drop()
	}
	go func() {
		<-s.conns.empty
		s.end()
	}()
	return ctx.Err()
}

// end stops the goroutines that serve all connections; there are none left.
func (s *Server) end() {
	s.ending.Do(func() {
		close(s.stop)
		if s.poll != nil {
			s.poll.close()
		}
	})
	s.stopped.Wait()
}

// now is the time since the server began, in nanoseconds: monotonic, and small enough for an atomic.
func (s *Server) now() int64 { return int64(time.Since(s.began)) }
