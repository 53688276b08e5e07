// Command chaos breaks a running Parley in every way that it knows while people
// use it, writes down what they meet, and says which promises were broken.
//
//	chaos run      play the cases
//	chaos town     start a cluster and let it be used
//	chaos check    judge a history that was kept
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

var commands = map[string]func(context.Context, []string) error{"run": run, "town": serveTown, "check": check}

func command(ctx context.Context, args []string) error {
	if len(args) == 0 || commands[args[0]] == nil {
		return errors.New("say what: run, town, check; run -h lists the flags")
	}
	return commands[args[0]](ctx, args[1:])
}

// check judges a history that was kept.
func check(_ context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: chaos check FILE")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	records, err := history.Read(f)
	if err != nil {
		return err
	}
	return judge(records)
}

// judge prints what a history breaks.
func judge(records []history.Record) error {
	found := history.Check(records)
	for _, v := range found {
		if err := v.Print(os.Stdout); err != nil {
			return err
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("%d promises broken", len(found))
	}
	return nil
}

// run plays cases, in the order of their list, over and over until the time is up.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	r := &runner{}
	noHosts := flags.Bool("no-hosts", false, "put no process on a machine of its own, for which it takes root: the case lost-host is left out")
	flags.StringVar(&r.topology, "topology", "one", "what to break: one (a single process) or town (a cluster)")
	r.placeFlags(flags)
	flags.StringVar(&r.binary, "binary", "bin/parley", "the parley to run")
	flags.StringVar(&r.older, "older", "", "the parley that a town begins with; roll upgrades it to -binary")
	flags.StringVar(&r.dir, "dir", "build/chaos", "where data, logs and the histories of failed cases go")
	flags.DurationVar(&r.time, "time", 0, "go on for so long (0: each case once)")
	flags.Uint64Var(&r.seed, "seed", uint64(time.Now().UnixNano()), "of everything that is drawn at random")
	flags.IntVar(&r.people, "people", 200, "how many people are connected")
	flags.Float64Var(&r.rate, "rate", 150, "how much they do, in acts a second")
	flags.BoolVar(&r.smallDisks, "small-disks", false, "give the town's database and NATS servers small disks, for the cases full-*")
	only := flags.String("only", "", "the cases to play, by name, separated by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r.apart = !*noHosts
	if *only != "" {
		r.only = strings.Split(*only, ",")
	}
	return r.run(ctx)
}
