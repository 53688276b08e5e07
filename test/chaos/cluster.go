package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
	"github.com/parley-chat/parley/test/chaos/load"
	"github.com/parley-chat/parley/test/chaos/proxy"
	"github.com/parley-chat/parley/test/chaos/town"
)

// How soon every room answers again. The goals are less (a killed owner is
// replaced within a second, a paused one within five); these bounds allow for a
// machine that runs twenty processes on two cores.
const (
	afterKill  = 4 * time.Second
	afterPause = 10 * time.Second
	// A NATS server that leads a log and dies is replaced by an election, whose
	// timeouts of 4 to 9 s are fixed in the server; one that ties is held again.
	afterNATS = 20 * time.Second
)

func cluster(t *town.Town) bool { return t.Proc("postgres") != nil }

// each does something to every process of the roles, one after the other, and
// lets people talk in between.
func (s *scene) each(ctx context.Context, roles []string, do func(*town.Proc) fault) error {
	for _, role := range roles {
		for _, p := range s.town.Kind(role) {
			if err := s.survive(ctx, do(p)); err != nil {
				return err
			}
		}
	}
	return nil
}

// killRoles kills every process of every role with kill -9 and starts it again.
func killRoles(ctx context.Context, s *scene) error {
	return s.each(ctx, town.Roles, func(p *town.Proc) fault {
		return fault{Record: history.Record{Fault: "kill -9 of " + p.Name, Back: afterKill}, begin: p.Kill, lasts: 500 * time.Millisecond,
			end: func() error { return p.Start(ctx) }, resumes: resumesWithin}
	})
}

// restartRoles stops every process of every role as an operator does.
func restartRoles(ctx context.Context, s *scene) error {
	return s.each(ctx, town.Roles, func(p *town.Proc) fault {
		return fault{Record: history.Record{Fault: "restart of " + p.Name, Back: afterKill}, begin: p.Stop,
			end: func() error { return p.Start(ctx) }, resumes: resumesWithin}
	})
}

// pauseRoles stops every process of every role with SIGSTOP: it looks alive, and
// what it wakes up to has moved on.
func pauseRoles(ctx context.Context, s *scene) error {
	return s.each(ctx, town.Roles, func(p *town.Proc) fault {
		return fault{Record: history.Record{Fault: "SIGSTOP of " + p.Name, Back: afterPause}, begin: p.Pause, lasts: s.either(3*time.Second, 8*time.Second),
			end: p.Continue, resumes: resumesWithin}
	})
}

// pauseOwner stops each sequencer for a minute: when it wakes up it must not commit.
func pauseOwner(ctx context.Context, s *scene) error {
	return s.each(ctx, []string{"sequencer"}, func(p *town.Proc) fault {
		return fault{Record: history.Record{Fault: "SIGSTOP of " + p.Name, Back: afterPause}, begin: p.Pause, lasts: s.either(6*time.Second, time.Minute),
			end: p.Continue, resumes: resumesWithin}
	})
}

// roll restarts every process of the town, one by one, as an upgrade does: NATS,
// then the sequencers, the gateways last.
func roll(ctx context.Context, s *scene) error {
	for _, p := range s.town.Procs {
		if p.Kind == "postgres" || p.Kind == "nginx" {
			continue // there is one of each: a restart of them is an outage
		}
		if p.Kind != "nats" {
			p.Upgrade(s.town.Binary)
		}
		if err := s.survive(ctx, fault{Record: history.Record{Fault: "rolling restart of " + p.Name, Back: afterNATS}, begin: p.Stop,
			end: func() error { return p.Start(ctx) }, resumes: afterNATS}); err != nil {
			return err
		}
	}
	return nil
}

// natsOne kills, pauses and restarts one NATS server after the other.
func natsOne(ctx context.Context, s *scene) error {
	ways := []struct {
		name       string
		begin, end func(*town.Proc) error
	}{
		{"kill -9", (*town.Proc).Kill, func(p *town.Proc) error { return p.Start(ctx) }},
		{"SIGSTOP", (*town.Proc).Pause, (*town.Proc).Continue},
		{"restart", (*town.Proc).Stop, func(p *town.Proc) error { return p.Start(ctx) }},
	}
	for i, way := range ways[:s.times(1, len(ways))] {
		p := s.town.Kind("nats")[i]
		if err := s.survive(ctx, fault{Record: history.Record{Fault: way.name + " of " + p.Name}, lasts: 2 * time.Second, resumes: afterNATS,
			begin: func() error { return way.begin(p) }, end: func() error { return way.end(p) }}); err != nil {
			return err
		}
	}
	return nil
}

// natsAll takes all NATS servers away at once, and in the end their folders.
func natsAll(ctx context.Context, s *scene) error {
	restart := func(f fault, begin func(*town.Proc) error, between func(*town.Proc) error) error {
		f.lasts, f.resumes = time.Second, cmp.Or(f.resumes, afterNATS)
		f.begin = func() error { return all(s.town.Kind("nats"), begin) }
		f.end = func() error {
			return errors.Join(all(s.town.Kind("nats"), between), all(s.town.Kind("nats"), (*town.Proc).Launch),
				all(s.town.Kind("nats"), func(p *town.Proc) error { return p.AwaitReady(ctx) }))
		}
		return errors.Join(s.strike(ctx, f), s.settle(ctx))
	}
	nothing := func(*town.Proc) error { return nil }
	if s.long() {
		if err := restart(fault{Record: history.Record{Fault: "restart of all NATS servers"}}, (*town.Proc).Stop, nothing); err != nil {
			return err
		}
		if err := restart(fault{Record: history.Record{Fault: "kill -9 of all NATS servers"}}, (*town.Proc).Kill, nothing); err != nil {
			return err
		}
	}
	// The broker is disposable: this one has the time that is promised, of which 6.5 s were met.
	return restart(fault{Record: history.Record{Fault: "loss of all NATS servers and their disks", LosesLog: true}, resumes: resumesWithin}, (*town.Proc).Kill, s.wipe)
}

// natsOld brings all NATS servers back as they were some time ago: the log has lost
// its newest records.
func natsOld(ctx context.Context, s *scene) error {
	servers, copies := s.town.Kind("nats"), filepath.Join(s.town.Dir, "old-nats")
	defer func() { _ = os.RemoveAll(copies) }()
	start := func() error {
		return errors.Join(all(servers, (*town.Proc).Launch), all(servers, func(p *town.Proc) error { return p.AwaitReady(ctx) }))
	}
	stop := func() error { return all(servers, (*town.Proc).Stop) }
	keep := func(p *town.Proc) error {
		return os.CopyFS(filepath.Join(copies, p.Name), os.DirFS(s.town.NATSData(p.Name)))
	}
	if err := s.strike(ctx, fault{Record: history.Record{Fault: "restart of all NATS servers, their logs are copied"}, resumes: afterNATS, begin: stop,
		end: func() error { return errors.Join(all(servers, keep), start()) }}); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	back := func(p *town.Proc) error {
		return errors.Join(os.RemoveAll(s.town.NATSData(p.Name)), os.CopyFS(s.town.NATSData(p.Name), os.DirFS(filepath.Join(copies, p.Name))))
	}
	return errors.Join(s.strike(ctx, fault{Record: history.Record{Fault: "the logs of all NATS servers are those of before", LosesLog: true}, resumes: afterNATS,
		begin: func() error { return all(servers, (*town.Proc).Kill) }, end: func() error { return errors.Join(all(servers, back), start()) }}), s.settle(ctx))
}

// restore brings the database back as it was some time ago while the log is kept:
// what was committed since is in the log, and is committed again as the same events.
func restore(ctx context.Context, s *scene) error {
	db := s.town.Proc("postgres")
	return s.backInTime(ctx, fault{Record: history.Record{Fault: "PostgreSQL is that of before", Restores: true}, resumes: resumesWithin,
		begin: db.Stop, end: func() error { return db.Start(ctx) }})
}

// restoreWiped brings the database back as it was some time ago, and the log is
// gone too: what was acknowledged since is gone, and clients are told.
func restoreWiped(ctx context.Context, s *scene) error {
	db, servers := s.town.Proc("postgres"), s.town.Kind("nats")
	return s.backInTime(ctx, fault{Record: history.Record{Fault: "PostgreSQL is that of before, the log is empty", Restores: true, LosesLog: true}, resumes: afterNATS,
		begin: func() error {
			s.load.Forgets()
			return errors.Join(db.Stop(), all(servers, (*town.Proc).Kill))
		},
		end: func() error {
			return errors.Join(all(servers, s.wipe), all(servers, (*town.Proc).Launch), db.Start(ctx),
				all(servers, func(p *town.Proc) error { return p.AwaitReady(ctx) }))
		}})
}

// wipe deletes what a NATS server keeps.
func (s *scene) wipe(p *town.Proc) error { return os.RemoveAll(s.town.NATSData(p.Name)) }

// backInTime copies the database and, some time later, does a fault during which it
// becomes the copy.
func (s *scene) backInTime(ctx context.Context, f fault) error {
	db := s.town.Proc("postgres")
	data, copied := s.town.Database(), filepath.Join(filepath.Dir(s.town.Database()), "copy")
	cp := func(from, to string) error {
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		out, err := exec.CommandContext(ctx, "cp", "-a", from, to).CombinedOutput()
		if err != nil {
			return fmt.Errorf("cp: %w: %s", err, out)
		}
		return nil
	}
	since := s.log.Now()
	if err := s.strike(ctx, fault{Record: history.Record{Fault: "restart of PostgreSQL, it is copied"}, resumes: resumesWithin, begin: db.Stop,
		end: func() error { return errors.Join(cp(data, copied), db.Start(ctx)) }}); err != nil {
		return err
	}
	if err := errors.Join(s.settle(ctx), load.Sleep(ctx, s.either(5*time.Second, 30*time.Second))); err != nil {
		return err
	}
	if f.LosesLog {
		f.Since = since
	}
	end := f.end
	f.end = func() error { return errors.Join(cp(copied, data), end()) }
	return errors.Join(s.strike(ctx, f), s.settle(ctx))
}

// burst makes one person send a thousand messages of the greatest size at once.
func burst(ctx context.Context, s *scene) error {
	return errors.Join(s.strike(ctx, fault{Record: history.Record{Fault: "1000 messages of 32 KiB at once", Back: resumesWithin},
		begin: func() error {
			if !s.load.Burst(1000, 32<<10-64) {
				return errors.New("the person that bursts is in no room")
			}
			return nil
		}}), s.settle(ctx))
}

func smallDisks(t *town.Town) bool { return len(t.Disks) > 0 }

// full fills disks for a while. Afterwards, what ended or gave up over it is
// started again, as its supervisor or operator would.
func (s *scene) full(ctx context.Context, name string, procs []*town.Proc, again func(*town.Proc) error) error {
	return errors.Join(s.strike(ctx, fault{Record: history.Record{Fault: name}, lasts: s.either(5*time.Second, 30*time.Second), resumes: afterNATS,
		begin: func() error { return all(procs, func(p *town.Proc) error { return s.town.Disks[p.Name].Fill() }) },
		end: func() error {
			return errors.Join(all(procs, func(p *town.Proc) error { return s.town.Disks[p.Name].Free() }), all(procs, again))
		}}), s.settle(ctx))
}

// fullDatabase leaves PostgreSQL no space.
func fullDatabase(ctx context.Context, s *scene) error {
	return s.full(ctx, "PostgreSQL's disk is full", s.town.Kind("postgres"), func(p *town.Proc) error {
		_, err := p.Revive(ctx)
		return err
	})
}

// fullNATS leaves one NATS server no space, then all. A server that could not write
// does not try again by itself.
func fullNATS(ctx context.Context, s *scene) error {
	servers := s.town.Kind("nats")
	restart := func(p *town.Proc) error { return errors.Join(p.Stop(), p.Start(ctx)) }
	if err := s.full(ctx, "the disk of nats-1 is full", servers[:1], restart); err != nil {
		return err
	}
	return s.full(ctx, "the disks of all NATS servers are full", servers, restart)
}

// soak kills a process of a role, drawn at random, every three seconds and starts
// it again at once.
func soak(ctx context.Context, s *scene) error {
	var procs []*town.Proc
	for _, role := range town.Roles {
		procs = append(procs, s.town.Kind(role)...)
	}
	rng := rand.New(rand.NewPCG(s.seed, uint64(s.rounds)))
	for range s.times(5, 20) {
		p := procs[rng.IntN(len(procs))]
		if err := s.strike(ctx, fault{Record: history.Record{Fault: "kill -9 of " + p.Name, Back: afterKill}, begin: p.Kill,
			end: func() error { return p.Start(ctx) }, resumes: resumesWithin}); err != nil {
			return err
		}
		if err := load.Sleep(ctx, 3*time.Second); err != nil {
			return err
		}
	}
	return s.settle(ctx)
}

// all does something to all processes and returns every error.
func all(procs []*town.Proc, do func(*town.Proc) error) (err error) {
	for _, p := range procs {
		if e := do(p); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", p.Name, e))
		}
	}
	return err
}

// database takes PostgreSQL away: stopped for a while, during which requests are
// told that their message is queued and sockets stay; and killed.
func database(ctx context.Context, s *scene) error {
	p := s.town.Proc("postgres")
	queued := s.log.Count(history.Queued)
	if err := s.strike(ctx, fault{Record: history.Record{Fault: "PostgreSQL away", Sockets: true}, lasts: s.either(10*time.Second, time.Minute),
		begin: p.Stop, end: func() error { return p.Start(ctx) }, resumes: resumesWithin}); err != nil {
		return err
	}
	if s.log.Count(history.Queued) == queued {
		return errors.New("the database was away and no request was told that its message is queued")
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	return errors.Join(s.strike(ctx, fault{Record: history.Record{Fault: "kill -9 of PostgreSQL"}, begin: p.Kill, lasts: time.Second,
		end: func() error { return p.Start(ctx) }, resumes: resumesWithin}), s.settle(ctx))
}

// ownersCut cuts only the bus of each sequencer, then only its database.
func ownersCut(ctx context.Context, s *scene) error {
	for _, p := range s.town.Kind("sequencer") {
		for _, part := range []struct{ what, link string }{{"bus", "nats:" + p.Name}, {"database", "db:" + p.Name}} {
			for name, bad := range map[string]proxy.Fault{"cut": {Cut: true}, "silent": {Hold: true}} {
				if err := s.network(ctx, part.link, bad, s.either(2*time.Second, 10*time.Second), fmt.Sprintf("%s of %s is %s", part.what, p.Name, name)); err != nil {
					return err
				}
				if err := s.settle(ctx); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lostHost pulls the cable of each machine on which a process is alone. Nobody is
// told that it is gone, and it does not know that it is.
func lostHost(ctx context.Context, s *scene) error {
	for _, name := range slices.Sorted(maps.Keys(s.town.Hosts)) {
		h := s.town.Hosts[name]
		if err := s.survive(ctx, fault{Record: history.Record{Fault: "loss of the machine of " + name, Back: afterPause}, lasts: s.either(8*time.Second, 30*time.Second),
			begin: h.Unplug, end: h.Plug, resumes: resumesWithin}); err != nil {
			return err
		}
	}
	return nil
}

// badLinks makes the networks inside the town late, slow, lossy and half-open.
func badLinks(ctx context.Context, s *scene) error {
	lasts := s.either(time.Second, 10*time.Second)
	for _, bad := range []struct {
		name, link string
		is         proxy.Fault
	}{
		{"gateway-1's bus is late", "nats:gateway-1", proxy.Fault{Delay: 100 * time.Millisecond}},
		{"gateway-1's bus is lossy", "nats:gateway-1", proxy.Fault{Loss: 0.1}},
		{"gateway-1's bus is slow", "nats:gateway-1", proxy.Fault{Rate: 64 << 10}},
		{"gateway-1's bus is cut", "nats:gateway-1", proxy.Fault{Cut: true}},
		{"what gateway-1 says on the bus is swallowed", "nats:gateway-1", proxy.Fault{SwallowUp: true}},
		{"what gateway-1 hears on the bus is swallowed", "nats:gateway-1", proxy.Fault{SwallowDown: true}},
		{"sequencer-1's bus is late", "nats:sequencer-1", proxy.Fault{Delay: 100 * time.Millisecond}},
		{"sequencer-1's database is late", "db:sequencer-1", proxy.Fault{Delay: 100 * time.Millisecond}},
		{"what sequencer-2 hears of its database is swallowed", "db:sequencer-2", proxy.Fault{SwallowDown: true}},
		{"what sequencer-2 hears on the bus is swallowed", "nats:sequencer-2", proxy.Fault{SwallowDown: true}},
		{"the way between nats-1 and the others is late", "route:nats-1", proxy.Fault{Delay: 100 * time.Millisecond}},
		{"the way between nats-1 and the others is cut", "route:nats-1", proxy.Fault{Cut: true}},
		{"the way between nats-2 and the others is silent", "route:nats-2", proxy.Fault{Hold: true}},
		{"archive-1's database is cut", "db:archive-1", proxy.Fault{Cut: true}},
	} {
		if err := s.network(ctx, bad.link, bad.is, lasts, bad.name); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// presenceGone kills all presence and then drops everybody's connection at once:
// those who come back, and messages, must not notice that it is away.
func presenceGone(ctx context.Context, s *scene) error {
	procs := s.town.Kind("presence")
	if err := s.strike(ctx, fault{Record: history.Record{Fault: "no presence", Spares: true, Within: 3 * time.Second}, lasts: s.either(5*time.Second, 30*time.Second),
		begin: func() error {
			if err := all(procs, (*town.Proc).Kill); err != nil {
				return err
			}
			dropped := s.load.DropAll()
			s.note("%d connections were dropped at once while there was no presence", dropped)
			if dropped == 0 {
				return errors.New("there was no connection to drop")
			}
			return nil
		}}); err != nil {
		return err
	}
	return all(procs, func(p *town.Proc) error { return p.Start(ctx) })
}

// either is short in the short form.
func (s *scene) either(short, long time.Duration) time.Duration {
	if s.long() {
		return long
	}
	return short
}

// times is the same for how often.
func (s *scene) times(short, long int) int {
	if s.long() {
		return long
	}
	return short
}
