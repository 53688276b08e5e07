package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
	"github.com/parley-chat/parley/test/chaos/load"
	"github.com/parley-chat/parley/test/chaos/proxy"
	"github.com/parley-chat/parley/test/chaos/town"
)

// scene is a town with people in it.
type scene struct {
	*runner
	town     *town.Town
	load     *load.Load
	log      *history.Log
	great    string         // the room of greatRoom
	busybody *load.Busybody // of manyRooms
	faults   int
	notes    []string // what was measured besides
}

// note keeps a line to be printed with the case.
func (s *scene) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// warmth is how many commands are acknowledged before something breaks, and after
// the last thing has.
const warmth = 100

// warm waits until people are talking.
func (s *scene) warm(ctx context.Context) error { return s.more(ctx, warmth, 20*time.Second) }

// settle waits until people are talking again, in every room.
func (s *scene) settle(ctx context.Context) error {
	before, deadline := s.log.AckedIn(), time.Now().Add(60*time.Second)
	for {
		silent, now := 0, s.log.AckedIn()
		for room, n := range before {
			if s.load.Busy(room) && now[room] <= n {
				silent++
			}
		}
		if silent == 0 {
			return s.more(ctx, warmth/2, 30*time.Second)
		}
		if err := load.Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nothing was acknowledged for 60 s in %d of %d rooms; %d commands are in flight, %d people connected", silent, len(before),
				s.load.InFlight(), s.load.Connected())
		}
	}
}

// more waits until so many more commands were acknowledged.
func (s *scene) more(ctx context.Context, n int, patience time.Duration) error {
	target, deadline := s.log.Acked()+n, time.Now().Add(patience)
	for s.log.Acked() < target {
		if err := load.Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d commands more were to be acknowledged within %v; %d are missing, %d are in flight, %d are connected", n, patience,
				target-s.log.Acked(), s.load.InFlight(), s.load.Connected())
		}
	}
	return nil
}

// fault is something that begins and ends.
type fault struct {
	history.Record // Fault, Within, Back, LosesLog, Spares, Sockets
	begin          func() error
	lasts          time.Duration
	end            func() error  // nil: it ends by itself
	resumes        time.Duration // how soon every room answers again when it is over
}

// strike does a fault at a moment when commands are in flight, and waits for its end.
func (s *scene) strike(ctx context.Context, f fault) error {
	inFlight, err := s.busy(ctx)
	if err != nil {
		return fmt.Errorf("%s did not strike: %w", f.Fault, err)
	}
	f.What, f.InFlight = history.Strike, inFlight
	s.faults++
	f.Fault = fmt.Sprintf("%s (%d)", f.Fault, s.faults)
	s.log.Add(f.Record)
	if err := f.begin(); err != nil {
		return fmt.Errorf("%s: %w", f.Fault, err)
	}
	if err := load.Sleep(ctx, f.lasts); err != nil {
		return err
	}
	if f.end != nil {
		if err := f.end(); err != nil {
			return fmt.Errorf("ending %s: %w", f.Fault, err)
		}
	}
	s.log.Add(history.Record{What: history.Over, Fault: f.Fault, Back: f.resumes})
	return nil
}

// survive strikes and waits until people are talking again.
func (s *scene) survive(ctx context.Context, f fault) error {
	if err := s.strike(ctx, f); err != nil {
		return err
	}
	return s.settle(ctx)
}

// again does so several times.
func (s *scene) again(ctx context.Context, times int, f fault) error {
	for range times {
		if err := s.survive(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// busy waits for some commands to be in flight, one at least, and says how many
// are: a moment later they may be none.
func (s *scene) busy(ctx context.Context) (int, error) {
	began := time.Now()
	for enough := 4; ; {
		if n := s.load.InFlight(); n >= enough {
			return n, nil
		}
		if err := load.Sleep(ctx, 50*time.Microsecond); err != nil {
			return 0, err
		}
		switch waited := time.Since(began); {
		case waited > 10*time.Second:
			return 0, errors.New("no command was in flight for 10 s")
		case waited > time.Second:
			enough = 1
		}
	}
}

// network makes a link bad for a while. What it was done to must not be nothing.
func (s *scene) network(ctx context.Context, link string, bad proxy.Fault, lasts time.Duration, name string) error {
	l := s.town.Links[link]
	return s.strike(ctx, fault{
		Record: history.Record{Fault: name}, lasts: lasts, resumes: afterNATS,
		begin: func() error { l.Set(bad); return nil },
		end: func() error {
			struck := l.Heal()
			if struck.Conns == 0 || struck.Bytes == 0 && !bad.Cut {
				return fmt.Errorf("it was done to nothing: %+v", struck)
			}
			return nil
		},
	})
}
