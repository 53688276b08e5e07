package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is the server in this process. It opens no port.
type embedded struct {
	cfg EmbedConfig

	mu  sync.Mutex
	now *server.Server // nil while there is none
}

var errNoServer = errors.New("the embedded server is being started")

// InProcessConn connects to the server that runs now.
func (s *embedded) InProcessConn() (net.Conn, error) {
	if now := s.running(); now != nil {
		return now.InProcessConn()
	}
	return nil, errNoServer
}

func (s *embedded) running() *server.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

const readyTimeout = 10 * time.Second // a large log takes a while to open after a crash

// start starts the server, with its logs or without. Nobody can connect before
// the logs are open.
func (s *embedded) start(ctx context.Context, logs bool) error {
	ns, err := server.NewServer(&server.Options{
		ServerName:             s.cfg.Name,
		DontListen:             true,
		NoSigs:                 true,
		JetStream:              logs,
		StoreDir:               s.cfg.Dir,
		SyncInterval:           s.cfg.SyncInterval,
		SyncAlways:             s.cfg.SyncAlways,
		JetStreamMaxStore:      unlimitedStore,
		JetStreamMaxMemory:     unlimitedStore,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return err
	}
	words := serverLog{s.cfg.Log, make(chan error, 1)}
	ns.SetLoggerV2(words, false, false, false)
	ns.Start()
	if err := ready(ctx, ns, words.fatal); err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = ns
	return nil
}

func ready(ctx context.Context, ns *server.Server, fatal <-chan error) error {
	select {
	case err := <-fatal:
		return err
	default:
	}
	wait := readyTimeout
	if end, has := ctx.Deadline(); has {
		wait = min(wait, time.Until(end))
	}
	if !ns.ReadyForConnections(wait) {
		return fmt.Errorf("the server was not ready after %v", wait)
	}
	return nil
}

// unlimitedStore leaves limits to the logs themselves: the server's own guess,
// three quarters of what the disk has free, would refuse a log on a small disk
// that it fits on.
const unlimitedStore = 1 << 50

func (s *embedded) stop(ctx context.Context) error {
	s.mu.Lock()
	was := s.now
	s.now = nil
	s.mu.Unlock()
	if was == nil {
		return nil
	}
	was.Shutdown()
	done := make(chan struct{})
	go func() {
		was.WaitForShutdown()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop the embedded bus: %w", ctx.Err())
	}
}

// failing says which log cannot be written or was not opened, or nil.
func (s *embedded) failing() error {
	health := s.running().Healthz(&server.HealthzOptions{Details: true})
	for _, e := range health.Errors {
		// Others tell of a server that is slow to answer.
		if e.Type == server.HealthzErrorStream || e.Type == server.HealthzErrorJetStream {
			return errors.New(e.Error)
		}
	}
	return nil
}

// reopen starts the embedded server anew and waits until the bus is found again.
// When the logs cannot be opened it goes on without them.
func (b *Bus) reopen(ctx context.Context) error {
	began := time.Now()
	// Close waits for what was begun, lest it leave a server behind.
	whole := context.WithoutCancel(ctx)
	if err := b.server.stop(whole); err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	err := b.server.start(whole, true)
	if err != nil {
		if without := b.server.start(whole, false); without != nil {
			return errors.Join(err, without)
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if s := b.Status(); s.Connected && s.Since.After(began) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

// serverLog hands the server's own words to slog. What it calls a notice is its
// start-up chatter: of interest to somebody who debugs.
type serverLog struct {
	*slog.Logger
	fatal chan error // why it did not start
}

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

// Fatalf is the server's way of returning an error.
func (l serverLog) Fatalf(format string, v ...any) {
	l.say(slog.LevelError, format, v)
	select {
	case l.fatal <- fmt.Errorf(format, v...):
	default:
	}
}
