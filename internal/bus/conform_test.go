package bus_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
)

// A server of a cluster that is stopped while it takes a stream over can leave that
// stream's file and its clock running.
func TestMain(m *testing.M) {
	const server = "github.com/nats-io/nats-server/v2/server"
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(server+"/ats.Register.func1"),
		goleak.IgnoreTopFunction(server+".(*fileStore).flushStreamStateLoop"))
}

func TestEmbedded(t *testing.T) {
	bustest.Conform(t, func(t *testing.T) *bus.Bus { return bustest.Embedded(t) })
}

func TestQuietlyFaulty(t *testing.T) {
	bustest.Conform(t, func(t *testing.T) *bus.Bus { return bustest.Faulty(t, bustest.NewFaults(1)) })
}

func TestDialled(t *testing.T) {
	bustest.Conform(t, func(t *testing.T) *bus.Bus { return bustest.NewServer(t).Dial(nil) })
}
