package gateway

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/parley-chat/parley/internal/contract"
)

// returningPerSecond is how fast clients are asked to come back, as long as the
// grace suffices for that.
const returningPerSecond = 2000

// Drain takes no more sessions, tells the clients of those there are when to
// come back, spread over the grace, and closes them. It returns when they are
// gone or ctx ends.
func (g *Gateway) Drain(ctx context.Context) {
	g.draining.Store(true)
	g.log.Info("draining", "sessions", g.people.len())
	g.sayBye("the server is going down or being upgraded")
	leaving := contract.HereNotice{Run: g.id, Leaving: true}
	if err := contract.Here.Publish(ctx, g.bus, &leaving); err != nil {
		g.log.Debug("leaving was not told", "err", err)
	}
	check := time.NewTicker(10 * time.Millisecond)
	defer check.Stop()
	for g.people.len() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-check.C:
		}
	}
}

// sayBye tells the clients when to come back, spread over the grace, and closes
// them.
func (g *Gateway) sayBye(reason string) {
	sessions := g.people.all()
	spread := min(g.cfg.DrainGrace, time.Duration(len(sessions))*time.Second/returningPerSecond)
	for _, s := range sessions {
		s.sink.Tell(Bye{Reason: reason, After: rand.N(spread + 1)})
		s.end(EndDraining)
	}
}

// cutOff is how long sessions stay on a gateway without a bus: it can do nothing
// for them, and another may.
const cutOff = 30 * time.Second

func (g *Gateway) sendAwayIfCutOff(now time.Time) {
	if at := g.bus.Status(); at.Connected || now.Sub(at.Since) < g.cfg.CutOff {
		return
	}
	if n := g.people.len(); n > 0 {
		g.log.Warn("no bus for too long: sending the clients away", "sessions", n, "since", g.bus.Status().Since)
		g.sayBye("this server is cut off from the others")
	}
}
