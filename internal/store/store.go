package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// What can be wrong with a data folder. Each is one sentence for the operator.
var (
	ErrLocked  = errors.New("another parley is running on this folder")
	ErrDamaged = errors.New("the database is damaged: stop parley, move the folder away and restore a backup (`parley restore`)")
	ErrLost    = errors.New("the database is missing or empty, and what belongs to it is not: move the folder away and restore a backup (`parley restore`), or move it away to begin anew")
	ErrHalf    = errors.New("a backup was being restored into this folder and that did not end: restore it again (`parley restore`), or move the folder away to begin anew")
	ErrNewer   = errors.New("the database was written by a newer version of parley: start that version, or restore a backup made by this one")
)

// Options are what a store can be told; the zero value is fine.
type Options struct {
	Log     *slog.Logger
	Readers int              // SQLite: connections that read, 6 when 0. PostgreSQL: all of the pool, 10 when 0
	Now     func() time.Time // when a commit was made

	// Partitions is what a new PostgreSQL database is divided into, 8 when 0. It
	// is chosen once: an existing database keeps what it has.
	Partitions int

	// Intake is the folder of the log in front of a database in a folder. When it
	// holds anything no new database is begun, in which it would be decided again.
	Intake string

	application string // how sessions are named, "parley" when empty
	steps       fs.FS  // of the schema of a PostgreSQL database; this version's when nil
}

// Store is an opened database. It is safe for concurrent use. Close ends it.
type Store struct {
	db   database
	log  *slog.Logger
	now  func() time.Time
	dir  string
	undo []func() error // run backwards by Close

	partitions int
	search     Search
}

// Open opens the database that dsn names, makes what is in it when there is
// nothing yet, and brings its schema up to date. "sqlite:DIR" is a folder, which
// this process then has to itself. "postgres://USER:PASSWORD@HOST/NAME" is a
// PostgreSQL database, which any number of processes can open, also at once.
func Open(ctx context.Context, dsn string, opts Options) (*Store, error) {
	s := newStore(opts)
	open := s.openFolder
	if isPostgres(dsn) {
		open = s.openServer
	}
	err := open(ctx, dsn, opts)
	if err == nil {
		err = s.look(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenReadOnly opens what is there for looking, whether or not another process
// has it open, and changes nothing.
func OpenReadOnly(ctx context.Context, dsn string, opts Options) (*Store, error) {
	s := newStore(opts)
	look := s.lookIntoFolder
	if isPostgres(dsn) {
		look = s.lookIntoServer
	}
	err := look(ctx, dsn, opts)
	if err == nil {
		err = s.look(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) lookIntoFolder(_ context.Context, dsn string, opts Options) error {
	dir, err := folder(dsn)
	if err != nil {
		return err
	}
	if err := Founded(dir); err != nil {
		return err
	}
	s.dir = dir
	db, err := openSQLite(dir, readers(opts), true, s.log)
	if err != nil {
		return err
	}
	s.db = db
	s.undo = append(s.undo, db.close)
	return nil
}

func folder(dsn string) (string, error) {
	kind, dir, found := strings.Cut(dsn, ":")
	if !found || kind != "sqlite" || dir == "" {
		return "", fmt.Errorf("%q names no database: sqlite:FOLDER or postgres://USER:PASSWORD@HOST/NAME does", dsn)
	}
	return dir, nil
}

func newStore(opts Options) *Store {
	s := &Store{log: opts.Log, now: opts.Now}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

func readers(opts Options) int {
	if opts.Readers > 0 {
		return opts.Readers
	}
	return 6
}

func (s *Store) openFolder(ctx context.Context, dsn string, opts Options) error {
	dir, err := folder(dsn)
	if err != nil {
		return err
	}
	if opts.Partitions > 1 {
		return errors.New("a folder has one partition")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w", err)
	}
	s.dir = dir
	unlock, err := lock(filepath.Join(s.dir, lockFile))
	if err != nil {
		return err
	}
	s.undo = append(s.undo, unlock)
	if err := widowed(s.dir, opts.Intake); err != nil {
		return err
	}
	if err := keepPrivate(s.log, s.dir); err != nil {
		return fmt.Errorf("the database cannot be made: %w", err)
	}
	db, err := openSQLite(s.dir, readers(opts), false, s.log)
	if err != nil {
		return err
	}
	s.db = db
	s.undo = append(s.undo, db.close)
	if err := db.fresh(ctx, s.dir, opts.Intake); err != nil {
		return err
	}
	index := newSearchFile(s)
	s.search = index
	s.undo = append(s.undo, index.close)
	if err := migrate(ctx, db.file); err != nil {
		return unreachable(err)
	}
	return s.found(ctx, 1)
}

// found writes what a new database begins with.
func (s *Store) found(ctx context.Context, partitions int) error {
	return s.db.write(ctx, ofOthers, func(q tx) error {
		var n int
		if _, err := one(q, `SELECT count(*) FROM partitions`, nil, &n); err != nil || n > 0 {
			return err
		}
		if _, err := q.exec(`INSERT INTO meta (key, value) VALUES ('created_at', $1)`, s.now().UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		for part := range partitions {
			_, err := q.exec(`INSERT INTO partitions (part, epoch, log_seq, envelope, n) VALUES ($1, 0, 0, $2, 0)`, part, chat.ID{})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// look reads a little of what every other call needs, so that a damaged database
// is noticed now.
func (s *Store) look(ctx context.Context) error {
	err := s.db.read(ctx, func(q tx) error {
		if _, err := one(q, `SELECT count(*) FROM partitions`, nil, &s.partitions); err != nil {
			return err
		}
		var n uint64
		if _, err := one(q, `SELECT n FROM events WHERE part = 0 ORDER BY n DESC LIMIT 1`, nil, &n); err != nil {
			return err
		}
		_, err := one(q, `SELECT count(*) FROM rooms WHERE folded = $1`, []any{""}, &n)
		return err
	})
	if err == nil && s.partitions == 0 {
		err = fmt.Errorf("%w: it has no partitions", ErrDamaged)
	}
	return err
}

// Close waits for what is under way, and gives the database back.
func (s *Store) Close() error {
	var errs []error
	for i := len(s.undo) - 1; i >= 0; i-- {
		errs = append(errs, s.undo[i]())
	}
	s.undo = nil
	return errors.Join(errs...)
}

// Partitions is how many partitions the data was made with.
func (s *Store) Partitions(context.Context) (int, error) { return s.partitions, nil }

func (s *Store) millis() int64 { return s.now().UnixMilli() }
