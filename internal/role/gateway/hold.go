package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// How many sockets one user and one address may have open, unless [Config] says
// else. They bound what one account or one machine can take, not how a chat is
// used: an office behind one address fits.
const (
	SocketsPerUser    = 100
	SocketsPerAddress = 5000
)

// Gateways tell each other of these by number, like limits.
const (
	heldByUser = iota
	heldByAddress
)

const (
	// worthHolding is the part of the limit from which on others are told.
	worthHolding = 10
	// heldElsewhere is how long what another gateway told counts.
	heldElsewhere = 3500 * time.Millisecond
)

type holdKey struct {
	who  string
	what int
}

// holdings counts what is open, here and as far as they have told on other
// gateways.
type holdings struct {
	off  bool
	most [2]int

	mu        sync.Mutex
	here      map[holdKey]int
	elsewhere map[holdKey]map[uint64]held // by gateway run
}

type held struct {
	n    int
	told time.Time
}

func newHoldings(off bool, perUser, perAddress int) *holdings {
	return &holdings{off: off, most: [2]int{heldByUser: perUser, heldByAddress: perAddress},
		here: map[holdKey]int{}, elsewhere: map[holdKey]map[uint64]held{}}
}

// take counts one more; false when there are too many.
func (h *holdings) take(key holdKey, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	sum := h.here[key]
	for run, e := range h.elsewhere[key] {
		if now.Sub(e.told) > heldElsewhere {
			delete(h.elsewhere[key], run)
			continue
		}
		sum += e.n
	}
	if sum >= h.most[key.what] && !h.off {
		return false
	}
	h.here[key]++
	return true
}

func (h *holdings) release(key holdKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.here[key]--; h.here[key] <= 0 {
		delete(h.here, key)
	}
}

// told lists who holds enough here for others to know.
func (h *holdings) told() (list []contract.Used) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, n := range h.here {
		if n*worthHolding >= h.most[key.what] {
			list = append(list, contract.Used{What: key.what, Who: []byte(key.who), Times: n})
		}
	}
	return list
}

// hear takes what another gateway tells.
func (h *holdings) hear(run uint64, list []contract.Used, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range list {
		if u.What < 0 || u.What >= len(h.most) {
			continue
		}
		key := holdKey{string(u.Who), u.What}
		if h.elsewhere[key] == nil {
			h.elsewhere[key] = map[uint64]held{}
		}
		h.elsewhere[key][run] = held{u.Times, now}
	}
}

// sweep forgets what others have not told for a while.
func (h *holdings) sweep(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, runs := range h.elsewhere {
		for run, e := range runs {
			if now.Sub(e.told) > heldElsewhere {
				delete(runs, run)
			}
		}
		if len(runs) == 0 {
			delete(h.elsewhere, key)
		}
	}
}

// TakeUser counts one more socket of a user; false when they have too many, over
// all gateways. Who takes one releases it.
func (g *Gateway) TakeUser(user chat.UserID) bool {
	return g.holdings.take(holdKey{string(user[:]), heldByUser}, time.Now())
}

// ReleaseUser counts one less.
func (g *Gateway) ReleaseUser(user chat.UserID) {
	g.holdings.release(holdKey{string(user[:]), heldByUser})
}

// TakeAddress counts one more socket of an address, like TakeUser.
func (g *Gateway) TakeAddress(address string) bool {
	return g.holdings.take(holdKey{chat.Network(address), heldByAddress}, time.Now())
}

// ReleaseAddress counts one less.
func (g *Gateway) ReleaseAddress(address string) {
	g.holdings.release(holdKey{chat.Network(address), heldByAddress})
}

// tellLimits tells other gateways who uses much of a limit here.
func (g *Gateway) tellLimits(ctx context.Context) {
	n := contract.LimitNotice{From: g.id, Spent: g.limits.told(), Held: g.holdings.told()}
	if len(n.Spent) == 0 && len(n.Held) == 0 || g.limits.off {
		return
	}
	if err := contract.Limited.Publish(ctx, g.bus, &n); err != nil {
		g.log.Debug("the use of limits was not told", "err", err)
	}
}

func (g *Gateway) hearLimits(_ context.Context, n *contract.LimitNotice) {
	if n.From == g.id {
		return
	}
	now := time.Now()
	g.limits.hear(n.Spent, now)
	g.holdings.hear(n.From, n.Held, now)
}
