package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
	"github.com/parley-chat/parley/test/chaos/load"
	"github.com/parley-chat/parley/test/chaos/town"
)

// runner plays cases against a town.
type runner struct {
	topology, binary, dir string
	older, tools, deploy  string
	front                 int
	smallDisks            bool
	apart                 bool // some processes are on machines of their own
	time                  time.Duration
	seed                  uint64
	people                int
	rate                  float64
	only                  []string
	secret                string // that signs people's tokens; made up when empty

	town   *town.Town
	rounds int
}

// grace is how long a draining server spreads the return of its clients over;
// slack is what they may take besides.
const (
	grace = 3 * time.Second
	slack = 2 * time.Second
)

func (r *runner) run(ctx context.Context) (err error) {
	if err := r.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.town.Close()) }()
	chosen := r.choose()
	if len(chosen) == 0 {
		return fmt.Errorf("no case of that name; there are: %v", names(r.town))
	}
	fmt.Printf("%d cases on topology %s, seed %d, logs in %s\n", len(chosen), r.topology, r.seed, r.dir)
	began := time.Now()
	for {
		for _, c := range chosen {
			if err := r.play(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if time.Since(began) >= r.time {
			fmt.Printf("all promises kept: %d rounds in %v\n", r.rounds, time.Since(began).Round(time.Second))
			return nil
		}
	}
}

func (r *runner) start(ctx context.Context) error {
	r.secret = cmp.Or(r.secret, rand.Text()+rand.Text())
	binary, err := filepath.Abs(r.binary)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("%w (make build makes it)", err)
	}
	if r.dir, err = filepath.Abs(r.dir); err != nil {
		return err
	}
	if err := os.RemoveAll(r.dir); err != nil {
		return err
	}
	cfg := town.Config{Dir: r.dir, Binary: binary, Secret: r.secret, Grace: grace, Front: r.front, SmallDisks: r.smallDisks}
	if r.older != "" {
		if cfg.Older, err = filepath.Abs(r.older); err != nil {
			return err
		}
	}
	if cfg.Tools, err = filepath.Abs(r.tools); err != nil {
		return err
	}
	if cfg.Deploy, err = filepath.Abs(r.deploy); err != nil {
		return err
	}
	switch r.topology {
	case "one":
		r.town, err = town.One(ctx, cfg)
	case "town":
		if r.apart {
			if os.Geteuid() != 0 {
				return errors.New("only root makes machines of their own, for the case lost-host: -no-hosts leaves it out")
			}
			cfg.Apart = []string{"sequencer-2", "gateway-2"}
		}
		r.town, err = town.Cluster(ctx, cfg)
	default:
		return fmt.Errorf("there is no topology %q; there are one and town", r.topology)
	}
	return err
}

// long says that everything is played, and for as long as it takes to be sure.
func (r *runner) long() bool { return r.time > 0 }

func (r *runner) choose() (chosen []chaosCase) {
	for _, c := range cases {
		named := slices.Contains(r.only, c.name)
		if c.fits(r.town) && (named || len(r.only) == 0 && (r.long() || !c.long)) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// play gathers people, lets the case break things under them, and judges.
func (r *runner) play(ctx context.Context, c chaosCase) error {
	r.rounds++
	began := time.Now()
	log := history.NewLog()
	l, err := load.Gather(ctx, load.Config{
		Gates: r.town.Gates, Secret: r.secret, Tag: fmt.Sprint("r", r.rounds), Log: log, Seed: r.seed + uint64(r.rounds),
		People: r.people, Sessions: 3, Requests: 6, Rooms: 12, PerRoom: min(30, max(2, r.people/4)), Rate: r.rate, Grace: grace + slack,
	})
	if err != nil {
		return fmt.Errorf("gathering people: %w", err)
	}
	s := &scene{runner: r, town: r.town, load: l, log: log}
	if c.prepare != nil {
		if err := c.prepare(ctx, s); err != nil {
			l.Close()
			return fmt.Errorf("preparing: %w", err)
		}
	}
	l.Run()
	err = s.warm(ctx)
	if err == nil {
		err = c.strike(ctx, s)
	}
	if err == nil {
		err = s.settle(ctx)
	}
	err = errors.Join(err, l.Finish(ctx, 30*time.Second))
	records := log.Records()
	err = errors.Join(err, judge(records), r.verify(ctx))
	fmt.Printf("%s: %d acknowledged, %d lines of history, %v\n", c.name, log.Acked(), len(records), time.Since(began).Round(100*time.Millisecond))
	for _, f := range history.Strikes(records) {
		fmt.Printf("    %-50s %3d in flight, every room back within %v, %v after its end\n", f.Fault, f.InFlight,
			f.Back.Round(10*time.Millisecond), f.After.Round(10*time.Millisecond))
	}
	for _, line := range s.notes {
		fmt.Println("   ", line)
	}
	if err != nil {
		return errors.Join(err, r.keep(c.name, records))
	}
	return nil
}

// verify lets the server's own judge look at the database.
func (r *runner) verify(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, r.town.Binary, append([]string{"verify"}, r.town.VerifyFlags()...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("parley verify: %w\n%s", err, out)
	}
	return nil
}

// keep writes a history down for a closer look.
func (r *runner) keep(name string, records []history.Record) error {
	path := filepath.Join(r.dir, name+".history.jsonl")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Println("the history is in", path)
	return history.Write(f, records)
}

func names(t *town.Town) (found []string) {
	for _, c := range cases {
		if c.fits(t) {
			found = append(found, c.name)
		}
	}
	return found
}
