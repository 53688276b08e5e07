package gateway

import (
	"github.com/parley-chat/parley/internal/chat"
)

// recent is the newest events that a hub has handed on, bounded in bytes: what a
// session that joins may have missed since it read the archive.
type recent struct {
	limit, bytes int
	floor        uint64 // every event of a watched room with a higher feed number is here
	events       []*Delivery
	first        int // events before it were let go
}

func (r *recent) add(d *Delivery) {
	r.events = append(r.events, d)
	r.bytes += weight(d)
	for r.bytes > r.limit && r.first < len(r.events) {
		old := r.events[r.first]
		r.events[r.first] = nil
		r.bytes -= weight(old)
		r.floor = old.Event.N
		r.first++
	}
	if r.first > 1024 && r.first > len(r.events)/2 {
		r.events = append(r.events[:0:0], r.events[r.first:]...)
		r.first = 0
	}
}

// reset forgets everything: what is here begins behind n.
func (r *recent) reset(n uint64) {
	*r = recent{limit: r.limit, floor: n}
}

// since lists the room's events behind n; ok is false when some may have been
// let go.
func (r *recent) since(room chat.RoomID, n uint64) (events []*Delivery, ok bool) {
	if n < r.floor {
		return nil, false
	}
	from := len(r.events)
	for from > r.first && r.events[from-1].Event.N > n {
		from--
	}
	for _, d := range r.events[from:] {
		if d.Event.Room == room {
			events = append(events, d)
		}
	}
	return events, true
}

// weight is about how much memory a delivery holds.
func weight(d *Delivery) int {
	const event, encoded = 600, 300
	b := &d.Event.Body
	return event + encoded + 2*(len(b.Text)+len(b.Meta)+len(b.Attachments)) + 16*len(b.Members)
}
