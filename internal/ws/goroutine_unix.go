//go:build unix

package ws

import (
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// thriftyReader waits for bytes without holding a buffer for them: most connections wait most of the time.
// It returns nil when the socket is closed already.
func thriftyReader(conn *net.TCPConn) func() (*scratch, int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	var (
		s       *scratch
		n       int
		readErr error
	)
	attempt := func(fd uintptr) (done bool) {
		s = scratches.Get().(*scratch)
		n, readErr = readSome(int(fd), s.buf[:])
		if readErr == errAgain {
			scratches.Put(s)
			s = nil
			return false
		}
		return true
	}
	return func() (*scratch, int, error) {
		s, n = nil, 0
		if err := raw.Read(attempt); err != nil {
			return nil, 0, err
		}
		return s, n, readErr
	}
}

// readSome reads from a socket that does not block; its end is io.EOF, and errAgain means that nothing is there yet.
func readSome(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, errAgain
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}
