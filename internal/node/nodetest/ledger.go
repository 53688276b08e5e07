package nodetest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/parley-chat/parley/client"
)

// Ledger is what many clients saw, and judges it: every acknowledged command
// once, in order, at the same number for everyone, without holes.
type Ledger struct {
	mu    sync.Mutex
	lies  []string
	acks  map[string]client.Event // by nonce
	seen  map[string][]client.Event
	first map[string]map[string]uint64 // by observer and room: the number behind which they listen
}

// NewLedger is an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{acks: map[string]client.Event{}, seen: map[string][]client.Event{}, first: map[string]map[string]uint64{}}
}

// Acked records that a command was acknowledged with an event.
func (l *Ledger) Acked(nonce string, e client.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first, again := l.acks[nonce]; again && first.ID != e.ID {
		l.lies = append(l.lies, fmt.Sprintf("command %s was acknowledged with numbers %d and %d of room %s", nonce, first.Seq, e.Seq, e.Room))
	}
	l.acks[nonce] = e
}

// Follows records that an observer listens to a room behind a number.
func (l *Ledger) Follows(observer, room string, behind uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first[observer] == nil {
		l.first[observer] = map[string]uint64{}
	}
	l.first[observer][room] = behind
}

// Saw records an event that an observer was given.
func (l *Ledger) Saw(observer string, e client.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[observer] = append(l.seen[observer], e)
}

// Count is how many commands were acknowledged so far.
func (l *Ledger) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
}

// Has says whether the observer has been given everything that was acknowledged
// in the rooms that they follow.
func (l *Ledger) Has(observer string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := map[string]uint64{}
	for _, e := range l.seen[observer] {
		last[e.Room] = max(last[e.Room], e.Seq)
	}
	for _, e := range l.acks {
		if _, follows := l.first[observer][e.Room]; follows && last[e.Room] < e.Seq {
			return false
		}
	}
	return true
}

// Judge lists everything that breaks a promise.
func (l *Ledger) Judge() (complaints []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	complaints = slices.Clone(l.lies)
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	at := map[string]map[uint64]string{} // room → number → event id, as whoever saw it first says
	nonces := map[string]uint64{}
	for observer, events := range l.seen {
		next := map[string]uint64{}
		for room, behind := range l.first[observer] {
			next[room] = behind + 1
		}
		for _, e := range events {
			want, follows := next[e.Room]
			switch {
			case !follows:
				complain("%s was given %d of a room that they do not follow", observer, e.Seq)
			case e.Seq < want:
				complain("%s was given number %d of room %s twice or late (expected %d)", observer, e.Seq, e.Room, want)
			case e.Seq > want:
				complain("%s missed numbers %d to %d of room %s", observer, want, e.Seq-1, e.Room)
			}
			next[e.Room] = e.Seq + 1
			if at[e.Room] == nil {
				at[e.Room] = map[uint64]string{}
			}
			if id, ok := at[e.Room][e.Seq]; ok && id != e.ID {
				complain("number %d of room %s is %s for %s and %s for somebody else", e.Seq, e.Room, e.ID, observer, id)
			}
			at[e.Room][e.Seq] = e.ID
		}
	}
	for nonce, e := range l.acks {
		if id, ok := at[e.Room][e.Seq]; !ok || id != e.ID {
			complain("acknowledged command %s, number %d of room %s, was seen by nobody or as another", nonce, e.Seq, e.Room)
		}
		key := fmt.Sprintf("%s %d", e.Room, e.Seq)
		nonces[key]++
		if nonces[key] > 1 {
			complain("two commands were acknowledged with number %d of room %s", e.Seq, e.Room)
		}
	}
	slices.Sort(complaints)
	return complaints
}
