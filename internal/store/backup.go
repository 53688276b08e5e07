package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
)

// Backup writes a consistent copy of everything to a new file while the store
// goes on working: the copy is of the moment at which Backup began. progress,
// when not nil, hears how many of all pages are done.
func (s *Store) Backup(ctx context.Context, file string, progress func(done, total int)) error {
	if exists(file) {
		return fmt.Errorf("%s exists: a backup overwrites nothing", file)
	}
	if err := makePrivate(file); err != nil {
		return fmt.Errorf("the backup was not made: %w", err)
	}
	if err := s.db.copyTo(ctx, file, progress); err != nil {
		return errors.Join(fmt.Errorf("the backup was not made: %w", err), os.Remove(file))
	}
	return nil
}

// partEnd is the end of the name of a database that is being restored.
const partEnd = ".part"

// Restore makes a data folder from a backup. The folder must have no database
// yet, and a restore that fails leaves it as it was; in one that was killed no
// database is begun, and the restore can be repeated. The search file is built
// again when the store is opened.
func Restore(ctx context.Context, file, dir string) (err error) {
	if !exists(file) {
		return fmt.Errorf("there is no %s", file)
	}
	src, err := openConn(file, sqlite.OpenReadOnly)
	if err != nil {
		return fmt.Errorf("%s is no backup: %w", file, err)
	}
	defer src.close()
	if err := src.once(`SELECT count(*) FROM partitions`); err != nil {
		return fmt.Errorf("%s is no backup of parley: %w", file, err)
	}
	ours := !exists(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, lockFile))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ours { // a server would begin anew in it
			err = errors.Join(err, os.Remove(filepath.Join(dir, lockFile)), os.Remove(dir))
		}
		err = errors.Join(err, unlock())
	}()
	target := filepath.Join(dir, mainFile)
	if exists(target) {
		return fmt.Errorf("%s exists: a restore overwrites nothing, name an empty folder", target)
	}
	if wal := target + "-wal"; size(wal) > 0 { // SQLite would take it for the backup's
		return fmt.Errorf("%s is of another database: name an empty folder", wal)
	}
	part := target + partEnd
	if err := makePrivate(part); err != nil {
		return fmt.Errorf("the backup was not restored: %w", err)
	}
	narrow(slog.New(slog.DiscardHandler), part) // one that an earlier restore has left
	if err := copyPages(ctx, src, part, nil); err != nil {
		return errors.Join(fmt.Errorf("the backup was not restored: %w", err), os.Remove(part))
	}
	return os.Rename(part, target)
}

// copyTo reads through a connection of its own that holds its snapshot, so that
// commits meanwhile do not make the copy start over.
func (d *sqliteDB) copyTo(ctx context.Context, file string, progress func(done, total int)) error {
	src, err := d.openReader()
	if err != nil {
		return err
	}
	defer src.close()
	if _, err := src.exec("BEGIN"); err != nil {
		return err
	}
	if err := src.once(`SELECT count(*) FROM partitions`); err != nil {
		return err
	}
	return copyPages(ctx, src, file, progress)
}

// pagesAtOnce is how many pages are copied between two looks at the context.
const pagesAtOnce = 1024

func copyPages(ctx context.Context, src *conn, file string, progress func(done, total int)) (err error) {
	dst, err := openConn(file, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.close()) }()
	b, err := sqlite.NewBackup(dst.c, "", src.c, "")
	if err != nil {
		return err
	}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, b.Close())
		}
		if more, err = b.Step(pagesAtOnce); err != nil {
			return errors.Join(err, b.Close())
		}
		if progress != nil {
			progress(b.PageCount()-b.Remaining(), b.PageCount())
		}
	}
	if err := b.Close(); err != nil {
		return err
	}
	return dst.once(`PRAGMA journal_mode=DELETE`) // one file, which can be read from where nothing can be written
}
