package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

func TestPingAndFragments(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		p.sends(frame(ws.OpText, false, "a"), frame(ws.OpPing, true, "p"))
		if op, body := p.reads(); op != ws.OpPong || body != "p" {
			t.Fatalf("client hears %v %q", op, body)
		}
		p.sends(frame(ws.OpContinuation, true, "b"))
		p.serverHears("ab")
	})
}

func TestMessageComesByteByByte(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		for _, b := range text("slowly") {
			p.sends([]byte{b})
		}
		p.serverHears("slowly")
	})
}

func TestManyMessagesInOrder(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		var all []byte
		const n = 5000
		for i := range n {
			all = append(all, text(fmt.Sprint(i))...)
		}
		p.sends(all)
		for i := range n {
			p.serverHears(fmt.Sprint(i))
		}
	})
}

// What a client sends right behind its handshake has been read by net/http together with it.
func TestBytesBehindTheHandshakeAreNotLost(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTown(t, cfg)
		long := text(strings.Repeat("x", 10_000))
		p := tn.dial(append(append(text("early"), text("bird")...), long[:3000]...)...)
		p.serverHears("early")
		p.serverHears("bird")
		p.sends(long[3000:])
		p.serverHears(strings.Repeat("x", 10_000))
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.MaxFrame = testLimit
		tn := newTown(t, cfg)
		for name, c := range map[string]struct {
			raw  []byte
			code int
			err  error
		}{
			"unmasked":     {raw(ws.Header{Fin: true, OpCode: ws.OpText}, "x"), CodeProtocol, ws.ErrProtocolMaskRequired},
			"reserved bit": {raw(ws.Header{Fin: true, Rsv: 4, OpCode: ws.OpText, Masked: true}, "x"), CodeProtocol, ws.ErrProtocolNonZeroRsv},
			"binary":       {frame(ws.OpBinary, true, "x"), CodeUnsupported, errBinary},
			"broken UTF-8": {text("\xff"), CodeBadText, errUTF8},
			// Only the header comes: the answer must not wait for the rest.
			"too large": {raw(ws.Header{Fin: true, OpCode: ws.OpText, Masked: true, Length: testLimit + 1}, ""), CodeTooLarge, errTooLarge},
		} {
			t.Run(name, func(t *testing.T) {
				p := tn.dial()
				p.t = t
				p.sends(c.raw)
				if c.code == CodeTooLarge {
					defer p.isClosed(c.code, c.err)
					if op, body := p.reads(); op != ws.OpClose || body[:2] != "\x11\x3d" {
						t.Fatalf("client hears %v %q", op, body)
					}
					p.sock.Close()
					return
				}
				p.hearsClose(c.code)
				p.hearsEnd()
				p.isClosed(c.code, c.err)
			})
		}
	})
}

func TestPeerCloses(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTown(t, cfg)
		for body, code := range map[string]int{"\x03\xe8bye": 1000, "\x0f\xa0": 4000, "": CodeNone} {
			p := tn.dial()
			p.sends(text("last"), frame(ws.OpClose, true, body))
			op, answer := p.reads()
			if want := body[:min(2, len(body))]; op != ws.OpClose || answer != want {
				t.Fatalf("client hears %v %q, want close %q", op, answer, want)
			}
			p.hearsEnd()
			p.isClosed(code, nil)
			p.serverHears("last")
			if err := p.conn.SendText(nil); !errors.Is(err, ErrClosed) {
				t.Fatalf("send after the end: %v", err)
			}
		}
	})
}

func TestPeerVanishesMidFrame(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		p.sends(text("whole"), text("only half of it is sent")[:10])
		p.serverHears("whole")
		p.sock.Close()
		p.isClosed(CodeAbnormal, io.EOF)
		if len(p.texts) > 0 {
			t.Fatalf("server hears %q", <-p.texts)
		}
	})
}

func TestPeerResets(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		if err := p.sock.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		p.sock.Close()
		p.isClosed(CodeAbnormal, nil)
	})
}

func TestCloseFlushes(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		long := strings.Repeat("x", 50_000)
		for range 10 {
			if err := p.conn.SendText([]byte(long)); err != nil {
				t.Fatal(err)
			}
		}
		p.conn.Close(4401, "token has run out")
		p.conn.Close(1011, "too late")
		if err := p.conn.SendText([]byte("after")); !errors.Is(err, ErrClosed) {
			t.Fatalf("send after close: %v", err)
		}
		for range 10 {
			p.hears(long)
		}
		p.sends(text("not heard any more"))
		p.hearsClose(4401)
		p.hearsEnd()
		p.isClosed(4401, nil)
		if len(p.texts) > 0 {
			t.Fatalf("server hears %q after its close", <-p.texts)
		}
	})
}

func TestCloseDoesNotWaitForEverForTheAnswer(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.CloseTimeout = 20 * time.Millisecond
		p := newTown(t, cfg).dial()
		p.conn.Close(CodeNormal, "")
		p.isClosed(CodeNormal, nil) // though the client says nothing
		if op, _ := p.reads(); op != ws.OpClose {
			t.Fatalf("client hears %v", op)
		}
		p.hearsEnd()
	})
}

func TestCloseFromWithinText(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		f := func(c *Conn, msg []byte) {
			p.texts <- string(msg)
			c.Close(4403, string(msg))
		}
		p.onText.Store(&f)
		p.sends(append(text("one"), text("two")...))
		p.hearsClose(4403)
		p.isClosed(4403, nil)
		if n := len(p.texts); n != 1 {
			t.Fatalf("%d messages were heard", n)
		}
	})
}

func TestPanicInTextEndsOneConnection(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTown(t, cfg)
		p, other := tn.dial(), tn.dial()
		f := func(*Conn, []byte) { panic("no") }
		p.onText.Store(&f)
		p.sends(text("x"), text("y"))
		p.hearsClose(CodeInternal)
		p.isClosed(CodeInternal, nil)
		other.sends(text("still here"))
		other.serverHears("still here")
	})
}

func TestDrop(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		p.conn.Drop()
		p.conn.Drop()
		p.hearsEnd()
		p.isClosed(CodeAbnormal, ErrClosed)
		p.conn.Drop()
		p.conn.Close(CodeNormal, "")
		if p.conn.Queued() != 0 {
			t.Fatalf("%d bytes queued", p.conn.Queued())
		}
	})
}

func TestClosedComesAfterTheLastText(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		inside, leave := make(chan bool), make(chan bool)
		f := func(*Conn, []byte) { inside <- true; <-leave; p.texts <- "done" }
		p.onText.Store(&f)
		p.sends(text("x"))
		<-inside
		p.conn.Drop()
		p.hearsEnd()
		if n := p.count.Load(); n != 0 {
			t.Fatal("closed while Text was running")
		}
		close(leave)
		p.isClosed(CodeAbnormal, ErrClosed)
		p.serverHears("done")
	})
}

func TestBlockedTextHoldsNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.IdleTimeout = 500 * time.Millisecond // being inside Text is not being silent
		cfg.PingEvery = 10 * time.Millisecond
		cfg.CloseTimeout = 20 * time.Millisecond
		tn := newTown(t, cfg)
		leave := make(chan bool)
		var blocked []*peer
		for range 20 {
			p := tn.dial()
			f := func(_ *Conn, msg []byte) { <-leave; p.texts <- string(msg) }
			p.onText.Store(&f)
			p.sends(text("a"), text("b"))
			blocked = append(blocked, p)
		}
		free := tn.dial()
		for i := range 50 {
			s := fmt.Sprint(i)
			free.sends(text(s))
			free.serverHears(s)
		}
		for _, p := range blocked {
			if err := p.conn.SendText([]byte("still writes")); err != nil {
				t.Fatal(err)
			}
			p.hears("still writes")
		}
		idle := tn.dial()
		idle.isClosed(CodeIdle, ErrIdle) // so that long the others have been blocked
		close(leave)
		for _, p := range blocked {
			p.serverHears("a")
			p.serverHears("b")
		}
	})
}

func TestOrderUnderConcurrentSend(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		const senders, each = 8, 500
		var all sync.WaitGroup
		for s := range senders {
			all.Go(func() {
				for i := range each {
					if err := p.conn.SendText(fmt.Appendf(nil, "%d %d", s, i)); err != nil {
						t.Errorf("send: %v", err)
						return
					}
				}
			})
		}
		next := [senders]int{}
		for range senders * each {
			_, body := p.reads()
			var s, i int
			if _, err := fmt.Sscan(body, &s, &i); err != nil || next[s] != i {
				t.Fatalf("client hears %q, want number %d", body, next[s])
			}
			next[s]++
		}
		all.Wait()
	})
}

// clog fills the kernel's buffers of a connection whose client does not read, until bytes stay queued.
func (p *peer) clog() (sent int) {
	p.t.Helper()
	f := TextFrame([]byte(strings.Repeat("x", 100_000)))
	for range 10_000 {
		if p.stays() {
			return sent
		}
		if err := p.conn.Send(f); err != nil {
			p.t.Fatal(err)
		}
		sent++
	}
	p.t.Fatal("a client that does not read takes everything")
	return 0
}

// stays says that bytes stay queued. It looks again and again: on a busy machine those who write may not have had their turn.
func (p *peer) stays() bool {
	p.t.Helper()
	for range 10 {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		err := p.conn.Wait(ctx, 1)
		cancel()
		if err == nil {
			return false
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			p.t.Fatal(err)
		}
	}
	return true
}

func TestStalledReaderAmongMany(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.MaxQueue = 300_000
		cfg.CloseTimeout = 100 * time.Millisecond
		tn := newTown(t, cfg)
		stalled := tn.dial()
		var others []*peer
		for range 30 {
			others = append(others, tn.dial())
		}
		stalled.clog()
		var err error
		rounds := 0
		for ; err == nil; rounds++ {
			f := TextFrame(fmt.Appendf(nil, "%d %s", rounds, strings.Repeat("y", 10_000)))
			err = stalled.conn.Send(f)
			if n := stalled.conn.Queued(); n > cfg.MaxQueue {
				t.Fatalf("%d bytes wait", n)
			}
			for _, p := range others {
				if err := p.conn.Send(f); err != nil {
					t.Fatal(err)
				}
			}
			for _, p := range others {
				p.hears(string(f[4:]))
			}
		}
		if !errors.Is(err, ErrSlow) || rounds > 40 {
			t.Fatalf("%v after %d rounds", err, rounds)
		}
		if err := stalled.conn.SendText(nil); !errors.Is(err, ErrClosed) {
			t.Fatalf("send behind ErrSlow: %v", err)
		}
		if n := stalled.conn.Queued(); n > 200_000 {
			t.Fatalf("%d bytes still wait", n) // the frame begun (100 kB) and the close frame may
		}
		stalled.isClosed(CodeSlow, ErrSlow)
		tn.shrinksTo(30)
		if st := tn.srv.Stats(); st.SlowCloses != 1 || st.Open != 30 || st.Queued != 0 {
			t.Fatalf("%+v", st)
		}
	})
}

// A slow reader that still reads learns why it is closed: what was begun is finished, the close frame follows.
func TestSlowReaderIsTold(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.MaxQueue = 300_000
		p := newTown(t, cfg).dial()
		whole := p.clog()
		for p.conn.SendText([]byte(strings.Repeat("y", 10_000))) == nil {
		}
		for i := 0; ; i++ {
			op, body := p.reads()
			if op == ws.OpClose {
				if body[:2] != "\x11\x38" || i < whole-2 {
					t.Fatalf("close %q after %d frames of %d", body, i, whole)
				}
				break
			}
			if strings.Trim(body, "x") != "" && strings.Trim(body, "y") != "" {
				t.Fatalf("frame %d is broken: %.50q", i, body)
			}
		}
		p.sends(frame(ws.OpClose, true, "\x11\x38"))
		p.hearsEnd()
		p.isClosed(CodeSlow, ErrSlow)
	})
}

func TestFramesQueuedTogetherLeaveTogether(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTown(t, cfg)
		p := tn.dial()
		whole := p.clog()
		before := tn.srv.Stats()
		const n = 2000
		for i := range n {
			if err := p.conn.SendText(fmt.Appendf(nil, "frame %d", i)); err != nil {
				t.Fatal(err)
			}
		}
		for range whole {
			p.reads()
		}
		for i := range n {
			p.hears(fmt.Sprintf("frame %d", i))
		}
		if err := p.conn.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		st := tn.srv.Stats()
		if frames, writes := st.Frames-before.Frames, st.Writes-before.Writes; frames < n || writes > 50 {
			t.Fatalf("%d frames left in %d writes", frames, writes)
		}
	})
}

func TestWait(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		if err := p.conn.Wait(t.Context(), 0); err != nil {
			t.Fatalf("nothing is queued: %v", err)
		}
		whole := p.clog()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.conn.Wait(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled: %v", err)
		}
		drained := make(chan error, 2)
		for _, below := range []int{1, 50_000} {
			go func() { drained <- p.conn.Wait(context.Background(), below) }()
		}
		for range whole {
			p.reads()
		}
		for range 2 {
			if err := <-drained; err != nil {
				t.Fatal(err)
			}
		}
		p.clog()
		go func() { drained <- p.conn.Wait(context.Background(), 1) }()
		p.conn.Drop()
		if err := <-drained; !errors.Is(err, ErrClosed) {
			t.Fatalf("dropped: %v", err)
		}
		p.isClosed(CodeAbnormal, ErrClosed)
	})
}

func TestSilentPeerIsClosed(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.PingEvery, cfg.IdleTimeout = 50*time.Millisecond, time.Second
		cfg.CloseTimeout = 20 * time.Millisecond
		tn := newTown(t, cfg)
		silent, alive := tn.dial(), tn.dial()
		pings := make(chan int)
		go func() { // answers pings until the connection ends
			n := 0
			defer func() { pings <- n }()
			for {
				h, err := ws.ReadHeader(alive.in)
				if err != nil || h.OpCode != ws.OpPing || h.Length != 0 {
					return
				}
				n++
				if _, err := alive.sock.Write(frame(ws.OpPong, true, "")); err != nil {
					return
				}
			}
		}()
		silent.isClosed(CodeIdle, ErrIdle)
		if n := alive.count.Load(); n != 0 {
			t.Fatal("a peer that answers pings was closed")
		}
		alive.sock.SetReadDeadline(time.Now())
		if n := <-pings; n < 2 {
			t.Fatalf("%d pings came", n)
		}
	})
}
