package ws

import (
	"time"

	"github.com/gobwas/ws"
)

// A round over all connections goes in slices, so that 100 000 pings do not leave at once, and takes a tenth of the
// shorter of the two times it watches.
const (
	slicesPerRound  = 16
	roundsPerPeriod = 10
)

// sweep pings every connection when its time has come and closes the silent ones: one goroutine and no timer for all.
func (s *Server) sweep() {
	round := min(s.cfg.PingEvery, s.cfg.IdleTimeout) / roundsPerPeriod
	tick := time.NewTicker(max(round/slicesPerRound, time.Millisecond))
	defer tick.Stop()
	ping := makeFrame(ws.OpPing, nil)
	var conns []*Conn
	for slice := 0; ; slice = (slice + 1) % slicesPerRound {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		conns = s.conns.part(slice, slicesPerRound, conns[:0])
		for _, c := range conns {
			s.visit(c, ping)
		}
		clear(conns)
	}
}

func (s *Server) visit(c *Conn, ping Frame) {
	now := s.now()
	switch {
	case !c.busy.Load() && now-c.heard.Load() > int64(s.cfg.IdleTimeout):
		c.shut(CodeIdle, "silent for too long", ErrIdle, true)
	case now-c.pinged >= int64(s.cfg.PingEvery):
		c.pinged = now
		c.ping(ping)
	}
}
