package store_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, inFolders())
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, inDatabases(1))
}

// onEach checks on every kind of database there is.
func onEach(t *testing.T, check func(t *testing.T, open storetest.Open)) {
	t.Run("SQLite", func(t *testing.T) { check(t, inFolders()) })
	t.Run("PostgreSQL", func(t *testing.T) { check(t, inDatabases(1)) })
}

// inDatabases opens one database per test, however often it is asked.
func inDatabases(partitions int) storetest.Open {
	databases := map[string]string{}
	return func(t *testing.T) *store.Store {
		t.Helper()
		if databases[t.Name()] == "" {
			databases[t.Name()] = pgtest.Fresh(t, partitions)
		}
		return pgtest.Open(t, databases[t.Name()], store.Options{})
	}
}

// inFolders opens one folder per test, however often it is asked.
func inFolders() storetest.Open {
	folders := map[string]string{}
	return func(t *testing.T) *store.Store {
		t.Helper()
		if folders[t.Name()] == "" {
			folders[t.Name()] = t.TempDir()
		}
		return openFolder(t, folders[t.Name()])
	}
}

func openFolder(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
