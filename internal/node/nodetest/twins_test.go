package nodetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// What one process has to do alone is done once, though there are two that could.
func TestTwoOfEveryRoleDoEachThingOnce(t *testing.T) {
	t.Parallel()
	town := shape(t, "town")
	owner := town.Person("owner") // the first one

	t.Run("jobs", func(t *testing.T) {
		appended := town.jobs()
		alice, bob := town.Person("alice"), town.Person("bob")
		var rooms []string
		for i := range 12 {
			rooms = append(rooms, bob.Creates(client.Group, fmt.Sprint("room ", i), alice))
		}
		if err := alice.REST().DeleteMe(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, room := range rooms {
			bob.Until("alice's leaving", func(n client.Notice) bool {
				e, ok := n.(client.Event)
				return ok && e.Room == room && e.Kind == client.KindMember
			})
		}
		for key, times := range appended() {
			if times != 1 {
				t.Errorf("the job %v was done %d times", key, times)
			}
		}
		if n := len(appended()); n < len(rooms) {
			t.Errorf("%d jobs were done", n)
		}
	})
	t.Run("of two last owners who go at the same time one stays", func(t *testing.T) {
		operator := bustest.Dial(t, bus.DialConfig{URLs: town.Config.Bus.URLs, As: town.keeper, Inbox: contract.Inbox(contract.RoleOperator), Name: "test"})
		last := owner
		for round := range 6 {
			other := town.Person(fmt.Sprint("heir", round))
			role := chat.OrgOwner
			id, err := chat.ParseID(other.ID)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := contract.SetUser.Ask(t.Context(), operator, &contract.SetUserAsk{User: id, Role: &role}); err != nil {
				t.Fatal(err)
			}
			pair := []*Person{last, other}
			failed := make([]error, len(pair))
			var going sync.WaitGroup
			for i, p := range pair {
				going.Go(func() { failed[i] = p.REST().DeleteMe(t.Context()) })
			}
			going.Wait()
			stays := slices.IndexFunc(failed, func(err error) bool { return client.CodeOf(err) == client.CodeConflict })
			if stays < 0 || failed[1-stays] != nil {
				t.Fatalf("round %d: %v", round, failed)
			}
			last = pair[stays]
		}
	})
}

// jobs counts the commands that are appended by no gateway, by their names.
func (town *Town) jobs() (counted func() map[chat.NonceKey]int) {
	var mu sync.Mutex
	counts := map[chat.NonceKey]int{}
	town.Faults.Drop(bustest.Match{What: bus.PassRecord, Way: bustest.Out, Subject: contract.Intake, If: func(p bus.Passage) bool {
		var e bus.Envelope
		if e.UnmarshalBinary(p.Data) == nil && e.Gateway == 0 {
			mu.Lock()
			defer mu.Unlock()
			for i := range e.Commands {
				counts[e.Commands[i].Key()]++
			}
		}
		return false // it only counts
	}})
	return func() map[chat.NonceKey]int {
		mu.Lock()
		defer mu.Unlock()
		copied := map[chat.NonceKey]int{}
		for key, n := range counts {
			copied[key] = n
		}
		return copied
	}
}
