// Package gateway holds the connections of every door: sessions and their
// limits, the fan-out on this node, resume and drain. It has no database
// credentials; what it knows it asks over the bus.
//
//	door ──Session.Do──► hub ──envelope──► log
//	 ▲                    ▲
//	 │ Sink               │ notices, or the feed when one is missing
//	 └──── Session ◄──────┘
//
// There is a hub for each partition. It stands at a feed number, watches the
// rooms of its sessions, and hands every event on in order. A session first
// reads what it missed from the archive and then joins the hub, without a seam.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Config is what an operator can choose.
type Config struct {
	NoLimits    bool          // no rate limits, for load tests
	DrainGrace  time.Duration // over how long a drain spreads returning clients
	RecentBytes int           // memory for the newest events, for sessions that join; 0: 32 MiB
	Linger      time.Duration // how long a room is watched that nobody is in any more; 0: 30 s
	CutOff      time.Duration // how long clients stay without a bus; 0: 30 s
	Clock       chat.Clock    // tells which tokens have expired

	SocketsPerUser, SocketsPerAddress int // over all gateways; 0: the constants of that name
}

// Gateway is the role: one run of it, with an id that no other run has.
type Gateway struct {
	cfg     Config
	id      uint64
	bus     *bus.Bus
	log     *slog.Logger
	metrics *metrics

	hubs       atomic.Pointer[[]*hub] // by partition, from Run on
	people     people
	identities *identities
	limits     *limits
	holdings   *holdings
	names      *names
	marks      marks
	typing     typing
	presence   *presence
	draining   atomic.Bool
	restless   sync.WaitGroup // goroutines of sessions that catch up
}

// New makes the role; it does no I/O.
func New(cfg Config, b *bus.Bus, log *slog.Logger, reg prometheus.Registerer) *Gateway {
	if cfg.RecentBytes == 0 {
		cfg.RecentBytes = 32 << 20
	}
	if cfg.Linger == 0 {
		cfg.Linger = lingering
	}
	if cfg.CutOff == 0 {
		cfg.CutOff = cutOff
	}
	if cfg.SocketsPerUser == 0 {
		cfg.SocketsPerUser = SocketsPerUser
	}
	if cfg.SocketsPerAddress == 0 {
		cfg.SocketsPerAddress = SocketsPerAddress
	}
	var run [8]byte
	_, _ = rand.Read(run[:]) // never fails, says crypto/rand
	g := &Gateway{
		cfg: cfg, id: binary.LittleEndian.Uint64(run[:]), bus: b,
		log: log.With("role", "gateway"), limits: newLimits(cfg.NoLimits),
		holdings: newHoldings(cfg.NoLimits, cfg.SocketsPerUser, cfg.SocketsPerAddress),
	}
	g.metrics = newMetrics(reg, g)
	g.identities = newIdentities(g)
	g.names = newNames(b)
	g.presence = newPresence(g)
	g.people.sessions = map[chat.UserID][]*Session{}
	return g
}

// Name is the role's name.
func (g *Gateway) Name() string { return "gateway" }

// ID names this run.
func (g *Gateway) ID() uint64 { return g.id }

// Sessions is how many there are on this run.
func (g *Gateway) Sessions() int { return g.people.len() }

// Bus is what doors ask the other roles over.
func (g *Gateway) Bus() *bus.Bus { return g.bus }

// Run holds sessions until ctx ends. It is ready when every hub knows where it
// stands.
func (g *Gateway) Run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	partitions, err := g.partitions(ctx)
	if err != nil {
		return err
	}
	hubs := make([]*hub, partitions)
	for p := range hubs {
		hubs[p] = newHub(g, p, g.cfg.RecentBytes/partitions)
	}
	g.hubs.Store(&hubs)
	subs := g.subscribe(hubs)
	defer func() { _ = subs.Stop() }()
	if err := subs.Err(); err != nil {
		return err
	}
	if err := g.identities.catchUp(ctx); err != nil {
		g.log.Warn("starting without the revocations; they are asked for again", "err", err)
	}
	var running sync.WaitGroup
	for _, h := range hubs {
		if err := h.open(ctx); err != nil {
			return err
		}
		running.Go(func() { h.run(ctx) })
		running.Go(func() { h.keepWatching(ctx) })
	}
	running.Go(func() { g.keepMarking(ctx) })
	ready()
	g.tick(ctx)
	g.closeAll(EndDraining)
	cancel()
	running.Wait()
	g.restless.Wait()
	return closeHubs(hubs)
}

// partitions asks until somebody knows how many there are.
func (g *Gateway) partitions(ctx context.Context) (int, error) {
	for {
		a, err := contract.Partitions.Ask(ctx, g.bus, &contract.None{})
		if err == nil && a.Partitions > 0 {
			return a.Partitions, nil
		}
		g.log.Info("waiting for a sequencer", "err", err)
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("gateway: no sequencer answered: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (g *Gateway) subscribe(hubs []*hub) *bus.Subscriptions {
	var subs bus.Subscriptions
	mine := contract.Run(g.id)
	subs.Add(contract.Noticed.At(mine).Subscribe(g.bus, func(_ context.Context, n *contract.Notice) {
		if n.Partition < len(hubs) {
			hubs[n.Partition].deliver(n)
		}
	}))
	subs.Add(contract.Taken.Subscribe(g.bus, func(_ context.Context, n *contract.TakenNotice) {
		if n.Partition >= 0 && n.Partition < len(hubs) {
			hubs[n.Partition].taken(n.Epoch)
		}
	}))
	subs.Add(contract.Revoked.Subscribe(g.bus, g.identities.announced))
	subs.Add(contract.UserChanged.Subscribe(g.bus, g.userChanged))
	subs.Add(contract.Marked.Subscribe(g.bus, g.marked))
	subs.Add(contract.MineChanged.Subscribe(g.bus, g.mineChanged))
	subs.Add(contract.Limited.Subscribe(g.bus, g.hearLimits))
	subs.Add(contract.Typing.Subscribe(g.bus, g.typed))
	subs.Add(contract.PresenceNews.At(mine).Subscribe(g.bus, g.presence.news))
	subs.Add(contract.WhoIsHere.Subscribe(g.bus, func(ctx context.Context, _ *contract.None) { g.presence.announceAll(ctx) }))
	return &subs
}

// tick does what is due again and again, until ctx ends. Nothing in it waits for
// anybody: who is told nothing for some seconds takes this gateway for dead.
func (g *Gateway) tick(ctx context.Context) {
	quick := time.NewTicker(100 * time.Millisecond)
	defer quick.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-quick.C:
			for _, n := range g.typing.due(now) {
				g.tellTyping(ctx, n)
			}
		case now := <-tick.C:
			g.marks.catchUp()
			g.closeExpired(g.cfg.Clock.Now())
			g.sendAwayIfCutOff(now)
			g.presence.beat(ctx)
			g.tellLimits(ctx)
			g.limits.sweep(now)
			g.holdings.sweep(now)
			g.identities.sweep(now)
		}
	}
}

func (g *Gateway) hubOf(room chat.RoomID) *hub {
	hubs := *g.hubs.Load()
	return hubs[chat.PartitionOf(room, len(hubs))]
}

func closeHubs(hubs []*hub) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, h := range hubs {
		err = errors.Join(err, h.appender.Close(ctx))
	}
	return err
}

// userChanged hands a changed profile to those it concerns. Notices of two who
// change a user at once may come in either order, so it does not have the last
// word on a role.
func (g *Gateway) userChanged(_ context.Context, u *chat.User) {
	g.names.forget(u.Username)
	g.identities.change(u.ID)
	for _, s := range g.people.of(u.ID) {
		if s.setUser(*u).Role != u.Role {
			g.identities.outdate(u.ID)
		}
		s.sink.Tell(Profile{*u})
	}
	for _, s := range g.presence.watchersOf(u.ID) {
		if s.who().User.ID != u.ID {
			s.sink.Tell(Profile{*u})
		}
	}
}
