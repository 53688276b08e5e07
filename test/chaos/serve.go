package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// placeFlags say where the parts of a town are.
func (r *runner) placeFlags(flags *flag.FlagSet) {
	flags.StringVar(&r.tools, "tools", ".tools", "folder with nats-server and nginx")
	flags.StringVar(&r.deploy, "deploy", "deploy/town", "folder with the town's configuration")
}

// serveTown starts a cluster, says where it is, and stops it when it is told to.
func serveTown(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("town", flag.ContinueOnError)
	r := &runner{topology: "town"}
	r.placeFlags(flags)
	flags.StringVar(&r.binary, "binary", "bin/parley", "the parley to run")
	flags.StringVar(&r.dir, "dir", "build/town", "where data and logs go; emptied at the start")
	flags.IntVar(&r.front, "port", 8080, "where nginx listens, on 127.0.0.1 (0: on a free port)")
	r.secret = os.Getenv("PARLEY_AUTH_JWT_SECRET") // a load generator may bring its own
	if err := flags.Parse(args); err != nil {
		return err
	}
	began := time.Now()
	if err := r.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.town.Close()) }()
	pid := filepath.Join(r.dir, "town.pid")
	if err := os.WriteFile(pid, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return err
	}
	defer func() { _ = os.Remove(pid) }()
	r.describe(time.Since(began))
	r.revive(ctx)
	fmt.Println("stopping the town")
	return nil
}

// revive starts processes again that end, until it is told to stop: any of them may
// be killed to see what happens.
func (r *runner) revive(ctx context.Context) {
	var watching sync.WaitGroup
	for _, p := range r.town.Procs {
		watching.Go(func() {
			for ctx.Err() == nil {
				if ended, err := p.Revive(ctx); err != nil {
					fmt.Printf("%s ended and does not start: %v\n", p.Name, err)
				} else if ended {
					fmt.Printf("%s ended and was started again, pid %d\n", p.Name, p.PID())
				}
				select {
				case <-ctx.Done():
				case <-time.After(200 * time.Millisecond):
				}
			}
		})
	}
	watching.Wait()
}

func (r *runner) describe(took time.Duration) {
	fmt.Printf("the town is ready after %v: open %s/\n\n", took.Round(100*time.Millisecond), r.town.Gates[0])
	for i, gate := range r.town.Gates[1:] {
		fmt.Printf("  gateway-%d without nginx  %s\n", i+1, gate)
	}
	for _, p := range r.town.Procs {
		fmt.Printf("  %-12s pid %-7d port %d\n", p.Name, p.PID(), p.Port)
	}
	fmt.Printf("\nlogs are in %s; Ctrl-C or `make town-stop` stops everything\n", filepath.Join(r.dir, "log"))
}
