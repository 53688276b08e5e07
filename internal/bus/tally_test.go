package bus_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/bus"
)

// TestATallyFindsWhereToCut: what was counted is cut within a mark of what was
// asked, whatever the records take, and what was not by the average.
func TestATallyFindsWhereToCut(t *testing.T) {
	const limit, mark, largest = 1 << 20, 1 << 14, 2048
	for _, c := range []struct {
		name            string
		from, to, first uint64 // counted, and the first that the log still has
		exact           bool
	}{
		{"all of it", 1, 1000, 1, true},
		{"trimmed since", 1, 1000, 300, true},
		{"the newest are not consumed", 1, 700, 1, true},
		{"an owner that came later", 600, 1000, 1, false},
		{"nothing", 1, 0, 1, false},
		{"what is not there any more", 1, 50, 100, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				old, young := rapid.IntRange(1, largest).Draw(t, "old"), rapid.IntRange(1, largest).Draw(t, "young")
				if !c.exact {
					young = old
				}
				size := func(seq uint64) int {
					if seq < 500 {
						return old
					}
					return young
				}
				sum := func(from, behind uint64) (bytes uint64) {
					for seq := from; seq < behind; seq++ {
						bytes += uint64(size(seq))
					}
					return bytes
				}
				tally := bus.NewTally(bus.LogConfig{MaxBytes: limit})
				for seq := c.from; seq <= c.to; seq++ {
					tally.Count([]bus.Record{{Seq: seq, Bytes: size(seq)}})
				}
				all := sum(c.first, 1001)
				want := rapid.Uint64Range(1, sum(c.first, max(c.to, 600))).Draw(t, "bytes")
				at := tally.Behind(c.first, 1000, all, want)
				got := sum(c.first, at)
				if at <= c.first || at > 1001 || got+mark < want || got > want+mark+largest {
					t.Errorf("to cut %d of %d bytes it cuts %d, up to record %d", want, all, got, at)
				}
			})
		})
	}
}

// TestATallySaysWhenATrimIsDue: each time that an eighth was counted; after what was
// left out, or is of another log, it goes on.
func TestATallySaysWhenATrimIsDue(t *testing.T) {
	tally := bus.NewTally(bus.LogConfig{MaxBytes: 8000})
	var due []int
	for i, seq := range []uint64{1, 2, 3, 4, 9, 10, 1, 2, 3} {
		if tally.Count([]bus.Record{{Seq: seq, Bytes: 500}}) {
			due = append(due, i)
		}
	}
	if want := []int{1, 3, 5, 7}; !slices.Equal(due, want) {
		t.Errorf("due at %v, want %v", due, want)
	}
	if at := tally.Behind(1, 3, 1500, 700); at != 3 {
		t.Errorf("of the new log it cuts what is before %d", at)
	}
}
