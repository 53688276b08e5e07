package sequencer

import (
	"context"
	"errors"
	"testing"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

type standingShard struct{ Shard }

func (standingShard) Position() chat.Position { return chat.Position{Epoch: 1} }

// Who is counted as working can be let go, before their run has begun as well.
func TestAWorkerCanBeLetGoOnceItIsKnown(t *testing.T) {
	s := &Sequencer{log: bustest.Log(t)}
	w := newWorker(t.Context(), s, standingShard{}, nil, 0, 1)
	defer w.letGo(nil)
	defer s.standings.began(w)()
	s.standings.handOver(0)
	if err := context.Cause(w.owning); !errors.Is(err, errHandedOver) {
		t.Errorf("a worker that was handed over ends with %v", err)
	}
}
