package history

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// world is a small chat server with its clients, in memory: honest, or with one
// lie that it tells at one moment. What its clients meet goes into a history.
type world struct {
	rng   *rand.Rand
	lie   Kind // "" for an honest server
	after int  // the lie is told at the first occasion from this step on
	told  bool
	step  int

	now     time.Duration
	records []Record
	rooms   []string
	events  map[string][]Event
	in      map[string]map[string]bool // room → user → is a member
	users   []string
	conns   []*conn
	nonces  int
	conn    int
	late    []func() // commands that were queued
	owing   []*owed

	restores bool // its database goes back once, and its log is lost
	copied   *copied
}

// copied is what the database was at some moment.
type copied struct {
	at    time.Duration
	heads map[string]uint64
	in    map[string]map[string]bool
}

// conn is one connection of the world.
type conn struct {
	name, user string
	pos        map[string]uint64
	commands   map[string]bool // nonces that wait for their answer here
}

// owed is a command without an answer.
type owed struct {
	user, room, nonce, text string
	repeated                bool
}

func newWorld(seed uint64, lie Kind, after int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 7)), lie: lie, after: after,
		events: map[string][]Event{}, in: map[string]map[string]bool{}, restores: lie == Unreset || lie == "" && seed%2 == 0}
	for i := range 5 {
		w.users = append(w.users, fmt.Sprint("u", i))
	}
	for i := range 2 {
		room := fmt.Sprint("r", i)
		w.rooms = append(w.rooms, room)
		w.in[room] = map[string]bool{}
		for _, u := range w.users {
			w.in[room][u] = true
		}
		w.commit(room, Event{Kind: "room", Op: "create", By: w.users[0], Members: w.users[1:]})
	}
	for _, u := range w.users {
		w.connect(u, map[string]uint64{})
	}
	return w
}

// tells is true once, at the lie's moment.
func (w *world) tells(k Kind) bool {
	if w.lie != k || w.told || w.step < w.after {
		return false
	}
	w.told = true
	return true
}

func (w *world) add(r Record) {
	w.now += time.Duration(1+w.rng.IntN(5)) * time.Millisecond
	r.T = w.now
	if r.Event != nil {
		e := *r.Event
		r.Event = &e
	}
	w.records = append(w.records, r)
}

func (w *world) head(room string) uint64 { return uint64(len(w.events[room])) }

func (w *world) commit(room string, e Event) Event {
	e.Seq, e.ID = w.head(room)+1, fmt.Sprintf("e%d", w.rng.Uint64())
	w.events[room] = append(w.events[room], e)
	return e
}

func (w *world) find(room, user, nonce string) *Event {
	for i := range w.events[room] {
		if e := &w.events[room][i]; e.Nonce == nonce && e.By == user {
			return e
		}
	}
	return nil
}

func (w *world) connect(user string, cursors map[string]uint64) {
	w.conn++
	c := &conn{name: fmt.Sprint("c", w.conn), user: user, pos: map[string]uint64{}, commands: map[string]bool{}}
	w.add(Record{What: Open, User: user, Conn: c.name, Heads: maps.Clone(cursors)})
	heads := map[string]uint64{}
	for _, room := range w.rooms {
		if w.in[room][user] {
			heads[room], c.pos[room] = w.head(room), w.head(room)
			if cursor, has := cursors[room]; has {
				c.pos[room] = cursor
			}
		}
	}
	w.add(Record{What: Welcome, User: user, Conn: c.name, Heads: heads})
	for _, room := range slices.Sorted(maps.Keys(cursors)) {
		_, mine := heads[room]
		switch {
		case !mine || w.tells(Expelled):
			w.add(Record{What: Gone, User: user, Conn: c.name, Room: room})
			delete(c.pos, room)
		case w.head(room) > c.pos[room]+1 && w.tells(CutShort):
			c.pos[room] = w.head(room) - 1
			w.add(Record{What: Cut, User: user, Conn: c.name, Room: room, Head: c.pos[room]})
		case c.pos[room] > w.head(room) && w.tells(Unreset):
			e := w.commit(room, Event{Kind: "message", By: w.users[0], Text: Text("after", "the restore")})
			c.pos[room] = e.Seq
			w.given(c, room, e)
		case c.pos[room] > w.head(room):
			c.pos[room] = 0
			w.add(Record{What: Reset, User: user, Conn: c.name, Room: room})
		}
	}
	w.conns = append(w.conns, c)
}

// disconnect ends a connection and makes its user come back with their cursors.
func (w *world) disconnect(c *conn, code string) {
	if code != OwnDoing {
		w.add(Record{What: Bye, User: c.user, Conn: c.name, Within: time.Second})
	}
	w.add(Record{What: Close, User: c.user, Conn: c.name, Code: code})
	w.conns = slices.DeleteFunc(w.conns, func(other *conn) bool { return other == c })
	for _, nonce := range slices.Sorted(maps.Keys(c.commands)) {
		for _, o := range w.owing {
			if o.nonce == nonce {
				w.repeat(o)
			}
		}
	}
	if code != OwnDoing && w.tells(Away) {
		w.now += 2 * time.Second
	}
	w.connect(c.user, c.pos)
}

// deliver hands a connection what it misses of a room, at most n events.
func (w *world) deliver(c *conn, room string, n int) {
	for ; n > 0; n-- {
		pos, following := c.pos[room]
		if !following || pos >= w.head(room) {
			return
		}
		e := w.events[room][pos]
		switch {
		case pos+1 < w.head(room) && w.tells(Gap):
			e = w.events[room][pos+1]
		case pos > 0 && w.tells(Again):
			e = w.events[room][pos-1]
			w.given(c, room, e)
			continue
		case w.tells(Split):
			e.ID += "x"
		}
		c.pos[room] = e.Seq
		w.given(c, room, e)
		if e.Kind == "member" && e.Whom == c.user && (e.Op == "leave" || e.Op == "remove") && !w.in[room][c.user] {
			if w.tells(Leak) {
				next := w.commit(room, Event{Kind: "message", By: w.users[0], Text: Text("secret", "for members")})
				w.given(c, room, next)
			}
			w.add(Record{What: Gone, User: c.user, Conn: c.name, Room: room})
			delete(c.pos, room)
		}
	}
}

func (w *world) given(c *conn, room string, e Event) {
	if c.commands[e.Nonce] && e.By == c.user {
		delete(c.commands, e.Nonce)
		w.settle(e.Nonce)
		w.add(Record{What: Ack, User: c.user, Conn: c.name, Room: room, Nonce: e.Nonce, Event: &e})
		return
	}
	shown := e
	if e.By != c.user {
		shown.Nonce = ""
	}
	w.add(Record{What: Given, User: c.user, Conn: c.name, Room: room, Event: &shown})
}

func (w *world) settle(nonce string) {
	w.owing = slices.DeleteFunc(slices.Clone(w.owing), func(o *owed) bool { return o.nonce == nonce })
}

func (w *world) nonce() string {
	w.nonces++
	return fmt.Sprint("n", w.nonces)
}

// say invokes a command by socket or REST. It may be answered, be lost on the
// way there or on the way back.
func (w *world) say(c *conn) {
	room := pick(w.rng, w.rooms)
	o := &owed{user: c.user, room: room, nonce: w.nonce()}
	o.text = Text(o.nonce, "hello")
	if w.rng.IntN(2) == 0 {
		w.add(Record{What: Invoke, User: o.user, Room: room, Nonce: o.nonce, Text: o.text, Do: "send"})
		w.rest(o)
		return
	}
	w.add(Record{What: Invoke, User: o.user, Conn: c.name, Room: room, Nonce: o.nonce, Text: o.text, Do: "send"})
	w.owing = append(w.owing, o)
	c.commands[o.nonce] = true
	switch w.rng.IntN(4) {
	case 0: // lost on the way
	default:
		w.admit(c, o)
	}
}

// admit is what the owner does with a command of a socket.
func (w *world) admit(c *conn, o *owed) {
	if w.in[o.room][o.user] {
		w.happen(o)
		return
	}
	if c == nil {
		return // nobody is there to be told
	}
	delete(c.commands, o.nonce)
	w.settle(o.nonce)
	w.refuse(c.name, o)
}

func (w *world) refuse(conn string, o *owed) {
	w.add(Record{What: Refuse, User: o.user, Conn: conn, Room: o.room, Nonce: o.nonce, Code: "not_found"})
	if !o.repeated && w.tells(RefusedDone) {
		w.happen(o)
	}
}

// happen makes the event of a command, once.
func (w *world) happen(o *owed) Event {
	if e := w.find(o.room, o.user, o.nonce); e != nil && !w.tells(Doubled) {
		return *e
	}
	text := o.text
	if w.tells(Altered) {
		text += "!"
	}
	return w.commit(o.room, Event{Kind: "message", By: o.user, Nonce: o.nonce, Text: text})
}

// swap exchanges a number with the one before it, in everything that was said.
func (w *world) swap(room string, seq uint64) {
	events := w.events[room]
	a, b := events[seq-2], events[seq-1]
	a.Seq, b.Seq = b.Seq, a.Seq
	events[seq-2], events[seq-1] = b, a
	for i := range w.records {
		if e := w.records[i].Event; w.records[i].Room == room && e != nil && e.ID == a.ID {
			e.Seq = a.Seq
		}
	}
}

// rest is one request: done, refused, or queued and done later.
func (w *world) rest(o *owed) {
	luck := w.rng.IntN(16)
	switch {
	case !w.in[o.room][o.user]:
		w.refuse("", o)
	case luck < 4:
		w.add(Record{What: Queued, User: o.user, Room: o.room, Nonce: o.nonce})
		if o.user != w.users[0] || !w.tells(Dropped) { // who is never put out
			w.late = append(w.late, func() { w.admit(nil, o) })
		}
	case luck < 7: // the answer is lost
		w.happen(o)
		w.owing = append(w.owing, o)
	default:
		w.acknowledge(o)
	}
}

func (w *world) acknowledge(o *owed) {
	e := w.happen(o)
	if w.tells(TwoAnswers) {
		first := w.commit(o.room, Event{Kind: "message", By: o.user, Text: "no mark"})
		w.add(Record{What: Ack, User: o.user, Room: o.room, Nonce: o.nonce, Event: &first})
	}
	w.add(Record{What: Ack, User: o.user, Room: o.room, Nonce: o.nonce, Event: &e})
	if w.tells(Lost) {
		w.events[o.room] = w.events[o.room][:e.Seq-1]
	}
}

// repeat is a client that does not know what became of a command.
func (w *world) repeat(o *owed) {
	w.settle(o.nonce)
	o.repeated = true
	w.add(Record{What: Invoke, User: o.user, Room: o.room, Nonce: o.nonce, Text: o.text, Do: "send"})
	switch {
	case w.find(o.room, o.user, o.nonce) != nil && w.in[o.room][o.user], w.in[o.room][o.user]:
		w.acknowledge(o)
	default:
		w.refuse("", o)
	}
}

// member lets somebody in or puts them out.
func (w *world) member() {
	room, user := pick(w.rng, w.rooms), pick(w.rng, w.users[1:])
	nonce, op := w.nonce(), "add"
	if w.in[room][user] {
		op = "remove"
	}
	w.add(Record{What: Invoke, User: w.users[0], Room: room, Nonce: nonce, Do: op, Whom: user})
	e := w.commit(room, Event{Kind: "member", Op: op, By: w.users[0], Whom: user, Nonce: nonce})
	w.add(Record{What: Ack, User: w.users[0], Room: room, Nonce: nonce, Event: &e})
	w.in[room][user] = op == "add"
	for _, c := range w.conns {
		if c.user != user {
			continue
		}
		if op == "remove" {
			w.deliver(c, room, 1<<30) // up to the removal, and that it is gone
			continue
		}
		if w.tells(Stray) {
			continue
		}
		c.pos[room] = e.Seq
		w.add(Record{What: Entered, User: user, Conn: c.name, Room: room, Head: e.Seq})
	}
	if w.lie == Stray && w.told && op == "add" {
		w.stray(user, room)
		w.lie = ""
	}
}

// stray gives an event of a room that the connection was not shown.
func (w *world) stray(user, room string) {
	for _, c := range w.conns {
		if c.user == user {
			w.given(c, room, w.events[room][w.head(room)-1])
			c.pos[room] = w.head(room)
		}
	}
}

func (w *world) fault(n int) {
	name := fmt.Sprint("fault ", n)
	strike := Record{What: Strike, Fault: name, InFlight: 1 + len(w.owing), Spares: n%2 == 0, Sockets: true, Within: 30 * time.Second}
	if w.tells(Luck) {
		strike.InFlight = 0
	}
	w.add(strike)
	if w.tells(Disturbed) {
		w.disconnect(pick(w.rng, w.conns), "1006")
	}
	w.acted()
	w.add(Record{What: Over, Fault: name, Back: 2 * time.Second})
	w.acted()
	w.acted()
}

// copy remembers what the database is now.
func (w *world) copy() {
	w.copied = &copied{at: w.now, heads: map[string]uint64{}, in: map[string]map[string]bool{}}
	for _, room := range w.rooms {
		w.copied.heads[room], w.copied.in[room] = w.head(room), maps.Clone(w.in[room])
	}
}

// goBack makes the database what it was, and empties the log.
func (w *world) goBack() {
	waits := &owed{user: w.users[0], room: w.rooms[0], nonce: w.nonce()}
	w.add(Record{What: Invoke, User: waits.user, Room: waits.room, Nonce: waits.nonce, Text: Text(waits.nonce, "too late"), Do: "send"})
	w.add(Record{What: Strike, Fault: "restore", InFlight: 1, Restores: true, LosesLog: true, Since: w.copied.at})
	for _, room := range w.rooms {
		w.events[room] = slices.Clip(w.events[room][:w.copied.heads[room]])
	}
	w.in, w.late = w.copied.in, nil
	w.add(Record{What: Over, Fault: "restore"})
	w.add(Record{What: Queued, User: waits.user, Room: waits.room, Nonce: waits.nonce}) // in the log that has gone
	for _, c := range slices.Clone(w.conns) {
		w.disconnect(c, "1011")
	}
}

// acted is one command that is answered at once.
func (w *world) acted() {
	o := &owed{user: w.users[0], room: w.rooms[0], nonce: w.nonce()}
	o.text = Text(o.nonce, "still here")
	w.add(Record{What: Invoke, User: o.user, Room: o.room, Nonce: o.nonce, Text: o.text, Do: "send"})
	before := w.events[o.room][w.head(o.room)-1]
	w.happen(o)
	if r := w.records[len(w.records)-2]; r.What == Over && w.tells(Stalled) {
		w.now += 3 * time.Second
	}
	if strings.HasSuffix(before.Text, "still here") && w.tells(Backwards) {
		w.swap(o.room, w.head(o.room))
	}
	w.acknowledge(o)
}

// run plays so many steps and the end.
func (w *world) run(steps int) []Record {
	for w.step = range steps {
		switch {
		case w.restores && w.step == 40:
			w.copy()
		case w.restores && w.step == 90:
			w.goBack()
		}
		c := pick(w.rng, w.conns)
		switch w.rng.IntN(12) {
		case 0:
			w.disconnect(c, OwnDoing)
		case 1:
			w.disconnect(c, "1001")
		case 2, 3:
			w.member()
		case 4:
			w.fault(w.step)
		case 5:
			if len(w.owing) > 0 {
				w.repeat(pick(w.rng, w.owing))
			}
		case 6, 7, 8:
			w.say(c)
		default:
			w.deliver(c, pick(w.rng, w.rooms), 1+w.rng.IntN(3))
		}
		if len(w.late) > 0 && w.rng.IntN(3) == 0 {
			w.late[0]()
			w.late = w.late[1:]
		}
	}
	w.finish()
	return w.records
}

func (w *world) finish() {
	for _, later := range w.late {
		later()
	}
	for len(w.owing) > 0 {
		w.repeat(w.owing[0])
	}
	for i, c := range w.conns {
		for _, room := range w.rooms {
			if i == 0 && w.in[room][c.user] && w.tells(Missing) {
				w.commit(room, Event{Kind: "message", By: w.users[0], Text: Text("last", "word")})
				continue
			}
			w.deliver(c, room, 1<<30)
		}
	}
	for _, c := range w.conns {
		w.add(Record{What: End, User: c.user, Conn: c.name})
	}
	for _, room := range w.rooms {
		w.store(room)
	}
}

func (w *world) store(room string) {
	for _, e := range w.events[room] {
		if e.Seq > 1 && w.tells(Hole) || e.Seq == w.head(room) && w.tells(Unstored) {
			continue
		}
		e.Nonce = "" // the store shows it to nobody but the author
		w.add(Record{What: Stored, Room: room, Event: &e})
	}
	w.add(Record{What: Head, Room: room, Head: w.head(room)})
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }
