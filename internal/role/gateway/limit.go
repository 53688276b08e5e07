package gateway

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Limit is something that is limited, by user, by address or by socket.
type Limit int

// The limits. docs/limits.md is printed from their table. Gateways tell each other
// of them by number: new ones come last.
const (
	LimitCommand Limit = iota // messages, edits, reactions, joins …
	LimitRead                 // other requests
	LimitSignIn
	LimitSignUp
	LimitConnect
	LimitHint // typing, marks, presence, status and tokens over a socket
)

// Allowance is a token bucket: so many a second, so many at once.
type Allowance struct {
	Name   string
	Per    string // "user", "address" or perSocket
	Second float64
	Burst  int
}

// perSocket is what no other gateway needs to be told of.
const perSocket = "socket"

// Allowances are the defaults, by limit.
var Allowances = [...]Allowance{
	LimitCommand: {"commands (messages, edits, reactions, membership)", "user", 20, 100},
	LimitRead:    {"other requests", "user", 50, 200},
	LimitSignIn:  {"sign-ins and refreshes", "address", 1, 60},
	LimitSignUp:  {"sign-ups", "address", 0.1, 30},
	LimitConnect: {"new sockets", "address", 50, 500},
	LimitHint:    {"`typing`, `read`, `delivered`, `watch_presence`, `status` and `auth`", perSocket, 20, 200},
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
	spent   map[bucketKey]int // since others were told
	swept   time.Time
}

func newLimits(off bool) *limits {
	return &limits{off: off, buckets: map[bucketKey]*bucket{}, spent: map[bucketKey]int{}}
}

func (l *limits) allow(who string, what Limit, now time.Time) error {
	if l.off {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := bucketKey{who, what}
	r := l.bucket(key, now).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		if Allowances[what].Per != perSocket {
			l.spent[key]++
		}
		return nil
	}
	r.CancelAt(now)
	return &chat.Error{Code: chat.RateLimited, Text: "too many " + Allowances[what].Name, RetryAfter: wait}
}

// bucket finds or makes a bucket. l is locked.
func (l *limits) bucket(key bucketKey, now time.Time) *bucket {
	b := l.buckets[key]
	if b == nil {
		a := Allowances[key.what]
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(a.Second), a.Burst)}
		l.buckets[key] = b
	}
	b.used = now
	return b
}

// worthTelling is the part of what a second gives back that somebody must have
// spent in it for other gateways to be told: most people spend less.
const worthTelling = 10

// told lists what others are to be told, and begins anew.
func (l *limits) told() (list []contract.Used) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, n := range l.spent {
		if float64(n*worthTelling) >= Allowances[key.what].Second {
			list = append(list, contract.Used{What: int(key.what), Who: []byte(key.who), Times: n})
		}
	}
	clear(l.spent)
	return list
}

// hear spends here what was spent elsewhere: whoever uses several gateways has one
// bucket, which may be in debt for a moment.
func (l *limits) hear(list []contract.Used, now time.Time) {
	if l.off {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range list {
		if u.What < 0 || u.What >= len(Allowances) || u.Times <= 0 {
			continue
		}
		b := l.bucket(bucketKey{string(u.Who), Limit(u.What)}, now)
		b.ReserveN(now, min(u.Times, b.Burst()))
	}
}

// forget lets go of what has ended.
func (l *limits) forget(who string, what Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.buckets, bucketKey{who, what})
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

// AllowAddress spends from an address's bucket, which all of its [chat.Network] share.
func (g *Gateway) AllowAddress(addr string, what Limit) error {
	return g.limits.allow(chat.Network(addr), what, time.Now())
}

// Allow spends from the session's own bucket, like AllowUser.
func (s *Session) Allow() error {
	return s.g.limits.allow(string(s.id[:]), LimitHint, time.Now())
}
