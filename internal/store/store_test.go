package store_test

import (
	"sync"
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
	return perTest(func(t *testing.T) string { return pgtest.Fresh(t, partitions) })
}

// inFolders opens one folder per test, however often it is asked.
func inFolders() storetest.Open {
	return perTest(func(t *testing.T) string { return "sqlite:" + t.TempDir() })
}

func perTest(fresh func(t *testing.T) string) storetest.Open {
	var mu sync.Mutex
	databases := map[string]string{}
	return func(t *testing.T) *store.Store {
		t.Helper()
		mu.Lock()
		dsn := databases[t.Name()]
		mu.Unlock()
		if dsn == "" {
			dsn = fresh(t)
			mu.Lock()
			databases[t.Name()] = dsn
			mu.Unlock()
		}
		return pgtest.Open(t, dsn, store.Options{})
	}
}

func openFolder(t *testing.T, dir string) *store.Store {
	t.Helper()
	return pgtest.Open(t, "sqlite:"+dir, store.Options{})
}
