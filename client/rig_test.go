package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	room1 = "01890000-0000-8000-8000-000000000001"
	room2 = "01890000-0000-8000-8000-000000000002"
	ann   = "01890000-0000-7000-8000-00000000000a"
)

// stage is a scripted server on pipes, so that it works under synctest's clock.
type stage struct {
	t     *testing.T
	peers chan *peer
	dial  func() error // asked before every connection; nil lets all in
	rest  http.HandlerFunc
}

func newStage(t *testing.T) *stage {
	return &stage{t: t, peers: make(chan *peer, 16), rest: http.NotFound}
}

func (st *stage) config() Config {
	return Config{
		URL:    "http://parley.test",
		Tokens: StaticToken("token"),
		Socket: SocketOptions{Dial: st.open},
		HTTP:   &http.Client{Transport: st},
	}
}

// RoundTrip serves REST without a connection.
func (st *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	st.rest(w, r)
	return w.Result(), nil
}

func (st *stage) open(context.Context, string, string) (net.Conn, error) {
	if st.dial != nil {
		if err := st.dial(); err != nil {
			return nil, err
		}
	}
	ours, theirs := net.Pipe()
	p := &peer{t: st.t, conn: ours, got: make(chan map[string]any, 4096)}
	go p.pump(st.peers)
	return theirs, nil
}

// peer is the server's end of one connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	mu   sync.Mutex
	got  chan map[string]any // closed when the connection ends
}

func (p *peer) pump(announce chan<- *peer) {
	defer close(p.got)
	if _, err := ws.Upgrade(p.conn); err != nil {
		p.conn.Close()
		return
	}
	announce <- p
	for {
		frame, err := ws.ReadFrame(p.conn)
		if err != nil {
			return
		}
		frame = ws.UnmaskFrameInPlace(frame)
		switch frame.Header.OpCode {
		case ws.OpClose:
			p.got <- map[string]any{"type": "closed", "code": float64(binary.BigEndian.Uint16(frame.Payload))}
			p.conn.Close()
			return
		case ws.OpText:
			var v map[string]any
			if err := json.Unmarshal(frame.Payload, &v); err != nil {
				p.t.Errorf("client sent %q: %v", frame.Payload, err)
			}
			p.got <- v
		}
	}
}

// expect returns the next frame, which must be of this type.
func (p *peer) expect(kind string) map[string]any {
	p.t.Helper()
	select {
	case v, ok := <-p.got:
		if !ok {
			p.t.Fatalf("connection ended, wanted %s", kind)
		}
		if v["type"] != kind {
			p.t.Fatalf("client sent %v, wanted %s", v, kind)
		}
		return v
	case <-time.After(time.Minute):
		p.t.Fatalf("client sent nothing, wanted %s", kind)
		return nil
	}
}

// say writes frames; each is JSON text or a value to encode. What cannot be
// written because the client has gone is lost, as on a network.
func (p *peer) say(frames ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range frames {
		data, isText := f.(string)
		if !isText {
			encoded, err := json.Marshal(f)
			if err != nil {
				p.t.Errorf("script: %v", err)
			}
			data = string(encoded)
		}
		if wsutil.WriteServerText(p.conn, []byte(data)) != nil {
			return
		}
	}
}

func (p *peer) shut(code CloseCode) {
	_ = ws.WriteFrame(p.conn, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), "")))
	p.conn.Close()
}

// hello takes the hello and answers welcome with rooms.
func (p *peer) hello(rooms ...Room) map[string]any {
	p.t.Helper()
	hello := p.expect("hello")
	p.welcome(rooms...)
	return hello
}

func (p *peer) welcome(rooms ...Room) {
	if rooms == nil {
		rooms = []Room{}
	}
	p.say(map[string]any{"type": "welcome", "session": "s", "user": User{ID: ann, Username: "ann"}, "rooms": rooms,
		"heartbeat_s": 25, "server": map[string]any{"version": "test"}})
}

func (st *stage) next() *peer {
	st.t.Helper()
	select {
	case p := <-st.peers:
		return p
	case <-time.After(time.Minute):
		st.t.Fatal("nobody connected")
		return nil
	}
}

func message(room string, seq uint64, text string) Event {
	return Event{Room: room, Seq: seq, ID: fmt.Sprintf("id-%d", seq), Kind: KindMessage, By: ann,
		At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Body: MessageBody{Text: text}}
}

func eventFrame(ev Event) any { return map[string]any{"type": "event", "event": ev} }

func live(room string, seq uint64) any { return eventFrame(message(room, seq, fmt.Sprint(seq))) }

func ackFrame(ref any, ev Event) any {
	return map[string]any{"type": "ack", "ref": ref, "event": ev}
}

// start connects a session and answers its hello.
func (st *stage) start(cfg Config, rooms ...Room) (*Session, *peer) {
	st.t.Helper()
	var p *peer
	greeted := make(chan struct{})
	go func() {
		defer close(greeted)
		p = <-st.peers
		<-p.got
		p.welcome(rooms...)
	}()
	s, err := Connect(st.t.Context(), cfg)
	if err != nil {
		st.t.Fatal(err)
	}
	<-greeted
	if _, ok := next(st.t, s).(Welcome); !ok {
		st.t.Fatal("first notice is not the welcome")
	}
	return s, p
}

func next(t *testing.T, s *Session) Notice {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n, err := s.Next(ctx)
	if err != nil {
		t.Fatalf("Next: %v", err)
	}
	return n
}

// seqs reads events until n have come and returns "room-end:seq" of each;
// other notices are skipped.
func seqs(t *testing.T, s *Session, n int) []uint64 {
	t.Helper()
	var out []uint64
	for len(out) < n {
		if ev, ok := next(t, s).(Event); ok {
			out = append(out, ev.Seq)
		}
	}
	return out
}

// await skips to the next notice of type N.
func await[N Notice](t *testing.T, s *Session) N {
	t.Helper()
	for {
		if n, ok := next(t, s).(N); ok {
			return n
		}
	}
}

func closeSession(t *testing.T, s *Session) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// log serves /events of rooms from memory.
func eventsHandler(t *testing.T, log func(room string) []Event) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var after uint64
		if _, err := fmt.Sscan(r.URL.Query().Get("after"), &after); err != nil {
			t.Errorf("after: %v", err)
		}
		room := bytes.Split([]byte(r.URL.Path), []byte("/"))[3]
		page := []Event{}
		all := log(string(room))
		for _, ev := range all {
			if ev.Seq > after && len(page) < pageSize {
				page = append(page, ev)
			}
		}
		data, err := json.Marshal(map[string]any{"events": page, "head": len(all)})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
			t.Error(err)
		}
	}
}
