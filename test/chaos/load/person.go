package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/test/chaos/history"
)

// person is connected by a bare socket and keeps, as the protocol asks of every
// client, a number per room and the commands that have no answer.
type person struct {
	*caller
	n int

	mu      sync.Mutex
	sock    *client.Socket // nil: not welcome anywhere
	conn    string
	conns   int
	own     bool // the connection is ended by us
	bye     time.Duration
	pos     map[string]uint64
	pending []*order
	most    int                  // of pending
	done    []*order             // some that were answered
	talk    map[string][]message // by room, what could be reacted to
}

// order is a command.
type order struct {
	room, nonce, do, text string
	frame                 map[string]any
	not                   time.Time // do not repeat it before
}

type message struct {
	seq  uint64
	mine bool
}

func newPerson(l *Load, c *caller, n int) *person {
	return &person{caller: c, n: n, most: most, pos: map[string]uint64{}, talk: map[string][]message{}}
}

func (p *person) connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sock != nil
}

// live connects again and again, each time somewhere, until ctx ends.
func (p *person) live(ctx context.Context) {
	for ctx.Err() == nil {
		gate := p.gate()
		p.connection(ctx, gate)
		p.mu.Lock()
		pause := p.bye
		p.bye = 0
		p.mu.Unlock()
		if pause == 0 {
			pause = time.Duration(20+rand.IntN(280)) * time.Millisecond
		}
		if Sleep(ctx, pause) != nil {
			return
		}
	}
}

// A connection that is silent for so long is given up.
const (
	pingEvery   = 2 * time.Second
	silentFor   = 5 * time.Second
	dialPatient = 5 * time.Second
)

// connection is one connection from its beginning to its end.
func (p *person) connection(ctx context.Context, gate string) {
	dial, cancel := context.WithTimeout(ctx, dialPatient)
	sock, err := client.DialSocket(dial, gate+"/v1/ws", nil, client.SocketOptions{ReadBuffer: 8 << 10, WriteTimeout: 3 * time.Second})
	cancel()
	if err != nil {
		return
	}
	p.mu.Lock()
	p.conns++
	p.own = false
	p.conn = fmt.Sprintf("%s%s.%d", p.l.cfg.Tag, p.name, p.conns)
	cursors := maps.Clone(p.pos)
	p.log(history.Record{What: history.Open, Gate: gate, Heads: cursors})
	p.mu.Unlock()

	err = p.converse(ctx, sock, cursors)
	sock.Drop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sock = nil
	p.log(history.Record{What: history.Close, Gate: gate, Code: p.ending(err)})
}

func (p *person) ending(err error) string {
	var closed *client.CloseError
	switch {
	case p.own:
		return history.OwnDoing
	case errors.As(err, &closed):
		return fmt.Sprint(int(closed.Code))
	}
	return "silent"
}

func (p *person) log(r history.Record) {
	r.User, r.Conn = p.user, p.conn
	p.l.cfg.Log.Add(r)
}

func (p *person) converse(ctx context.Context, sock *client.Socket, cursors map[string]uint64) error {
	stop := context.AfterFunc(ctx, sock.Drop)
	defer stop()
	if err := p.hello(sock, cursors); err != nil {
		return err
	}
	pings, done := time.NewTicker(pingEvery), make(chan struct{})
	defer pings.Stop()
	defer close(done)
	go func() {
		for {
			select {
			case <-pings.C:
				_ = sock.WriteText([]byte(`{"type":"ping"}`)) // the reader finds out
			case <-done:
				return
			}
		}
	}()
	for {
		if err := sock.SetReadDeadline(time.Now().Add(silentFor)); err != nil {
			return err
		}
		text, err := sock.ReadText()
		if timeout := (net.Error)(nil); errors.As(err, &timeout) && timeout.Timeout() {
			return errors.New("silent")
		}
		if err != nil {
			return err
		}
		var f frame
		if err := json.Unmarshal(text, &f); err != nil {
			p.l.problem("%s was sent %q: %w", p.name, text, err)
			return err
		}
		if err := p.hear(sock, &f); err != nil {
			return err
		}
	}
}

// hello says where the person stands, in as many frames as that takes: a thousand
// cursors are some 50 KB, and a frame has 64 at most.
func (p *person) hello(sock *client.Socket, cursors map[string]uint64) error {
	frame := map[string]any{"type": "hello", "token": p.token, "replay_limit": 1 << 30}
	rooms := slices.Sorted(maps.Keys(cursors))
	for {
		part, rest := rooms[:min(1000, len(rooms))], rooms[min(1000, len(rooms)):]
		some := map[string]uint64{}
		for _, room := range part {
			some[room] = cursors[room]
		}
		frame["cursors"], frame["more"] = some, len(rest) > 0
		if err := sock.WriteJSON(frame); err != nil {
			return err
		}
		if rooms = rest; len(rooms) == 0 {
			return nil
		}
		frame = map[string]any{"type": "cursors"}
	}
}

// hear takes one frame.
func (p *person) hear(sock *client.Socket, f *frame) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch f.Type {
	case "welcome":
		p.welcome(sock, f)
	case "event":
		p.log(history.Record{What: history.Given, Room: f.Event.Room, Event: f.Event.seen()})
		p.reached(f.Event)
	case "ack":
		p.acked(f)
	case "error":
		p.refused(f)
	case "room":
		r, err := f.wholeRoom()
		if err != nil {
			return err
		}
		if _, follows := p.pos[r.ID]; !follows {
			p.pos[r.ID] = r.Head
		}
		p.log(history.Record{What: history.Entered, Room: r.ID, Head: r.Head})
	case "room_gone":
		delete(p.pos, f.room())
		p.log(history.Record{What: history.Gone, Room: f.room()})
	case "truncated":
		p.pos[f.room()] = f.From - 1
		p.log(history.Record{What: history.Cut, Room: f.room(), Head: f.From - 1})
	case "reset":
		p.pos[f.room()] = 0
		p.log(history.Record{What: history.Reset, Room: f.room()})
	case "bye":
		p.bye = time.Duration(f.ReconnectAfterMS) * time.Millisecond
		p.log(history.Record{What: history.Bye, Within: p.l.cfg.Grace})
	}
	return nil
}

// welcome says again, in the old order, what was not answered.
func (p *person) welcome(sock *client.Socket, f *frame) {
	heads := map[string]uint64{}
	for _, r := range f.Rooms {
		heads[r.ID] = r.Head
		if _, has := p.pos[r.ID]; !has {
			p.pos[r.ID] = r.Head
		}
	}
	p.log(history.Record{What: history.Welcome, Heads: heads})
	p.sock = sock
	for _, o := range p.pending {
		p.say(o)
	}
}

// say sends a command, if there is a connection.
func (p *person) say(o *order) {
	if p.sock == nil {
		return
	}
	p.log(history.Record{What: history.Invoke, Room: o.room, Nonce: o.nonce, Do: o.do, Text: o.text})
	o.not = time.Now().Add(time.Hour) // as long as this connection lives
	_ = p.sock.WriteJSON(o.frame)     // the reader finds out
}

func (p *person) reached(e *wireEvent) {
	if pos, follows := p.pos[e.Room]; follows {
		p.pos[e.Room] = max(pos, e.Seq)
	}
	if e.Kind == "message" && !e.Body.Deleted {
		p.talk[e.Room] = append(p.talk[e.Room], message{e.Seq, e.By == p.user})
		if n := len(p.talk[e.Room]); n > 20 {
			p.talk[e.Room] = slices.Clone(p.talk[e.Room][n-10:])
		}
	}
}

// settle takes a command out of those that wait, nil when it is none of them.
func (p *person) settle(nonce string) *order {
	for i, o := range p.pending {
		if o.nonce == nonce {
			p.pending = slices.Delete(p.pending, i, i+1)
			p.l.flight.Add(-1)
			return o
		}
	}
	return nil
}

func (p *person) acked(f *frame) {
	o := p.settle(f.Ref)
	if o == nil {
		i := slices.IndexFunc(p.done, func(o *order) bool { return o.nonce == f.Ref })
		if i < 0 {
			return
		}
		o = p.done[i]
	}
	r := history.Record{What: history.Ack, Room: o.room, Nonce: o.nonce}
	if f.Event != nil {
		r.Event = f.Event.seen()
	}
	p.log(r)
	if f.Event != nil {
		p.reached(f.Event)
	}
	p.done = append(p.done, o)
	if len(p.done) > 20 {
		p.done = slices.Clone(p.done[10:])
	}
}

func (p *person) refused(f *frame) {
	i := slices.IndexFunc(p.pending, func(o *order) bool { return o.nonce == f.Ref })
	if i < 0 {
		return
	}
	o := p.pending[i]
	p.log(history.Record{What: history.Refuse, Room: o.room, Nonce: o.nonce, Code: f.Code})
	if f.Code == "unavailable" || f.Code == "internal" {
		o.not = time.Now().Add(max(time.Duration(f.RetryAfterMS)*time.Millisecond, 50*time.Millisecond))
		return
	}
	p.settle(f.Ref)
}

// behind is a room that the person follows and was not given to its head.
func (p *person) behind(end *ending) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sock == nil {
		return "every room"
	}
	return end.missing(p.user, p.pos)
}

// end writes down that the connection was open to the end.
func (p *person) end() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sock == nil {
		return false
	}
	p.log(history.Record{What: history.End})
	return true
}

// hangUp drops the connection, as somebody does whose train enters a tunnel, and
// says whether there was one.
func (p *person) hangUp() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sock == nil {
		return false
	}
	p.own = true
	p.sock.Drop()
	return true
}
