package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

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

	free func(dir string) (int64, error) // how many bytes are free; the system knows when nil
}

const defaultSyncInterval = 100 * time.Millisecond

// Embed starts a server in this process and connects to it, without a port and
// without a signal handler.
//
// While the disk under Dir is full, appends fail with [ErrDiskFull] and everything
// else works. When there is space again the server is started anew: for a moment
// the bus is lost, Readers end, and then the log goes on where it was.
func Embed(ctx context.Context, cfg EmbedConfig) (*Bus, error) {
	b, err := embed(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("embed the bus: %w", err)
	}
	return b, nil
}

func embed(ctx context.Context, cfg EmbedConfig) (*Bus, error) {
	if cfg.Dir == "" {
		return nil, errors.New("it needs a folder")
	}
	cfg.setDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	if info, err := os.Stat(cfg.Dir); err == nil && info.Mode().Perm()&0o077 != 0 { // made by another, wider
		if err := os.Chmod(cfg.Dir, 0o700); err != nil {
			cfg.Log.Warn("others than the owner can read the log", "folder", cfg.Dir, "err", err)
		}
	}
	s, w := &embedded{cfg: cfg}, &watcher{dir: cfg.Dir, free: cfg.free}
	// On a full disk a log is better not opened: that may write.
	full := w.space(reserve)
	if err := s.start(ctx, full == nil); err != nil {
		return nil, err
	}
	b, err := open(cfg.Name, cfg.Log, cfg.Faults, nats.InProcessServer(s))
	if err != nil {
		return nil, errors.Join(err, s.stop(ctx))
	}
	b.server, b.gate, w.bus = s, newGate(), b
	if full != nil {
		w.shut(full)
	}
	looking, unwatch := context.WithCancel(context.Background())
	b.unwatch = unwatch
	b.watched.Go(func() { w.watch(looking) })
	return b, nil
}

func (cfg *EmbedConfig) setDefaults() {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Name == "" {
		cfg.Name = "parley"
	}
	if cfg.SyncInterval <= 0 {
		cfg.SyncInterval = defaultSyncInterval
	}
	if cfg.free == nil {
		cfg.free = freeBytes
	}
}
