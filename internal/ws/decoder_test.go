package ws

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// tape is a sink that writes down what it is told.
type tape []string

func (t *tape) text(msg []byte)           { *t = append(*t, fmt.Sprintf("text %q", msg)) }
func (t *tape) ping(payload []byte)       { *t = append(*t, fmt.Sprintf("ping %q", payload)) }
func (t *tape) closed(code int)           { *t = append(*t, fmt.Sprintf("closed %d", code)) }
func (t *tape) refused(code int, _ error) { *t = append(*t, fmt.Sprintf("refused %d", code)) }

const testLimit = 300

// played feeds raw in pieces of the given sizes, used in turn, and returns the tape and the decoder.
func played(raw []byte, sizes ...byte) (tape, *decoder) {
	var (
		t tape
		d decoder
		s scratch
	)
	raw = bytes.Clone(raw)
	for i := 0; len(raw) > 0; i++ {
		n := len(raw)
		if len(sizes) > 0 {
			n = min(int(sizes[i%len(sizes)])+1, n)
		}
		d.feed(&s, raw[:n], testLimit, &t)
		raw = raw[n:]
	}
	return t, &d
}

func join(frames ...[]byte) []byte { return slices.Concat(frames...) }

// raw is a frame that no decent client sends.
func raw(h ws.Header, payload string) []byte {
	h.Length = max(h.Length, int64(len(payload)))
	return append(ws.MustCompileFrame(ws.Frame{Header: h}), payload...)
}

var decoderCases = []struct {
	name string
	raw  []byte
	want tape
}{
	{"nothing", nil, nil},
	{"a text", text("hi"), tape{`text "hi"`}},
	{"an empty text", text(""), tape{`text ""`}},
	{"two texts", join(text("a"), text("b")), tape{`text "a"`, `text "b"`}},
	{"the largest text", text(strings.Repeat("x", testLimit)), tape{fmt.Sprintf("text %q", strings.Repeat("x", testLimit))}},
	{"fragments", join(frame(ws.OpText, false, "a"), frame(ws.OpContinuation, false, ""), frame(ws.OpContinuation, true, "b"), text("c")),
		tape{`text "ab"`, `text "c"`}},
	{"fragments that begin and end empty", join(frame(ws.OpText, false, ""), frame(ws.OpContinuation, true, ""), text("c")), tape{`text ""`, `text "c"`}},
	{"a character in two fragments", join(frame(ws.OpText, false, "\xc3"), frame(ws.OpContinuation, true, "\xbc")), tape{`text "ü"`}},
	{"a ping between fragments", join(frame(ws.OpText, false, "a"), frame(ws.OpPing, true, "p"), frame(ws.OpContinuation, true, "b")),
		tape{`ping "p"`, `text "ab"`}},
	{"a pong", join(frame(ws.OpPong, true, "p"), text("x")), tape{`text "x"`}},
	{"close without a code", join(frame(ws.OpClose, true, ""), text("x")), tape{`closed 1005`}},
	{"close with a code", frame(ws.OpClose, true, "\x03\xe8bye"), tape{`closed 1000`}},
	{"close with Parley's code", frame(ws.OpClose, true, "\x11\x38"), tape{`closed 4408`}},
	{"close with half a code", frame(ws.OpClose, true, "\x03"), tape{`refused 1002`, `closed 1005`}},
	{"close with a reserved code", frame(ws.OpClose, true, "\x03\xed"), tape{`refused 1002`, `closed 1005`}},
	{"close with a broken reason", frame(ws.OpClose, true, "\x03\xe8\xff"), tape{`refused 1007`, `closed 1000`}},
	{"broken UTF-8, then a close", join(text("\xff"), text("x"), frame(ws.OpClose, true, "\x03\xe8")), tape{`refused 1007`, `closed 1000`}},
	{"U+0000 is UTF-8", text("\x00"), tape{`text "\x00"`}},
	{"binary", frame(ws.OpBinary, true, "x"), tape{`refused 1003`}},
	{"unmasked", raw(ws.Header{Fin: true, OpCode: ws.OpText}, "x"), tape{`refused 1002`}},
	{"unmasked ping", raw(ws.Header{Fin: true, OpCode: ws.OpPing}, "x"), tape{`refused 1002`}},
	{"reserved bit", raw(ws.Header{Fin: true, Rsv: 4, OpCode: ws.OpText, Masked: true}, "x"), tape{`refused 1002`}},
	{"reserved opcode", raw(ws.Header{Fin: true, OpCode: 3, Masked: true}, "x"), tape{`refused 1002`}},
	{"a ping in fragments", raw(ws.Header{OpCode: ws.OpPing, Masked: true}, "x"), tape{`refused 1002`}},
	{"a long ping", frame(ws.OpPing, true, strings.Repeat("x", 126)), tape{`refused 1002`}},
	{"continuation of nothing", frame(ws.OpContinuation, true, "x"), tape{`refused 1002`}},
	{"text amid fragments", join(frame(ws.OpText, false, "a"), text("b")), tape{`refused 1002`}},
	{"too large, its header only", raw(ws.Header{Fin: true, OpCode: ws.OpText, Masked: true, Length: testLimit + 1}, ""), tape{`refused 4413`}},
	{"too large, then a close", join(text(strings.Repeat("x", testLimit+1)), frame(ws.OpClose, true, "")), tape{`refused 4413`, `closed 1005`}},
	{"too large in fragments", join(frame(ws.OpText, false, strings.Repeat("x", testLimit)), frame(ws.OpContinuation, false, "x")), tape{`refused 4413`}},
	{"2^62 bytes", raw(ws.Header{Fin: true, OpCode: ws.OpText, Masked: true, Length: 1 << 62}, ""), tape{`refused 4413`}},
	{"2^63 bytes", []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'x'}, tape{`refused 1002`}},
}

func TestDecoder(t *testing.T) {
	for _, c := range decoderCases {
		for _, size := range []byte{255, 0, 1, 6} {
			if got, _ := played(c.raw, size); !slices.Equal(got, c.want) {
				t.Errorf("%s, in pieces of %d: %q, want %q", c.name, int(size)+1, got, c.want)
			}
		}
	}
}

func TestDecoderKeepsNothingBetweenMessages(t *testing.T) {
	_, d := played(join(frame(ws.OpText, false, "a"), frame(ws.OpPing, true, "p"), frame(ws.OpContinuation, true, "b"), text("c")), 0)
	if d.part != nil {
		t.Fatalf("kept %+v", d.part)
	}
}

func TestDecoderBelievesNoHeader(t *testing.T) {
	b := text(strings.Repeat("x", testLimit))
	_, d := played(b[:len(b)-testLimit+10])
	if n := cap(d.part.msg); n > 64 {
		t.Fatalf("%d bytes are kept for 10", n)
	}
}

// FuzzDecoder: whatever comes, however it is split, means the same, and no message is over the limit.
func FuzzDecoder(f *testing.F) {
	for _, c := range decoderCases {
		f.Add(c.raw, []byte{0, 6})
	}
	f.Fuzz(func(t *testing.T, raw, sizes []byte) {
		whole, _ := played(raw)
		split, d := played(raw, sizes...)
		if !slices.Equal(whole, split) {
			t.Fatalf("whole: %q\nsplit: %q", whole, split)
		}
		for i, event := range whole {
			refused := strings.HasPrefix(event, "refused")
			if refused && i < len(whole)-1 && !(i == len(whole)-2 && strings.HasPrefix(whole[i+1], "closed")) {
				t.Fatalf("more than a close after a refusal: %q", whole)
			}
			if strings.HasPrefix(event, "closed") && i < len(whole)-1 {
				t.Fatalf("something after the close: %q", whole)
			}
		}
		if d.part != nil && (len(d.part.msg) > testLimit || len(d.part.ctl) > ws.MaxControlFramePayloadSize) {
			t.Fatalf("keeps %d and %d bytes", len(d.part.msg), len(d.part.ctl))
		}
	})
}
