package bench

import (
	"encoding/binary"
	"encoding/json"
	"sync"

	"github.com/parley-chat/parley/client"
)

// conn is one person's connection, also over several sockets one after another.
// Who reads it holds reading; mu guards writing. wire changes under both.
type conn struct {
	person *person
	reader *reader
	number int

	reading sync.Mutex
	wire    wire
	partial []byte // the beginning of a frame whose rest has not come
	tracks  []track

	// caught, if not nil, is called once when the first track has reached target.
	caught func(c *conn)
	target uint64

	mu      sync.Mutex
	out     []byte // what the socket has not taken yet
	waiting bool   // some of it are messages that the next flush is to send
}

// wire is the socket below a conn. It takes what it can without blocking where
// the system allows that.
type wire interface {
	write(data []byte) (int, error)
}

// worker is one reader with what it has counted. Its lock is taken once per
// chunk read, so counting is free of it.
type worker struct {
	mu   sync.Mutex
	from int64 // messages due before are not counted
	tally
	lost func(c *conn, err error)
}

// tally is what a worker counts.
type tally struct {
	delivered uint64 // new events and acks in order of their room
	acked     uint64
	refused   map[string]uint64
	strange   uint64 // frames that say something is wrong: reset, truncated, bye
	receive   histogram
	ack       histogram
}

func (t *tally) merge(o *tally) {
	t.delivered += o.delivered
	t.acked += o.acked
	t.strange += o.strange
	t.receive.merge(&o.receive)
	t.ack.merge(&o.ack)
	for code, n := range o.refused {
		if t.refused == nil {
			t.refused = map[string]uint64{}
		}
		t.refused[code] += n
	}
}

// feed takes the frames at the beginning of data, read at now, and returns how
// much it took and the size of the frame that is cut off there (0 when none is).
func (w *worker) feed(c *conn, data []byte, now int64) (taken, need int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for taken < len(data) {
		f, n, err := client.SplitFrame(data[taken:])
		if err != nil {
			return taken, 0, err
		}
		if n > len(data)-taken {
			return taken, n, nil
		}
		taken += n
		switch f.Op {
		case client.OpText:
			w.frame(c, f.Payload, now)
		case client.OpPing:
			if err := c.pong(f.Payload); err != nil {
				return taken, 0, err
			}
		case client.OpClose:
			return taken, 0, closeError(f.Payload)
		}
	}
	return taken, 0, nil
}

func closeError(payload []byte) error {
	if len(payload) < 2 {
		return &client.CloseError{Code: client.CloseAbnormal}
	}
	return &client.CloseError{Code: client.CloseCode(binary.BigEndian.Uint16(payload)), Reason: string(payload[2:])}
}

func (w *worker) frame(c *conn, payload []byte, now int64) {
	d, ok := parse(payload)
	if !ok {
		w.other(c, payload)
		return
	}
	t := c.track(d.room)
	if t == nil {
		c.tracks = append(c.tracks, track{next: d.seq})
		t = &c.tracks[len(c.tracks)-1]
		copy(t.room[:], d.room)
	}
	fresh := t.take(d.seq)
	if c.caught != nil {
		c.reached()
	}
	if !fresh || d.stamp < w.from {
		return
	}
	w.delivered++
	if d.ack {
		w.acked++
		w.ack.add(now - d.stamp)
		return
	}
	w.receive.add(now - d.stamp)
}

// other takes the frames without an event.
func (w *worker) other(c *conn, payload []byte) {
	var f struct {
		Type string `json:"type"`
		Code string `json:"code"`
		Room any    `json:"room"`
	}
	if json.Unmarshal(payload, &f) != nil {
		w.strange++
		return
	}
	switch f.Type {
	case "error":
		if w.refused == nil {
			w.refused = map[string]uint64{}
		}
		w.refused[f.Code]++
	case "truncated", "reset", "room_gone", "ack":
		w.strange++
	}
}

func (c *conn) track(room []byte) *track {
	for i := range c.tracks {
		if string(c.tracks[i].room[:]) == string(room) {
			return &c.tracks[i]
		}
	}
	return nil
}

// reached tells once that c has caught up.
func (c *conn) reached() {
	if caught := c.caught; c.tracks[0].next > c.target {
		c.caught = nil
		caught(c)
	}
}

// cursors is what the connection has of each room.
func (c *conn) cursors() map[string]uint64 {
	c.reading.Lock()
	defer c.reading.Unlock()
	out := make(map[string]uint64, len(c.tracks))
	for i := range c.tracks {
		out[string(c.tracks[i].room[:])] = c.tracks[i].next - 1
	}
	return out
}

func (c *conn) pong(payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, 0x80|client.OpPong, 0x80|byte(len(payload)), 0, 0, 0, 0)
	c.out = append(c.out, payload...)
	return c.flushLocked()
}

// queue adds a message; it leaves with the next flush. It reports whether the
// message is the first that waits.
func (c *conn) queue(t *template, k, stamp int64) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = !c.waiting
	c.waiting = true
	c.out = t.append(c.out, k, stamp)
	return first
}

// flush writes what the socket takes and reports whether something is left. A
// broken connection is the reader's to find.
func (c *conn) flush() (left bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.flushLocked(); err != nil {
		c.out = c.out[:0]
	}
	c.waiting = len(c.out) > 0
	return c.waiting
}

func (c *conn) flushLocked() error {
	if c.wire == nil || len(c.out) == 0 {
		return nil
	}
	n, err := c.wire.write(c.out)
	c.out = append(c.out[:0], c.out[n:]...)
	return err
}
