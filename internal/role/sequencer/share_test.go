package sequencer

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/contract"
)

// parish is sequencers that hear each other at once, and own what they are given.
type parish struct {
	now time.Time
	all []*share
}

const parishPartitions = 8

func (p *parish) comes(owning ...int) *share {
	s := newShare(uint64(len(p.all)+1), parishPartitions, settled)
	s.begin(p.now)
	for _, partition := range owning {
		s.owns(partition, true)
	}
	p.all = append(p.all, s)
	return s
}

// second lets a second pass: everybody tells what they have, and gives away what
// is too much to whoever may have it.
func (p *parish) second() (moved int) {
	p.now = p.now.Add(time.Second)
	tell := func(s *share, free ...int) {
		n := s.notice(p.now, free...)
		for _, o := range p.all {
			o.hear(n, p.now)
		}
	}
	for _, s := range p.all {
		s.reach(p.now)
		tell(s)
	}
	for _, s := range p.all {
		partition := s.surplus(p.now)
		if partition < 0 {
			continue
		}
		moved++
		s.owns(partition, false)
		s.leave(partition, p.now.Add(givenFor))
		tell(s, partition)
		for _, o := range p.all {
			select {
			case <-o.free[partition]:
				if o.may(partition, p.now) && p.owner(partition) == nil {
					o.owns(partition, true)
					tell(o)
				}
			default:
			}
		}
	}
	return moved
}

func (p *parish) owner(partition int) *share {
	for _, s := range p.all {
		if s.owned[partition] {
			return s
		}
	}
	return nil
}

func (p *parish) counts() (counts []int) {
	for _, s := range p.all {
		counts = append(counts, len(s.owned))
	}
	return counts
}

func TestPartitionsAreSharedEvenlyOneAtATime(t *testing.T) {
	p := &parish{now: time.Now()}
	p.comes(0, 1, 2, 3, 4, 5, 6, 7)
	p.second()
	p.comes()
	p.comes()
	for i := range int(settled/time.Second) - 1 {
		if p.second() != 0 {
			t.Fatalf("after %d s newcomers count", i+1)
		}
	}
	for range 12 {
		if moved := p.second(); moved > 1 {
			t.Fatalf("%d were given away at once", moved)
		}
	}
	if c := p.counts(); c[0] != 3 || c[1]+c[2] != 5 || c[1] < 2 || c[2] < 2 {
		t.Errorf("they own %v", c)
	}
	for range 5 {
		if p.second() != 0 {
			t.Errorf("partitions move though all have their share: %v", p.counts())
		}
	}
}

func TestWhoHasItsShareLeavesAFreePartitionToOthersForAMoment(t *testing.T) {
	now := time.Now()
	full, empty := newShare(1, 4, settled), newShare(2, 4, settled)
	for _, s := range []*share{full, empty} {
		s.reach(now)
		s.hear(&contract.OwningNotice{Run: 9, Ready: settled.Milliseconds(), Owns: 1}, now)
	}
	full.owns(0, true)
	full.owns(1, true)
	free := &contract.OwningNotice{Run: 9, Ready: settled.Milliseconds(), Owns: 1, Free: []int{3}}
	full.hear(free, now)
	empty.hear(free, now)
	if full.may(3, now) || len(full.free[3]) != 0 || !full.may(3, now.Add(yieldFor)) {
		t.Error("who has its share takes it at once, or never")
	}
	if !empty.may(3, now) || len(empty.free[3]) != 1 {
		t.Error("who has less is not told")
	}
	empty.hear(&contract.OwningNotice{Run: 9, Free: []int{-1, 99}}, now)
}

func TestWhoIsSilentOrLeavesCountsNoMore(t *testing.T) {
	now := time.Now()
	s := newShare(1, 4, settled)
	s.hear(&contract.OwningNotice{Run: 2, Ready: settled.Milliseconds()}, now)
	s.hear(&contract.OwningNotice{Run: 3, Ready: settled.Milliseconds()}, now)
	if got := s.fair(now); got != 2 {
		t.Errorf("three share 4: %d each", got)
	}
	s.hear(&contract.OwningNotice{Run: 3, Leaving: true}, now)
	if got := s.fair(now.Add(time.Second)); got != 2 {
		t.Errorf("two share 4: %d each", got)
	}
	if got := s.fair(now.Add(missedAfter + time.Second)); got != 4 {
		t.Errorf("one has all 4: %d", got)
	}
}

func TestWhoDoesNotReachTheBusTakesNothing(t *testing.T) {
	now := time.Now()
	s := newShare(1, 4, settled)
	if s.may(0, now) {
		t.Error("it has not reached the bus yet")
	}
	s.reach(now)
	if !s.may(0, now.Add(time.Second)) || s.may(0, now.Add(reachedFor)) {
		t.Error("it does not forget when it last reached the bus")
	}
	s.end()
	if s.may(0, now) {
		t.Error("it is leaving")
	}
}
