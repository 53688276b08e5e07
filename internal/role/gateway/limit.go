package gateway

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-chat/parley/internal/chat"
)

// Limit is something that is limited, by user or by address.
type Limit int

// The limits. docs/limits.md is printed from their table.
const (
	LimitCommand Limit = iota // messages, edits, reactions, joins …
	LimitRead                 // other requests
	LimitSignIn
	LimitSignUp
	LimitConnect
)

// Allowance is a token bucket: so many a second, so many at once.
type Allowance struct {
	Name   string
	Per    string // "user" or "address"
	Second float64
	Burst  int
}

// Allowances are the defaults, by limit.
var Allowances = [...]Allowance{
	LimitCommand: {"commands (messages, edits, reactions, membership)", "user", 20, 100},
	LimitRead:    {"other requests", "user", 50, 200},
	LimitSignIn:  {"sign-ins and refreshes", "address", 1, 60},
	LimitSignUp:  {"sign-ups", "address", 0.1, 30},
	LimitConnect: {"new sockets", "address", 50, 500},
}

// idleBucket is how long an unused bucket is kept; by then each is full again.
const idleBucket = 10 * time.Minute

type bucketKey struct {
	who  string
	what Limit
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

// limits is the buckets that are not full.
type limits struct {
	off bool

	mu      sync.Mutex
	buckets map[bucketKey]*bucket
	swept   time.Time
}

func newLimits(off bool) *limits { return &limits{off: off, buckets: map[bucketKey]*bucket{}} }

func (l *limits) allow(who string, what Limit, now time.Time) error {
	if l.off {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := bucketKey{who, what}
	b := l.buckets[key]
	if b == nil {
		a := Allowances[what]
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(a.Second), a.Burst)}
		l.buckets[key] = b
	}
	b.used = now
	r := b.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	return &chat.Error{Code: chat.RateLimited, Text: "too many " + Allowances[what].Name, RetryAfter: wait}
}

// sweep lets go of buckets that nobody has used for a while.
func (l *limits) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for key, b := range l.buckets {
		if now.Sub(b.used) > idleBucket {
			delete(l.buckets, key)
		}
	}
}

// AllowUser spends from a user's bucket, or answers a [chat.RateLimited] that
// says when to come back.
func (g *Gateway) AllowUser(user chat.UserID, what Limit) error {
	return g.limits.allow(string(user[:]), what, time.Now())
}

// AllowAddress spends from an address's bucket.
func (g *Gateway) AllowAddress(addr string, what Limit) error {
	return g.limits.allow(addr, what, time.Now())
}
