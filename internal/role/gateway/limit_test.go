package gateway

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

func TestABucketEmptiesAndFillsAgain(t *testing.T) {
	l, now := newLimits(false), time.Unix(1000, 0)
	for i := range Allowances[LimitCommand].Burst {
		if err := l.allow("ann", LimitCommand, now); err != nil {
			t.Fatalf("the %dth: %v", i, err)
		}
	}
	err := l.allow("ann", LimitCommand, now)
	var refused *chat.Error
	if !errors.As(err, &refused) || refused.Code != chat.RateLimited || refused.RetryAfter <= 0 {
		t.Fatalf("an empty bucket gave: %v", err)
	}
	if err := l.allow("bob", LimitCommand, now); err != nil {
		t.Errorf("bob pays for ann: %v", err)
	}
	if err := l.allow("ann", LimitRead, now); err != nil {
		t.Errorf("reading pays for writing: %v", err)
	}
	if err := l.allow("ann", LimitCommand, now.Add(refused.RetryAfter)); err != nil {
		t.Errorf("when it said to come back: %v", err)
	}
}

func TestBucketsThatNobodyUsesAreLetGo(t *testing.T) {
	l, now := newLimits(false), time.Unix(1000, 0)
	_ = l.allow("ann", LimitCommand, now)
	l.sweep(now.Add(idleBucket / 2))
	if len(l.buckets) != 1 {
		t.Error("let go too early")
	}
	l.sweep(now.Add(2 * idleBucket))
	if len(l.buckets) != 0 {
		t.Error("kept for ever")
	}
}

func TestNoLimitsMeansNone(t *testing.T) {
	l := newLimits(true)
	for range 10_000 {
		if err := l.allow("ann", LimitSignUp, time.Unix(1000, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// Somebody who spends all that they can at every gateway gets one bucket's worth
// in the long run. Gateways tell each other once a second.
func TestSeveralGatewaysHaveOneBucketInTheLongRun(t *testing.T) {
	const gateways, seconds = 3, 120
	all := make([]*limits, gateways)
	for i := range all {
		all[i] = newLimits(false)
	}
	now, spent := time.Unix(1000, 0), 0
	for range seconds {
		for range 100 {
			now = now.Add(10 * time.Millisecond)
			for _, l := range all {
				if l.allow("ann", LimitCommand, now) == nil {
					spent++
				}
			}
		}
		for i, l := range all {
			list := l.told()
			for j, other := range all {
				if i != j {
					other.hear(list, now)
				}
			}
		}
	}
	a := Allowances[LimitCommand]
	if most := gateways*a.Burst + int(a.Second*seconds*1.05); spent > most || spent < int(a.Second*seconds) {
		t.Errorf("%d in %d s at %d gateways; at most %d", spent, seconds, gateways, most)
	}
}

func TestWhoSpendsLittleIsNotToldOf(t *testing.T) {
	l, now := newLimits(false), time.Unix(1000, 0)
	for range 2 {
		_ = l.allow("ann", LimitCommand, now)
	}
	_ = l.allow("bob", LimitCommand, now)
	if list := l.told(); len(list) != 1 || string(list[0].Who) != "ann" || list[0].Times != 2 {
		t.Errorf("%+v", list)
	}
	if list := l.told(); len(list) != 0 {
		t.Errorf("told twice: %+v", list)
	}
	l.hear([]contract.Used{{What: -1, Times: 1}, {What: 99, Times: 1}, {What: int(LimitSignIn), Who: []byte("x"), Times: 1_000_000}}, now)
	if l.allow("x", LimitSignIn, now) == nil {
		t.Error("what was spent elsewhere does not count")
	}
}

func TestSocketsAreCountedOverAllGateways(t *testing.T) {
	one, other := newHoldings(false, 20, 5000), newHoldings(false, 20, 5000)
	now, ann := time.Unix(1000, 0), holdKey{"ann", heldByUser}
	for range 12 {
		if !one.take(ann, now) {
			t.Fatal("there is room")
		}
	}
	other.hear(1, one.told(), now)
	taken := 0
	for range 20 {
		if other.take(ann, now) {
			taken++
		}
	}
	if taken != 8 || !other.take(holdKey{"bob", heldByUser}, now) {
		t.Errorf("with 12 elsewhere %d of 20 fit", taken)
	}
	for range 11 {
		one.release(ann)
	}
	if list := one.told(); len(list) != 0 {
		t.Errorf("one socket is told of: %+v", list)
	}
	later := now.Add(heldElsewhere + time.Second)
	if !other.take(ann, later) {
		t.Error("what is not told any more counts for ever")
	}
	other.sweep(later)
	if len(other.elsewhere) != 0 {
		t.Error("it is kept for ever")
	}
	free := newHoldings(true, 1, 1)
	for range 2 {
		if !free.take(ann, now) {
			t.Error("without limits everything fits")
		}
	}
	free.release(ann)
	free.release(ann)
	if len(free.here) != 0 {
		t.Errorf("%d keys are kept", len(free.here))
	}
}
