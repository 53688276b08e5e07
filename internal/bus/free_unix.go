//go:build linux || darwin

package bus

import (
	"os"
	"syscall"
)

// freeBytes is how much this process may still write under the folder.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	blocks := s.Bavail
	if os.Geteuid() == 0 { // what is set aside is set aside for root
		blocks = s.Bfree
	}
	return int64(blocks) * int64(s.Bsize), nil
}
