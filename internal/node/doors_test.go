package node

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/door/doortest"
	"github.com/parley-chat/parley/internal/door/native"
	"github.com/parley-chat/parley/internal/door/web"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// TestDoors holds every door that a node opens to the promises of doors, and
// keeps their table in the documentation.
func TestDoors(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	front, err := native.New(native.Config{}, gateway.New(gateway.Config{}, nil, log, prometheus.NewRegistry()), log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	doors := []doortest.Door{front, web.App()}
	for _, d := range doors {
		t.Run(d.Name(), func(t *testing.T) { doortest.Test(t, d) })
	}
	written, err := os.ReadFile("../../docs/doors.md")
	if err != nil {
		t.Fatal(err)
	}
	if table := doortest.Table(doors...); !strings.Contains(string(written), table) {
		t.Errorf("docs/doors.md does not hold this table:\n%s", table)
	}
}
