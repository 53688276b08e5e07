package bench

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is as much of Parley as the generator touches, in memory. A lie
// changes what one listener is told: the frames in place of an event's own.
type server struct {
	t   *testing.T
	url string
	lie func(seq int, frame string) []string

	mu    sync.Mutex
	users map[string]string // token to id
	rooms map[string]*chatRoom
	socks map[*sock]bool
}

type chatRoom struct {
	members map[string]bool
	log     []string // events
}

type sock struct {
	conn net.Conn
	user string
}

const at = "2026-01-02T03:04:05.678Z"

func id(kind string, n int) string { return fmt.Sprintf("%s-0000-7000-8000-%012d", kind, n) }

func newServer(t *testing.T) *server {
	s := &server{t: t, users: map[string]string{}, rooms: map[string]*chatRoom{}, socks: map[*sock]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/users/me", s.me)
	mux.HandleFunc("POST /v1/rooms", s.create)
	mux.HandleFunc("GET /v1/rooms/{room}", s.describe)
	mux.HandleFunc("GET /v1/ws", s.socket)
	srv := httptest.NewServer(mux)
	s.url = srv.URL
	t.Cleanup(func() {
		s.dropAll()
		srv.Close()
	})
	return s
}

func (s *server) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.socks {
		k.conn.Close()
	}
}

func (s *server) user(token string) string {
	if s.users[token] == "" {
		s.users[token] = id("aaaaaaaa", len(s.users)+1)
	}
	return s.users[token]
}

func (s *server) me(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(w, `{"id":%q}`, s.user(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	var in struct{ Members []string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	room := id("bbbbbbbb", len(s.rooms)+1)
	c := &chatRoom{members: map[string]bool{s.user(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")): true}}
	for _, m := range in.Members {
		c.members[m] = true
	}
	c.log = append(c.log, event(room, 1, "room", `{"op":"create"}`))
	s.rooms[room] = c
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%q,"head":1}`, room)
}

func (s *server) describe(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(w, `{"id":%q,"head":%d}`, r.PathValue("room"), len(s.rooms[r.PathValue("room")].log))
}

func event(room string, seq int, kind, body string) string {
	return fmt.Sprintf(`{"room":%q,"seq":%d,"id":%q,"kind":%q,"by":%q,"at":%q,"body":%s}`,
		room, seq, id("cccccccc", seq), kind, id("aaaaaaaa", 1), at, body)
}

func (s *server) socket(w http.ResponseWriter, r *http.Request) {
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	k := &sock{conn: conn}
	for {
		data, err := wsutil.ReadClientText(conn)
		if err != nil {
			break
		}
		var f map[string]any
		if err := json.Unmarshal(data, &f); err != nil {
			s.t.Errorf("client sent %q: %v", data, err)
			break
		}
		s.handle(k, f)
	}
	s.mu.Lock()
	delete(s.socks, k)
	s.mu.Unlock()
}

func (s *server) handle(k *sock, f map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f["type"] {
	case "hello":
		k.user = s.user(f["token"].(string))
		s.hello(k, f)
		s.socks[k] = true
	case "send":
		s.send(k, f)
	}
}

func (s *server) hello(k *sock, f map[string]any) {
	var rooms, missed []string
	cursors, _ := f["cursors"].(map[string]any)
	for room, c := range s.rooms {
		if !c.members[k.user] {
			continue
		}
		rooms = append(rooms, fmt.Sprintf(`{"id":%q,"head":%d}`, room, len(c.log)))
		if after, ok := cursors[room].(float64); ok {
			missed = append(missed, c.log[int(after):]...)
		}
	}
	k.say(`{"type":"welcome","server":{"version":"play"},"rooms":[` + strings.Join(rooms, ",") + `]}`)
	for _, ev := range missed {
		k.say(`{"type":"event","event":` + ev + `}`)
	}
}

func (s *server) send(k *sock, f map[string]any) {
	room := f["room"].(string)
	c := s.rooms[room]
	seq := len(c.log) + 1
	text, err := json.Marshal(f["text"])
	if err != nil {
		s.t.Error(err)
	}
	ev := event(room, seq, "message", `{"text":`+string(text)+`}`)
	c.log = append(c.log, ev)
	lied := false
	for other := range s.socks {
		switch {
		case !c.members[other.user]:
		case other == k:
			k.say(`{"type":"ack","ref":` + strconv.Quote(f["ref"].(string)) + `,"event":` + ev + `}`)
		case s.lie != nil && !lied:
			lied = true
			for _, frame := range s.lie(seq, `{"type":"event","event":`+ev+`}`) {
				other.say(frame)
			}
		default:
			other.say(`{"type":"event","event":` + ev + `}`)
		}
	}
}

func (k *sock) say(frame string) { _ = wsutil.WriteServerText(k.conn, []byte(frame)) } // who has gone hears nothing
