package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
	"github.com/parley-chat/parley/test/chaos/proxy"
	"github.com/parley-chat/parley/test/chaos/town"
)

// chaosCase is one way to break things.
type chaosCase struct {
	name    string
	fits    func(*town.Town) bool
	prepare func(context.Context, *scene) error // before people begin to talk; nil: nothing
	strike  func(context.Context, *scene) error
	long    bool // not in the short form: other cases cover the most of it
}

// resumesWithin is how soon after a fault every room answers again.
const resumesWithin = 10 * time.Second

// cases are played in this order.
var cases = []chaosCase{
	{name: "peace", fits: everywhere, strike: peace, long: true},
	{name: "kill", fits: one, strike: kill},
	{name: "pause", fits: one, strike: pause, long: true},
	{name: "restart", fits: one, strike: restart},
	{name: "wipe-log", fits: one, strike: wipeLog},
	{name: "old-log", fits: one, strike: oldLog},
	{name: "kill-roles", fits: cluster, strike: killRoles},
	{name: "pause-roles", fits: cluster, strike: pauseRoles, long: true},
	{name: "pause-owner", fits: cluster, strike: pauseOwner},
	{name: "restart-roles", fits: cluster, strike: restartRoles, long: true},
	{name: "nats-one", fits: cluster, strike: natsOne},
	{name: "nats-all", fits: cluster, strike: natsAll},
	{name: "nats-old", fits: cluster, strike: natsOld, long: true},
	{name: "database", fits: cluster, strike: database},
	{name: "owners-cut", fits: cluster, strike: ownersCut},
	{name: "lost-host", fits: func(t *town.Town) bool { return len(t.Hosts) > 0 }, strike: lostHost},
	{name: "bad-links", fits: cluster, strike: badLinks},
	{name: "presence", fits: cluster, strike: presenceGone},
	{name: "restore", fits: cluster, strike: restore, long: true},
	{name: "restore-wiped", fits: cluster, strike: restoreWiped, long: true},
	{name: "burst", fits: everywhere, strike: burst, long: true},
	{name: "hostile", fits: cluster, strike: hostile},
	{name: "great-room", fits: cluster, prepare: makeGreatRoom, strike: greatRoom, long: true},
	{name: "many-rooms", fits: cluster, prepare: bringBusybody, strike: manyRooms, long: true},
	{name: "soak", fits: cluster, strike: soak, long: true},
	{name: "full-database", fits: smallDisks, strike: fullDatabase},
	{name: "full-nats", fits: smallDisks, strike: fullNATS},
	{name: "roll", fits: cluster, strike: roll},
	{name: "network", fits: everywhere, strike: network, long: true},
}

func everywhere(*town.Town) bool { return true }

func one(t *town.Town) bool { return t.Proc("parley") != nil }

// peace breaks nothing: who cannot keep promises then needs no chaos.
func peace(ctx context.Context, s *scene) error { return s.more(ctx, 5*warmth, 60*time.Second) }

// kill ends the process with kill -9, again and again.
func kill(ctx context.Context, s *scene) error {
	p := s.town.Proc("parley")
	return s.again(ctx, s.times(2, 5), fault{Record: history.Record{Fault: "kill -9 of parley"}, resumes: resumesWithin,
		begin: p.Kill, end: func() error { return p.Start(ctx) }})
}

// pause stops the process with SIGSTOP for longer than clients are patient.
func pause(ctx context.Context, s *scene) error {
	p := s.town.Proc("parley")
	for _, lasts := range []time.Duration{time.Second, 7 * time.Second} {
		if err := s.survive(ctx, fault{Record: history.Record{Fault: "SIGSTOP of parley"}, resumes: resumesWithin, lasts: lasts,
			begin: p.Pause, end: p.Continue}); err != nil {
			return err
		}
	}
	return nil
}

// restart stops the process as an upgrade does.
func restart(ctx context.Context, s *scene) error {
	p := s.town.Proc("parley")
	return s.again(ctx, s.times(1, 2), fault{Record: history.Record{Fault: "restart of parley"}, resumes: resumesWithin,
		begin: p.Stop, end: func() error { return p.Start(ctx) }})
}

// wipeLog kills the process and deletes its intake log.
func wipeLog(ctx context.Context, s *scene) error {
	p := s.town.Proc("parley")
	return s.again(ctx, s.times(1, 2), fault{Record: history.Record{Fault: "kill -9 and loss of the log", LosesLog: true}, resumes: resumesWithin,
		begin: p.Kill, end: func() error {
			if err := os.RemoveAll(s.intake()); err != nil {
				return err
			}
			return p.Start(ctx)
		}})
}

func (s *scene) intake() string { return filepath.Join(s.town.Data, "intake") }

// oldLog brings the log back as it was some time ago: it lost its newest records.
func oldLog(ctx context.Context, s *scene) error {
	p, copied := s.town.Proc("parley"), filepath.Join(s.town.Dir, "old-log")
	defer func() { _ = os.RemoveAll(copied) }()
	if err := s.strike(ctx, fault{Record: history.Record{Fault: "restart, the log is copied"}, resumes: resumesWithin, begin: p.Stop,
		end: func() error {
			if err := os.CopyFS(copied, os.DirFS(s.intake())); err != nil {
				return err
			}
			return p.Start(ctx)
		}}); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.strike(ctx, fault{Record: history.Record{Fault: "kill -9, the log is that of before", LosesLog: true}, resumes: resumesWithin, begin: p.Kill,
		end: func() error {
			if err := os.RemoveAll(s.intake()); err != nil {
				return err
			}
			if err := os.CopyFS(s.intake(), os.DirFS(copied)); err != nil {
				return err
			}
			return p.Start(ctx)
		}})
}

// network gives half of the clients every kind of bad network in turn.
func network(ctx context.Context, s *scene) error {
	for _, bad := range []struct {
		name  string
		is    proxy.Fault
		lasts time.Duration
	}{
		{"clients' network is late", proxy.Fault{Delay: 150 * time.Millisecond}, 3 * time.Second},
		{"clients' network is slow", proxy.Fault{Rate: 4 << 10}, 3 * time.Second},
		{"clients' network is lossy", proxy.Fault{Loss: 0.1}, 3 * time.Second},
		{"clients' network is cut", proxy.Fault{Cut: true}, time.Second},
		{"clients' network stands still", proxy.Fault{Hold: true}, 6 * time.Second},
		{"what clients say is swallowed", proxy.Fault{SwallowUp: true}, 6 * time.Second},
		{"what clients are told is swallowed", proxy.Fault{SwallowDown: true}, 6 * time.Second},
	} {
		if err := s.network(ctx, "clients", bad.is, bad.lasts, bad.name); err != nil {
			return err
		}
	}
	return nil
}
