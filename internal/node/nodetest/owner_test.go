package nodetest

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// An owner commits, and is gone before any gateway has heard of it: whatever it
// says from the notice on is lost. Everybody hears of the event all the same, once.
func TestAnOwnerThatGoesBetweenCommitAndNotice(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		town.Settles()
		owner, partition, epoch := town.owner(room)
		committed := town.Faults.Drop(bustest.Match{What: bus.PassNotice, Way: bustest.Out, Subject: contract.Noticed.Subject(), If: says("last words")})
		silent := town.Faults.Drop(bustest.Match{What: bus.PassNotice, Way: bustest.Out, Subject: contract.Noticed.Subject(), If: func(p bus.Passage) bool {
			n := notice(p)
			if n.Partition != partition || n.Epoch != epoch {
				return false
			}
			select {
			case <-committed.First():
				return true
			default:
				return false
			}
		}})
		said := make(chan error, 1)
		go func() {
			_, err := alice.Tries(room, "last words")
			said <- err
		}()
		<-committed.First()
		began := time.Now()
		town.Restarts(owner)
		alice.Hears(room, "last words")
		bob.Hears(room, "last words")
		bustest.Prompt(t, "hearing of it", began, 5*time.Second)
		if err := <-said; err != nil {
			t.Errorf("alice was told %v", err)
		}
		t.Logf("%v later everybody had heard of it; %d words of the owner were lost besides", time.Since(began), silent.Struck())
		committed.Off()
		alice.Says(room, "and on")
		bob.Hears(room, "and on")
		Same(t, room, alice, bob)
		if n := len(bob.Texts(room)); n != 2 {
			t.Errorf("bob heard %d messages", n)
		}
	})
}

// owner is the name of the node that owns the room's partition, which one that is,
// and the epoch in which it does.
func (town *Town) owner(room string) (name string, partition int, epoch uint64) {
	town.t.Helper()
	id, err := chat.ParseID(room)
	if err != nil {
		town.t.Fatal(err)
	}
	owned := map[int]contract.Standing{}
	owners := map[int]string{}
	for _, h := range town.houses {
		p, err := h.node.Describe(town.t.Context())
		if err != nil {
			town.t.Fatal(err)
		}
		for _, s := range p.Partitions {
			owned[s.Partition], owners[s.Partition] = s, h.name
		}
	}
	partition = chat.PartitionOf(id, len(owned)) // every one is owned in a town that has settled
	return owners[partition], partition, owned[partition].Epoch
}
