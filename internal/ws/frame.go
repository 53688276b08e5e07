package ws

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// Frame is a complete server frame, header and payload, ready for the wire. It is made once, may wait in the queues of
// any number of connections at the same time and must never be changed after it was first sent.
type Frame []byte

// TextFrame makes the frame of one whole text message. The payload is copied, once for all connections that the frame
// will be sent to, because header and payload leave as one piece; the caller keeps the payload and may change it.
// The payload must be valid UTF-8: that is not checked here.
func TextFrame(payload []byte) Frame { return makeFrame(ws.OpText, payload) }

func makeFrame(op ws.OpCode, payload []byte) Frame {
	n := len(payload)
	f := make(Frame, 0, ws.HeaderSize(ws.Header{Length: int64(n)})+n)
	const fin = 0x80
	f = append(f, fin|byte(op))
	switch {
	case n < 126:
		f = append(f, byte(n))
	case n < 1<<16:
		f = append(f, 126)
		f = binary.BigEndian.AppendUint16(f, uint16(n))
	default:
		f = append(f, 127)
		f = binary.BigEndian.AppendUint64(f, uint64(n))
	}
	return append(f, payload...)
}

// closeFrame says why the connection ends. 1005 means "no code was given" and must not appear on the wire (RFC 6455
// §7.4.1), so it becomes an empty close frame.
func closeFrame(code int, reason string) Frame {
	if code == CodeNone {
		return makeFrame(ws.OpClose, nil)
	}
	return makeFrame(ws.OpClose, ws.NewCloseFrameBody(ws.StatusCode(code), cutUTF8(reason, maxReason)))
}

// maxReason is what a control frame's 125 bytes leave behind the two of the code.
const maxReason = ws.MaxControlFramePayloadSize - 2

// cutUTF8 shortens s to at most n bytes without splitting a character: a close reason must be valid UTF-8.
func cutUTF8(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
