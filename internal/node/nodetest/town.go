// Package nodetest builds whole Parleys for tests, and people who live in them.
// Scenarios read as sentences:
//
//	nodetest.Each(t, func(t *testing.T, town *nodetest.Town) {
//		alice, bob := town.Person("alice"), town.Person("bob")
//		room := alice.Creates("group", "plans", bob)
//		alice.Says(room, "hi")
//		bob.Hears(room, "hi")
//	})
package nodetest

import (
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/role/accounts"
)

// Town is a running Parley: one node, or several.
type Town struct {
	t      testing.TB
	Config node.Config     // of its nodes, as far as they are alike
	Faults *bustest.Faults // its bad day

	houses []*house
	keeper node.Credential // who may do everything on the town's bus
	guests atomic.Int64
}

// Option changes a town before it is built.
type Option func(*node.Config)

// New builds a town of one node with everything in its folder.
func New(t testing.TB, options ...Option) *Town {
	t.Helper()
	return topologies[0].build(t, options...)
}

// found is a town without houses.
func found(t testing.TB, options []Option) *Town {
	town := &Town{t: t, Faults: bustest.NewFaults(1), Config: node.Config{
		Version: "test", Listen: []string{anyPort}, DrainGrace: time.Second, NoLimits: true,
		Accounts: accounts.Config{SignUp: accounts.Open, DefaultRooms: []string{"general"}},
	}}
	town.Config.Faults = town.Faults
	for _, o := range options {
		o(&town.Config)
	}
	return town
}

// URL is where the town serves: the first of its gateways.
func (town *Town) URL() string { return town.gateways()[0].url() }

// nextURL is where the next client goes: they take the gateways in turn.
func (town *Town) nextURL() string {
	all := town.gateways()
	return all[int(town.guests.Add(1)-1)%len(all)].url()
}

func (town *Town) gateways() (all []*house) {
	for _, h := range town.houses {
		if len(h.node.Addrs()) > 0 {
			all = append(all, h)
		}
	}
	return all
}

// Start starts every node, again on the same data and ports, all at once as the
// processes of a cluster do.
func (town *Town) Start() { town.t.Helper(); town.all((*house).start, "built") }

// Stop drains and stops the town. It may be stopped already.
func (town *Town) Stop() { town.t.Helper(); town.all((*house).stop, "stopped cleanly") }

// Restart stops the town and starts it again.
func (town *Town) Restart() {
	town.t.Helper()
	town.Stop()
	town.Start()
}

// Restarts stops one node and starts it again, while the others go on. Nodes are
// called by role and number, like "sequencer-1"; the only one is "node".
func (town *Town) Restarts(name string) {
	town.t.Helper()
	for _, h := range town.houses {
		if h.name != name {
			continue
		}
		if err := h.stop(); err != nil {
			town.t.Errorf("%s could not be stopped cleanly: %v", name, err)
		}
		if err := h.start(); err != nil {
			town.t.Errorf("%s could not be started again: %v", name, err)
		}
		return
	}
	town.t.Errorf("there is no %s in this town", name)
}

// Settles waits until every partition has an owner who knows every gateway: from
// then on notices go out, and who stands on the feed alone has no other reason to
// than a fault.
func (town *Town) Settles() {
	town.t.Helper()
	eventually(town.t, "every partition's owner knows every gateway", func() bool {
		owned := 0
		for _, h := range town.houses {
			p, err := h.node.Describe(town.t.Context())
			if err != nil {
				return false
			}
			for _, s := range p.Partitions {
				if s.Gateways != len(town.gateways()) {
					return false
				}
				owned++
			}
		}
		return owned > 0
	})
}

// eventually waits for what comes a moment later.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// Nodes lists the names of the town's nodes.
func (town *Town) Nodes() (names []string) {
	for _, h := range town.houses {
		names = append(names, h.name)
	}
	return names
}

func (town *Town) all(do func(*house) error, what string) {
	town.t.Helper()
	failed := make([]error, len(town.houses))
	var doing sync.WaitGroup
	for i, h := range town.houses {
		doing.Go(func() { failed[i] = do(h) })
	}
	doing.Wait()
	ok := true
	for i, err := range failed {
		if err != nil {
			ok = false
			town.t.Errorf("%s could not be %s: %v", town.houses[i].name, what, err)
		}
	}
	if !ok {
		town.t.FailNow()
	}
}

// oneFolder gives the town a folder of its own.
func (town *Town) oneFolder() string {
	if town.Config.Data == "" {
		town.Config.Data = filepath.Join(town.t.TempDir(), "data")
	}
	return town.Config.Data
}

// testWriter sends the town's log to the test's.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

func (town *Town) logger(name string) *slog.Logger {
	log := slog.New(slog.NewTextHandler(testWriter{town.t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	return log.With("node", name)
}
