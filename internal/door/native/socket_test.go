package native

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// serve puts the door on a port.
func serve(t *testing.T, d *Door) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	d.Mount(mux)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http", "ws", 1) + "/v1/ws"
}

// peer is a connection, with what has come behind the handshake.
type peer struct {
	net.Conn
	r io.Reader
}

func dial(t *testing.T, url string) peer {
	t.Helper()
	conn, buffered, shake, err := ws.Dialer{Protocols: []string{"parley.v1"}}.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if shake.Protocol != "parley.v1" {
		t.Errorf("the subprotocol is %q", shake.Protocol)
	}
	if buffered != nil {
		return peer{conn, buffered}
	}
	return peer{conn, conn}
}

// ending reads the error that a socket is told, and the code that it is closed
// with.
func ending(t *testing.T, conn peer) (e errorFrame, closed int) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := ws.ReadFrame(conn.r)
		if err != nil {
			t.Fatal(err)
		}
		switch f.Header.OpCode {
		case ws.OpText:
			if err := json.Unmarshal(f.Payload, &e); err != nil {
				t.Fatal(err)
			}
		case ws.OpClose:
			return e, int(binary.BigEndian.Uint16(f.Payload))
		}
	}
}

func TestASocketThatSaysNoHelloIsClosed(t *testing.T) {
	d := newDoor(t, Config{HelloTimeout: time.Millisecond})
	e, closed := ending(t, dial(t, serve(t, d)))
	if e.Code != chat.Unauthenticated || closed != 4401 {
		t.Errorf("told %+v, closed with %d", e, closed)
	}
}

func TestTooManySocketsOfOneAddress(t *testing.T) {
	d := newDoorOf(t, Config{}, gateway.Config{SocketsPerAddress: 1})
	url := serve(t, d)
	first := dial(t, url)
	e, closed := ending(t, dial(t, url))
	if e.Code != chat.RateLimited || e.RetryAfterMS == 0 || closed != 4429 {
		t.Errorf("told %+v, closed with %d", e, closed)
	}
	first.Close()
	soon(t, "a socket that has gone counts no more", func() bool { return d.gateway.TakeAddress("127.0.0.1") })
}

// soon waits for what another goroutine does a moment later.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatal("not so: " + what)
		}
		<-time.After(time.Millisecond)
	}
}

func TestACloseOfTheServerEndsSocketsWithoutAHello(t *testing.T) {
	d := newDoor(t, Config{})
	conn := dial(t, serve(t, d))
	soon(t, "the server knows the socket", func() bool { return d.sockets.Len() == 1 })
	done := make(chan error, 1)
	go func() { done <- d.Close(t.Context()) }()
	if _, closed := ending(t, conn); closed != 1001 {
		t.Errorf("closed with %d", closed)
	}
	conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
