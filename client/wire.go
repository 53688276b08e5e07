package client

import (
	"encoding/binary"
	"errors"

	"github.com/gobwas/ws"
)

// Frame is one websocket frame as it stands in a buffer.
type Frame struct {
	Op  byte
	Fin bool
	// Payload points into the buffer that the frame was split from.
	Payload []byte
}

// Operation codes of frames (RFC 6455 section 5.2).
const (
	OpContinuation = byte(ws.OpContinuation)
	OpText         = byte(ws.OpText)
	OpBinary       = byte(ws.OpBinary)
	OpClose        = byte(ws.OpClose)
	OpPing         = byte(ws.OpPing)
	OpPong         = byte(ws.OpPong)
)

// ErrFrame says that the server sent something that is no websocket frame of
// a server: masked, compressed or beyond the size limit.
var ErrFrame = errors.New("parley: bad websocket frame from the server")

// SplitFrame takes the first frame off data. n is the frame's whole size in
// bytes; when data does not hold all of it, n is the size needed as far as it
// is known, which is then more than len(data).
func SplitFrame(data []byte) (f Frame, n int, err error) {
	if len(data) < 2 {
		return f, 2, nil
	}
	// RSV bits would mean an extension and servers do not mask: neither is
	// ever agreed on.
	if data[0]&0x70 != 0 || data[1]&0x80 != 0 {
		return f, 0, ErrFrame
	}
	head, size := 2, int(data[1])
	switch size {
	case 126:
		if len(data) < 4 {
			return f, 4, nil
		}
		head, size = 4, int(binary.BigEndian.Uint16(data[2:]))
	case 127:
		if len(data) < 10 {
			return f, 10, nil
		}
		long := binary.BigEndian.Uint64(data[2:])
		if long > 1<<31 {
			return f, 0, ErrFrame
		}
		head, size = 10, int(long)
	}
	n = head + size
	if len(data) < n {
		return f, n, nil
	}
	f.Op, f.Fin, f.Payload = data[0]&0x0f, data[0]&0x80 != 0, data[head:n]
	return f, n, nil
}

// appendFrame appends a masked client frame to dst.
func appendFrame(dst []byte, op byte, mask [4]byte, payload []byte) []byte {
	dst = append(dst, 0x80|op)
	switch size := len(payload); {
	case size < 126:
		dst = append(dst, 0x80|byte(size))
	case size <= 0xffff:
		dst = append(dst, 0x80|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(size))
	default:
		dst = append(dst, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(size))
	}
	dst = append(dst, mask[:]...)
	at := len(dst)
	dst = append(dst, payload...)
	ws.Cipher(dst[at:], mask, 0)
	return dst
}
