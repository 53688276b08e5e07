package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/chat"
)

// MoveOptions are what a move can be told; the zero value is fine.
type MoveOptions struct {
	Log        *slog.Logger
	Partitions int // what the target is divided into, 8 when 0

	// Ready, when not nil, is asked when the source is locked and nothing has been
	// written: its error refuses the move. It is told where each of the source's
	// partitions stands.
	Ready func(ctx context.Context, source []chat.Position) error
	// Progress, when not nil, hears often how it goes, one call at a time.
	Progress func(MoveProgress)

	rows int // in one transaction; loadRows when 0
}

// MoveProgress is how far a step of a move has come.
type MoveProgress struct {
	Step        string // what is being done
	Said        string // a sentence, where there is nothing to count
	Done, Total uint64
	Ended       bool // the step, not the move
}

// MoveReport is what was moved.
type MoveReport struct {
	Rooms    int
	Events   uint64
	Begun    bool // something was written: the same call goes on with it
	Resumed  bool // it went on where an earlier move had ended
	Before   bool // an earlier move had come to its end: nothing was left to do
	Replaced int  // texts with U+0000 or bytes that are no UTF-8, which PostgreSQL cannot: each has U+FFFD now
}

// ErrUnfinished is why nobody serves from a database that is half moved.
var ErrUnfinished = errors.New("the migration into this database is not finished: run the same `parley migrate` again, and start when it is done")

// Move copies everything from one database into another, which must be empty and
// is PostgreSQL; both must be at rest, and are kept so meanwhile: nobody can hold
// a partition of either. Rooms are divided anew, so feed numbers are too, densely
// and in the order of commits; all else stays as it is, rooms' own numbers above
// all, and background readers begin anew. The source only gets this version's
// schema.
//
// A move that was ended, by whatever and at whatever moment, is gone on with by
// the same call, which does nothing when all is done; until it has finished the
// target cannot be opened. A source that was used in between is copied anew. At the end the two are compared row by row
// and the target is verified, as the source was before.
//
// An error says what to do. It leaves an unfinished move behind, or nothing.
func Move(ctx context.Context, from, to string, opts MoveOptions) (report MoveReport, err error) {
	switch {
	case !isPostgres(to):
		return report, errors.New("the target must be a PostgreSQL database: postgres://USER:PASSWORD@HOST/NAME")
	case from == to:
		return report, errors.New("source and target are the same database")
	case opts.Partitions < 0 || opts.Partitions > maxPartitions:
		return report, fmt.Errorf("a database has 1 to %d partitions", maxPartitions)
	}
	working, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	m := &mover{MoveOptions: opts, lost: lost}
	if m.Log == nil {
		m.Log = slog.New(slog.DiscardHandler)
	}
	defer func() { err = errors.Join(err, m.close()) }()
	err = m.run(working, from, to)
	if cause := context.Cause(working); err != nil && cause != nil && ctx.Err() == nil {
		err = fmt.Errorf("the locks on a database were lost, others can have it by now: %w", cause) // all else comes of that
	}
	return m.report, err
}

// mover is a move at work.
type mover struct {
	MoveOptions
	lost     context.CancelCauseFunc // called when a database is not ours any more
	from, to *Store
	k        *pgx.Conn // writes to the target
	undo     []func() error

	state  moveState
	saved  string // the state as the target has it
	tables []*table
	report MoveReport
}

func (m *mover) close() error {
	var errs []error
	for i := len(m.undo) - 1; i >= 0; i-- {
		errs = append(errs, m.undo[i]())
	}
	return errors.Join(errs...)
}

func (m *mover) run(ctx context.Context, from, to string) error {
	if err := m.openSource(ctx, from); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	if m.Ready != nil {
		positions, err := m.positions(ctx)
		if err == nil {
			err = m.Ready(ctx, positions)
		}
		if err != nil {
			return err
		}
	}
	if err := m.openTarget(ctx, to); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	if m.report.Before {
		return nil
	}
	for _, step := range []func(context.Context) error{m.begin, m.copyAll, m.index, m.settle, m.compare, m.verifyTarget, m.finish} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// copyAll copies every table, or what is missing of it.
func (m *mover) copyAll(ctx context.Context) error {
	for _, t := range m.tables {
		if err := m.copyTable(ctx, t); err != nil {
			return fmt.Errorf("copying the table %s: %w", t.name, err)
		}
	}
	return nil
}

func (m *mover) verifySource(ctx context.Context) error {
	return m.verify(ctx, m.from, "checking the source", "nothing was copied: `parley verify` lists them all, and a backup from before may have none")
}

func (m *mover) verifyTarget(ctx context.Context) error {
	return m.verify(ctx, m.to, "checking the target", "it cannot be used: drop that database, and report this")
}

func (m *mover) verify(ctx context.Context, s *Store, step, otherwise string) error {
	found, err := s.Verify(ctx, func(said string) { m.tell(MoveProgress{Step: step, Said: said}) })
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	if n := len(found.Findings); n > 0 {
		return fmt.Errorf("%s: %d findings, the first: %s %s", step, n, found.Findings[0], otherwise)
	}
	m.report.Rooms, m.report.Events = found.Rooms, found.Events
	m.tell(MoveProgress{Step: step, Said: fmt.Sprintf("everything is as it must be (rooms: %d, events: %d)", found.Rooms, found.Events), Ended: true})
	return nil
}

func (m *mover) tell(p MoveProgress) {
	if m.Progress != nil {
		m.Progress(p)
	}
}
