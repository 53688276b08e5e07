package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/access"
	"github.com/parley-chat/parley/internal/role/accounts"
	"github.com/parley-chat/parley/internal/role/archive"
	"github.com/parley-chat/parley/internal/role/gateway"
	"github.com/parley-chat/parley/internal/role/presence"
	"github.com/parley-chat/parley/internal/role/rooms"
	"github.com/parley-chat/parley/internal/role/sequencer"
	"github.com/parley-chat/parley/internal/store"
)

// makeRole makes one of the roles and hands it what it uses of the store. It does
// no I/O.
func (n *Node) makeRole(name contract.Role, reg prometheus.Registerer) Role {
	b, data, log := n.bus, n.store, n.log
	switch name {
	case contract.RoleSequencer:
		n.sequencer = sequencer.New(sequencer.Config{
			Log: bus.LogConfig{Replicas: n.cfg.Bus.LogReplicas}, Settled: n.cfg.Patience.Settled, Clock: n.cfg.Clock}, b, claimer{data}, log, reg)
		return n.sequencer
	case contract.RoleArchive:
		return archive.New(b, data.Archive(), data.Search(), log, reg)
	case contract.RoleRooms:
		return rooms.New(b, data.Rooms(), data.Rooms(), data.Access(), data.Accounts(), data.Archive(), log, reg)
	case contract.RoleAccounts:
		office := n.cfg.Accounts
		office.Clock = n.cfg.Clock
		return accounts.New(office, b, data.Accounts(), log, reg)
	case contract.RoleAccess:
		return access.New(b, data.Access(), log, reg)
	case contract.RolePresence:
		return presence.New(b, log, reg)
	case contract.RoleGateway:
		n.gate = gateway.New(gateway.Config{NoLimits: n.cfg.NoLimits, DrainGrace: n.cfg.DrainGrace,
			Linger: n.cfg.Patience.Linger, CutOff: n.cfg.Patience.CutOff, Clock: n.cfg.Clock}, b, log, reg)
		return n.gate
	}
	panic(fmt.Sprintf("nobody knows how to make role %q", name))
}

// claimer hands the store's partitions to the sequencer as it knows them.
type claimer struct{ *store.Store }

func (c claimer) Claim(ctx context.Context, partition int) (sequencer.Shard, error) {
	return c.Store.Claim(ctx, partition)
}

// takeFolder locks the data folder, unless the database in it does.
func (n *Node) takeFolder(ends *ends) error {
	if !n.cfg.ownFolder() {
		return nil
	}
	unlock, err := store.LockFolder(n.cfg.Data)
	if err != nil {
		return err
	}
	ends.add("data folder", func(context.Context) error { return unlock() })
	return nil
}

// openStore opens the database when a role needs it. One that is away is waited
// for: processes of a cluster start in any order. One that is damaged is not:
// only an operator can help.
func (n *Node) openStore(ctx context.Context, ends *ends) error {
	if !n.cfg.needsStore() {
		return nil
	}
	for began, told := time.Now(), (time.Time{}); ; {
		data, err := store.Open(ctx, n.cfg.dsn(), store.Options{Log: n.log, Intake: n.cfg.intake()})
		if err == nil {
			n.store = data
			ends.add("store", func(context.Context) error { return data.Close() })
			if !told.IsZero() {
				n.log.Info("the database is there", "waited", time.Since(began).Round(time.Second).String())
			}
			return nil
		}
		if !errors.Is(err, chat.ErrUnreachable) || errors.Is(err, store.ErrDamaged) || ctx.Err() != nil {
			return err
		}
		if time.Since(told) > stillWaiting {
			n.log.Warn("waiting for the database; it is tried every second", "err", err)
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// stillWaiting is how often it is said that something is waited for.
const stillWaiting = 15 * time.Second

// openBus dials the bus, or runs it.
func (n *Node) openBus(ctx context.Context, ends *ends) (err error) {
	if len(n.cfg.Bus.URLs) > 0 {
		n.bus, err = n.dial(ctx)
	} else {
		n.bus, err = n.embed(ctx)
	}
	if err == nil {
		ends.add("bus", n.bus.Close)
	}
	return err
}

func (n *Node) dial(ctx context.Context) (*bus.Bus, error) {
	asks, err := n.cfg.asks()
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // only a name to recognise it by
	return bus.Dial(ctx, bus.DialConfig{
		URLs: n.cfg.Bus.URLs, As: n.cfg.Bus.As, Inbox: contract.Inbox(asks...), Log: n.log, Faults: n.cfg.Faults,
		Name: fmt.Sprintf("parley %s on %s, process %d", contract.Named(asks...), host, os.Getpid()),
	})
}

func (n *Node) embed(ctx context.Context) (*bus.Bus, error) {
	return bus.Embed(ctx, bus.EmbedConfig{
		Dir: n.cfg.intake(), Log: n.log, Faults: n.cfg.Faults,
		SyncInterval: n.cfg.Bus.SyncInterval, SyncAlways: n.cfg.Bus.SyncAlways,
	})
}
