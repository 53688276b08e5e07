package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// used is a folder that a server ran on: a database, an index and an intake log.
// It is left as by a kill, with the newest commits in the write-ahead log.
func used(t *testing.T) (dir string) {
	t.Helper()
	running, dir := t.TempDir(), t.TempDir()
	s := openFolder(t, running)
	alice := storetest.ID(1)
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	w.Event(storetest.Say(alice, room, "needle"))
	search(t, s, alice, "needle", 1)
	for _, name := range []string{"parley.db", "parley.db-wal", "search.db"} {
		write(t, filepath.Join(dir, name), read(t, filepath.Join(running, name)))
	}
	log := filepath.Join(dir, "intake", "jetstream", "msgs")
	if err := os.MkdirAll(log, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(log, "1.blk"), []byte("commands"))
	return dir
}

// TestALostDatabaseIsNotBegunAnew: what was decided once would be decided again in
// an empty one, and whoever came first would own it.
func TestALostDatabaseIsNotBegunAnew(t *testing.T) {
	for name, lose := range map[string]func(at func(string) string) error{
		"emptied":                     func(at func(string) string) error { return os.Truncate(at("parley.db"), 0) },
		"missing":                     func(at func(string) string) error { return os.Remove(at("parley.db")) },
		"without its write-ahead log": func(at func(string) string) error { return os.Remove(at("parley.db-wal")) },
		"missing, only the intake log is left": func(at func(string) string) error {
			return errors.Join(os.Remove(at("parley.db")), os.Remove(at("parley.db-wal")), os.Remove(at("search.db")))
		},
		"missing, only the index is left": func(at func(string) string) error {
			return errors.Join(os.Remove(at("parley.db")), os.Remove(at("parley.db-wal")), os.RemoveAll(at("intake")))
		},
		"emptied, only its write-ahead log is left": func(at func(string) string) error {
			return errors.Join(os.Truncate(at("parley.db"), 0), os.Remove(at("search.db")), os.RemoveAll(at("intake")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := used(t)
			if err := lose(func(file string) string { return filepath.Join(dir, file) }); err != nil {
				t.Fatal(err)
			}
			wal := filepath.Join(dir, "parley.db-wal")
			before, beforeErr := os.ReadFile(wal)
			for range 2 { // the first refusal makes nothing that the second would take for a database
				_, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{Intake: filepath.Join(dir, "intake")})
				if !errors.Is(err, store.ErrLost) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("got %v", err)
				}
			}
			if after, err := os.ReadFile(wal); beforeErr == nil && (err != nil || string(after) != string(before)) {
				t.Errorf("the write-ahead log has changed: %v", err)
			}
			if name == "without its write-ahead log" {
				return
			}
			if s, err := store.OpenReadOnly(t.Context(), "sqlite:"+dir, store.Options{}); err == nil {
				t.Error("it opens for reading", s.Close())
			}
		})
	}
}

func TestAUsedFolderGoesOn(t *testing.T) {
	for name, change := range map[string]func(at func(string) string) error{
		"as it is":               func(func(string) string) error { return nil },
		"without the intake log": func(at func(string) string) error { return os.RemoveAll(at("intake")) },
		"without the index":      func(at func(string) string) error { return os.Remove(at("search.db")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := used(t)
			if err := change(func(file string) string { return filepath.Join(dir, file) }); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{Intake: filepath.Join(dir, "intake")})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			search(t, s, storetest.ID(1), "needle", 1)
		})
	}
}

// TestAnEmptyFolderIsANewOne: also with what a start leaves that was killed before
// there was a database, and where an empty disk is mounted for the log.
func TestAnEmptyFolderIsANewOne(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"lock", "parley.db", "parley.db-wal"} {
		write(t, filepath.Join(dir, file), nil)
	}
	if err := os.MkdirAll(filepath.Join(dir, "intake", "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{Intake: filepath.Join(dir, "intake")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestABackupIsNotRestoredBesideAnotherLog(t *testing.T) {
	dir, file := used(t), filepath.Join(t.TempDir(), "backup.db")
	s := openFolder(t, t.TempDir())
	if err := s.Backup(t.Context(), file, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "parley.db")); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(t.Context(), file, dir); err == nil || !strings.Contains(err.Error(), "parley.db-wal") {
		t.Errorf("got %v", err)
	}
}

// TestAFolderThatCannotBeReadIsNotCalledEmpty: root may read everything, so it is
// a file where the folder should be.
func TestAFolderThatCannotBeReadIsNotCalledEmpty(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	if err := store.Founded(file); err == nil || strings.Contains(err.Error(), "there is no") {
		t.Errorf("got %v", err)
	}
	if err := store.Founded(t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no") {
		t.Errorf("of an empty folder: %v", err)
	}
}
