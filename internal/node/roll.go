package node

import (
	"context"
	"os"

	"github.com/parley-chat/parley/internal/contract"
)

// answerRoll tells operators who ask who runs where.
func (n *Node) answerRoll(ends *ends) error {
	sub, err := contract.WhoRuns.Answer(n.bus, func(ctx context.Context, _ *contract.None) (*contract.Process, error) {
		return n.Describe(ctx)
	})
	if err != nil {
		return err
	}
	ends.add("roll", sub.Stop)
	return nil
}

// Describe says what runs here, once the node is ready.
func (n *Node) Describe(ctx context.Context) (*contract.Process, error) {
	playing, err := n.cfg.playing()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	p := &contract.Process{Host: host, PID: os.Getpid(), Version: n.cfg.Version, Roles: playing,
		Since: n.began.UnixMilli(), Denied: n.bus.Status().Denied}
	if n.gate != nil {
		p.Run, p.Sessions = n.gate.ID(), n.gate.Sessions()
	}
	if n.sequencer != nil {
		p.Partitions = n.sequencer.Standings(ctx)
	}
	return p, nil
}
