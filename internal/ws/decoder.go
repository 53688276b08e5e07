package ws

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// What a client did wrong; handed to Handler.Closed with the code that it was told.
var (
	errBinary   = errors.New("ws: binary message")
	errTooLarge = errors.New("ws: message too large")
	errUTF8     = errors.New("ws: text is not UTF-8")
	errClose    = errors.New("ws: malformed close frame")
)

const readSize = 4 << 10

// scratch is what reading needs for as long as there is something to read; idle connections hold none.
type scratch struct {
	buf  [readSize]byte
	head [ws.MaxHeaderSize]byte
	src  bytes.Reader
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// sink is told what a client sent. Slices are valid only during the call.
type sink interface {
	text(msg []byte)
	ping(payload []byte)
	// closed: the peer's close frame; nothing follows it.
	closed(code int)
	// refused: the peer broke a rule and shall be closed with code; of what follows only a close frame is reported.
	refused(code int, err error)
}

// decoder turns the bytes of a client into messages, in whatever pieces they come. Between messages it holds no memory;
// a frame that lies whole in the piece at hand is unmasked in place and never copied.
type decoder struct {
	part *partial
	bad  bool // a rule was broken: frames are skipped, only a close frame counts
	done bool // nothing more is expected
}

// partial is what is kept of a frame or message that has not fully arrived.
type partial struct {
	head    [ws.MaxHeaderSize]byte // of a header cut in two
	headLen int
	inFrame bool // frame is known, its payload is coming
	frame   ws.Header
	got     int    // payload bytes of frame that have come
	ctl     []byte // those bytes, of a control frame
	msg     []byte // those of the message's data frames so far
	inMsg   bool   // the message's first frame is complete, its last is not
}

func (d *decoder) kept() *partial {
	if d.part == nil {
		d.part = new(partial)
	}
	return d.part
}

// feed reads b, which it changes, and reports to the sink what becomes complete. No message is larger than limit bytes.
func (d *decoder) feed(s *scratch, b []byte, limit int, to sink) {
	for !d.done {
		h, rest, ok := d.header(s, b, limit, to)
		if !ok {
			return
		}
		b = d.payload(h, rest, to)
		if p := d.part; p != nil {
			if p.inFrame {
				return // b is used up
			}
			if !p.inMsg && p.headLen == 0 {
				d.part = nil
			}
		}
		if len(b) == 0 {
			return
		}
	}
}

// header returns the frame that b continues, or begins with, and b behind the header; not ok: more bytes are needed.
func (d *decoder) header(s *scratch, b []byte, limit int, to sink) (h ws.Header, rest []byte, ok bool) {
	if d.part != nil && d.part.inFrame {
		return d.part.frame, b, len(b) > 0
	}
	src, old := b, 0
	if d.part != nil && d.part.headLen > 0 {
		old = d.part.headLen
		src = d.part.head[:old+copy(d.part.head[old:], b)]
	}
	s.src.Reset(src)
	h, err := ws.ReadHeaderBuffer(&s.src, s.head[:])
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		if len(src) > 0 {
			p := d.kept()
			p.headLen = copy(p.head[:], src)
		}
		return h, nil, false
	case err != nil: // a length no frame can have: where the next frame starts is unknown
		d.refuse(CodeProtocol, err, to)
		d.done, d.part = true, nil
		return h, nil, false
	}
	if old > 0 {
		d.part.headLen = 0
	}
	d.check(h, limit, to)
	return h, b[len(src)-s.src.Len()-old:], true
}

// check refuses what a client must not send, before its payload is read.
func (d *decoder) check(h ws.Header, limit int, to sink) {
	if d.bad {
		return
	}
	state, have := ws.StateServerSide, 0
	if d.part != nil && d.part.inMsg {
		state, have = state|ws.StateFragmented, len(d.part.msg)
	}
	switch err := ws.CheckHeader(h, state); {
	case err != nil:
		d.refuse(CodeProtocol, err, to)
	case h.OpCode == ws.OpBinary:
		d.refuse(CodeUnsupported, errBinary, to)
	case h.OpCode.IsData() && h.Length > int64(limit-have):
		d.refuse(CodeTooLarge, errTooLarge, to)
	}
}

func (d *decoder) refuse(code int, err error, to sink) {
	if d.bad {
		return
	}
	d.bad = true
	if d.part != nil {
		d.part.msg, d.part.inMsg = nil, false
	}
	to.refused(code, err)
}

// payload takes what b holds of the frame h and returns what lies behind it.
func (d *decoder) payload(h ws.Header, b []byte, to sink) []byte {
	got := 0
	if d.part != nil && d.part.inFrame {
		got = d.part.got
	}
	n := int(min(h.Length-int64(got), int64(len(b))))
	piece, rest := b[:n], b[n:]
	complete := int64(got+n) == h.Length
	if !complete {
		p := d.kept()
		p.inFrame, p.frame, p.got = true, h, got+n
	} else if d.part != nil {
		d.part.inFrame = false
	}
	if d.bad && (h.OpCode != ws.OpClose || h.Length > ws.MaxControlFramePayloadSize) {
		return rest
	}
	if h.Masked {
		ws.Cipher(piece, h.Mask, got)
	}
	if h.OpCode.IsControl() {
		d.control(h, piece, complete, to)
	} else {
		d.data(h, piece, complete, to)
	}
	return rest
}

func (d *decoder) control(h ws.Header, piece []byte, complete bool, to sink) {
	if !complete || (d.part != nil && len(d.part.ctl) > 0) {
		p := d.kept()
		p.ctl = append(p.ctl, piece...)
		if !complete {
			return
		}
		piece, p.ctl = p.ctl, nil
	}
	switch h.OpCode {
	case ws.OpPing:
		to.ping(piece)
	case ws.OpClose:
		d.close(piece, to)
	}
}

func (d *decoder) data(h ws.Header, piece []byte, complete bool, to sink) {
	msg := piece
	if !complete || !h.Fin || (d.part != nil && (d.part.inMsg || len(d.part.msg) > 0)) {
		p := d.kept()
		p.msg = append(p.msg, piece...)
		if complete {
			p.inMsg = !h.Fin
		}
		if !complete || !h.Fin {
			return
		}
		msg, p.msg = p.msg, nil
	}
	if !utf8.Valid(msg) {
		d.refuse(CodeBadText, errUTF8, to)
		return
	}
	to.text(msg)
}

func (d *decoder) close(body []byte, to sink) {
	code := CodeNone
	if len(body) >= 2 {
		code = int(binary.BigEndian.Uint16(body))
	}
	switch {
	case d.bad:
	case len(body) == 1 || (len(body) >= 2 && !mayClose(code)):
		d.refuse(CodeProtocol, errClose, to)
	case len(body) > 2 && !utf8.Valid(body[2:]):
		d.refuse(CodeBadText, errClose, to)
	}
	d.done, d.part = true, nil
	to.closed(code)
}

// mayClose says whether a peer may give this code (RFC 6455 §7.4 and IANA's registry of close codes).
func mayClose(code int) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
}
