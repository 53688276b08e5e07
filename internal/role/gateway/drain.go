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
	sessions := g.people.all()
	spread := min(g.cfg.DrainGrace, time.Duration(len(sessions))*time.Second/returningPerSecond)
	g.log.Info("draining", "sessions", len(sessions), "spread", spread)
	for _, s := range sessions {
		s.sink.Tell(Bye{Reason: "the server is going down or being upgraded", After: rand.N(spread + time.Millisecond)})
		s.end(EndDraining)
	}
	leaving := contract.HereNotice{Run: g.id, Leaving: true}
	g.presence.publish(ctx, &leaving)
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
