//go:build !unix

package store

import (
	"errors"
	"fmt"
)

// lock refuses: without a lock that dies with its process, two of them could
// write to one folder.
func lock(string) (func() error, error) {
	return nil, fmt.Errorf("a data folder is kept on Unix-like systems only: %w", errors.ErrUnsupported)
}
