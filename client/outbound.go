package client

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Pending is a command that was handed to the session and may still be
// unanswered. It is repeated after every loss of the connection.
type Pending struct {
	entry Entry
	ref   string
	order uint64
	tries int

	done  chan struct{}
	event Event
	err   error
}

// Nonce identifies the command: repeat a message with it, in this session or
// another, and it still happens once.
func (p *Pending) Nonce() string { return p.entry.ID }

// Done is closed when the command was answered or the session ended.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Wait returns the command's event; its Seq is 0 when nothing needed changing.
// An *Error means that it did not happen. Any other error leaves that open: the
// command stays in the outbox.
func (p *Pending) Wait(ctx context.Context) (Event, error) {
	select {
	case <-p.done:
		return p.event, p.err
	case <-ctx.Done():
		return Event{}, ctx.Err()
	}
}

func (p *Pending) resolve(ev Event, err error) {
	p.event, p.err = ev, err
	close(p.done)
}

// lane is one room's commands in order; the first sent of them are on the way.
type lane struct {
	pending   []*Pending
	sent      int
	notBefore time.Time
}

// outbound holds what waits to be written. The session's lock guards it.
type outbound struct {
	pipeline int
	next     uint64
	lanes    map[string]*lane
	refs     map[string]*Pending
	ids      map[string]*Pending

	online   bool
	control  [][]byte
	standing map[string][]byte // what every connection is told anew
	marks    map[mark]uint64
}

// mark is a kind of mark, "read" or "delivered", in a room.
type mark struct{ kind, room string }

func newOutbound(pipeline int) outbound {
	return outbound{
		pipeline: pipeline,
		lanes:    map[string]*lane{}, refs: map[string]*Pending{}, ids: map[string]*Pending{},
		standing: map[string][]byte{}, marks: map[mark]uint64{},
	}
}

func (o *outbound) add(e Entry) *Pending {
	o.next++
	p := &Pending{entry: e, order: o.next, ref: strconv.FormatUint(o.next, 36), done: make(chan struct{})}
	l := o.lanes[e.Room]
	if l == nil {
		l = &lane{}
		o.lanes[e.Room] = l
	}
	l.pending = append(l.pending, p)
	o.refs[p.ref], o.ids[e.ID] = p, p
	return p
}

// remove takes an answered command out.
func (o *outbound) remove(p *Pending) {
	delete(o.refs, p.ref)
	delete(o.ids, p.entry.ID)
	l := o.lanes[p.entry.Room]
	at := slices.Index(l.pending, p)
	l.pending = slices.Delete(l.pending, at, at+1)
	if at < l.sent {
		l.sent--
	}
	if len(l.pending) == 0 {
		delete(o.lanes, p.entry.Room)
	}
}

// retry holds p's room back until the server may want it again; p and what
// came after it are repeated in their order.
func (o *outbound) retry(p *Pending, after time.Duration) {
	p.tries++
	l := o.lanes[p.entry.Room]
	l.sent = min(l.sent, slices.Index(l.pending, p))
	l.notBefore = time.Now().Add(after)
}

// disconnected makes everything unanswered due again; what may be lost is.
func (o *outbound) disconnected() {
	for _, l := range o.lanes {
		l.sent = 0
	}
	o.online, o.control = false, nil
}

// connected begins a connection.
func (o *outbound) connected() {
	o.online = true
	for _, frame := range o.standing {
		o.control = append(o.control, frame)
	}
}

// maxBurst bounds one write in frames.
const maxBurst = 256

// due takes what may be written now. wait is when to ask again without being
// woken; 0 means not at all.
func (o *outbound) due(now time.Time) (frames [][]byte, wait time.Duration) {
	frames, o.control = o.control, nil
	for m, seq := range o.marks {
		frames = append(frames, mustJSON(markFrame{Type: m.kind, Room: m.room, Seq: seq}))
	}
	clear(o.marks)
	var ready []*Pending
	for _, l := range o.lanes {
		until := min(len(l.pending), o.pipeline)
		if l.sent >= until {
			continue
		}
		if hold := l.notBefore.Sub(now); hold > 0 {
			if wait == 0 || hold < wait {
				wait = hold
			}
			continue
		}
		ready = append(ready, l.pending[l.sent:until]...)
	}
	slices.SortFunc(ready, func(a, b *Pending) int { return int(a.order) - int(b.order) })
	if len(ready) > maxBurst {
		ready, wait = ready[:maxBurst], time.Nanosecond
	}
	for _, p := range ready {
		o.lanes[p.entry.Room].sent++
		frames = append(frames, p.frame())
	}
	return frames, wait
}

// frame puts the ref into the kept frame, which begins with an opening brace.
func (p *Pending) frame() []byte {
	out := make([]byte, 0, len(p.entry.Frame)+24)
	out = append(out, `{"ref":"`...)
	out = append(out, p.ref...)
	out = append(out, `",`...)
	return append(out, p.entry.Frame[1:]...)
}

type markFrame struct {
	Type string `json:"type"`
	Room string `json:"room"`
	Seq  uint64 `json:"seq"`
}

type typingFrame struct {
	Type string `json:"type"`
	Room string `json:"room"`
	On   bool   `json:"on"`
}

type watchFrame struct {
	Type  string   `json:"type"`
	Ref   string   `json:"ref"`
	Users []string `json:"users"`
}

type statusFrame struct {
	Type   string `json:"type"`
	Status string `json:"status"`
	Text   string `json:"text,omitempty"`
}

type authFrame struct {
	Type  string `json:"type"`
	Ref   string `json:"ref"`
	Token string `json:"token"`
}

type sendFrame struct {
	Type string `json:"type"`
	Room string `json:"room"`
	Message
}

// actFrame is every other command.
type actFrame struct {
	Type  string  `json:"type"`
	Room  string  `json:"room"`
	Seq   uint64  `json:"seq,omitempty"`
	Text  *string `json:"text,omitempty"`
	Nonce string  `json:"nonce"`
	Emoji string  `json:"emoji,omitempty"`
	Op    string  `json:"op,omitempty"`
}

// mustJSON encodes frames of this package's own types, which cannot fail.
func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("parley: encode %T: %v", v, err))
	}
	return data
}
