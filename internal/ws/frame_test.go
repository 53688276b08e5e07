package ws

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"pgregory.net/rapid"
)

func TestTextFrameIsWhatGobwasMakes(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 100_000} {
		payload := bytes.Repeat([]byte("x"), n)
		want := ws.MustCompileFrame(ws.NewTextFrame(payload))
		got := TextFrame(payload)
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes: header % x, want % x", n, got[:10], want[:10])
		}
		if n > 0 && &payload[0] == &got[len(got)-n] {
			t.Errorf("%d bytes: the caller's payload is kept", n)
		}
	}
}

func TestCloseFrameCutsLongReasonsBetweenCharacters(t *testing.T) {
	f := closeFrame(4408, strings.Repeat("ü", 100))
	code, reason := ws.ParseCloseFrameData(f[2:])
	if len(f) > 2+125 || code != 4408 || !utf8.ValidString(reason) || len(reason) != 122 {
		t.Fatalf("%d bytes, code %d, reason of %d bytes", len(f), code, len(reason))
	}
}

// TestQueue: however frames come and writes take them, the bytes leave whole and in order, and the counts are right.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			q          queue
			sent, left []byte
			pushed     int
			landed     int
			buf        = make([]byte, 64)
		)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "push") {
				f := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "frame")
				q.push(f)
				pushed++
				sent = append(sent, f...)
			} else if p := q.gather(buf); len(p) > 0 {
				n := rapid.IntRange(0, len(p)).Draw(t, "written")
				left = append(left, p[:n]...)
				landed += q.landed(n)
			}
			if want := len(sent) - len(left) + (pushed-landed)*frameCost; q.bytes != want {
				t.Fatalf("%d bytes counted, %d wait", q.bytes, want)
			}
		}
		for p := q.gather(buf); len(p) > 0; p = q.gather(buf) {
			left = append(left, p...)
			landed += q.landed(len(p))
		}
		if !bytes.Equal(sent, left) || q.bytes != 0 || landed != pushed {
			t.Fatalf("sent %d bytes, left %d, counted %d; frames %d of %d", len(sent), len(left), q.bytes, landed, pushed)
		}
	})
}

// TestQueueCut: what a write has begun is finished, the rest is gone.
func TestQueueCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var all []byte
		ends := map[int]bool{0: true}
		for range rapid.IntRange(0, 10).Draw(t, "frames") {
			f := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "frame")
			q.push(f)
			all = append(all, f...)
			ends[len(all)] = true
		}
		buf := make([]byte, 64)
		var left []byte
		if p := q.gather(buf); len(p) > 0 && rapid.Bool().Draw(t, "write before") {
			n := rapid.IntRange(0, len(p)).Draw(t, "written")
			left = append(left, p[:n]...)
			q.landed(n)
		}
		begun := len(left)
		if p := q.gather(buf); rapid.Bool().Draw(t, "cut in a write") {
			begun += len(p)
			q.cut()
			left = append(left, p...)
			q.landed(len(p))
		} else {
			q.landed(0)
			q.cut()
		}
		for p := q.gather(buf); len(p) > 0; p = q.gather(buf) {
			left = append(left, p...)
			q.landed(len(p))
		}
		if !bytes.Equal(left, all[:len(left)]) || !ends[len(left)] || len(left) < begun || len(left)-begun >= 40 || q.bytes != 0 {
			t.Fatalf("%d of %d bytes left, %d were begun, %d counted", len(left), len(all), begun, q.bytes)
		}
	})
}
