package presence

import (
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// crowd is everybody who is here.
type crowd struct {
	mu       sync.Mutex
	people   map[chat.UserID]*person
	gateways map[uint64]*gateway
	changed  map[chat.UserID]struct{}
	leaving  map[chat.UserID]time.Time // gone from every gateway since then, told later
}

type person struct {
	sittings map[uint64]contract.Sitting // by gateway run
	active   int64                       // when something was last heard, Unix milliseconds
	left     contract.Presence           // without sittings: how they were
}

type gateway struct {
	heard   time.Time
	told    bool // it has told everything; the rest are changes
	watched map[chat.UserID]struct{}
	coming  map[chat.UserID]struct{} // of the set that replaces it, what has come so far
}

func newCrowd() *crowd {
	return &crowd{people: map[chat.UserID]*person{}, gateways: map[uint64]*gateway{},
		changed: map[chat.UserID]struct{}{}, leaving: map[chat.UserID]time.Time{}}
}

func (c *crowd) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.people)
}

func (c *crowd) gateway(run uint64) *gateway {
	g := c.gateways[run]
	if g == nil {
		g = &gateway{}
		c.gateways[run] = g
	}
	return g
}

// hear takes a gateway's heartbeat.
func (c *crowd) hear(n *contract.HereNotice, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.Leaving {
		c.drop(n.Run, nil, now)
		delete(c.gateways, n.Run)
		return
	}
	g := c.gateway(n.Run)
	g.heard = now
	if n.All {
		g.told = true
		stays := map[chat.UserID]bool{}
		for _, s := range n.Sittings {
			stays[s.User] = s.Sessions > 0
		}
		c.drop(n.Run, stays, now)
	}
	for _, s := range n.Sittings {
		c.sit(n.Run, s, now)
	}
}

// unsure says that a gateway is known whose people are not, all of them: it has
// just begun, or was silent for so long that they were dropped.
func (c *crowd) unsure() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.gateways {
		if !g.told {
			return true
		}
	}
	return false
}

// drop takes everybody but some from a gateway.
func (c *crowd) drop(run uint64, stays map[chat.UserID]bool, now time.Time) {
	for id, p := range c.people {
		if _, sits := p.sittings[run]; sits && !stays[id] {
			c.sit(run, contract.Sitting{User: id}, now)
		}
	}
}

func (c *crowd) sit(run uint64, s contract.Sitting, now time.Time) {
	p := c.people[s.User]
	if p == nil {
		if s.Sessions == 0 {
			return
		}
		p = &person{sittings: map[uint64]contract.Sitting{}}
		c.people[s.User] = p
	}
	p.active = now.UnixMilli()
	if s.Sessions == 0 {
		p.left = c.presence(s.User)
		delete(p.sittings, run)
	} else {
		p.sittings[run] = s
	}
	if len(p.sittings) == 0 {
		c.leaving[s.User] = now
		return
	}
	delete(c.leaving, s.User)
	c.changed[s.User] = struct{}{}
}

// watch replaces whom a gateway asks about. How those are whom it has not asked
// about before is news to it: what it was told on asking may have changed since,
// or came from an instance that had not heard of them yet.
func (c *crowd) watch(w *contract.PresenceWatch, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gateway(w.Run)
	g.heard = now
	if !w.On || g.coming == nil {
		g.coming = make(map[chat.UserID]struct{}, len(w.Users))
	}
	if g.watched == nil {
		g.watched = map[chat.UserID]struct{}{}
	}
	for _, id := range w.Users {
		g.coming[id] = struct{}{}
		if _, before := g.watched[id]; !before {
			g.watched[id] = struct{}{}
			c.changed[id] = struct{}{}
		}
	}
	if !w.More {
		g.watched, g.coming = g.coming, nil
	}
}

// news is what has changed since the last call, by gateway that asked.
func (c *crowd) news(now time.Time) map[uint64][]contract.Presence {
	c.mu.Lock()
	defer c.mu.Unlock()
	for run, g := range c.gateways {
		if now.Sub(g.heard) > gatewayDies {
			c.drop(run, nil, g.heard) // they have had their time to come back
			delete(c.gateways, run)
		}
	}
	for id, since := range c.leaving {
		if now.Sub(since) >= holdOffline {
			delete(c.leaving, id)
			delete(c.people, id)
			c.changed[id] = struct{}{}
		}
	}
	news := map[uint64][]contract.Presence{}
	for id := range c.changed {
		for run, g := range c.gateways {
			if _, asked := g.watched[id]; asked {
				news[run] = append(news[run], c.presence(id))
			}
		}
	}
	clear(c.changed)
	return news
}

func (c *crowd) of(id chat.UserID) contract.Presence {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.presence(id)
}

// presence makes one status of several sittings: the most present counts. Who
// left a moment ago is taken to come back.
func (c *crowd) presence(id chat.UserID) contract.Presence {
	a := contract.Presence{User: id, Status: contract.Offline}
	p := c.people[id]
	if p == nil {
		return a
	}
	a.LastActive = p.active
	if len(p.sittings) == 0 {
		a.Status, a.Text = p.left.Status, p.left.Text
	}
	for run, s := range p.sittings {
		a.Gateways = append(a.Gateways, run)
		if rank(s.Status) > rank(a.Status) {
			a.Status, a.Text = s.Status, s.Text
		}
	}
	return a
}

func rank(s contract.Status) int {
	switch s {
	case contract.Online:
		return 3
	case contract.Busy:
		return 2
	case contract.Away:
		return 1
	}
	return 0
}

// everybody lists who has a session now.
func (c *crowd) everybody() []chat.UserID {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]chat.UserID, 0, len(c.people))
	for id, p := range c.people {
		if len(p.sittings) > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}
