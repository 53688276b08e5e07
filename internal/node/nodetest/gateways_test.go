package nodetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// shape is one of the topologies, for scenarios that need several gateways.
func shape(t *testing.T, name string, options ...Option) *Town {
	t.Helper()
	for _, top := range topologies {
		if top.name == name {
			return top.build(t, options...)
		}
	}
	t.Fatalf("there is no topology %s", name)
	return nil
}

// A room is watched and let go a thousand times by one gateway, while what it asks
// and what it is told comes late, twice and in another order. Then somebody is
// there, and one message is said elsewhere.
func TestAThousandFlipsOfARoomThenOneMessage(t *testing.T) {
	t.Parallel()
	town := shape(t, "town", func(c *node.Config) { c.Patience.Linger = time.Nanosecond })
	alice, bob := town.Person("alice"), town.Person("bob") // each on a gateway of their own
	rooms := []string{alice.Creates(client.Group, "this", bob), alice.Creates(client.Group, "that", bob)}
	for partition(t, rooms[0]) != partition(t, rooms[1]) { // one ask lets go of one and takes the other
		rooms[1] = alice.Creates(client.Group, "that", bob)
	}
	bob.Goes()
	var flips atomic.Int64
	town.Faults.Drop(bustest.Match{What: bus.PassQuestion, Way: bustest.Out, Subject: contract.Watch.Subject(), If: func(p bus.Passage) bool {
		q := &contract.WatchAsk{}
		if json.Unmarshal(p.Data, q) == nil {
			for _, id := range slices.Concat(q.Add, q.Remove) {
				if id.String() == rooms[0] {
					flips.Add(1)
				}
			}
		}
		return false // it only counts
	}})
	asks := bustest.Match{What: bus.PassQuestion, Way: bustest.In, Subject: contract.Watch.Subject()}
	answers := bustest.Match{What: bus.PassAnswer, Way: bustest.In, Subject: contract.Watch.Subject()}
	notices := bustest.Match{What: bus.PassNotice, Way: bustest.In, Subject: contract.Noticed.Subject()}
	faults := []*bustest.Rule{
		town.Faults.Repeat(bustest.Match{What: bus.PassQuestion, Way: bustest.Out, Subject: contract.Watch.Subject()}, 1).Odds(0.05),
		town.Faults.Delay(asks, 3*time.Millisecond).Odds(0.1),
		town.Faults.Delay(answers, 3*time.Millisecond).Odds(0.1),
		town.Faults.Swap(notices).Odds(0.1),
		town.Faults.Delay(notices, 5*time.Millisecond).Odds(0.2),
	}
	rest := client.New(town.gateways()[1].url()).As(bob.Login)
	for n := 0; flips.Load() < 1000; n++ {
		if _, err := rest.Post(t.Context(), rooms[n%2], client.Message{Text: fmt.Sprint(n)}); err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
	}
	for _, f := range faults {
		if f.Struck() == 0 {
			t.Error("a fault has not struck")
		}
	}
	again := town.connectAt(town.gateways()[1].url(), "bob", bob.Login)
	began := time.Now()
	alice.Says(rooms[0], "one message")
	again.Hears(rooms[0], "one message")
	t.Logf("behind %d flips it was heard after %v", flips.Load(), time.Since(began))
}

func partition(t *testing.T, room string) int {
	t.Helper()
	id, err := chat.ParseID(room)
	if err != nil {
		t.Fatal(err)
	}
	return chat.PartitionOf(id, partitions)
}

// A gateway without a bus can do nothing for its clients: it sends them away.
func TestAGatewayWithoutABusSendsItsClientsAway(t *testing.T) {
	t.Parallel()
	servers := bustest.NewCluster(t, 1, "")
	town := found(t, []Option{func(c *node.Config) {
		c.Store, c.Bus.URLs, c.Patience.CutOff = pgtest.Fresh(t, partitions), servers.URLs(), time.Second
	}})
	town.addHouses(1, func(*node.Config, string) {})
	t.Cleanup(town.Stop)
	town.Start()
	alice := town.Person("alice")
	general := alice.General()
	alice.Says(general, "all is well")
	token, err := alice.Login.Token(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := client.DialSocket(t.Context(), strings.Replace(town.URL(), "http", "ws", 1)+"/v1/ws", nil, client.SocketOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer bob.Drop()
	if err := bob.WriteJSON(map[string]any{"type": "hello", "token": token}); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.ReadText(); err != nil { // the welcome
		t.Fatal(err)
	}
	servers.Stop(0)
	var last []byte
	for err == nil {
		var frame []byte
		if frame, err = bob.ReadText(); err == nil {
			last = frame
		}
	}
	var closed *client.CloseError
	if !errors.As(err, &closed) || closed.Code != 1001 {
		t.Errorf("the socket ends with %v", err)
	}
	if !bytes.Contains(last, []byte(`"bye"`)) || !bytes.Contains(last, []byte("reconnect_after_ms")) {
		t.Errorf("the last word is %s", last)
	}
	if err := servers.Start(0); err != nil {
		t.Fatal(err)
	}
	alice.Says(general, "and is well again")
}

// Who is here, and where, is known across gateways; over two of presence.
func TestPresenceAcrossGateways(t *testing.T) {
	t.Parallel()
	town := shape(t, "town")
	alice, bob := town.Person("alice"), town.Person("bob") // each on a gateway of their own
	carol := town.Person("carol")
	room := alice.Creates(client.Group, "plans", bob, carol)
	town.connectAt(town.gateways()[0].url(), "bob", bob.Login) // and there besides
	online := func(want ...*Person) {
		t.Helper()
		for _, h := range town.gateways() {
			rest := client.New(h.url()).As(alice.Login)
			eventually(t, "who is online in the room, as "+h.name+" sees it", func() bool {
				users, err := rest.Online(t.Context(), room)
				return err == nil && len(users) == len(want) && !slices.ContainsFunc(want, func(p *Person) bool {
					return !slices.ContainsFunc(users, func(u client.User) bool { return u.ID == p.ID })
				})
			})
		}
	}
	online(alice, bob, carol)
	b := bustest.Dial(t, bus.DialConfig{URLs: town.Config.Bus.URLs, As: town.keeper, Inbox: contract.Inbox(contract.RoleGateway), Name: "test"})
	where := func(p *Person) (gateways []uint64) {
		t.Helper()
		id, err := chat.ParseID(p.ID)
		if err != nil {
			t.Fatal(err)
		}
		a, err := contract.PresenceOf.Ask(t.Context(), b, &contract.PresenceAsk{Users: []chat.UserID{id}})
		if err != nil {
			t.Fatal(err)
		}
		return a.Presence[0].Gateways
	}
	runs := map[uint64]bool{}
	for _, h := range town.gateways() {
		p, err := h.node.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		runs[p.Run] = true
	}
	eventually(t, "bob is found on both gateways, alice on one", func() bool {
		both, one := where(bob), where(alice)
		return len(both) == 2 && len(one) == 1 && runs[both[0]] && runs[both[1]] && runs[one[0]]
	})
	carol.Goes()
	online(alice, bob)

	// Each of presence tells what has changed; who watches hears it once.
	bob.Session().WatchPresence([]string{alice.ID})
	for _, is := range []string{"online", "busy", "online", "busy"} {
		alice.Session().SetStatus(is, "")
		eventually(t, "alice is "+is, func() bool { return bob.sees(alice) == is })
	}
	if list := bob.presence(alice); len(list) > 5 { // for each change, and when he began to watch
		t.Errorf("bob was told %q", list)
	}
}

// presence lists what somebody was told of another's presence.
func (p *Person) presence(of *Person) (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.heard {
		if x, ok := n.(client.Presence); ok && x.User == of.ID {
			list = append(list, x.Status)
		}
	}
	return list
}

// sees is the last of it.
func (p *Person) sees(other *Person) string {
	list := p.presence(other)
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// Whoever uses several gateways has the limits of one.
func TestLimitsHoldAcrossGateways(t *testing.T) {
	t.Parallel()
	town := shape(t, "town", func(c *node.Config) { c.NoLimits = false })
	alice := town.Person("alice")
	room := alice.Creates(client.Group, "plans")

	t.Run("commands", func(t *testing.T) {
		const lasts, second, burst = 8 * time.Second, 20, 100
		var taken atomic.Int64
		var posting sync.WaitGroup
		began := time.Now()
		for _, h := range town.gateways() {
			rest := client.New(h.url()).As(alice.Login)
			for range 4 {
				posting.Go(func() {
					for time.Since(began) < lasts {
						if _, err := rest.Post(t.Context(), room, client.Message{Text: "x"}); err == nil {
							taken.Add(1)
						}
					}
				})
			}
		}
		posting.Wait()
		took := time.Since(began).Seconds()
		gateways := float64(len(town.gateways()))
		most := gateways*burst + 1.25*second*took
		t.Logf("%d commands in %.1f s; at most %.0f, and %.0f if each gateway counted for itself", taken.Load(), took, most, gateways*(burst+second*took))
		if float64(taken.Load()) > most {
			t.Error("that is more than one gateway would take")
		}
	})
	t.Run("sockets", func(t *testing.T) {
		token, err := alice.Login.Token(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		open := func(gateway int) bool {
			s, err := client.DialSocket(t.Context(), strings.Replace(town.gateways()[gateway].url(), "http", "ws", 1)+"/v1/ws", nil, client.SocketOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Drop)
			if err := s.WriteJSON(map[string]any{"type": "hello", "token": token}); err != nil {
				t.Fatal(err)
			}
			f, err := s.ReadText()
			return err == nil && bytes.Contains(f, []byte(`"welcome"`))
		}
		const limit, here = 100, 60 // one of them is alice's own
		for i := range here - 1 {
			if !open(0) {
				t.Fatalf("socket %d is refused", i)
			}
		}
		elsewhere := 0
		for pace := time.NewTicker(50 * time.Millisecond); open(1); <-pace.C { // slower than gateways tell each other
			elsewhere++
		}
		if here+elsewhere != limit {
			t.Errorf("one gateway has %d sockets, and another lets %d in", here, elsewhere)
		}
	})
}
