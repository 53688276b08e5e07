package node

import (
	"context"
	"os"

	"github.com/parley-chat/parley/internal/contract"
)

// answerRoll tells operators who ask who runs where.
func (n *Node) answerRoll(playing []contract.Role, ends *ends) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sub, err := contract.WhoRuns.Answer(n.bus, func(ctx context.Context, _ *contract.None) (*contract.Process, error) {
		p := &contract.Process{Host: host, PID: os.Getpid(), Version: n.cfg.Version, Roles: playing, Since: n.began.UnixMilli()}
		if n.gate != nil {
			p.Run, p.Sessions = n.gate.ID(), n.gate.Sessions()
		}
		if n.sequencer != nil {
			p.Partitions = n.sequencer.Standings(ctx)
		}
		return p, nil
	})
	if err != nil {
		return err
	}
	ends.add("roll", sub.Stop)
	return nil
}
