package store

import (
	"fmt"
	"os"
	"path/filepath"
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
	if file := filepath.Join(dir, mainFile); !exists(file) {
		return fmt.Errorf("there is no %s", file)
	}
	return nil
}
