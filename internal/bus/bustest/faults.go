package bustest

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/bus"
)

// Faults is a scripted bad day. Without rules everything passes. It is safe for
// concurrent use, and one Faults may serve several buses.
type Faults struct {
	mu     sync.Mutex
	random *rand.Rand
	cut    bool
	lost   int
	rules  []*Rule
}

// NewFaults makes a day without faults; seed decides what rules with odds strike.
func NewFaults(seed uint64) *Faults {
	return &Faults{random: rand.New(rand.NewPCG(seed, 0))}
}

// Way is the direction of a passage as its bus sees it.
type Way int

// The ways.
const (
	BothWays Way = iota
	Out
	In
)

// Match says what a rule is for. Its zero fields match everything.
type Match struct {
	What    bus.What
	Way     Way
	Subject string                 // or what it begins with, up to a dot
	If      func(bus.Passage) bool // for exactly this one
}

func (m Match) is(p bus.Passage) bool {
	switch {
	case m.What != 0 && m.What != p.What:
		return false
	case m.Way == Out && p.Inbound, m.Way == In && !p.Inbound:
		return false
	case m.Subject != "" && m.Subject != p.Subject && !strings.HasPrefix(p.Subject, m.Subject+"."):
		return false
	}
	return m.If == nil || m.If(p)
}

// Rule is one fault. It strikes what it matches every time, unless told otherwise.
type Rule struct {
	f      *Faults
	match  Match
	fate   bus.Fate
	delay  time.Duration
	odds   float64
	left   int // how often still; negative: for ever
	struck int
	first  chan struct{}
}

func (f *Faults) add(r *Rule) *Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.f, r.odds, r.left, r.first = f, 1, -1, make(chan struct{})
	f.rules = append(f.rules, r)
	return r
}

// Drop loses what matches.
func (f *Faults) Drop(m Match) *Rule { return f.add(&Rule{match: m, fate: bus.Fate{Drop: true}}) }

// Repeat sends what matches n more times.
func (f *Faults) Repeat(m Match, n int) *Rule {
	return f.add(&Rule{match: m, fate: bus.Fate{Repeat: n}})
}

// Swap sends what matches behind the next of its kind and subject.
func (f *Faults) Swap(m Match) *Rule { return f.add(&Rule{match: m, fate: bus.Fate{Swap: true}}) }

// Delay sends what matches d later, by the clock of package time: inside
// testing/synctest that is the bubble's. What follows overtakes it.
func (f *Faults) Delay(m Match, d time.Duration) *Rule { return f.add(&Rule{match: m, delay: d}) }

// Hold keeps what matches until release is called. What follows overtakes it.
func (f *Faults) Hold(m Match) (rule *Rule, release func()) {
	gate := make(chan struct{})
	return f.add(&Rule{match: m, fate: bus.Fate{Hold: gate}}), sync.OnceFunc(func() { close(gate) })
}

// Times lets the rule strike n times and then no more.
func (r *Rule) Times(n int) *Rule {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	r.left = n
	return r
}

// Once is Times(1).
func (r *Rule) Once() *Rule { return r.Times(1) }

// Odds lets the rule strike with this probability.
func (r *Rule) Odds(p float64) *Rule {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	r.odds = p
	return r
}

// Off ends the rule.
func (r *Rule) Off() { r.Times(0) }

// Struck says how often the rule has struck.
func (r *Rule) Struck() int {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	return r.struck
}

// First is closed when the rule has struck.
func (r *Rule) First() <-chan struct{} { return r.first }

// Cut loses everything, both ways, until Heal. The connection itself stays: the
// bus does not notice by anything but silence.
func (f *Faults) Cut() { f.setCut(true) }

// Heal ends Cut.
func (f *Faults) Heal() { f.setCut(false) }

func (f *Faults) setCut(cut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = cut
}

// Lost says how many passages Cut and Drop have lost.
func (f *Faults) Lost() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// Fate implements [bus.Faults]: the first rule that matches and strikes.
func (f *Faults) Fate(p bus.Passage) bus.Fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		f.lost++
		return bus.Fate{Drop: true}
	}
	for _, r := range f.rules {
		if r.left == 0 || !r.match.is(p) || (r.odds < 1 && f.random.Float64() >= r.odds) {
			continue
		}
		return r.strike()
	}
	return bus.Fate{}
}

// strike counts. Callers hold the faults' mu.
func (r *Rule) strike() bus.Fate {
	r.left--
	if r.struck++; r.struck == 1 {
		close(r.first)
	}
	fate := r.fate
	if fate.Drop {
		r.f.lost++
	}
	if r.delay > 0 {
		gate := make(chan struct{})
		time.AfterFunc(r.delay, func() { close(gate) })
		fate.Hold = gate
	}
	return fate
}
