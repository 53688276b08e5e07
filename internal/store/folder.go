package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LockFolder makes a folder, to its owner only, and takes it for this process:
// with a database elsewhere a data folder holds the intake log alone. It fails
// with [ErrLocked] when another process keeps it for a second.
func LockFolder(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	return lock(filepath.Join(dir, lockFile))
}

// Founded says in a sentence when a folder has no database.
func Founded(dir string) error {
	file := filepath.Join(dir, mainFile)
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && exists(file+partEnd):
		return ErrHalf
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s", file)
	case err != nil:
		return fmt.Errorf("the data folder cannot be read: %w", err)
	case info.Size() > 0:
		return nil
	}
	if err := widowed(dir, ""); err != nil {
		return err
	}
	return fmt.Errorf("there is nothing in %s", file)
}

// widowed is [ErrLost] when the database's file is missing or empty, and what is
// written only after a database was begun is there: its write-ahead log, which
// SQLite would delete when it opened the file, its search index, and the intake
// log, which may be elsewhere. It is [ErrHalf] when a restore was killed.
func widowed(dir, intake string) error {
	file := filepath.Join(dir, mainFile)
	if size(file) > 0 {
		return nil
	}
	if exists(file + partEnd) {
		return ErrHalf
	}
	left := leftovers(dir, intake)
	if log := file + "-wal"; size(log) > 0 {
		left = append([]string{log}, left...)
	}
	return lost(left)
}

// fresh is [ErrLost] when the database was never begun, although it has been used:
// a file with nothing but a header is left where its write-ahead log was removed.
// A first start that is killed leaves no such folder: the database is begun before
// the index and the intake log are made.
func (d *sqliteDB) fresh(ctx context.Context, dir, intake string) error {
	left := leftovers(dir, intake)
	if len(left) == 0 {
		return nil
	}
	n := 0
	err := d.read(ctx, func(q tx) error {
		_, err := one(q, `SELECT count(*) FROM sqlite_master WHERE name = 'partitions'`, nil, &n)
		if err == nil && n > 0 {
			_, err = one(q, `SELECT count(*) FROM partitions`, nil, &n)
		}
		return err
	})
	if err != nil || n > 0 {
		return err
	}
	return lost(left)
}

func leftovers(dir, intake string) (left []string) {
	if index := filepath.Join(dir, searchFile); exists(index) {
		left = append(left, index)
	}
	if intake != "" && holdsFiles(intake) {
		left = append(left, intake)
	}
	return left
}

func lost(left []string) error {
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%w (there is still %s)", ErrLost, strings.Join(left, ", "))
}

// holdsFiles says whether there is a file in a folder or below: an empty one may
// be where another disk is mounted.
func holdsFiles(dir string) bool {
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			return errEnough
		}
		return nil
	})
	return errors.Is(err, errEnough)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// size is 0 for a file that is not there.
func size(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}
