package bustest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
)

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// Embedded is a fresh bus with its server inside, closed when the test ends.
func Embedded(t testing.TB) *bus.Bus { return Faulty(t, nil) }

// Faulty is Embedded on a bad day.
func Faulty(t testing.TB, faults *Faults) *bus.Bus {
	t.Helper()
	return Reopen(t, t.TempDir(), faults)
}

// Reopen is Faulty on a folder that may hold logs already.
func Reopen(t testing.TB, dir string, faults *Faults) *bus.Bus {
	t.Helper()
	cfg := bus.EmbedConfig{Dir: dir, Log: Log(t)}
	if faults != nil {
		cfg.Faults = faults
	}
	b, err := bus.Embed(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeBus(t, b) })
	return b
}

func closeBus(t testing.TB, b *bus.Bus) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("close the bus: %v", err)
	}
}

// Log writes to the test's log.
func Log(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Server is a NATS server of its own on the loopback, which can be taken away.
type Server struct {
	t testing.TB
	*Cluster
}

// NewServer starts a server, which the end of the test stops.
func NewServer(t testing.TB) *Server {
	t.Helper()
	return &Server{t, NewCluster(t, 1, "")}
}

// Start starts the server, again on the same folder and port.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.Cluster.Start(0); err != nil {
		s.t.Fatal(err)
	}
}

// Stop takes the server away; its folder stays.
func (s *Server) Stop() { s.Cluster.Stop(0) }

// URL is where to dial.
func (s *Server) URL() string { return s.URLs()[0] }

// Dial connects one more bus to the server, closed when the test ends.
func (s *Server) Dial(faults *Faults) *bus.Bus {
	s.t.Helper()
	cfg := bus.DialConfig{URLs: s.URLs(), Name: "test", Log: Log(s.t)}
	if faults != nil {
		cfg.Faults = faults
	}
	return Dial(s.t, cfg)
}

// Dial connects a bus, closed when the test ends.
func Dial(t testing.TB, cfg bus.DialConfig) *bus.Bus {
	t.Helper()
	b, err := bus.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeBus(t, b) })
	return b
}
