package bench

import (
	"encoding/binary"
	"strings"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/client"
)

// template is one sender's frame with places for nonce and stamp, so that a
// message costs a copy and two numbers.
type template struct {
	frame []byte
	nonce int // where the nonce's last 12 digits stand
	stamp int
}

// newTemplate makes messages to room whose text has size bytes, at least the stamp.
func newTemplate(room string, nonces string, size int) template {
	text := strings.Repeat("0", stampSize) + " " + strings.Repeat("x", max(0, size-stampSize-1))
	payload := `{"type":"send","ref":"` + ref + `","room":"` + room + `","nonce":"` + nonces + `","text":"` + text + `"}`
	// The mask is zero: this is a load generator on its own socket, and every
	// nanosecond here is taken from the server on the same machine.
	frame := []byte{0x80 | client.OpText}
	switch {
	case len(payload) < 126:
		frame = append(frame, 0x80|byte(len(payload)))
	case len(payload) <= 0xffff:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(len(payload)))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(len(payload)))
	}
	frame = append(frame, 0, 0, 0, 0)
	head := len(frame)
	frame = append(frame, payload...)
	return template{
		frame: frame,
		nonce: head + strings.Index(payload, nonces) + len(nonces) - nonceDigits,
		stamp: head + strings.Index(payload, text),
	}
}

const nonceDigits = 12

// newNonces returns a UUIDv7 whose last 12 digits count one run's messages.
func newNonces() string { return uuid.Must(uuid.NewV7()).String() }

// append adds the frame of message k, due at stamp, to dst.
func (t *template) append(dst []byte, k, stamp int64) []byte {
	const hex = "0123456789abcdef"
	at := len(dst)
	dst = append(dst, t.frame...)
	frame := dst[at:]
	for i := nonceDigits - 1; i >= 0; i-- {
		frame[t.nonce+i] = hex[k&15]
		k >>= 4
	}
	for i := stampSize - 1; i >= 0; i-- {
		frame[t.stamp+i] = byte('0' + stamp%10)
		stamp /= 10
	}
	return dst
}
