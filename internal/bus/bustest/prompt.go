package bustest

import (
	"testing"
	"time"
)

// Prompt checks that no more than limit has gone by since began. The race detector
// slows everything down, so it is given more.
func Prompt(t testing.TB, what string, began time.Time, limit time.Duration) {
	t.Helper()
	if took := time.Since(began); took > slowed*limit {
		t.Errorf("%s took %v, it may take %v", what, took, slowed*limit)
	}
}
