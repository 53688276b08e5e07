package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// EmbedConfig says how to run the server inside this process.
type EmbedConfig struct {
	Dir          string        // where the logs live; one process at a time
	SyncInterval time.Duration // how much log a crash of the machine may cost; 100 ms when zero
	SyncAlways   bool          // sync before every acknowledgement instead
	Name         string        // the server's and the connection's name
	Log          *slog.Logger
	Faults       Faults // nil outside tests
}

const (
	defaultSyncInterval = 100 * time.Millisecond
	readyTimeout        = 10 * time.Second // a large log takes a while to open after a crash
)

// embedded is the server in this process. It opens no port.
type embedded struct{ *server.Server }

// Embed starts a server in this process and connects to it, without a port and
// without a signal handler.
func Embed(ctx context.Context, cfg EmbedConfig) (*Bus, error) {
	if cfg.Dir == "" {
		return nil, errors.New("embed the bus: it needs a folder")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Name == "" {
		cfg.Name = "parley"
	}
	s, err := startServer(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("embed the bus: %w", err)
	}
	b, err := open(cfg.Name, cfg.Log, cfg.Faults, nats.InProcessServer(s.Server))
	if err != nil {
		return nil, fmt.Errorf("embed the bus: %w", errors.Join(err, s.stop(ctx)))
	}
	b.server = s
	return b, nil
}

func startServer(ctx context.Context, cfg EmbedConfig) (*embedded, error) {
	if cfg.SyncInterval <= 0 {
		cfg.SyncInterval = defaultSyncInterval
	}
	ns, err := server.NewServer(&server.Options{
		ServerName:             cfg.Name,
		DontListen:             true,
		NoSigs:                 true,
		JetStream:              true,
		StoreDir:               cfg.Dir,
		SyncInterval:           cfg.SyncInterval,
		SyncAlways:             cfg.SyncAlways,
		JetStreamMaxStore:      unlimitedStore,
		JetStreamMaxMemory:     unlimitedStore,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, err
	}
	ns.SetLoggerV2(serverLog{cfg.Log}, false, false, false)
	s := &embedded{ns}
	ns.Start()
	wait := readyTimeout
	if end, has := ctx.Deadline(); has {
		wait = min(wait, time.Until(end))
	}
	if !ns.ReadyForConnections(wait) || !ns.JetStreamEnabled() {
		return nil, errors.Join(fmt.Errorf("the server was not ready after %v", wait), s.stop(ctx))
	}
	return s, nil
}

// unlimitedStore leaves limits to the logs themselves: the server's own guess,
// three quarters of what the disk has free, would refuse a log on a small disk
// that it fits on.
const unlimitedStore = 1 << 50

func (s *embedded) stop(ctx context.Context) error {
	s.Shutdown()
	done := make(chan struct{})
	go func() {
		s.WaitForShutdown()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop the embedded bus: %w", ctx.Err())
	}
}

// serverLog hands the server's own words to slog. What it calls a notice is its
// start-up chatter: of interest to somebody who debugs.
type serverLog struct{ *slog.Logger }

func (l serverLog) say(level slog.Level, format string, args []any) {
	if l.Enabled(context.Background(), level) {
		l.Log(context.Background(), level, "nats: "+fmt.Sprintf(format, args...))
	}
}

func (l serverLog) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l serverLog) Debugf(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l serverLog) Tracef(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l serverLog) Warnf(format string, v ...any)   { l.say(slog.LevelWarn, format, v) }
func (l serverLog) Errorf(format string, v ...any)  { l.say(slog.LevelError, format, v) }
func (l serverLog) Fatalf(format string, v ...any)  { l.say(slog.LevelError, format, v) }
