// Package crash kills a real server under load, again and again, and checks that
// nothing that was acknowledged is lost, doubled or out of order.
package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/node/nodetest"
)

const (
	people  = 12
	rooms   = 4
	perLife = 150 // acknowledged messages before the server is killed
	patient = 30 * time.Second
)

// crowd is people who talk without pause and write down what they see.
type crowd struct {
	t      *testing.T
	ledger *nodetest.Ledger
	rooms  []string
	stop   context.CancelFunc
	ctx    context.Context
	talk   sync.WaitGroup
	listen sync.WaitGroup
	people map[string]*client.Session
}

func gather(t *testing.T, url string) *crowd {
	t.Helper()
	c := &crowd{t: t, ledger: nodetest.NewLedger(), people: map[string]*client.Session{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	var logins []*client.Login
	var ids []string
	for i := range people {
		login, err := client.New(url).SignUp(t.Context(), fmt.Sprintf("p%d", i), "a long password", "")
		if err != nil {
			t.Fatal(err)
		}
		logins = append(logins, login)
		ids = append(ids, login.User.ID)
	}
	heads := map[string]uint64{}
	for i := range rooms {
		room, err := client.New(url).As(logins[0]).CreateRoom(t.Context(),
			client.NewRoom{Kind: client.Group, Name: fmt.Sprint("room ", i), Members: ids[1:]})
		if err != nil {
			t.Fatal(err)
		}
		c.rooms = append(c.rooms, room.ID)
		heads[room.ID] = room.Head
	}
	for i, login := range logins {
		name := fmt.Sprintf("p%d", i)
		session, err := client.Connect(t.Context(), client.Config{
			URL: url, Tokens: login, ReplayLimit: 1 << 30,
			Backoff: client.FullJitter(20*time.Millisecond, 200*time.Millisecond),
		})
		if err != nil {
			t.Fatal(err)
		}
		for room, head := range heads {
			c.ledger.Follows(name, room, head)
		}
		c.people[name] = session
		c.listen.Go(func() { c.hear(name, session) })
	}
	for name, session := range c.people { // everybody is here: nothing is said before
		c.talk.Go(func() { c.say(name, session) })
	}
	return c
}

func (c *crowd) hear(name string, session *client.Session) {
	follows := map[string]bool{}
	for _, room := range c.rooms {
		follows[room] = true
	}
	for {
		notice, err := session.Next(context.Background())
		if err != nil {
			if !errors.Is(err, client.ErrClosed) {
				c.t.Errorf("%s's session ended: %v", name, err)
			}
			return
		}
		if e, ok := notice.(client.Event); ok && follows[e.Room] {
			c.ledger.Saw(name, e)
		}
	}
}

func (c *crowd) say(name string, session *client.Session) {
	for i := 0; c.ctx.Err() == nil; i++ {
		room := c.rooms[i%len(c.rooms)]
		p, err := session.SendAsync(context.Background(), room, client.Message{Text: fmt.Sprintf("%s says %d", name, i)})
		if err != nil {
			c.t.Errorf("%s: %v", name, err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		e, err := p.Wait(ctx)
		cancel()
		if err != nil {
			c.t.Errorf("%s had no answer: %v", name, err)
			return
		}
		c.ledger.Acked(p.Nonce(), e)
	}
}

// await waits until so many more messages have been acknowledged.
func (c *crowd) await(more int) {
	c.t.Helper()
	target := c.ledger.Count() + more
	deadline := time.Now().Add(patient)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.ledger.Count() < target {
		if <-tick.C; time.Now().After(deadline) {
			c.t.Fatalf("traffic stopped: %d of %d acknowledged", c.ledger.Count(), target)
		}
	}
}

// judge ends the talk and holds what everybody saw against the promises.
func (c *crowd) judge() {
	c.t.Helper()
	c.stop()
	c.talk.Wait()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(patient)
	for name, session := range c.people {
		for !c.ledger.Has(name) {
			if <-tick.C; time.Now().After(deadline) {
				c.t.Errorf("%s was not given everything", name)
				break
			}
		}
		_ = session.Close()
	}
	c.listen.Wait()
	for i, complaint := range c.ledger.Judge() {
		if i == 10 {
			c.t.Errorf("… and more")
			break
		}
		c.t.Error(complaint)
	}
	c.t.Logf("%d messages acknowledged", c.ledger.Count())
}

func TestNothingAcknowledgedIsLostOverTenKills(t *testing.T) {
	server := nodetest.NewProcess(t, "", "--no-limits")
	c := gather(t, server.URL())
	for range 10 {
		c.await(perLife)
		server.Kill()
		server.Start()
	}
	c.await(perLife)
	c.judge()
	verify(t, server)
}

func TestNothingAcknowledgedIsLostWithTheLog(t *testing.T) {
	server := nodetest.NewProcess(t, "", "--no-limits")
	c := gather(t, server.URL())
	for range 3 {
		c.await(perLife)
		server.Kill()
		if err := os.RemoveAll(filepath.Join(server.Dir, "intake")); err != nil {
			t.Fatal(err)
		}
		server.Start()
	}
	c.await(perLife)
	c.judge()
	verify(t, server)
}

// verify runs `parley verify` on the live server and on its folder.
func verify(t *testing.T, server *nodetest.Process) {
	t.Helper()
	server.Run("verify", "--data", server.Dir)
	server.Stop()
	server.Run("verify", "--data", server.Dir)
}
