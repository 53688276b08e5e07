package ws

import "errors"

// Close codes that this package sends or reports by itself. Those below 4000 are RFC 6455's, the others Parley's.
const (
	CodeNormal      = 1000
	CodeGoingAway   = 1001 // the server is draining
	CodeProtocol    = 1002
	CodeUnsupported = 1003 // a binary message
	CodeNone        = 1005 // the peer closed without a code; never on the wire
	CodeAbnormal    = 1006 // the connection broke, or was dropped, without a close frame; never on the wire
	CodeBadText     = 1007
	CodeIdle        = 1001 // silent for longer than Config.IdleTimeout: clients come back on it, a laptop that slept among them
	CodeInternal    = 1011 // Handler.Text panicked
	CodeSlow        = 4408 // does not read what is sent to it
	CodeTooLarge    = 4413 // a message over Config.MaxFrame
)

var (
	// ErrClosed: the connection is closed or closing; nothing more is sent on it.
	ErrClosed = errors.New("ws: connection closed")
	// ErrSlow: the peer does not read fast enough; its connection is closing with CodeSlow.
	ErrSlow = errors.New("ws: peer reads too slowly")
	// ErrIdle: nothing was heard of the peer for Config.IdleTimeout.
	ErrIdle = errors.New("ws: peer is silent")
	// ErrServerClosed: Server.Close was called; no connection is accepted any more.
	ErrServerClosed = errors.New("ws: server closed")

	errAgain = errors.New("ws: socket takes nothing now")
)
