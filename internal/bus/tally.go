package bus

import (
	"math"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// Tally counts what was consumed of a log, so that who trims it knows when that is
// due, and [Log.Trim] where to cut. The server tells only what all records take
// together. It is safe for concurrent use.
//
//	first        marks, bytes so far          end          last
//	  │ averages │────│────│────│────│────────│  averages  │
type Tally struct {
	every int64 // bytes after which a trim is due

	mu    sync.Mutex
	fresh int64  // bytes since it was due
	marks []mark // rising
	end   mark   // behind what was counted
}

// mark says how many bytes the counted records before seq take.
type mark struct {
	seq   uint64
	bytes int64
}

const (
	trimsPerLog    = 8
	marksPerTrim   = 8
	storedOverhead = 34 // bytes of a record in the server's file beside subject, headers and data
)

// NewTally counts a log that is kept so.
func NewTally(cfg LogConfig) *Tally {
	return &Tally{every: max(cfg.maxBytes()/trimsPerLog, marksPerTrim)}
}

// Count takes records that were consumed, in their order. It says whether the log
// is to be trimmed: when an eighth of what it may hold came since the last time.
// What is out of order is of another log, or something before it was not counted:
// it is counted anew from there.
func (t *Tally) Count(records []Record) (due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range records {
		if t.end.seq != records[i].Seq {
			t.marks, t.end.seq = nil, records[i].Seq
		}
		if n := len(t.marks); n == 0 || t.end.bytes-t.marks[n-1].bytes >= t.every/marksPerTrim {
			t.marks = append(t.marks, t.end)
		}
		t.end.seq++
		t.end.bytes += int64(records[i].Bytes)
		t.fresh += int64(records[i].Bytes)
	}
	if t.fresh < t.every {
		return false
	}
	t.fresh = 0
	return true
}

// behind is the number behind the oldest records of a log that take so many bytes
// together, as nearly as is known.
func (t *Tally) behind(log jetstream.StreamState, bytes uint64) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(log.FirstSeq)
	counted := t.marks
	if len(counted) == 0 || t.end.seq <= log.FirstSeq || t.end.seq > log.LastSeq+1 {
		return log.FirstSeq + share(bytes, log.Bytes, log.LastSeq+1-log.FirstSeq)
	}
	before := counted[0].seq - log.FirstSeq
	average := float64(int64(log.Bytes)-(t.end.bytes-counted[0].bytes)) / float64(max(before+log.LastSeq+1-t.end.seq, 1))
	from := mark{log.FirstSeq, counted[0].bytes - int64(max(average, 0)*float64(before))}
	want := from.bytes + int64(bytes)
	for _, to := range append(counted[:len(counted):len(counted)], t.end) {
		if to.bytes >= want {
			return from.seq + share(uint64(want-from.bytes), uint64(to.bytes-from.bytes), to.seq-from.seq)
		}
		from = to
	}
	return t.end.seq
}

// forget lets go of marks before the first record that there is, but for one.
func (t *Tally) forget(first uint64) {
	for len(t.marks) > 1 && t.marks[1].seq <= first {
		t.marks = t.marks[1:]
	}
	if len(t.marks) == 0 || t.marks[0].seq >= first || t.end.seq <= first {
		return
	}
	next := t.end
	if len(t.marks) > 1 {
		next = t.marks[1]
	}
	m := &t.marks[0]
	m.bytes += int64(share(first-m.seq, next.seq-m.seq, uint64(next.bytes-m.bytes)))
	m.seq = first
}

// share is part/whole of n, rounded up, and never more than n.
func share(part, whole, n uint64) uint64 {
	if part >= whole {
		return n
	}
	return min(n, uint64(math.Ceil(float64(part)/float64(whole)*float64(n))))
}
