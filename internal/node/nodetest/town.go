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
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/role/accounts"
)

// Town is a running Parley.
type Town struct {
	t      testing.TB
	Config node.Config
	Faults *bustest.Faults // its bad day

	addr   string
	cancel context.CancelFunc
	done   chan error
}

// Option changes a town before it is built.
type Option func(*node.Config)

// Each runs a scenario over every topology that there is. So far that is one
// process with an embedded bus and SQLite.
func Each(t *testing.T, scenario func(t *testing.T, town *Town), options ...Option) {
	t.Helper()
	t.Run("one", func(t *testing.T) { scenario(t, New(t, options...)) })
}

// New builds a town of one process.
func New(t testing.TB, options ...Option) *Town {
	t.Helper()
	town := &Town{t: t, Faults: bustest.NewFaults(1), Config: node.Config{
		Version: "test", Data: filepath.Join(t.TempDir(), "data"), Listen: []string{"127.0.0.1:0"},
		DrainGrace: time.Second, NoLimits: true,
		Accounts: accounts.Config{SignUp: accounts.Open, DefaultRooms: []string{"general"}},
	}}
	town.Config.Faults = town.Faults
	for _, o := range options {
		o(&town.Config)
	}
	town.Start()
	t.Cleanup(town.Stop)
	return town
}

// URL is where the town serves.
func (town *Town) URL() string { return "http://" + town.addr }

// Start starts the town, again on the same data and port.
func (town *Town) Start() {
	town.t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{town.t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	n := node.New(town.Config, log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	select {
	case <-n.Ready():
	case err := <-done:
		cancel()
		town.t.Fatalf("the town could not be built: %v", err)
	case <-time.After(patience):
		cancel()
		town.t.Fatal("the town did not become ready")
	}
	town.addr = n.Addrs()[0].String()
	town.Config.Listen = []string{town.addr}
	town.cancel, town.done = cancel, done
}

// Stop drains and stops the town. It may be stopped already.
func (town *Town) Stop() {
	town.t.Helper()
	if town.cancel == nil {
		return
	}
	town.cancel()
	town.cancel = nil
	select {
	case err := <-town.done:
		if err != nil {
			town.t.Errorf("the town did not stop cleanly: %v", err)
		}
	case <-time.After(patience):
		town.t.Fatal("the town did not stop")
	}
}

// Restart stops the town and starts it again.
func (town *Town) Restart() {
	town.t.Helper()
	town.Stop()
	town.Start()
}

// testWriter sends the town's log to the test's.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}
