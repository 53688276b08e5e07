package terminal

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/client"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		// bubbletea leaves its reader behind when a key comes while it ends; so does the process.
		goleak.IgnoreTopFunction("github.com/charmbracelet/ultraviolet.(*TerminalReader).sendEvents"))
}

// server is as much of Parley as a terminal touches, in memory.
type server struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	accounts map[string]string // username to password
	refresh  map[string]string // refresh token to username
	lose     bool              // the answers to exchanges of refresh tokens
	lost     map[string]string // the keys of those exchanges, by token
	grants   int
	rooms    []*hall
	socks    map[*sock]bool
	down     bool
	marks    map[string]uint64
	lookups  int
	refuse   string // code to refuse the next message with
}

type hall struct {
	client.Room
	members map[string]bool
	log     []client.Event
}

type sock struct {
	conn net.Conn
	user string
}

func newServer(t *testing.T) *server {
	s := &server{t: t, accounts: map[string]string{"ann": "password1", "bob": "password2"}, refresh: map[string]string{}, lost: map[string]string{},
		socks: map[*sock]bool{}, marks: map[string]uint64{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/accounts", s.signUp)
	mux.HandleFunc("POST /v1/sessions", s.signIn)
	mux.HandleFunc("POST /v1/sessions/refresh", s.renew)
	mux.HandleFunc("POST /v1/users/lookup", s.lookup)
	mux.HandleFunc("GET /v1/rooms", s.public)
	mux.HandleFunc("POST /v1/rooms", s.direct)
	mux.HandleFunc("POST /v1/rooms/{room}/join", s.join)
	mux.HandleFunc("GET /v1/rooms/{room}/messages", s.history)
	mux.HandleFunc("GET /v1/rooms/{room}/online", s.online)
	mux.HandleFunc("GET /v1/ws", s.socket)
	srv := httptest.NewServer(mux)
	s.url = srv.URL
	t.Cleanup(func() {
		s.dropAll(true)
		http.DefaultClient.CloseIdleConnections()
		srv.Close()
	})
	return s
}

// dropAll ends all connections; a server that is down takes no new ones.
func (s *server) dropAll(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
	for k := range s.socks {
		k.conn.Close()
	}
}

func (s *server) add(kind, name string, members ...string) *hall {
	h := &hall{Room: client.Room{ID: fmt.Sprintf("bbbbbbbb-0000-8000-8000-%012d", len(s.rooms)+1), Kind: kind, Name: name, MemberCount: len(members)}, members: map[string]bool{}}
	for _, m := range members {
		h.members[m] = true
	}
	s.rooms = append(s.rooms, h)
	return h
}

func (s *server) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Error(err)
	}
}

func (s *server) refused(w http.ResponseWriter, status int, code string) {
	s.answer(w, status, map[string]string{"code": code, "detail": code})
}

func user(name string) client.User { return client.User{ID: "id-of-" + name, Username: name} }

// grant's access token is the username.
func (s *server) grant(w http.ResponseWriter, status int, name string) {
	s.grants++
	token := fmt.Sprint("refresh-", s.grants)
	s.refresh[token] = name
	s.answer(w, status, map[string]any{"user": user(name), "session": client.Tokens{AccessToken: name, RefreshToken: token, AccessExpiresAt: time.Now().Add(time.Hour)}})
}

func (s *server) signUp(w http.ResponseWriter, r *http.Request) {
	var in struct{ Username, Password string }
	s.take(r, &in)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[in.Username] != "" {
		s.refused(w, http.StatusConflict, "conflict")
		return
	}
	s.accounts[in.Username] = in.Password
	s.grant(w, http.StatusCreated, in.Username)
}

func (s *server) take(r *http.Request, v any) {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		s.t.Error(err)
	}
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	var in struct{ Username, Password string }
	s.take(r, &in)
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Password == "" || s.accounts[in.Username] != in.Password {
		s.refused(w, http.StatusUnauthorized, "unauthenticated")
		return
	}
	s.grant(w, http.StatusCreated, in.Username)
}

func (s *server) renew(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Token string `json:"refresh_token"`
	}
	s.take(r, &in)
	s.mu.Lock()
	defer s.mu.Unlock()
	name, key := s.refresh[in.Token], r.Header.Get("Idempotency-Key")
	if s.lose {
		s.lost[in.Token] = key
		panic(http.ErrAbortHandler)
	}
	delete(s.refresh, in.Token)
	if first, repeated := s.lost[in.Token]; name == "" || repeated && key != first {
		s.refused(w, http.StatusUnauthorized, "unauthenticated")
		return
	}
	s.grant(w, http.StatusOK, name)
}

func caller(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func (s *server) lookup(w http.ResponseWriter, r *http.Request) {
	var in struct{ IDs []string }
	s.take(r, &in)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	var users []client.User
	for _, id := range in.IDs {
		users = append(users, user(strings.TrimPrefix(id, "id-of-")))
	}
	s.answer(w, http.StatusOK, map[string]any{"users": users})
}

func (s *server) public(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := []client.Room{}
	for _, h := range s.rooms {
		if h.Kind == client.Channel && strings.Contains(h.Name, r.URL.Query().Get("query")) {
			rooms = append(rooms, h.Room)
		}
	}
	s.answer(w, http.StatusOK, map[string]any{"rooms": rooms})
}

func (s *server) direct(w http.ResponseWriter, r *http.Request) {
	var in client.NewRoom
	s.take(r, &in)
	s.mu.Lock()
	defer s.mu.Unlock()
	other := strings.TrimPrefix(in.Members[0], "@")
	if s.accounts[other] == "" {
		s.refused(w, http.StatusNotFound, "not_found")
		return
	}
	h := s.add(client.Direct, "", caller(r), other)
	room := h.Room
	peer := user(other)
	room.Peer = &peer
	s.answer(w, http.StatusCreated, room)
}

func (s *server) hall(id string) *hall {
	for _, h := range s.rooms {
		if h.ID == id {
			return h
		}
	}
	return nil
}

func (s *server) join(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hall(r.PathValue("room"))
	h.members[caller(r)] = true
	s.happen(h, client.Event{Kind: client.KindMember, By: "id-of-" + caller(r), Body: client.MemberBody{User: "id-of-" + caller(r), Op: "join"}}, nil, "")
	s.answer(w, http.StatusOK, h.Room)
}

func (s *server) history(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hall(r.PathValue("room"))
	before, limit := uint64(len(h.log)+1), 50
	if q := r.URL.Query(); q.Get("before") != "" {
		s.scan(q.Get("before"), &before)
	}
	s.scan(r.URL.Query().Get("limit"), &limit)
	posted := []client.Posted{}
	for _, ev := range h.log {
		if b, ok := ev.Body.(client.MessageBody); ok && ev.Seq < before {
			posted = append(posted, client.Posted{Room: h.ID, Seq: ev.Seq, By: ev.By, At: ev.At, Text: b.Text, Deleted: b.Deleted})
		}
	}
	posted = posted[max(0, len(posted)-limit):]
	s.answer(w, http.StatusOK, map[string]any{"messages": posted, "head": len(h.log)})
}

func (s *server) scan(text string, v any) {
	if _, err := fmt.Sscan(text, v); err != nil {
		s.t.Error(err)
	}
}

func (s *server) online(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var users []client.User
	for k := range s.socks {
		users = append(users, user(k.user))
	}
	s.answer(w, http.StatusOK, map[string]any{"users": users})
}

func (s *server) socket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	if down {
		s.refused(w, http.StatusServiceUnavailable, "unavailable")
		return
	}
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
		var f frame
		if err := json.Unmarshal(data, &f); err != nil {
			s.t.Errorf("client sent %q: %v", data, err)
		}
		s.handle(k, f)
	}
	s.mu.Lock()
	delete(s.socks, k)
	s.mu.Unlock()
}

type frame struct {
	Type, Ref, Token, Room, Text, Nonce string
	Seq                                 uint64
	Cursors                             map[string]uint64
}

func (s *server) handle(k *sock, f frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Type {
	case "hello":
		s.hello(k, f)
	case "send":
		if s.refuse != "" {
			k.say(map[string]any{"type": "error", "ref": f.Ref, "code": s.refuse, "detail": "you may not"})
			return
		}
		s.happen(s.hall(f.Room), client.Event{Kind: client.KindMessage, By: "id-of-" + k.user, Nonce: f.Nonce, Body: client.MessageBody{Text: f.Text}}, k, f.Ref)
	case "read":
		s.marks[f.Room] = f.Seq
	}
}

func (s *server) hello(k *sock, f frame) {
	k.user = f.Token
	rooms := []client.Room{}
	for _, h := range s.rooms {
		if h.members[k.user] {
			room := h.Room
			room.Head = uint64(len(h.log))
			rooms = append(rooms, room)
		}
	}
	k.say(map[string]any{"type": "welcome", "user": user(k.user), "rooms": rooms})
	for _, h := range s.rooms {
		after, ok := f.Cursors[h.ID]
		if !ok {
			continue
		}
		for _, ev := range h.log[after:] {
			k.say(map[string]any{"type": "event", "event": ev})
		}
	}
	s.socks[k] = true
}

// happen numbers an event and tells all members, the one whose command it is by ack.
func (s *server) happen(h *hall, ev client.Event, by *sock, ref string) {
	for _, old := range h.log {
		if ev.Nonce != "" && old.Nonce == ev.Nonce {
			by.say(map[string]any{"type": "ack", "ref": ref, "event": old})
			return
		}
	}
	ev.Room, ev.Seq, ev.At = h.ID, uint64(len(h.log)+1), time.Now()
	h.log = append(h.log, ev)
	for k := range s.socks {
		switch {
		case k == by:
			k.say(map[string]any{"type": "ack", "ref": ref, "event": ev})
		case h.members[k.user]:
			k.say(map[string]any{"type": "event", "event": ev})
		}
	}
}

// says makes a user who is nowhere to be seen say something.
func (s *server) says(h *hall, name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happen(h, client.Event{Kind: client.KindMessage, By: "id-of-" + name, Body: client.MessageBody{Text: text}}, nil, "")
}

func (k *sock) say(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	_ = wsutil.WriteServerText(k.conn, data) // who has gone hears nothing
}
