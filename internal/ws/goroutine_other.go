//go:build !unix

package ws

import "net"

// thriftyReader has no way here to wait without a buffer.
func thriftyReader(*net.TCPConn) func() (*scratch, int, error) { return nil }
