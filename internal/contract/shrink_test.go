package contract

import (
	"testing"

	"github.com/parley-chat/parley/internal/bus"
)

func TestPagesShrinkDownToOneItem(t *testing.T) {
	for _, first := range []int{0, 1, 2, 200, 1 << 20} {
		q := &HistoryAsk{Limit: first}
		var asked bus.Shrinker = q
		steps := 0
		for asked.Shrink() {
			if q.Limit < 1 || first > 0 && q.Limit >= first {
				t.Fatalf("%d became %d", first, q.Limit)
			}
			steps++
		}
		if steps > 8 {
			t.Errorf("%d takes %d steps", first, steps)
		}
	}
}
