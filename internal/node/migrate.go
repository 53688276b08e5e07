package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// Migration says what is moved where; MigrationProgress is how far a step of it
// has come, MigrationReport what was moved.
type (
	Migration struct {
		From, To   string // databases, as serve takes them with --store
		Partitions int    // of the target; 0: as many as usual, or as an unfinished migration has
	}
	MigrationProgress = store.MoveProgress
	MigrationReport   = store.MoveReport
)

// Migrate moves everything from one database, on which no node runs, into
// another: see [store.Move]. A folder whose intake log holds commands that were
// not decided yet is refused: people may still be waiting for them.
func Migrate(ctx context.Context, m Migration, log *slog.Logger, said func(MigrationProgress)) (MigrationReport, error) {
	opts := store.MoveOptions{Log: log, Partitions: m.Partitions, Progress: said}
	if dir, folder := strings.CutPrefix(m.From, "sqlite:"); folder {
		opts.Ready = func(ctx context.Context, at []chat.Position) error { return undecided(ctx, dir, at[0], log) }
	}
	return store.Move(ctx, m.From, m.To, opts)
}

// undecided refuses a folder whose log goes on behind where the database stands.
func undecided(ctx context.Context, dir string, at chat.Position, log *slog.Logger) (err error) {
	intake := filepath.Join(dir, "intake")
	if _, err := os.Stat(intake); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	b, err := bus.Embed(ctx, bus.EmbedConfig{Dir: intake, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close(context.WithoutCancel(ctx))) }()
	first, last, _, err := b.Log(0).Info(ctx)
	switch {
	case errors.Is(err, bus.ErrNoLog):
		return nil
	case err != nil:
		return err
	case first <= last && last != at.Seq:
		return fmt.Errorf("the source: the intake log in %s holds commands that were not decided yet: run `parley serve --data %s` until it is ready, stop it, and migrate again", intake, dir)
	}
	return nil
}
