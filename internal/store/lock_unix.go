//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// departing is how long a process that was killed may still hold its folder: the
// kernel closes its files some time after kill has returned.
const departing = time.Second

// lock takes the folder for this process until it ends or unlock is called. It
// waits a second for one that is about to end, then fails with [ErrLocked]. The
// file stays: removing it would let two processes lock two files of one name.
func lock(file string) (unlock func() error, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data folder cannot be locked: %w", err)
	}
	take := func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
	err = take()
	for late := time.Now().Add(departing); errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(late); err = take() {
		time.Sleep(10 * time.Millisecond)
	}
	switch {
	case err == nil:
		return f.Close, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = ErrLocked
	default:
		err = fmt.Errorf("the data folder cannot be locked: %w", err)
	}
	f.Close()
	return nil, err
}
