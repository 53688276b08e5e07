package nodetest

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// TestProcessesStartBeforeWhatTheyNeed: neither NATS nor PostgreSQL are there
// when a town starts; it waits, and then serves.
func TestProcessesStartBeforeWhatTheyNeed(t *testing.T) {
	database := pgtest.New(t)
	address := database.Fresh(t, partitions)
	servers := bustest.NewCluster(t, 3, "")
	database.Stop(t)
	servers.StopAll()
	town := found(t, []Option{func(c *node.Config) { c.Store, c.Bus.URLs = address, servers.URLs() }})
	town.addHouses(1, func(*node.Config, string) {})
	t.Cleanup(town.Stop)
	built := make(chan struct{})
	go func() {
		defer close(built)
		town.Start()
	}()
	database.Start(t)
	if err := servers.StartAll(); err != nil {
		t.Fatal(err)
	}
	<-built
	alice, bob := town.Person("alice"), town.Person("bob")
	room := alice.Creates(client.Group, "plans", bob)
	alice.Says(room, "at last")
	bob.Hears(room, "at last")

	t.Run("and lose all NATS servers with all that they kept", func(t *testing.T) {
		servers.StopAll()
		for i := range servers.Len() {
			if err := servers.Wipe(i); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := alice.Session().SendAsync(t.Context(), room, client.Message{Text: "while there is no bus"}); err != nil {
			t.Fatal(err)
		}
		if err := servers.StartAll(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		bob.Hears(room, "while there is no bus")
		t.Logf("traffic went on %v after the servers had come back", time.Since(began))
		alice.Says(room, "and after")
		bob.Hears(room, "and after")
		Same(t, room, alice, bob)
		if n := len(bob.Texts(room)); n != 3 {
			t.Errorf("bob heard %d messages", n)
		}
	})
	t.Run("and lose the database for a while", func(t *testing.T) {
		database.Kill(t)
		if _, err := alice.Session().SendAsync(t.Context(), room, client.Message{Text: "while there is no database"}); err != nil {
			t.Fatal(err)
		}
		database.Start(t)
		bob.Hears(room, "while there is no database")
		Same(t, room, alice, bob)
	})
}
