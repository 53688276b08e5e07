package contract

import (
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
)

// The hot messages are hand encoded. Version 1 readers skip what a newer writer
// adds behind the fields of a frame or of the whole.
const wireVersion = 1

// Bytes that an element takes at least: what a length is checked against.
const (
	leastEvent  = 60
	leastAnswer = 40
	leastRoom   = 20
	leastCursor = 17
	leastMine   = 60
)

// AppendBinary writes the notice behind b.
func (n *Notice) AppendBinary(b []byte) ([]byte, error) {
	e := bus.Encoder{B: b}
	e.Byte(wireVersion)
	e.Uvarint(uint64(n.Partition))
	e.Uvarint(n.Epoch)
	e.Uvarint(n.From)
	e.Uvarint(n.To)
	e.Uvarint(n.LogSeq)
	putEvents(&e, n.Events)
	e.Uvarint(uint64(len(n.Answers)))
	for i := range n.Answers {
		putAnswer(&e, &n.Answers[i])
	}
	e.Uvarint(n.Registration)
	return e.B, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (n *Notice) UnmarshalBinary(b []byte) error {
	d := bus.NewDecoder(b)
	d.Version(wireVersion)
	n.Partition = int(d.Uvarint())
	n.Epoch, n.From, n.To, n.LogSeq = d.Uvarint(), d.Uvarint(), d.Uvarint(), d.Uvarint()
	n.Events = takeEvents(&d)
	if count := d.Count(leastAnswer); count > 0 {
		n.Answers = make([]Answer, count)
		for i := range n.Answers {
			takeAnswer(&d, &n.Answers[i])
		}
	}
	if d.Len() > 0 { // it came later
		n.Registration = d.Uvarint()
	}
	return d.Err()
}

func putEvents(e *bus.Encoder, events []chat.Event) {
	e.Uvarint(uint64(len(events)))
	for i := range events {
		e.Event(&events[i])
	}
}

func takeEvents(d *bus.Decoder) []chat.Event {
	count := d.Count(leastEvent)
	if count == 0 {
		return nil
	}
	events := make([]chat.Event, count)
	for i := range events {
		d.Event(&events[i])
	}
	return events
}

func putAnswer(e *bus.Encoder, a *Answer) {
	mark := e.Open()
	e.ID(a.Key.Room)
	e.ID(a.Key.By)
	e.Text(a.Key.Nonce)
	e.Uvarint(a.Repeat)
	e.Bool(a.Err != nil)
	if a.Err != nil {
		e.Text(string(a.Err.Code))
		e.Text(a.Err.Text)
		e.Int(int64(a.Err.RetryAfter))
	}
	e.Close(mark)
}

func takeAnswer(d *bus.Decoder, a *Answer) {
	f := d.Frame()
	a.Key = chat.NonceKey{Room: f.ID(), By: f.ID(), Nonce: f.Text()}
	a.Repeat = f.Uvarint()
	if f.Bool() {
		a.Err = &chat.Error{Code: chat.Code(f.Text()), Text: f.Text(), RetryAfter: time.Duration(f.Int())}
	}
	inherit(d, &f)
}

// inherit makes what is wrong in a frame what is wrong with the whole.
func inherit(d, frame *bus.Decoder) {
	if err := frame.Err(); err != nil && d.Err() == nil {
		d.Fail("%v", err)
	}
}

// AppendBinary writes the question behind b.
func (q *EventsAsk) AppendBinary(b []byte) ([]byte, error) {
	e := bus.Encoder{B: b}
	e.Byte(wireVersion)
	e.ID(q.User)
	e.Bool(q.Runs)
	e.Uvarint(uint64(q.Limit))
	e.Uvarint(uint64(q.Bytes))
	e.Uvarint(uint64(len(q.Cursors)))
	for _, c := range q.Cursors {
		e.ID(c.Room)
		e.Uvarint(c.After)
	}
	return e.B, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (q *EventsAsk) UnmarshalBinary(b []byte) error {
	d := bus.NewDecoder(b)
	d.Version(wireVersion)
	q.User, q.Runs = d.ID(), d.Bool()
	q.Limit, q.Bytes = int(d.Uvarint()), int(d.Uvarint())
	if count := d.Count(leastCursor); count > 0 {
		q.Cursors = make([]Cursor, count)
		for i := range q.Cursors {
			q.Cursors[i] = Cursor{Room: d.ID(), After: d.Uvarint()}
		}
	}
	return d.Err()
}

// AppendBinary writes the page behind b.
func (p *EventsPage) AppendBinary(b []byte) ([]byte, error) {
	e := bus.Encoder{B: b}
	e.Byte(wireVersion)
	e.Uvarint(uint64(len(p.Rooms)))
	for i := range p.Rooms {
		r := &p.Rooms[i]
		mark := e.Open()
		e.ID(r.Room)
		e.Bool(r.Gone)
		e.Uvarint(r.Head)
		e.Uvarint(r.N)
		e.Bool(r.More)
		putEvents(&e, r.Events)
		e.Close(mark)
	}
	return e.B, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (p *EventsPage) UnmarshalBinary(b []byte) error {
	d := bus.NewDecoder(b)
	d.Version(wireVersion)
	if count := d.Count(leastRoom); count > 0 {
		p.Rooms = make([]RoomEvents, count)
		for i := range p.Rooms {
			r, f := &p.Rooms[i], d.Frame()
			r.Room, r.Gone, r.Head, r.N, r.More = f.ID(), f.Bool(), f.Uvarint(), f.Uvarint(), f.Bool()
			r.Events = takeEvents(&f)
			inherit(&d, &f)
		}
	}
	return d.Err()
}

// AppendBinary writes the page behind b.
func (p *FeedPage) AppendBinary(b []byte) ([]byte, error) {
	e := bus.Encoder{B: b}
	e.Byte(wireVersion)
	e.Uvarint(p.N)
	e.Uvarint(p.Epoch)
	putEvents(&e, p.Events)
	return e.B, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (p *FeedPage) UnmarshalBinary(b []byte) error {
	d := bus.NewDecoder(b)
	d.Version(wireVersion)
	p.N, p.Epoch = d.Uvarint(), d.Uvarint()
	p.Events = takeEvents(&d)
	return d.Err()
}

// AppendBinary writes the page behind b.
func (p *MyRoomsPage) AppendBinary(b []byte) ([]byte, error) {
	e := bus.Encoder{B: b}
	e.Byte(wireVersion)
	e.Text(p.Next)
	e.Uvarint(uint64(len(p.Rooms)))
	for i := range p.Rooms {
		putMine(&e, &p.Rooms[i])
	}
	return e.B, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (p *MyRoomsPage) UnmarshalBinary(b []byte) error {
	d := bus.NewDecoder(b)
	d.Version(wireVersion)
	p.Next = d.Text()
	if count := d.Count(leastMine); count > 0 {
		p.Rooms = make([]chat.Mine, count)
		for i := range p.Rooms {
			takeMine(&d, &p.Rooms[i])
		}
	}
	return d.Err()
}

func putMine(e *bus.Encoder, m *chat.Mine) {
	mark := e.Open()
	e.ID(m.ID)
	e.ID(m.CreatedBy)
	e.ID(m.Peer)
	e.Text(string(m.Kind))
	e.Text(m.Name)
	e.Text(m.Handle)
	e.Text(m.Topic)
	e.Int(m.CreatedAt)
	e.Int(m.LastAt)
	for _, n := range []uint64{uint64(m.MemberCount), uint64(m.Owners), m.Head, m.Messages, m.Read, m.Delivered, m.Unread, m.Mentions} {
		e.Uvarint(n)
	}
	for _, yes := range []bool{m.ReadOnly, m.Archived, m.Muted, m.Favourite} {
		e.Bool(yes)
	}
	e.Text(string(m.Role))
	e.Text(string(m.Notify))
	e.Bool(m.Last != nil)
	if m.Last != nil {
		e.Event(m.Last)
	}
	e.Close(mark)
}

func takeMine(d *bus.Decoder, m *chat.Mine) {
	f := d.Frame()
	m.ID, m.CreatedBy, m.Peer = f.ID(), f.ID(), f.ID()
	m.Kind, m.Name, m.Handle, m.Topic = chat.RoomKind(f.Text()), f.Text(), f.Text(), f.Text()
	m.CreatedAt, m.LastAt = f.Int(), f.Int()
	m.MemberCount, m.Owners = int(f.Uvarint()), int(f.Uvarint())
	m.Head, m.Messages, m.Read, m.Delivered = f.Uvarint(), f.Uvarint(), f.Uvarint(), f.Uvarint()
	m.Unread, m.Mentions = f.Uvarint(), f.Uvarint()
	m.ReadOnly, m.Archived, m.Muted, m.Favourite = f.Bool(), f.Bool(), f.Bool(), f.Bool()
	m.Role, m.Notify = chat.Role(f.Text()), chat.Notify(f.Text())
	if f.Bool() {
		m.Last = &chat.Event{}
		f.Event(m.Last)
	}
	inherit(d, &f)
}
