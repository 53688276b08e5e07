package nodetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/node"
)

// anyPort is an address of which the port is chosen at the first start.
const anyPort = "127.0.0.1:0"

// house is one node of a town.
type house struct {
	town *Town
	name string
	own  Option // what sets it apart

	listen []string // the port that it was given, from its first start on
	node   *node.Node
	cancel context.CancelFunc
	done   chan error
}

func (h *house) url() string { return "http://" + h.listen[0] }

func (h *house) start() error {
	cfg := h.town.Config
	if h.own != nil {
		h.own(&cfg)
	}
	if h.listen != nil {
		cfg.Listen = h.listen
	} else if len(cfg.Listen) == 1 && cfg.Listen[0] == anyPort {
		port, err := bustest.FreePort()
		if err != nil {
			return err
		}
		cfg.Listen = []string{fmt.Sprintf("127.0.0.1:%d", port)}
	}
	n := node.New(cfg, h.town.logger(h.name))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	select {
	case <-n.Ready():
	case err := <-done:
		cancel()
		return err
	case <-time.After(patience):
		cancel()
		return errors.Join(errors.New("it did not become ready"), <-done)
	}
	if len(n.Addrs()) > 0 {
		h.listen = []string{n.Addrs()[0].String()}
	}
	h.node, h.cancel, h.done = n, cancel, done
	return nil
}

// stop drains and stops the node. It may be stopped already.
func (h *house) stop() error {
	if h.cancel == nil {
		return nil
	}
	what, err := h.node.Describe(context.Background())
	if err == nil && what.Denied != "" {
		err = errors.New(what.Denied)
	}
	h.cancel()
	h.cancel = nil
	select {
	case ended := <-h.done:
		return errors.Join(err, ended)
	case <-time.After(patience):
		return errors.New("it did not stop")
	}
}
