// Package load is people who use a chat as people do, over several gateways, and
// write down what they said, were told and were given: they send, drop their
// connections, come back elsewhere, repeat what was not answered, edit, delete,
// react, join, leave, are put out and let in again, over sockets and REST.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
)

// Config says who comes and what they do.
type Config struct {
	Gates  []string // addresses of gateways, such as http://127.0.0.1:8080
	Secret string   // --auth-jwt-secret of the server: most people bring tokens signed with it
	Tag    string   // makes names different from those of other loads on the same server

	People   int     // who are connected by a bare socket, whose every frame is judged
	Sessions int     // who use the Go client's Session
	Requests int     // who send over REST only, half of whom do not wait for the answer
	Rooms    int     // half of them channels
	PerRoom  int     // how many people are in a room at first
	Rate     float64 // acts a second, of all together
	Grace    time.Duration
	Seed     uint64
	Log      *history.Log
}

// Load is the people.
type Load struct {
	cfg    Config
	http   *http.Client
	flight atomic.Int64
	nonces atomic.Uint64
	// forgetful: who is in which room may not be what was answered.
	forgetful atomic.Bool

	keeper   *caller
	rooms    []*room // where people talk all the time
	quiet    []*room // where they do not
	people   []*person
	sessions []*sessioner
	requests []*requester

	acting    sync.WaitGroup // what sends
	stopActs  context.CancelFunc
	acts      context.Context
	living    sync.WaitGroup // what listens
	stopLives context.CancelFunc
	lives     context.Context

	mu       sync.Mutex
	problems []error
}

// room is one room of the load.
type room struct {
	id      string
	channel bool
	members map[string]bool // of groups; only the keeper's mover changes them
}

// Gather signs everybody up, makes the rooms and connects everybody.
func Gather(ctx context.Context, cfg Config) (*Load, error) {
	l := &Load{cfg: cfg, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}}}
	l.acts, l.stopActs = context.WithCancel(ctx)
	l.lives, l.stopLives = context.WithCancel(ctx)
	if err := l.gather(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Load) gather(ctx context.Context) error {
	var err error
	if l.keeper, err = l.arrive(ctx, "keeper"); err != nil {
		return err
	}
	if err := l.invite(ctx); err != nil {
		return err
	}
	if err := l.makeRooms(ctx); err != nil {
		return err
	}
	for _, p := range l.people {
		l.living.Go(func() { p.live(l.lives) })
	}
	for _, s := range l.sessions {
		if err := s.connect(ctx); err != nil {
			return err
		}
		l.living.Go(func() { s.listen(l.lives) })
	}
	return l.await(ctx, patienceToConnect, func() error {
		for _, p := range l.people {
			if !p.connected() {
				return fmt.Errorf("%s is not connected", p.name)
			}
		}
		return nil
	})
}

// patienceToConnect is how long it may take until everybody is where they belong.
const patienceToConnect = 30 * time.Second

// invite makes everybody's account.
func (l *Load) invite(ctx context.Context) error {
	for i := range l.cfg.People {
		c, err := l.arrive(ctx, fmt.Sprint("p", i))
		if err != nil {
			return err
		}
		l.people = append(l.people, newPerson(l, c, i))
	}
	for i := range l.cfg.Sessions {
		s, err := newSessioner(ctx, l, i)
		if err != nil {
			return err
		}
		l.sessions = append(l.sessions, s)
	}
	for i := range l.cfg.Requests {
		c, err := l.arrive(ctx, fmt.Sprint("q", i))
		if err != nil {
			return err
		}
		l.requests = append(l.requests, &requester{caller: c, goes: i%2 == 1})
	}
	return nil
}

// makeRooms lets people into rooms at random, and those who are never moved into
// all that they will ever speak in.
func (l *Load) makeRooms(ctx context.Context) error {
	for i := range l.cfg.Rooms {
		r := &room{channel: i%2 == 1, members: map[string]bool{}}
		for _, n := range l.keeper.rng.Perm(len(l.people))[:min(l.cfg.PerRoom, len(l.people))] {
			r.members[l.people[n].user] = true
		}
		for n, s := range l.sessions {
			if (n+i)%4 == 0 {
				r.members[s.user] = true
				s.rooms = append(s.rooms, r)
			}
		}
		for n, q := range l.requests {
			if (n+i)%3 == 0 {
				r.members[q.user] = true
				q.rooms = append(q.rooms, r)
			}
		}
		if err := l.makeRoom(ctx, r, i); err != nil {
			return err
		}
		l.rooms = append(l.rooms, r)
	}
	return nil
}

// Run lets everybody act until Finish.
func (l *Load) Run() {
	for _, p := range l.people {
		l.acting.Go(func() { p.act(l.acts) })
	}
	for _, s := range l.sessions {
		l.acting.Go(func() { s.act(l.acts) })
	}
	for _, q := range l.requests {
		l.acting.Go(func() { q.act(l.acts) })
	}
	l.acting.Go(func() { l.move(l.acts) })
}

// InFlight is how many commands have no answer at this moment.
func (l *Load) InFlight() int { return int(l.flight.Load()) }

// DropAll drops every connection of the people at once and says how many.
func (l *Load) DropAll() (dropped int) {
	for _, p := range l.people {
		if p.hangUp() {
			dropped++
		}
	}
	return dropped
}

// Forgets says that from now on the server may not know any more what it has
// answered.
func (l *Load) Forgets() { l.forgetful.Store(true) }

// Busy says whether people talk in a room all the time.
func (l *Load) Busy(id string) bool {
	return slices.ContainsFunc(l.rooms, func(r *room) bool { return r.id == id })
}

// Connected is how many sockets are welcome at this moment.
func (l *Load) Connected() (n int) {
	for _, p := range l.people {
		if p.connected() {
			n++
		}
	}
	return n
}

// pause is how long one of n alike waits between two acts, at random.
func (l *Load) pause(rng *rand.Rand) time.Duration {
	n := float64(len(l.people) + len(l.sessions) + len(l.requests))
	return time.Duration(rng.ExpFloat64() * n / l.cfg.Rate * float64(time.Second))
}

func (l *Load) nonce(name string) string {
	return fmt.Sprintf("%s.%s.%d", l.cfg.Tag, name, l.nonces.Add(1))
}

func (l *Load) problem(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.problems) < 20 {
		l.problems = append(l.problems, fmt.Errorf(format, args...))
	}
}

// await looks until there is nothing to complain of, or returns the complaint.
func (l *Load) await(ctx context.Context, patience time.Duration, complaint func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := complaint()
		if err == nil {
			return nil
		}
		if Sleep(ctx, 10*time.Millisecond) != nil {
			return err
		}
	}
}

// Sleep waits, or returns the context's error before.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Finish ends the acting, waits until everything is answered and everybody has
// been given everything, and writes down what is stored. The history can be
// checked afterwards, also after an error.
func (l *Load) Finish(ctx context.Context, patience time.Duration) error {
	defer l.Close()
	l.stopActs()
	l.acting.Wait()
	answered := l.await(ctx, patience, func() error {
		if n := l.InFlight(); n > 0 {
			return fmt.Errorf("%d commands were repeated and never answered", n)
		}
		return nil
	})
	end, err := l.writeStored(ctx)
	if err != nil {
		return errors.Join(answered, err)
	}
	// What is missing then is for the checker to say.
	_ = l.await(ctx, patience, func() error { return l.caughtUp(end) })
	var absent error
	for _, p := range l.people {
		if !p.end() {
			absent = errors.Join(absent, fmt.Errorf("%s is not connected at the end", p.name))
		}
	}
	for _, s := range l.sessions {
		s.end()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(append(l.problems, answered, absent)...)
}

func (l *Load) caughtUp(end *ending) error {
	for _, p := range l.people {
		if room := p.behind(end); room != "" {
			return fmt.Errorf("%s is behind in %s", p.name, room)
		}
	}
	for _, s := range l.sessions {
		if room := s.behind(end); room != "" {
			return fmt.Errorf("%s is behind in %s", s.name, room)
		}
	}
	return nil
}

// Close disconnects everybody.
func (l *Load) Close() {
	l.stopActs()
	l.acting.Wait()
	l.stopLives()
	for _, p := range l.people {
		p.hangUp()
	}
	for _, s := range l.sessions {
		s.hangUp()
	}
	l.living.Wait()
	l.http.CloseIdleConnections()
}
