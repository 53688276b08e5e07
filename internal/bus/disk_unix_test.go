//go:build linux || darwin

package bus_test

import (
	"math"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestWritesFail: a disk that has space and takes nothing is a full one. It
// needs a process of its own, because the limit is one for all files.
func TestWritesFail(t *testing.T) {
	const inside = "PARLEY_TEST_WRITES_FAIL"
	if os.Getenv(inside) != "" {
		goOn(t, limited(t), "the log under ")
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWritesFail$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// limited is a disk on which every write fails, although it has space: no file
// may grow.
func limited(t *testing.T) *disk {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	set := func(limit uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: was.Max}); err != nil {
			t.Error(err)
		}
	}
	return &disk{
		dir:   t.TempDir(),
		fill:  func(*testing.T) { set(1) },
		clear: func(*testing.T) { set(was.Cur) },
		free:  func(string) (int64, error) { return math.MaxInt64, nil },
	}
}
