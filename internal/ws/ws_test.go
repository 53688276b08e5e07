package ws

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// each runs a test over both ways to wait.
func each(t *testing.T, test func(t *testing.T, cfg Config)) {
	for name, mode := range modes() {
		t.Run(name, func(t *testing.T) { test(t, Config{Mode: mode, Log: slog.New(slog.DiscardHandler)}) })
	}
}

type ended struct {
	code int
	err  error
}

// peer is one connection seen from both ends: conn is the server's, the rest the client's.
type peer struct {
	t      testing.TB
	conn   *Conn
	sock   net.Conn
	in     *bufio.Reader
	texts  chan string
	onText atomic.Pointer[func(c *Conn, msg []byte)]
	closed chan ended
	count  atomic.Int32 // calls of Closed
}

func (p *peer) Text(c *Conn, msg []byte) {
	if f := p.onText.Load(); f != nil {
		(*f)(c, msg)
		return
	}
	p.texts <- string(msg)
}

func (p *peer) Closed(_ *Conn, code int, err error) {
	p.count.Add(1)
	p.closed <- ended{code, err}
}

// town is a server with an address.
type town struct {
	t     testing.TB
	srv   *Server
	http  *httptest.Server
	peers chan *peer // made by the handler
}

func newTown(t testing.TB, cfg Config) *town { return newTownOver(t, cfg, (*httptest.Server).Start) }

func newTownOver(t testing.TB, cfg Config, start func(*httptest.Server)) *town {
	t.Helper()
	srv, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tn := &town{t: t, srv: srv, peers: make(chan *peer, 1)}
	tn.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &peer{t: t, texts: make(chan string, 10_000), closed: make(chan ended, 2)}
		conn, err := srv.Upgrade(w, r, p)
		if err != nil {
			return
		}
		p.conn = conn
		tn.peers <- p
	}))
	start(tn.http)
	t.Cleanup(func() {
		tn.http.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, c := range srv.conns.part(0, 1, nil) {
			c.Drop()
		}
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return tn
}

const handshake = "GET /ws HTTP/1.1\r\nHost: parley\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// dial opens a connection; early is sent in one piece with the handshake.
func (tn *town) dial(early ...byte) *peer {
	tn.t.Helper()
	sock, err := net.Dial("tcp", tn.http.Listener.Addr().String())
	if err != nil {
		tn.t.Fatal(err)
	}
	return tn.upgrade(sock, early)
}

func (tn *town) upgrade(sock net.Conn, early []byte) *peer {
	tn.t.Helper()
	tn.t.Cleanup(func() { sock.Close() })
	if _, err := sock.Write(append([]byte(handshake), early...)); err != nil {
		tn.t.Fatal(err)
	}
	in := bufio.NewReader(sock)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		tn.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		tn.t.Fatalf("status %d", resp.StatusCode)
	}
	p := <-tn.peers
	p.t, p.sock, p.in = tn.t, sock, in
	return p
}

// frame is a client's frame, masked.
func frame(op ws.OpCode, fin bool, payload string) []byte {
	return ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, []byte(payload))))
}

func text(s string) []byte { return frame(ws.OpText, true, s) }

func (p *peer) sends(raw ...[]byte) {
	p.t.Helper()
	for _, b := range raw {
		if _, err := p.sock.Write(b); err != nil {
			p.t.Fatal(err)
		}
	}
}

// reads returns the client's next frame, pings left out.
func (p *peer) reads() (ws.OpCode, string) {
	p.t.Helper()
	p.sock.SetReadDeadline(time.Now().Add(patience))
	for {
		h, err := ws.ReadHeader(p.in)
		if err != nil {
			p.t.Fatalf("client reads: %v", err)
		}
		body := make([]byte, h.Length)
		if _, err := io.ReadFull(p.in, body); err != nil {
			p.t.Fatalf("client reads: %v", err)
		}
		if h.OpCode != ws.OpPing {
			return h.OpCode, string(body)
		}
	}
}

func (p *peer) hears(want string) {
	p.t.Helper()
	if op, got := p.reads(); op != ws.OpText || got != want {
		p.t.Fatalf("client hears %v %.80q, want %.80q", op, got, want)
	}
}

// hearsClose answers the server's close frame as a client does.
func (p *peer) hearsClose(want int) {
	p.t.Helper()
	op, body := p.reads()
	if op != ws.OpClose {
		p.t.Fatalf("client hears %v %.80q, want close %d", op, body, want)
	}
	code, _ := ws.ParseCloseFrameData([]byte(body))
	if int(code) != want {
		p.t.Fatalf("client hears close %d, want %d", code, want)
	}
	p.sends(ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame([]byte(body)))))
}

// hearsEnd fails unless the TCP connection has ended behind what was read.
func (p *peer) hearsEnd() {
	p.t.Helper()
	p.sock.SetReadDeadline(time.Now().Add(patience))
	if b, err := p.in.ReadByte(); err == nil || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		p.t.Fatalf("client reads %x, %v; want the end", b, err)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// shrinksTo waits until there are n connections left: one is counted until its Closed has returned.
func (tn *town) shrinksTo(n int) {
	tn.t.Helper()
	for deadline := time.Now().Add(patience); tn.srv.Len() != n; runtime.Gosched() {
		if time.Now().After(deadline) {
			tn.t.Fatalf("%d connections, want %d", tn.srv.Len(), n)
		}
	}
}

func (p *peer) serverHears(want string) {
	p.t.Helper()
	select {
	case got := <-p.texts:
		if got != want {
			p.t.Fatalf("server hears %.80q, want %.80q", got, want)
		}
	case <-time.After(patience):
		p.t.Fatalf("server does not hear %.80q", want)
	}
}

func (p *peer) isClosed(code int, err error) {
	p.t.Helper()
	select {
	case got := <-p.closed:
		if got.code != code || (err != nil && !errors.Is(got.err, err)) {
			p.t.Fatalf("closed %d %v, want %d %v", got.code, got.err, code, err)
		}
	case <-time.After(patience):
		p.t.Fatal("not closed")
	}
	if n := p.count.Load(); n != 1 {
		p.t.Fatalf("Closed was called %d times", n)
	}
}

func TestMessagesBothWays(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		p := newTown(t, cfg).dial()
		for _, s := range []string{"", "hi", strings.Repeat("ü", 100), strings.Repeat("x", 5000), strings.Repeat("y", 64<<10)} {
			p.sends(text(s))
			p.serverHears(s)
			if err := p.conn.SendText([]byte(s)); err != nil {
				t.Fatal(err)
			}
			p.hears(s)
		}
		if got := p.conn.RemoteAddr().String(); got != p.sock.LocalAddr().String() {
			t.Errorf("remote address %s", got)
		}
	})
}
