package bus

import (
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
)

// Limits of one envelope.
const (
	MaxCommands = 1000
	MaxBytes    = 512 << 10
)

// Limits of what one [Reader.Next] returns, and so of a commit. Commands wait when
// there is more to do than is done, and then fewer, larger commits do more: a page
// of a room is written once for all of them, and so is a client's socket.
const (
	BatchCommands = 4 * MaxCommands
	BatchBytes    = 4 * MaxBytes
)

// Envelope is the unit in which a gateway appends commands to a log.
type Envelope struct {
	ID       chat.ID // the same however often it is appended
	Gateway  uint64  // the gateway run that took the commands
	Commands []chat.Command
}

const envelopeVersion = 1

// envelopeHead is how many bytes stand before the commands.
const envelopeHead = 1 + 16 + 8

// envelope writes what an envelope starts with; the commands' frames follow, up
// to the end.
func (e *Encoder) envelope(id chat.ID, gateway uint64) {
	e.Byte(envelopeVersion)
	e.ID(id)
	e.Fixed(gateway)
}

// AppendBinary writes the envelope behind b.
func (v *Envelope) AppendBinary(b []byte) ([]byte, error) {
	if len(v.Commands) > MaxCommands {
		return b, fmt.Errorf("an envelope of %d commands; at most %d", len(v.Commands), MaxCommands)
	}
	e := Encoder{b}
	e.envelope(v.ID, v.Gateway)
	for i := range v.Commands {
		e.Command(&v.Commands[i])
	}
	if size := len(e.B) - len(b); size > MaxBytes {
		return b, fmt.Errorf("an envelope of %d bytes; at most %d", size, MaxBytes)
	}
	return e.B, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (v *Envelope) UnmarshalBinary(b []byte) error {
	d := NewDecoder(b)
	d.Version(envelopeVersion)
	v.ID, v.Gateway = d.ID(), d.Fixed()
	n := d.frames()
	if n > MaxCommands {
		d.Fail("%d commands; at most %d", n, MaxCommands)
	}
	if d.Err() != nil {
		return d.Err()
	}
	v.Commands = make([]chat.Command, n)
	for i := range v.Commands {
		d.Command(&v.Commands[i])
	}
	return d.Err()
}
