package store_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// TestOnlyTheOwnerReadsTheFiles: also in a folder that was there before with a mode
// of its own, and when they were wider.
func TestOnlyTheOwnerReadsTheFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	use := func() *store.Store {
		s := openFolder(t, dir)
		alice := storetest.ID(1)
		w := storetest.NewWorker(t, s)
		w.Event(storetest.Create(chat.Group, "Team", alice))
		search(t, s, alice, "nothing", 0)
		return s
	}
	s := use()
	expectPrivate(t, dir, "parley.db", "parley.db-wal", "parley.db-shm", "search.db", "search.db-wal", "lock")
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := s.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"parley.db", "search.db", "lock"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	use()
	expectPrivate(t, dir, "parley.db", "parley.db-wal", "parley.db-shm", "search.db", "search.db-wal", "lock")

	expectPrivate(t, filepath.Dir(backup), "backup.db")
	into := t.TempDir()
	if err := store.Restore(t.Context(), backup, into); err != nil {
		t.Fatal(err)
	}
	expectPrivate(t, into, "parley.db")
}

func expectPrivate(t *testing.T, dir string, names ...string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		seen++
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", path, mode)
		}
		return nil
	})
	if err != nil || seen < len(names) {
		t.Errorf("%d files of %v, %v", seen, names, err)
	}
}

// TestAFolderThatOthersWriteToIsSaid: one that they can only list is not.
func TestAFolderThatOthersWriteToIsSaid(t *testing.T) {
	for mode, said := range map[fs.FileMode]bool{0o700: false, 0o755: false, 0o775: true, 0o777: true} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "0700") != said {
			t.Errorf("mode %o: %s", mode, &log)
		}
	}
}
