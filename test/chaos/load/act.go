package load

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
)

// act does something every now and then until ctx ends, and repeats what the
// server could not take.
func (p *person) act(ctx context.Context) {
	repeat := time.NewTicker(50 * time.Millisecond)
	defer repeat.Stop()
	next := time.NewTimer(p.l.pause(p.rng))
	defer next.Stop()
	for ctx.Err() == nil {
		select {
		case <-repeat.C:
			p.again()
		case <-next.C:
			p.something(ctx)
			next.Reset(p.l.pause(p.rng))
		case <-ctx.Done():
		}
	}
	// What was begun is brought to its end while the load finishes.
	enough := time.After(finishPatience)
	for p.again() > 0 {
		select {
		case <-repeat.C:
		case <-p.l.lives.Done():
			return
		case <-enough:
			return
		}
	}
}

// finishPatience bounds how long a person goes on repeating when the load ends.
const finishPatience = 30 * time.Second

// again repeats what is due and says how much has no answer.
func (p *person) again() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.pending {
		if time.Now().After(o.not) {
			p.say(o)
		}
	}
	return len(p.pending)
}

// something is one act, by its share.
func (p *person) something(ctx context.Context) {
	room := p.anyRoom()
	switch n := p.rng.IntN(100); {
	case n < 2:
		p.hangUp()
	case n < 5:
		p.wander()
	case room == "":
	case n < 50:
		p.send(room)
	case n < 56: // several at once, in order
		for range 5 {
			p.send(room)
		}
	case n < 70:
		nonce := p.l.nonce(p.name)
		p.post(p.l.lives, room, nonce, history.Text(nonce, words(p.rng)), true)
	case n < 74:
		p.repeatElsewhere(ctx)
	case n < 76:
		p.sendTwice(room)
	case n < 84:
		p.edit(room)
	case n < 87:
		p.remove(room)
	case n < 97:
		p.react(room)
	default:
		p.chatter(room)
	}
}

func (p *person) anyRoom() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pos) == 0 {
		return ""
	}
	return pick(p.rng, slices.Sorted(maps.Keys(p.pos))...)
}

// anyRoomNow is anyRoom for another goroutine than that which acts.
func (p *person) anyRoomNow() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for room := range p.pos {
		return room
	}
	return ""
}

// most is how many commands of one person have no answer, unless they burst.
const most = 20

// order hands a command in by the socket; nil when too many have no answer.
func (p *person) order(do, room, text string, frame map[string]any) *order {
	o := &order{room: room, nonce: p.l.nonce(p.name), do: do, text: text, frame: frame}
	if text != "" {
		o.text = history.Text(o.nonce, text)
		frame["text"] = o.text
	}
	frame["type"], frame["ref"], frame["nonce"], frame["room"] = do, o.nonce, o.nonce, room
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) >= p.most {
		return nil
	}
	p.pending = append(p.pending, o)
	p.l.flight.Add(1)
	p.say(o)
	return o
}

// sendTwice says the same by the socket and by a request at the same time.
func (p *person) sendTwice(room string) {
	if o := p.order("send", room, words(p.rng), map[string]any{}); o != nil {
		p.post(p.l.lives, room, o.nonce, o.text, true)
	}
}

// Burst makes one person say so much at once, as a program does that was written
// without care. What the server cannot take at once is repeated. It is false when
// they are in no room now.
func (l *Load) Burst(messages, bytes int) bool {
	p := l.people[0]
	room := p.anyRoomNow()
	p.mu.Lock()
	p.most = messages + most
	p.mu.Unlock()
	for range messages {
		if room == "" || p.order("send", room, strings.Repeat("x", bytes), map[string]any{}) == nil {
			return false
		}
	}
	return true
}

func (p *person) send(room string) { p.order("send", room, words(p.rng), map[string]any{}) }

// target picks a message that was seen in the room; 0: there is none.
func (p *person) target(room string, mine bool) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []uint64
	for _, m := range p.talk[room] {
		if m.mine || !mine {
			found = append(found, m.seq)
		}
	}
	if len(found) == 0 {
		return 0
	}
	return pick(p.rng, found...)
}

func (p *person) edit(room string) {
	if seq := p.target(room, true); seq != 0 {
		p.order("edit", room, words(p.rng), map[string]any{"seq": seq})
	}
}

func (p *person) remove(room string) {
	if seq := p.target(room, true); seq != 0 {
		p.order("delete", room, "", map[string]any{"seq": seq})
	}
}

func (p *person) react(room string) {
	if seq := p.target(room, false); seq != 0 {
		p.order("react", room, "", map[string]any{"seq": seq, "emoji": pick(p.rng, "👍", "🎉", "❤️"), "op": pick(p.rng, "add", "add", "remove")})
	}
}

// repeatElsewhere says something again that was answered long ago, by another
// road: it must not happen again.
func (p *person) repeatElsewhere(ctx context.Context) {
	p.mu.Lock()
	var said []*order
	for _, o := range p.done {
		if o.do == "send" {
			said = append(said, o)
		}
	}
	p.mu.Unlock()
	if len(said) > 0 {
		o := pick(p.rng, said...)
		p.post(ctx, o.room, o.nonce, o.text, false)
	}
}

// wander enters a channel or leaves one, unless such a thing is on its way.
func (p *person) wander() {
	r := pick(p.rng, p.l.rooms...)
	p.mu.Lock()
	_, follows := p.pos[r.id]
	busy := slices.ContainsFunc(p.pending, func(o *order) bool { return o.room == r.id && (o.do == "join" || o.do == "leave") })
	p.mu.Unlock()
	switch {
	case !r.channel || busy:
	case follows:
		p.order("leave", r.id, "", map[string]any{})
	default:
		p.order("join", r.id, "", map[string]any{})
	}
}

// chatter is what is not promised: marks and typing.
func (p *person) chatter(room string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sock != nil {
		_ = p.sock.WriteJSON(map[string]any{"type": "typing", "room": room, "on": true})
		_ = p.sock.WriteJSON(map[string]any{"type": "read", "room": room, "seq": p.pos[room]})
	}
}
