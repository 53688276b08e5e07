package nodetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// The same is said on two sessions at once, again and again; where there are two
// gateways each session is on its own. It happens once, and both are told its number.
func TestTheSameNonceOnTwoSessionsAtOnce(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice := town.Person("alice")
		phone, bob := alice.AnotherDevice(), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		phone.IsIn(room)
		sayTwice(t, room, 50, func(string) {}, alice, phone)
		heardOnce(t, room, 50, alice, phone, bob)
	})
}

// The same, while PostgreSQL's answer to the COMMIT is swallowed: the owner cannot
// know whether it has happened, and whoever owns next finds that it has.
func TestTheSameNonceWhileTheAnswerToItsCommitIsLost(t *testing.T) {
	t.Parallel()
	servers := bustest.NewCluster(t, 1, "")
	database := pgtest.NewProxy(t, pgtest.Fresh(t, partitions))
	town := found(t, []Option{func(c *node.Config) { c.Store, c.Bus.URLs = database.DSN(), servers.URLs() }})
	town.addHouses(2, func(*node.Config, string) {})
	t.Cleanup(town.Stop)
	town.Start()
	alice := town.Person("alice")
	phone, bob := alice.AnotherDevice(), town.Person("bob")
	room := alice.Creates(client.Group, "plans", bob)
	phone.IsIn(room)
	const rounds = 6
	sayTwice(t, room, rounds, func(text string) {
		alice.Says(room, "ready for "+text) // by now the owner has said such a commit before: the next is one question
		database.SwallowAnswerTo("said: " + text)
	}, alice, phone)
	if n := database.Swallowed(); n != rounds {
		t.Errorf("%d answers were swallowed", n)
	}
	heardOnce(t, room, rounds, alice, phone, bob)
}

// sayTwice lets two sessions of somebody say each round's text at once, under one
// nonce, and holds them to one number.
func sayTwice(t *testing.T, room string, rounds int, before func(text string), one, other *Person) {
	t.Helper()
	for i := range rounds {
		text := fmt.Sprint("round ", i, ".")
		before(text)
		var told [2]client.Event
		var failed [2]error
		var saying sync.WaitGroup
		for n, p := range []*Person{one, other} {
			saying.Go(func() {
				told[n], failed[n] = p.Session().Send(p.within(), room, client.Message{Text: "said: " + text, Nonce: text})
			})
		}
		saying.Wait()
		if failed[0] != nil || failed[1] != nil || told[0].Seq != told[1].Seq || told[0].Seq == 0 {
			t.Fatalf("%s they were told %d (%v) and %d (%v)", text, told[0].Seq, failed[0], told[1].Seq, failed[1])
		}
	}
}

// heardOnce checks that everybody heard each round's text once, up to the last.
func heardOnce(t *testing.T, room string, rounds int, people ...*Person) {
	t.Helper()
	end := people[0].Says(room, "that was all")
	for _, p := range people {
		p.HearsNumber(room, end.Seq)
		heard := map[string]int{}
		for _, text := range p.Texts(room) {
			heard[text]++
		}
		for i := range rounds {
			if text := fmt.Sprint("said: round ", i, "."); heard[text] != 1 {
				t.Errorf("%s heard %q %d times", p.Name, text, heard[text])
			}
		}
	}
}
