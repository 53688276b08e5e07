package store

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnanswered ends a connection whose bytes are not acknowledged: without it
// what was sent into a cut network is repeated for a quarter of an hour.
func limitUnanswered(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patience.Milliseconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}
