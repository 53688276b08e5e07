package bench

// track checks the numbers that one connection gets of one room: each must
// follow the one before.
type track struct {
	room       [roomSize]byte
	next       uint64
	holes      []hole
	doubled    uint64
	outOfOrder uint64
}

// hole is a run of numbers that were jumped over, from and to inclusive.
type hole struct{ from, to uint64 }

// roomSize is the length of a room's id as text.
const roomSize = 36

// take notes a number and reports whether it is new.
func (t *track) take(seq uint64) bool {
	if seq == t.next {
		t.next++
		return true
	}
	if seq > t.next {
		t.holes = append(t.holes, hole{t.next, seq - 1})
		t.next = seq + 1
		return true
	}
	if t.plug(seq) {
		t.outOfOrder++
		return true
	}
	t.doubled++
	return false
}

// plug takes a number out of the holes.
func (t *track) plug(seq uint64) bool {
	for i := range t.holes {
		h := &t.holes[i]
		if seq < h.from || seq > h.to {
			continue
		}
		switch {
		case h.from == h.to:
			t.holes = append(t.holes[:i], t.holes[i+1:]...)
		case seq == h.from:
			h.from++
		case seq == h.to:
			h.to--
		default:
			t.holes = append(t.holes, hole{seq + 1, h.to})
			t.holes[i].to = seq - 1
		}
		return true
	}
	return false
}

// lost counts what never came, given the room's last number.
func (t *track) lost(head uint64) uint64 {
	var n uint64
	for _, h := range t.holes {
		n += h.to - h.from + 1
	}
	if head >= t.next {
		n += head - t.next + 1
	}
	return n
}
