package ws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

func request(change func(*http.Request)) *http.Request {
	r := httptest.NewRequest("GET", "/ws", nil)
	r.Header.Set("Connection", "keep-alive, Upgrade")
	r.Header.Set("Upgrade", "WebSocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	change(r)
	return r
}

func TestBadHandshakes(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTown(t, cfg)
		for name, c := range map[string]struct {
			change func(*http.Request)
			status int
		}{
			"post":             {func(r *http.Request) { r.Method = "POST" }, 405},
			"plain get":        {func(r *http.Request) { r.Header = http.Header{} }, 426},
			"other upgrade":    {func(r *http.Request) { r.Header.Set("Upgrade", "h2c") }, 426},
			"no upgrade":       {func(r *http.Request) { r.Header.Set("Connection", "close") }, 426},
			"old version":      {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, 426},
			"HTTP/1.0":         {func(r *http.Request) { r.ProtoMinor = 0 }, 400},
			"HTTP/2":           {func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 2, 0 }, 400},
			"no key":           {func(r *http.Request) { r.Header.Del("Sec-WebSocket-Key") }, 400},
			"short key":        {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "YQ==") }, 400},
			"not hijackable":   {func(*http.Request) {}, 400}, // as the recorder is
			"key not base64":   {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", strings.Repeat("!", 24)) }, 400},
			"no connection at": {func(r *http.Request) { r.Header.Del("Connection") }, 426},
		} {
			w := httptest.NewRecorder()
			c1, err := tn.srv.Upgrade(w, request(c.change), &peer{})
			if c1 != nil || err == nil || w.Code != c.status {
				t.Errorf("%s: status %d, error %v; want %d", name, w.Code, err, c.status)
			}
			if version := w.Header().Get("Sec-WebSocket-Version"); (w.Code == 426) != (version == "13") {
				t.Errorf("%s: status %d offers version %q", name, w.Code, version)
			}
		}
		if n := tn.srv.Len(); n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

// The values are RFC 6455's own example.
func TestAcceptKey(t *testing.T) {
	if got := acceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatal(got)
	}
}

func TestGobwasClientAndSubprotocol(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.Subprotocols = []string{"parley.v1", "parley.v2"}
		tn := newTown(t, cfg)
		url := "ws" + strings.TrimPrefix(tn.http.URL, "http")
		for _, c := range []struct {
			offers []string
			want   string
		}{{nil, ""}, {[]string{"x", "parley.v2", "parley.v1"}, "parley.v2"}, {[]string{"x"}, ""}} {
			conn, _, hs, err := ws.Dialer{Protocols: c.offers}.Dial(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			if hs.Protocol != c.want {
				t.Errorf("offers %v, gets %q, want %q", c.offers, hs.Protocol, c.want)
			}
			conn.Close()
			(<-tn.peers).t = t
		}
	})
}

func TestTLSGetsAGoroutine(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTownOver(t, cfg, (*httptest.Server).StartTLS)
		pool := tn.http.Client().Transport.(*http.Transport).TLSClientConfig
		dial := func() *peer {
			conf := pool.Clone()
			conf.ServerName, conf.NextProtos = "example.com", nil
			sock, err := tls.Dial("tcp", tn.http.Listener.Addr().String(), conf)
			if err != nil {
				t.Fatal(err)
			}
			return tn.upgrade(sock, text("early"))
		}
		p := dial()
		if _, ok := p.conn.link.(netLink); !ok {
			t.Fatalf("link is %T", p.conn.link)
		}
		p.serverHears("early")
		p.sends(text("hi"))
		p.serverHears("hi")
		p.conn.SendText([]byte("ho"))
		p.conn.Close(4000, "")
		p.hears("ho")
		p.hearsClose(4000)
		p.hearsEnd()
		p.isClosed(4000, nil)

		stalled := dial()
		stalled.clog()
		stalled.conn.Drop()
		stalled.isClosed(CodeAbnormal, ErrClosed)
	})
}

func TestServerCloseDrains(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTown(t, cfg)
		var peers []*peer
		for range 20 {
			p := tn.dial()
			p.conn.SendText([]byte("bye"))
			peers = append(peers, p)
		}
		if n := tn.srv.Len(); n != 20 {
			t.Fatalf("%d connections", n)
		}
		done := make(chan error)
		go func() { done <- tn.srv.Close(context.Background()) }()
		for _, p := range peers {
			p.hears("bye")
			p.hearsClose(CodeGoingAway)
			p.hearsEnd()
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for _, p := range peers { // Close has waited for every Closed
			if n := p.count.Load(); n != 1 {
				t.Fatalf("Closed was called %d times", n)
			}
			p.isClosed(CodeGoingAway, nil)
		}
		if n := tn.srv.Len(); n != 0 {
			t.Fatalf("%d connections", n)
		}
		w := httptest.NewRecorder()
		if _, err := tn.srv.Upgrade(w, request(func(*http.Request) {}), &peer{}); !errors.Is(err, ErrServerClosed) || w.Code != 503 {
			t.Fatalf("upgrade after close: %v, status %d", err, w.Code)
		}
		if err := tn.srv.Close(context.Background()); err != nil {
			t.Fatalf("second close: %v", err)
		}
	})
}

func TestServerCloseGivesUpWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTown(t, cfg)
		stalled, mute := tn.dial(), tn.dial()
		stalled.clog()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := tn.srv.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		stalled.isClosed(CodeGoingAway, nil)
		mute.isClosed(CodeGoingAway, nil)
	})
}

func TestUpgradesRaceWithClose(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		cfg.CloseTimeout = 50 * time.Millisecond
		tn := newTown(t, cfg)
		tn.peers = make(chan *peer, 1000)
		socks := make(chan net.Conn, 50)
		for range cap(socks) {
			go func() {
				sock, err := net.Dial("tcp", tn.http.Listener.Addr().String())
				if err == nil {
					_, _ = fmt.Fprint(sock, handshake)
				}
				socks <- sock
			}()
		}
		first := <-socks
		if err := tn.srv.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		first.Close()
		for range cap(socks) - 1 {
			if sock := <-socks; sock != nil {
				sock.Close()
			}
		}
		tn.http.Close()
		close(tn.peers)
		for p := range tn.peers {
			if n := p.count.Load(); n != 1 {
				t.Fatalf("Closed was called %d times", n)
			}
		}
	})
}

// unwilling is an event loop that has no room.
type unwilling struct{ poller }

func (unwilling) adopt(*net.TCPConn) (link, error) { return nil, errors.New("no room") }

func TestFullLoopTurnsNobodyAway(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		tn := newTown(t, cfg)
		if tn.srv.poll != nil {
			tn.srv.poll = unwilling{tn.srv.poll}
		}
		p := tn.dial()
		p.sends(text("hi"))
		p.serverHears("hi")
		p.conn.Close(CodeNormal, "")
		p.hearsClose(CodeNormal)
		p.isClosed(CodeNormal, nil)
	})
}

func TestAutoTakesTheBestThereIs(t *testing.T) {
	srv, err := NewServer(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, hasLoop := modes()["epoll"]; hasLoop != (srv.poll != nil) {
		t.Errorf("loop is possible: %v, used: %v", hasLoop, srv.poll != nil)
	}
	if err := srv.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestBadConfig(t *testing.T) {
	for _, cfg := range []Config{{MaxFrame: -1}, {MaxQueue: -1}, {PingEvery: -1}, {IdleTimeout: -1}, {CloseTimeout: -1}, {Mode: 9}} {
		if _, err := NewServer(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

// A connection lives for days; the request that began it should not.
func TestRequestIsNotKept(t *testing.T) {
	each(t, func(t *testing.T, cfg Config) {
		srv, err := NewServer(cfg)
		if err != nil {
			t.Fatal(err)
		}
		forgotten, conns := make(chan bool, 1), make(chan *Conn, 1)
		p := &peer{t: t, closed: make(chan ended, 2)}
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			big := new([1 << 16]byte)
			runtime.AddCleanup(big, func(bool) { forgotten <- true }, true)
			r = r.WithContext(context.WithValue(r.Context(), t, big))
			c, err := srv.Upgrade(w, r, p)
			if err != nil {
				t.Error(err)
			}
			conns <- c
		}))
		defer web.Close()
		sock, _, _, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(web.URL, "http"))
		if err != nil {
			t.Fatal(err)
		}
		defer sock.Close()
		c := <-conns
		for deadline := time.Now().Add(patience); len(forgotten) == 0; runtime.GC() {
			if time.Now().After(deadline) {
				t.Fatal("the request is still referenced")
			}
		}
		c.Drop()
		p.isClosed(CodeAbnormal, ErrClosed)
		if err := srv.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// Sockets, also those ended in odd ways, are given back.
func TestNoDescriptorLeaks(t *testing.T) {
	if _, err := os.ReadDir("/proc/self/fd"); err != nil {
		t.Logf("descriptors cannot be counted here: %v", err)
		return
	}
	each(t, func(t *testing.T, cfg Config) {
		cfg.CloseTimeout = 20 * time.Millisecond
		tn := newTown(t, cfg)
		open := func() int {
			list, err := os.ReadDir("/proc/self/fd")
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		before := open()
		for i := range 50 {
			p := tn.dial()
			switch i % 5 {
			case 0:
				p.conn.Drop()
			case 1:
				p.sock.Close()
			case 2:
				p.conn.Close(1000, "")
			case 3:
				p.sends(frame(ws.OpClose, true, ""))
			case 4:
				go p.conn.SendText([]byte("x"))
				p.conn.Drop()
			}
			<-p.closed
			p.sock.Close()
		}
		for deadline := time.Now().Add(patience); open() > before; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("%d descriptors more than before", open()-before)
			}
		}
	})
}
