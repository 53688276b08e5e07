// Package presence knows who is here and on which gateway. It keeps everything in
// memory, learns it from the gateways' heartbeats, asks for all of it when it
// starts, and forgets on purpose: chat works without it.
package presence

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const (
	gatewayDies = 6 * time.Second // without a heartbeat its sessions are gone
	holdOffline = 5 * time.Second // a connection that comes back within that was never away
	tellEvery   = time.Second     // changes are gathered that long
	askAgain    = 2 * time.Second // at most so often all gateways are asked for everything
	mostAsked   = 1000
	newsAtOnce  = 500 // in a message of the bus, whatever the status texts
)

// Presence is the role.
type Presence struct {
	bus  *bus.Bus
	log  *slog.Logger
	seen bus.AnswerOption
	at   *crowd
}

// New makes the role; it does no I/O.
func New(b *bus.Bus, log *slog.Logger, reg prometheus.Registerer) *Presence {
	p := &Presence{bus: b, log: log.With("role", "presence"), seen: bus.Measure(reg, "presence"), at: newCrowd()}
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "presence",
		Name: "users", Help: "Users who are here, on any gateway."}, func() float64 { return float64(p.at.len()) }))
	return p
}

// Name is the role's name.
func (p *Presence) Name() string { return "presence" }

// Run answers until ctx ends.
func (p *Presence) Run(ctx context.Context, ready func()) error {
	subs := p.listen()
	if err := subs.Err(); err != nil {
		_ = subs.Stop()
		return err
	}
	ready()
	p.askAll(ctx)
	asked := time.Now()
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return subs.Stop()
		case now := <-tick.C:
			if p.at.unsure() && now.Sub(asked) >= askAgain {
				p.askAll(ctx)
				asked = now
			}
			p.tell(ctx, now)
		}
	}
}

func (p *Presence) askAll(ctx context.Context) {
	if err := contract.WhoIsHere.Publish(ctx, p.bus, &contract.None{}); err != nil {
		p.log.Debug("the gateways were not asked", "err", err)
	}
}

func (p *Presence) listen() *bus.Subscriptions {
	var subs bus.Subscriptions
	subs.Add(contract.Here.Subscribe(p.bus, func(_ context.Context, n *contract.HereNotice) { p.at.hear(n, time.Now()) }))
	subs.Add(contract.WatchPresence.Subscribe(p.bus, func(_ context.Context, w *contract.PresenceWatch) { p.at.watch(w, time.Now()) }))
	subs.Add(contract.PresenceOf.Answer(p.bus, p.of, p.seen))
	subs.Add(contract.OnlineIn.Answer(p.bus, p.online, p.seen))
	return &subs
}

// tell sends each gateway what has changed of the users it asked about.
func (p *Presence) tell(ctx context.Context, now time.Time) {
	for run, list := range p.at.news(now) {
		for part := range slices.Chunk(list, newsAtOnce) {
			err := contract.PresenceNews.At(contract.Run(run)).Publish(ctx, p.bus, &contract.PresenceList{Presence: part})
			if err != nil {
				p.log.Debug("news were not told", "gateway", contract.Run(run), "err", err)
			}
		}
	}
}

func (p *Presence) of(_ context.Context, q *contract.PresenceAsk) (*contract.PresenceList, error) {
	if len(q.Users) > mostAsked {
		return nil, chat.Errorf(chat.TooLarge, "at most %d users at once", mostAsked)
	}
	a := &contract.PresenceList{Presence: make([]contract.Presence, len(q.Users))}
	for i, id := range q.Users {
		a.Presence[i] = p.at.of(id)
	}
	return a, nil
}

// online answers which of a room's members are connected: the directory says who
// of those who are here is a member.
func (p *Presence) online(ctx context.Context, q *contract.OnlineAsk) (*contract.OnlineList, error) {
	a := &contract.OnlineList{Users: []chat.UserID{}}
	here := p.at.everybody()
	for len(here) > 0 || len(a.Users) == 0 {
		part := here[:min(len(here), mostAsked)]
		here = here[len(part):]
		if len(part) == 0 {
			part = []chat.UserID{q.User} // nobody is here: may the asker know?
		}
		members, err := contract.Members.Ask(ctx, p.bus, &contract.MembersAsk{RoomAsk: q.RoomAsk, Only: part, Limit: mostAsked})
		if err != nil {
			return nil, err
		}
		for _, m := range members.Members {
			if p.at.of(m.User).Status != contract.Offline {
				a.Users = append(a.Users, m.User)
			}
		}
		if len(here) == 0 {
			break
		}
	}
	return a, nil
}
