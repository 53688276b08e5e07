// Command parley is a whole chat, or one part of it, in one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/parley-chat/parley/cmd/parley/internal/bench"
	"github.com/parley-chat/parley/cmd/parley/internal/terminal"
	"github.com/parley-chat/parley/internal/node"
)

// version is set by the build.
var version = "dev"

// cli is everything that can be asked of parley. Flags, environment variables
// (PARLEY_ and the flag's name) and keys of the configuration file are one list.
type cli struct {
	ConfigFile string `name:"config" type:"path" placeholder:"FILE" env:"PARLEY_CONFIG" help:"YAML file with the flags' names as keys. Flags win over the environment, and that over the file."`
	logging

	Serve   serve       `cmd:"" help:"Serve a chat: everything, from one folder."`
	Chat    chatCmd     `cmd:"" help:"Chat in the terminal."`
	User    userCmd     `cmd:"" help:"Add, list and ban users, set passwords."`
	Room    roomCmd     `cmd:"" help:"List rooms."`
	Backup  backup      `cmd:"" help:"Write a consistent copy of everything to a file, also while serving."`
	Restore restore     `cmd:"" help:"Make a data folder from a backup."`
	Migrate migrate     `cmd:"" help:"Move everything from one database into another, from SQLite into PostgreSQL above all."`
	Verify  verify      `cmd:"" help:"Check that the database keeps every promise, also while serving."`
	Explain explain     `cmd:"" help:"Tell where an event came from."`
	Roles   rolesCmd    `cmd:"" help:"Show who runs where: processes, roles, partitions with their owners and how far behind they are."`
	Perms   permissions `cmd:"" name:"nats-permissions" help:"Print what NATS servers should allow each role, and nothing else."`
	Bench   benchCmd    `cmd:"" help:"Measure a server, and check every message on the way."`
	Config  configCmd   `cmd:"" help:"Print the effective configuration of serve, without secrets."`
	Version about       `cmd:"" help:"Print the version."`
}

type logging struct {
	LogLevel  string `name:"log-level" enum:"debug,info,warn,error" default:"info" help:"What is logged: ${enum}."`
	LogFormat string `name:"log-format" enum:"auto,text,json" default:"auto" help:"How: ${enum}. auto is text on a terminal and JSON otherwise."`
}

type benchCmd struct {
	Idle   bench.Idle   `cmd:"" help:"Hold connections that do nothing."`
	Fanout bench.Fanout `cmd:"" help:"Large rooms: everybody receives everything."`
	Pairs  bench.Pairs  `cmd:"" help:"Many rooms of two."`
	Storm  bench.Storm  `cmd:"" help:"Everybody loses the connection at once and comes back."`
}

type chatCmd struct{ terminal.Options }

func (c *chatCmd) Run(ctx context.Context) error { return c.Options.Run(ctx, os.Stdin, os.Stdout) }

type about struct{}

func (*about) Run(out io.Writer) error {
	_, err := fmt.Fprintln(out, "parley", version)
	return err
}

func main() {
	ctx, stop := interruptible()
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// untilTold are the commands that go on until they are interrupted, which is how
// they end well. All others have not done then what they were asked.
var untilTold = []string{"serve", "chat", "bench"}

// errInterrupted is what became of a command, with exitInterrupted, as of one that
// SIGINT has ended.
var errInterrupted = errors.New("interrupted")

const exitInterrupted = 130

// run is main without the process: it answers the exit code. The end of ctx
// interrupts it.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var c cli
	for _, kind := range []*bench.Common{&c.Bench.Idle.Common, &c.Bench.Fanout.Common, &c.Bench.Pairs.Common, &c.Bench.Storm.Common} {
		kind.Version = version
	}
	parser, err := newParser(&c, out, errs)
	if err != nil {
		return complain(errs, err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		var wrong *kong.ParseError
		if errors.As(err, &wrong) && len(args) == 0 {
			_ = wrong.Context.PrintUsage(true)
			return 2
		}
		var file badFile
		if errors.As(err, &file) {
			err = fmt.Errorf("--config: %w", file.error)
		}
		complain(errs, err)
		return 2
	}
	log := newLog(&c, errs)
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.BindTo(out, (*io.Writer)(nil))
	err = parsed.Run(&c, log)
	switch lasts := slices.Contains(untilTold, strings.Fields(parsed.Command())[0]); {
	case err == nil, lasts && errors.Is(err, context.Canceled):
		return 0
	case lasts || ctx.Err() == nil:
		return complain(errs, err)
	case errors.Is(err, context.Canceled):
		err = errInterrupted
	case !errors.Is(err, errInterrupted):
		err = fmt.Errorf("%w: %w", errInterrupted, err)
	}
	complain(errs, err)
	return exitInterrupted
}

func newParser(c *cli, out, errs io.Writer) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("parley"),
		kong.Description("A chat server that starts with one command and grows into a cluster."),
		kong.DefaultEnvars("PARLEY"),
		kong.Resolvers(&fileOf{}),
		kong.Vars{"roles": node.RoleNames()},
		kong.Writers(out, errs),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.UsageOnError(),
	)
}

func complain(errs io.Writer, err error) int {
	fmt.Fprintln(errs, "parley:", err)
	return 1
}

// interruptible ends its context at the first SIGINT or SIGTERM; the second one
// ends the process.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

func newLog(c *cli, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the parser has checked it
	options := &slog.HandlerOptions{Level: level}
	f, isFile := w.(*os.File)
	text := c.LogFormat == "text" || c.LogFormat == "auto" && isFile && term.IsTerminal(int(f.Fd()))
	if text {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
