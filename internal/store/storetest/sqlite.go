package storetest

import (
	"testing"

	"github.com/parley-chat/parley/internal/store"
)

// SQLite is a fresh store in a folder of its own, for the tests of those who use
// one. It is closed when the test ends.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{})
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
