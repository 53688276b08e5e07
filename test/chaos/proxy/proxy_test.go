package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a target that answers each line with itself.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

func between(t *testing.T) *Proxy {
	t.Helper()
	p, err := New("127.0.0.1", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// line is one connection through the proxy, and one line at a time.
type line struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, p *Proxy) *line {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &line{t, c, bufio.NewReader(c)}
}

func (l *line) say(text string) {
	l.t.Helper()
	if _, err := fmt.Fprintln(l, text); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) hear(within time.Duration) (string, error) {
	if err := l.SetReadDeadline(time.Now().Add(within)); err != nil {
		l.t.Fatal(err)
	}
	text, err := l.r.ReadString('\n')
	return strings.TrimSuffix(text, "\n"), err
}

const patient = 10 * time.Second

func (l *line) echoes(text string) time.Duration {
	l.t.Helper()
	began := time.Now()
	l.say(text)
	if heard, err := l.hear(patient); err != nil || heard != text {
		l.t.Fatalf("said %q, heard %q, %v", text, heard, err)
	}
	return time.Since(began)
}

// soon waits for what the proxy counts a moment after it was met.
func soon(is func() bool) {
	for deadline := time.Now().Add(patient); !is() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// strikes waits until a fault was done to so many bytes.
func strikes(p *Proxy, bytes int64) {
	soon(func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.struck.Bytes >= bytes
	})
}

func TestAGoodNetworkPassesEverything(t *testing.T) {
	p := between(t)
	l := dial(t, p)
	l.echoes(strings.Repeat("long ", 50_000))
	soon(func() bool { return p.Passed() >= 500_000 })
	if p.Passed() < 500_000 || p.Conns() != 1 {
		t.Errorf("%d bytes on %d connections were counted", p.Passed(), p.Conns())
	}
}

func TestDelayIsEachWay(t *testing.T) {
	p := between(t)
	l := dial(t, p)
	l.echoes("quick")
	p.Set(Fault{Delay: 150 * time.Millisecond})
	if took := l.echoes("late"); took < 300*time.Millisecond {
		t.Errorf("150 ms each way took %v", took)
	}
	if s := p.Heal(); s.Conns != 1 || s.Bytes != 10 {
		t.Errorf("struck: %+v", s)
	}
	took := l.echoes("quick")
	for deadline := time.Now().Add(patient); took > 200*time.Millisecond && time.Now().Before(deadline); {
		took = l.echoes("quick") // the machine may have been busy; a delay would be there each time
	}
	if took > 200*time.Millisecond {
		t.Errorf("after the fault it took %v", took)
	}
}

func TestSlowIsBytesASecond(t *testing.T) {
	p := between(t)
	l := dial(t, p)
	p.Set(Fault{Rate: 10_000})
	if took := l.echoes(strings.Repeat("x", 2_000)); took < 400*time.Millisecond {
		t.Errorf("2 kB there and back at 10 kB/s took %v", took)
	}
}

func TestLossIsLateAndLosesNothing(t *testing.T) {
	p := between(t)
	l := dial(t, p)
	p.Set(Fault{Loss: 1, Retransmit: 250 * time.Millisecond})
	if took := l.echoes("again"); took < 500*time.Millisecond {
		t.Errorf("a loss each way took %v", took)
	}
}

func TestHeldBytesArriveAfterwards(t *testing.T) {
	p := between(t)
	l := dial(t, p)
	p.Set(Fault{Hold: true})
	l.say("are you there")
	strikes(p, 1)
	if text, err := l.hear(100 * time.Millisecond); err == nil {
		t.Fatalf("heard %q through a wall", text)
	}
	if s := p.Heal(); s.Bytes == 0 {
		t.Error("nothing was held")
	}
	if text, err := l.hear(patient); err != nil || text != "are you there" {
		t.Errorf("heard %q, %v", text, err)
	}
}

func TestAHalfOpenConnectionSwallowsOneWayAndEndsWithTheFault(t *testing.T) {
	p := between(t)
	l := dial(t, p)
	p.Set(Fault{SwallowDown: true})
	l.say("hello")
	strikes(p, 12)
	if text, err := l.hear(100 * time.Millisecond); err == nil {
		t.Fatalf("heard %q", text)
	}
	if p.Conns() != 1 {
		t.Error("the connection does not look alive")
	}
	if s := p.Heal(); s.Bytes != 12 { // there it passed, back it did not
		t.Errorf("struck: %+v", s)
	}
	if _, err := l.hear(patient); err == nil {
		t.Error("a connection that lost bytes went on")
	}
	dial(t, p).echoes("a new one works")
}

func TestACutEndsConnectionsAndRefusesNewOnes(t *testing.T) {
	p := between(t)
	l := dial(t, p)
	l.echoes("before")
	p.Set(Fault{Cut: true})
	if _, err := l.hear(patient); err == nil {
		t.Error("the connection outlived the cut")
	}
	if c, err := net.Dial("tcp", p.Addr()); err == nil {
		_ = c.SetReadDeadline(time.Now().Add(patient))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a new connection was let in: %v", err)
		}
		_ = c.Close()
	}
	if s := p.Heal(); s.Conns != 1 {
		t.Errorf("struck: %+v", s)
	}
	dial(t, p).echoes("after")
}
