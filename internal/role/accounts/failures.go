package accounts

import (
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// How often a wrong password may be named for one user.
const (
	mostFailures     = 10  // by somebody at one address
	mostFromAnywhere = 100 // by all who have no session of the user's at their address
	failuresLast     = 10 * time.Minute
	failuresKept     = 100_000 // names, and pairs of name and address
)

// failures counts wrong passwords.
type failures struct {
	mu     sync.Mutex
	counts map[attempt]failed
}

// attempt is at a name, from an address or from anywhere.
type attempt struct{ name, address string }

const anywhere = "*"

func (a attempt) fromAnywhere() attempt { return attempt{a.name, anywhere} }

func (a attempt) most() int {
	if a.address == anywhere {
		return mostFromAnywhere
	}
	return mostFailures
}

type failed struct {
	times int
	until time.Time
}

func newFailures() *failures { return &failures{counts: map[attempt]failed{}} }

// begin counts an attempt before it is checked, so that many at once are no way
// around the limit; [failures.forgive] takes it back.
func (f *failures) begin(a attempt, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, known := f.counts[a]
	if !known || now.After(c.until) {
		f.makeRoom(now)
		c = failed{until: now.Add(failuresLast)}
	}
	if c.times >= a.most() {
		return &chat.Error{Code: chat.RateLimited, Text: "too many passwords were tried", RetryAfter: c.until.Sub(now)}
	}
	c.times++
	f.counts[a] = c
	return nil
}

// forgive takes one attempt back: it failed for another reason.
func (f *failures) forgive(a attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.counts[a]; c.times > 0 {
		c.times--
		f.counts[a] = c
	}
}

// forget takes all of them back: the password was right.
func (f *failures) forget(a attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.counts, a)
}

// makeRoom bounds the memory: first what is over goes, then whatever comes.
func (f *failures) makeRoom(now time.Time) {
	if len(f.counts) < failuresKept {
		return
	}
	for a, c := range f.counts {
		if now.After(c.until) {
			delete(f.counts, a)
		}
	}
	for a := range f.counts {
		if len(f.counts) < failuresKept*9/10 {
			return
		}
		delete(f.counts, a)
	}
}
