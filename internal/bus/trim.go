package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley/internal/chat"
)

// Trim removes, of the records before behind, those that are older than olderThan
// at now; and of the younger the oldest, while the log holds more than half of
// what it may: a log that is full of what is consumed takes nothing new. Where that
// half begins the tally tells; of what it did not count, the average.
//
// The record at behind itself stays. When it is not behind.Envelope the log is
// not the one that was consumed, and all of it stays.
func (l *Log) Trim(ctx context.Context, behind chat.Position, olderThan time.Duration, now time.Time, t *Tally) error {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	s, err := l.bus.js.Stream(ctx, l.stream)
	if err != nil {
		return l.wrap("trim", err)
	}
	if behind.Seq == 0 {
		return nil
	}
	if why, err := differs(ctx, s, behind); err != nil || why != "" {
		return l.wrap("trim", err)
	}
	young, err := firstYoung(s.CachedInfo().State.FirstSeq, behind.Seq, func(seq uint64) (bool, error) {
		m, err := s.GetMsg(ctx, seq)
		return err == nil && now.Sub(m.Time) > olderThan, err
	})
	if err != nil {
		return l.wrap("trim", err)
	}
	return l.wrap("trim", cut(ctx, s, young, behind.Seq, t))
}

// cut removes what is before least, and what is before most for as long as the
// stream holds more than half of what it may.
func cut(ctx context.Context, s jetstream.Stream, least, most uint64, t *Tally) error {
	for {
		info := s.CachedInfo()
		at, half := least, uint64(info.Config.MaxBytes)/2
		if half > 0 && info.State.Bytes > half {
			// A little more than must be, so that few rounds come near enough.
			excess := info.State.Bytes - half + half/16
			at = min(most, max(least, t.behind(info.State, excess)))
		}
		if at <= info.State.FirstSeq {
			return nil
		}
		if err := s.Purge(ctx, jetstream.WithPurgeSequence(at)); err != nil {
			return err
		}
		if _, err := s.Info(ctx); err != nil {
			return err
		}
	}
}

// firstYoung is the first number in first … last that is not old, or last. Mostly
// that is the first one.
func firstYoung(first, last uint64, old func(seq uint64) (bool, error)) (uint64, error) {
	for middle := first; first < last; middle = first + (last-first)/2 {
		is, err := old(middle)
		if err != nil {
			return 0, err
		}
		if is {
			first = middle + 1
		} else {
			last = middle
		}
	}
	return first, nil
}
