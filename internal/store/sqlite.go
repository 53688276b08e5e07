package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	mainFile   = "parley.db"
	searchFile = "search.db"
	lockFile   = "lock"

	// Nearly every message dirties one page of the index of its room, so a
	// larger page is more to write per message; half of it measured the same.
	pageSize = 4096

	// A commit walks over everything that the writer has cached, so more is not
	// better: 64 MiB cost a fifth more than 16.
	writerCacheKiB = 16 << 10

	// checkpointRows is how many rows are written between two checkpoints. A
	// larger log makes checkpoints rarer and opening after a crash slower.
	checkpointRows = 10_000
)

// sqliteDB is a folder with an SQLite database that this process alone has open:
// one connection writes, several read.
type sqliteDB struct {
	file     string
	readOnly bool
	log      *slog.Logger

	turns  queue
	writer *conn // nil: open it again

	readers chan *conn // nil in it: open one

	reserved sync.Map // names, by reserve

	written  atomic.Int64 // rows since the last checkpoint
	due      chan struct{}
	stopping context.CancelFunc
	tasks    sync.WaitGroup
}

func openSQLite(dir string, readers int, readOnly bool, log *slog.Logger) (*sqliteDB, error) {
	d := &sqliteDB{
		file: filepath.Join(dir, mainFile), readOnly: readOnly, log: log,
		readers: make(chan *conn, readers), due: make(chan struct{}, 1),
	}
	for range readers {
		d.readers <- nil
	}
	if !readOnly {
		w, err := d.openWriter()
		if err != nil {
			return nil, unreachable(err)
		}
		d.writer = w
		ctx, cancel := context.WithCancel(context.Background())
		d.stopping = cancel
		d.tasks.Go(func() { d.checkpoints(ctx) })
	}
	return d, nil
}

func (d *sqliteDB) openWriter() (*conn, error) {
	return openConn(d.file, sqlite.OpenReadWrite|sqlite.OpenCreate,
		fmt.Sprintf("PRAGMA page_size=%d", pageSize),
		"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=0",
		"PRAGMA secure_delete=FAST", fmt.Sprintf("PRAGMA cache_size=-%d", writerCacheKiB), "PRAGMA temp_store=MEMORY")
}

func (d *sqliteDB) openReader() (*conn, error) {
	return openConn(d.file, sqlite.OpenReadOnly,
		"PRAGMA query_only=1", "PRAGMA cache_size=-16384", "PRAGMA mmap_size=1073741824", "PRAGMA temp_store=MEMORY")
}

func (d *sqliteDB) read(ctx context.Context, fn func(tx) error) (err error) {
	var k *conn
	select {
	case k = <-d.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { d.readers <- k }()
	if k == nil {
		if k, err = d.openReader(); err != nil {
			k = nil
			return unreachable(err)
		}
	}
	k.ctx = ctx
	if _, err := k.exec("BEGIN"); err != nil {
		return unreachable(err)
	}
	err = fn(k)
	if _, eerr := k.exec("COMMIT"); eerr != nil {
		k.close()
		k = nil
	}
	return unreachable(err)
}

func (d *sqliteDB) write(ctx context.Context, c class, fn func(tx) error) error {
	if d.readOnly {
		return errors.New("the store was opened for reading")
	}
	if err := d.turns.enter(ctx, c); err != nil {
		return fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	defer d.turns.leave()
	if d.writer == nil {
		w, err := d.openWriter()
		if err != nil {
			return unreachable(err)
		}
		d.writer = w
	}
	k := d.writer
	k.ctx = ctx
	k.changed = 0
	err := transact(k, fn)
	if err != nil && !k.c.AutocommitEnabled() {
		k.close()
		d.writer = nil
	}
	d.wrote(k.changed)
	return unreachable(err)
}

// transact leaves no transaction open unless the connection is beyond use.
func transact(k *conn, fn func(tx) error) (err error) {
	if _, err := k.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done && !k.c.AutocommitEnabled() {
			_, rerr := k.exec("ROLLBACK")
			err = errors.Join(err, rerr)
		}
	}()
	if err := fn(k); err != nil {
		return err
	}
	if _, err := k.exec("COMMIT"); err != nil {
		return err
	}
	done = true
	return nil
}

// wrote counts rows and asks for a checkpoint when it is time.
func (d *sqliteDB) wrote(rows int) {
	if d.written.Add(int64(rows)) < checkpointRows {
		return
	}
	d.written.Store(0)
	select {
	case d.due <- struct{}{}:
	default:
	}
}

// passesBeside is how often a checkpoint catches up with the writer before it
// asks the writer to wait: each pass leaves less than the one before.
const passesBeside = 2

// checkpoints moves the write-ahead log into the database beside the writer, so
// that no commit pays for it; only the rest, written meanwhile, is moved while
// the writer waits, so that the log starts over and does not grow for ever.
func (d *sqliteDB) checkpoints(ctx context.Context) {
	var k *conn
	defer func() {
		if k != nil {
			k.close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.due:
		}
		var err error
		if k == nil {
			if k, err = openConn(d.file, sqlite.OpenReadWrite, "PRAGMA wal_autocheckpoint=0"); err != nil {
				k = nil
				d.log.Warn("checkpoint: the database cannot be opened", "err", err)
				continue
			}
		}
		for range passesBeside {
			if err = k.once("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
				break
			}
		}
		if err == nil && d.turns.enter(ctx, ofOthers) == nil {
			err = k.once("PRAGMA wal_checkpoint(PASSIVE)")
			d.turns.leave()
		}
		if err != nil {
			d.log.Warn("checkpoint: the write-ahead log stays long", "err", err)
		}
	}
}

func (d *sqliteDB) close() error {
	var errs []error
	if d.stopping != nil {
		d.stopping()
		d.tasks.Wait()
	}
	for range cap(d.readers) {
		if k := <-d.readers; k != nil {
			errs = append(errs, k.close())
		}
	}
	if err := d.turns.enter(context.Background(), ofOthers); err != nil {
		return err
	}
	if d.writer != nil {
		errs = append(errs, d.writer.close())
		d.writer = nil
	}
	return errors.Join(errs...)
}

func (d *sqliteDB) check(ctx context.Context) (complaints []string, err error) {
	err = d.read(ctx, func(q tx) error {
		return q.query(`PRAGMA integrity_check(20)`, nil, func(r row) error {
			var s string
			err := r.scan(&s)
			if s != "ok" {
				complaints = append(complaints, s)
			}
			return err
		})
	})
	return complaints, err
}

// unreachable tells a database that is away, full or broken from a mistake in
// what it was asked.
func unreachable(err error) error {
	if err == nil || errors.Is(err, chat.ErrUnreachable) {
		return err
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull, sqlite.ResultIOErr, sqlite.ResultBusy, sqlite.ResultLocked, sqlite.ResultCantOpen,
		sqlite.ResultNoMem, sqlite.ResultReadOnly, sqlite.ResultPerm, sqlite.ResultProtocol, sqlite.ResultInterrupt:
		return fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return fmt.Errorf("%w: %w: %w", chat.ErrUnreachable, ErrDamaged, err)
	}
	return err
}

// violatedSQLite is [violated] for SQLite.
func violatedSQLite(err error) string {
	switch sqlite.ErrCode(err) {
	case sqlite.ResultConstraintUnique, sqlite.ResultConstraintPrimaryKey, sqlite.ResultConstraintRowID:
		_, columns, _ := strings.Cut(err.Error(), "UNIQUE constraint failed: ")
		return columns
	}
	return ""
}
