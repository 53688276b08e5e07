package bus_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEmbedded(t *testing.T) {
	bustest.Conform(t, func(t *testing.T) *bus.Bus { return bustest.Embedded(t) })
}

func TestQuietlyFaulty(t *testing.T) {
	bustest.Conform(t, func(t *testing.T) *bus.Bus { return bustest.Faulty(t, bustest.NewFaults(1)) })
}

func TestDialled(t *testing.T) {
	bustest.Conform(t, func(t *testing.T) *bus.Bus { return bustest.NewServer(t).Dial(nil) })
}
