package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/parley-chat/parley/test/chaos/history"
)

// AddGreatRoom makes one more room, before Run, into which fill puts members who
// are never seen; some of the people talk in it.
func (l *Load) AddGreatRoom(ctx context.Context, people int, fill func(room string) error) (string, error) {
	r := &room{members: map[string]bool{}}
	if err := l.makeRoom(ctx, r, len(l.rooms)); err != nil {
		return "", err
	}
	for i, n := range l.keeper.rng.Perm(len(l.people))[:min(people, len(l.people))] {
		user := l.people[n].user
		if r.members[user] = l.moveOne(r, user, "add", http.MethodPut, map[string]string{}); !r.members[user] {
			return "", fmt.Errorf("%s could not be let into the great room", l.people[n].name)
		}
		if i > 0 {
			continue
		}
		if err := fill(r.id); err != nil {
			return "", fmt.Errorf("filling the great room: %w", err)
		}
	}
	l.rooms = append(l.rooms, r)
	return r.id, nil
}

// Busybody is somebody who is in many rooms, of which most are quiet most of the
// time.
type Busybody struct {
	p     *person
	rooms []*room
}

// AddBusybody brings somebody who is in so many rooms, before Run. What is said
// there others say, who only send.
func (l *Load) AddBusybody(ctx context.Context, rooms int) (*Busybody, error) {
	c, err := l.arrive(ctx, "busybody")
	if err != nil {
		return nil, err
	}
	b := &Busybody{p: newPerson(l, c, len(l.people))}
	b.p.most = 1000
	var others []*requester
	members := map[string]bool{c.user: true}
	for i := range 8 {
		q, err := l.arrive(ctx, fmt.Sprint("m", i))
		if err != nil {
			return nil, err
		}
		others = append(others, &requester{caller: q})
		members[q.user] = true
	}
	for range rooms {
		b.rooms = append(b.rooms, &room{members: members})
	}
	if err := l.makeAll(ctx, b.rooms); err != nil {
		return nil, err
	}
	for _, q := range others {
		q.rooms = b.rooms
	}
	l.requests, l.quiet = append(l.requests, others...), append(l.quiet, b.rooms...)
	l.people = append(l.people, b.p)
	l.living.Go(func() { b.p.live(l.lives) })
	return b, l.await(ctx, patienceToConnect, func() error {
		if n := b.p.follows(); n < rooms {
			return fmt.Errorf("%s is in %d rooms of %d", c.name, n, rooms)
		}
		return nil
	})
}

// makeAll makes rooms, several at a time.
func (l *Load) makeAll(ctx context.Context, rooms []*room) error {
	const atOnce = 16
	failed := make([]error, atOnce)
	var making sync.WaitGroup
	for worker := range atOnce {
		making.Go(func() {
			for i := worker; i < len(rooms) && failed[worker] == nil; i += atOnce {
				failed[worker] = l.makeRoom(ctx, rooms[i], i)
			}
		})
	}
	making.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// Says makes the busybody say something in so many of their rooms at once.
func (b *Busybody) Says(n int) {
	for _, i := range rand.Perm(len(b.rooms))[:min(n, len(b.rooms))] {
		b.p.order("send", b.rooms[i].id, "here too", map[string]any{})
	}
}

// Connections is how often they have connected so far.
func (b *Busybody) Connections() int {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	return b.p.conns
}

// InFlight is how many of their commands have no answer.
func (b *Busybody) InFlight() int {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	return len(b.p.pending)
}

// follows is in how many rooms a person is.
func (p *person) follows() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pos)
}

// Provoke makes somebody say a text by the socket in a room of theirs and say it
// again until it is answered for good. It returns the command's nonce; "" when
// nobody is in a room now.
func (l *Load) Provoke(text string) string {
	for _, p := range l.people {
		room := p.anyRoomNow()
		if room == "" {
			continue
		}
		p.mu.Lock()
		p.most++
		p.mu.Unlock()
		if o := p.order("send", room, text, map[string]any{}); o != nil {
			return o.nonce
		}
	}
	return ""
}

// Answer is the code with which a command was refused last, and whether it was
// acknowledged.
func (l *Load) Answer(nonce string) (code string, acked bool) {
	for _, r := range l.cfg.Log.Records() {
		switch {
		case r.Nonce != nonce:
		case r.What == history.Refuse:
			code = r.Code
		case r.What == history.Ack:
			acked = true
		}
	}
	return code, acked
}
