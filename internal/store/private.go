package store

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// private is the mode of all files: the database holds password hashes and signing
// keys. SQLite gives its logs the mode of the file that they belong to.
const private fs.FileMode = 0o600

// keepPrivate makes the database's file, and narrows all files of a folder that
// nobody has open.
func keepPrivate(log *slog.Logger, dir string) error {
	warnOfWriters(log, dir)
	file, index := filepath.Join(dir, mainFile), filepath.Join(dir, searchFile)
	if err := makePrivate(file); err != nil {
		return err
	}
	narrow(log, filepath.Join(dir, lockFile))
	for _, end := range [...]string{"", "-wal", "-shm", "-journal"} {
		narrow(log, file+end, index+end)
	}
	return nil
}

// makePrivate makes an empty file, unless there is one. It never opens one that is
// there: closing it would end the locks that SQLite has on it in this process.
func makePrivate(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// narrow takes files away from all but their owner: a folder that was there before,
// or a backup that was copied into it, may have had them open to others. What
// cannot be changed is said, and used as it is.
func narrow(log *slog.Logger, files ...string) {
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm()&^private == 0 {
			continue
		}
		if err := os.Chmod(file, private); err != nil {
			log.Warn("others than the owner can read what holds secrets", "file", file, "mode", info.Mode().Perm().String(), "err", err)
		}
	}
}

// warnOfWriters says when others can replace what is in the folder. That they can
// list it tells them nothing.
func warnOfWriters(log *slog.Logger, dir string) {
	if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o022 != 0 {
		log.Warn("others than the owner can replace the files in the data folder: give it mode 0700", "folder", dir, "mode", info.Mode().Perm().String())
	}
}
