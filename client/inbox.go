package client

import (
	"context"
)

// place is where the session stands in one room.
//
//	delivered           gap                 parked
//	1 … cursor │ cursor+1 … parked[0]-1 │ parked … │ want
//
// Outside a gap, cursor+1 is the next event. While a gap is being filled, what
// arrives behind it waits in parked as far as it follows without holes; the
// rest is only remembered by want and fetched like the gap.
type place struct {
	cursor uint64
	// first: the next event above floor is where this room begins for me,
	// whatever its number.
	first bool
	floor uint64
	gone  bool

	filling bool
	fill    int // tells an outdated page from a current one
	tries   int
	want    uint64
	parked  []Event
}

// maxParked bounds what waits behind one gap.
const maxParked = 1024

// item is a notice on its way to the program with what becomes of the room's
// stored cursor once the program has handled it.
type item struct {
	notice Notice
	room   string
	seq    uint64
	forget bool
}

// inbox turns what a connection says into every event exactly once and in
// order. The session's lock guards it.
type inbox struct {
	places map[string]*place
	queue  []item
	limit  int
	gaps   []string // rooms waiting for their next page
}

func newInbox(cursors map[string]uint64, limit int) inbox {
	in := inbox{places: make(map[string]*place, len(cursors)), limit: limit}
	for room, seq := range cursors {
		in.places[room] = &place{cursor: seq}
	}
	return in
}

// cursors is what to say in hello.
func (in *inbox) cursors() map[string]uint64 {
	out := make(map[string]uint64, len(in.places))
	for room, p := range in.places {
		if !p.gone {
			out[room] = p.cursor
		}
	}
	return out
}

func (in *inbox) tell(n Notice) { in.queue = append(in.queue, item{notice: n}) }

func (in *inbox) deliver(p *place, ev Event) {
	p.cursor = ev.Seq
	in.queue = append(in.queue, item{notice: ev, room: ev.Room, seq: ev.Seq})
}

// event takes an event that came live, replayed or as an acknowledgement.
func (in *inbox) event(ev Event) {
	p := in.places[ev.Room]
	if p == nil {
		p = &place{first: true}
		in.places[ev.Room] = p
	}
	if p.first && ev.Seq > p.floor {
		p.first, p.gone, p.cursor = false, false, ev.Seq-1
	}
	switch {
	case ev.Seq <= p.cursor:
	case p.filling:
		p.park(ev)
	case ev.Seq > p.cursor+1:
		in.open(ev.Room, p, ev.Seq)
		p.park(ev)
	case len(in.queue) >= in.limit:
		// The program is behind. What it has no room for is fetched when it
		// catches up, so neither memory nor the connection suffers.
		in.open(ev.Room, p, ev.Seq)
	default:
		in.deliver(p, ev)
	}
}

func (p *place) park(ev Event) {
	p.want = max(p.want, ev.Seq)
	if n := len(p.parked); n == 0 || (n < maxParked && p.parked[n-1].Seq+1 == ev.Seq) {
		p.parked = append(p.parked, ev)
	}
}

// open starts filling the gap behind p's cursor up to want.
func (in *inbox) open(room string, p *place, want uint64) {
	p.filling, p.want, p.tries = true, want, 0
	p.fill++
	in.gaps = append(in.gaps, room)
}

// page takes events that were fetched for a gap, in order. It reports whether
// the gap needs another page and whether this one brought anything.
func (in *inbox) page(p *place, events []Event) (more, progress bool) {
	before := p.cursor
	for _, ev := range events {
		if ev.Seq == p.cursor+1 {
			in.deliver(p, ev)
		}
	}
	for len(p.parked) > 0 && p.parked[0].Seq <= p.cursor {
		p.parked = p.parked[1:]
	}
	if len(p.parked) > 0 && p.parked[0].Seq == p.cursor+1 {
		for _, ev := range p.parked {
			in.deliver(p, ev)
		}
		p.parked = nil
	}
	if p.cursor >= p.want {
		p.filling, p.parked = false, nil
	}
	return p.filling, p.cursor > before
}

// skip gives up on a gap and says so.
func (in *inbox) skip(room string, p *place) (more bool) {
	from := p.want + 1
	if len(p.parked) > 0 {
		from = p.parked[0].Seq
	}
	in.truncated(room, p, from)
	more, _ = in.page(p, nil)
	return more
}

func (in *inbox) truncated(room string, p *place, from uint64) {
	in.queue = append(in.queue, item{
		notice: Truncated{Room: room, After: p.cursor, From: from}, room: room, seq: from - 1,
	})
	p.cursor = from - 1
}

// cut handles a replay that begins at from.
func (in *inbox) cut(room string, from uint64, policy GapPolicy) {
	p := in.places[room]
	if p == nil || p.gone {
		return
	}
	if p.first {
		p.first, p.cursor = false, p.floor
	}
	switch {
	case from <= p.cursor+1:
	case policy == ReportGaps && !p.filling:
		in.truncated(room, p, from)
	case p.filling:
		p.want = max(p.want, from-1)
	default:
		in.open(room, p, from-1)
	}
}

// enter notes a room that a welcome or a room frame names. A room that is new
// to me begins behind its head; exact says that the head is certain to be where
// live events begin, otherwise the first event tells.
func (in *inbox) enter(room Room, exact bool) {
	p := in.places[room.ID]
	if p != nil && !p.gone {
		return
	}
	next := &place{cursor: room.Head, first: !exact}
	if p != nil {
		next.floor, next.fill = p.cursor, p.fill
	}
	in.places[room.ID] = next
	in.queue = append(in.queue, item{room: room.ID, seq: room.Head})
}

// leave keeps the cursor as a tombstone, so that a late acknowledgement is not
// taken for news.
func (in *inbox) leave(room string) {
	next := &place{gone: true, first: true}
	if p := in.places[room]; p != nil {
		next.cursor, next.floor, next.fill = p.cursor, p.cursor, p.fill+1
	}
	in.places[room] = next
	in.queue = append(in.queue, item{notice: RoomGone{Room: room}, room: room, forget: true})
}

func (in *inbox) reset(room string, head uint64) {
	next := &place{cursor: head, first: true}
	if p := in.places[room]; p != nil {
		next.fill = p.fill + 1
	}
	in.places[room] = next
	in.queue = append(in.queue, item{notice: Reset{Room: room, Head: head}, room: room, seq: head})
}

// disconnected forgets the gaps: the next connection replays from the cursors.
func (in *inbox) disconnected() {
	for _, p := range in.places {
		if p.filling {
			p.filling, p.parked, p.want = false, nil, 0
			p.fill++
		}
	}
	in.gaps = nil
}

// roomy says that there is room for a page of fetched events.
func (in *inbox) roomy() bool { return len(in.queue) <= in.limit/2 }

// commit stores what handling it means for its room's cursor.
func (it item) commit(ctx context.Context, store CursorStore) error {
	switch {
	case it.room == "":
		return nil
	case it.forget:
		return store.Forget(ctx, it.room)
	}
	return store.Save(ctx, it.room, it.seq)
}
