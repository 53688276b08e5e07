package gateway

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
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
