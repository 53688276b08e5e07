package bus_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// small is a disk of 24 MiB, full when only so many bytes are left. Who may not
// mount one gets one that is only said to be full; TestWritesFail needs no right.
func small(t *testing.T, left int64) *disk {
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m")
	if errors.Is(err, syscall.EPERM) {
		return pretended(t)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(dir, "filler")
	return &disk{
		dir: filepath.Join(dir, "intake"),
		fill: func(t *testing.T) {
			if err := fillUp(dir, filler, left); err != nil {
				t.Error(err)
			}
		},
		clear: func(t *testing.T) {
			if err := os.Remove(filler); err != nil {
				t.Error(err)
			}
		},
	}
}

// fillUp writes until no more than so many bytes are left under dir.
func fillUp(dir, filler string, left int64) (err error) {
	f, err := os.Create(filler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for {
		var s syscall.Statfs_t
		if err := syscall.Statfs(dir, &s); err != nil {
			return err
		}
		more := min(int64(s.Bavail)*int64(s.Bsize)-left, 1<<20)
		if more <= 0 {
			return nil
		}
		if _, err := f.Write(make([]byte, more)); err != nil && !errors.Is(err, syscall.ENOSPC) {
			return err
		}
	}
}
