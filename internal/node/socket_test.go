package node_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/internal/node/nodetest"
)

// patience is for a loaded machine; nothing here takes that long.
const patience = 20 * time.Second

// object is a JSON object.
type object = map[string]any

// raw is a body as it is sent.
type raw string

// account is somebody who speaks the protocol by hand.
type account struct {
	t     *testing.T
	url   string
	id    string
	name  string
	token string
}

func signUp(t *testing.T, town *nodetest.Town, name string) *account {
	t.Helper()
	a := &account{t: t, url: town.URL(), name: name}
	status, body := a.ask("POST", "/v1/accounts", object{"username": name, "password": "correct horse"})
	if status != http.StatusCreated {
		t.Fatalf("signing %s up: %d %v", name, status, body)
	}
	a.id = body["user"].(object)["id"].(string)
	a.token = body["session"].(object)["access_token"].(string)
	return a
}

// ask sends a request; without a token when there is none.
func (a *account) ask(method, path string, body any, header ...string) (int, object) {
	a.t.Helper()
	var sent io.Reader = http.NoBody
	if as, is := body.(raw); is {
		sent = strings.NewReader(string(as))
	} else if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		sent = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, a.url+path, sent)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer object
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil && resp.StatusCode != http.StatusNoContent {
		a.t.Fatalf("%s %s: %s is no JSON: %v", method, path, resp.Status, err)
	}
	if resp.StatusCode >= 400 && (resp.Header.Get("Content-Type") != "application/problem+json" || answer["code"] == nil) {
		a.t.Errorf("%s %s: %d without a problem document: %v", method, path, resp.StatusCode, answer)
	}
	return resp.StatusCode, answer
}

func (a *account) creates(kind string, members ...*account) (room string) {
	a.t.Helper()
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.id
	}
	status, body := a.ask("POST", "/v1/rooms", object{"kind": kind, "name": "a room", "members": ids})
	if status != http.StatusCreated {
		a.t.Fatalf("making a %s: %d %v", kind, status, body)
	}
	return body["id"].(string)
}

// wire is a socket, frame by frame.
type wire struct {
	t    *testing.T
	conn net.Conn
	r    io.Reader
}

func dial(t *testing.T, url string, header http.Header) *wire {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, buffered, _, err := (ws.Dialer{Header: ws.HandshakeHeaderHTTP(header)}).Dial(ctx, strings.Replace(url, "http", "ws", 1)+"/v1/ws")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	w := &wire{t: t, conn: conn, r: conn}
	if buffered != nil {
		w.r = buffered
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return w
}

// connects says hello and hears the welcome.
func (a *account) connects(more object) *wire {
	a.t.Helper()
	w := dial(a.t, a.url, nil)
	hello := object{"type": "hello", "token": a.token}
	for k, v := range more {
		hello[k] = v
	}
	w.says(hello)
	w.hears("welcome")
	return w
}

func (w *wire) says(frame any) {
	w.t.Helper()
	b, is := frame.(string)
	if !is {
		raw, err := json.Marshal(frame)
		if err != nil {
			w.t.Fatal(err)
		}
		b = string(raw)
	}
	if err := wsutil.WriteClientText(w.conn, []byte(b)); err != nil {
		w.t.Fatal(err)
	}
}

// next is the next frame, or the code of the close frame.
func (w *wire) next() (frame object, closed int) {
	w.t.Helper()
	for {
		f, err := ws.ReadFrame(w.r)
		if err != nil {
			w.t.Fatalf("the socket broke: %v", err)
		}
		switch f.Header.OpCode {
		case ws.OpText:
			if err := json.Unmarshal(f.Payload, &frame); err != nil {
				w.t.Fatalf("%s: %v", f.Payload, err)
			}
			return frame, 0
		case ws.OpClose:
			if len(f.Payload) < 2 {
				return nil, 1005
			}
			return nil, int(binary.BigEndian.Uint16(f.Payload))
		}
	}
}

// hears skips to the next frame of a type, and of values where they are given.
func (w *wire) hears(kind string, pairs ...any) object {
	w.t.Helper()
	var before []object
	for {
		f, closed := w.next()
		if closed != 0 {
			w.t.Fatalf("the socket was closed with %d before %s %v; heard %v", closed, kind, pairs, before)
		}
		fits := f["type"] == kind
		for i := 0; i < len(pairs); i += 2 {
			fits = fits && fmt.Sprint(f[pairs[i].(string)]) == fmt.Sprint(pairs[i+1])
		}
		if fits {
			return f
		}
		before = append(before, f)
	}
}

// ends skips to the close frame.
func (w *wire) ends(code int) {
	w.t.Helper()
	for {
		if _, closed := w.next(); closed != 0 {
			if closed != code {
				w.t.Errorf("closed with %d, not %d", closed, code)
			}
			return
		}
	}
}

func text(f object) any { return f["event"].(object)["body"].(object)["text"] }

func TestAMessageGoesFromOneSocketToAnother(t *testing.T) {
	town := nodetest.New(t)
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	room := ann.creates("group", bob)
	hers, his := ann.connects(nil), bob.connects(nil)
	hers.says(object{"type": "send", "ref": "r1", "room": room, "nonce": "n1", "text": "hé <b>\u2028"})
	ack := hers.hears("ack", "ref", "r1")
	if text(ack) != "hé <b>\u2028" || ack["event"].(object)["nonce"] != "n1" || ack["event"].(object)["seq"] != 2.0 {
		t.Errorf("acknowledged with %v", ack)
	}
	event := his.hears("event")
	if text(event) != "hé <b>\u2028" || event["event"].(object)["nonce"] != nil || event["event"].(object)["by"] != ann.id {
		t.Errorf("bob heard %v", event)
	}
	his.says(`{"type":"ping"}`)
	his.hears("pong")

	hers.says(object{"type": "send", "ref": "r2", "room": room, "nonce": "n1", "text": "again"})
	if again := hers.hears("ack", "ref", "r2"); again["event"].(object)["seq"] != 2.0 {
		t.Errorf("the same nonce made %v", again)
	}
	his.says(object{"type": "edit", "ref": "e", "room": room, "seq": 2, "text": "not mine"})
	if refused := his.hears("error", "ref", "e"); refused["code"] != "forbidden" {
		t.Errorf("bob edits ann's message: %v", refused)
	}
	his.says(object{"type": "react", "ref": "a", "room": room, "seq": 2, "emoji": "👍", "op": "add"})
	his.hears("ack", "ref", "a")
	his.says(object{"type": "react", "ref": "b", "room": room, "seq": 2, "emoji": "👍", "op": "add"})
	if nothing := his.hears("ack", "ref", "b"); nothing["event"] != nil {
		t.Errorf("nothing needed changing: %v", nothing)
	}
	his.says(object{"type": "events", "ref": "c", "room": room, "after": 1, "limit": 1})
	page := his.hears("events", "ref", "c")
	if len(page["events"].([]any)) != 1 || page["head"] != 3.0 {
		t.Errorf("a page of one: %v", page)
	}
	his.says(object{"type": "read", "room": room, "seq": 3})
	if receipt := hers.hears("receipt", "user", bob.id); receipt["read"] != 3.0 || receipt["room"] != room {
		t.Errorf("%v", receipt)
	}
	his.says(object{"type": "typing", "room": room, "on": true})
	if typing := hers.hears("typing"); typing["user"] != bob.id || typing["on"] != true {
		t.Errorf("%v", typing)
	}
}

func TestAHelloWithCursorsInPiecesReplaysWhatWasMissed(t *testing.T) {
	town := nodetest.New(t)
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	one, two := ann.creates("group", bob), ann.creates("group", bob)
	for _, room := range []string{one, two} {
		for i := range 3 {
			if status, body := ann.ask("POST", "/v1/rooms/"+room+"/messages", object{"text": fmt.Sprint(i)}); status != http.StatusCreated {
				t.Fatal(status, body)
			}
		}
	}
	w := dial(t, town.URL(), http.Header{"Authorization": {"Bearer " + bob.token}})
	const nowhere = "11111111-1111-8111-8111-111111111111"
	w.says(object{"type": "hello", "replay_limit": 2, "cursors": object{one: 1}, "more": true})
	w.says(object{"type": "cursors", "cursors": object{two: 3, nowhere: 5}, "more": true})
	w.says(object{"type": "cursors", "cursors": object{}})
	w.hears("welcome")
	heard, truncated, gone := map[any][]any{}, any(nil), any(nil)
	for len(heard[one]) < 2 || len(heard[two]) < 1 || gone == nil {
		f, closed := w.next()
		if closed != 0 {
			t.Fatalf("closed with %d", closed)
		}
		switch f["type"] {
		case "event":
			e := f["event"].(object)
			heard[e["room"]] = append(heard[e["room"]], e["seq"])
		case "truncated":
			truncated = f["from"]
		case "room_gone":
			gone = f["room"]
		}
	}
	if fmt.Sprint(heard[one]) != "[3 4]" || fmt.Sprint(heard[two]) != "[4]" || truncated != 3.0 || gone != nowhere {
		t.Errorf("heard %v, truncated before %v, gone %v", heard, truncated, gone)
	}
}

func TestWhatSocketsMayNotDo(t *testing.T) {
	town := nodetest.New(t)
	ann := signUp(t, town, "ann")
	room := ann.creates("group")
	for name, c := range map[string]struct {
		first  string
		code   any
		closes int
	}{
		"a frame before the hello": {`{"type":"send","ref":"1","room":"` + room + `","text":"hi"}`, "unauthenticated", 4401},
		"no JSON":                  {`hello`, "malformed", 4400},
		"no object":                {`["hello"]`, "malformed", 4400},
		"a wrong token":            {`{"type":"hello","token":"x.y.z"}`, "unauthenticated", 4401},
		"no token":                 {`{"type":"hello"}`, "unauthenticated", 4401},
		"a wrong cursor":           {`{"type":"hello","token":"` + ann.token + `","cursors":{"x":1}}`, "malformed", 4400},
		"a wrong limit":            {`{"type":"hello","token":"` + ann.token + `","replay_limit":-1}`, "invalid", 4400},
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, town.URL(), nil)
			w.says(c.first)
			if f := w.hears("error"); f["code"] != c.code || f["detail"] == "" {
				t.Errorf("%v", f)
			}
			w.ends(c.closes)
		})
	}
	t.Run("a binary frame", func(t *testing.T) {
		w := ann.connects(nil)
		if err := wsutil.WriteClientBinary(w.conn, []byte{1}); err != nil {
			t.Fatal(err)
		}
		w.ends(1003)
	})
	t.Run("a frame that is too large", func(t *testing.T) {
		w := ann.connects(nil)
		_ = wsutil.WriteClientText(w.conn, bytes.Repeat([]byte(" "), 64<<10+1)) // refused from its header
		w.ends(4413)
	})
	t.Run("no JSON later", func(t *testing.T) {
		w := ann.connects(nil)
		w.says(`{"type":`)
		if f := w.hears("error"); f["code"] != "malformed" {
			t.Errorf("%v", f)
		}
		w.ends(4400)
	})
}

func TestWhatSocketsAreRefusedAndSurvive(t *testing.T) {
	town := nodetest.New(t)
	signUp(t, town, "admin") // the first account may see every room
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	room, secret := ann.creates("group"), bob.creates("group")
	w := ann.connects(nil)
	for name, c := range map[string]struct {
		frame object
		code  string
	}{
		"an unknown type":       {object{"type": "dance"}, "malformed"},
		"no type":               {object{}, "malformed"},
		"a wrong field":         {object{"type": "edit", "room": 5}, "malformed"},
		"hello again":           {object{"type": "hello", "token": ann.token}, "conflict"},
		"a room not mine":       {object{"type": "send", "room": secret, "text": "hi"}, "not_found"},
		"a room nowhere":        {object{"type": "send", "room": "11111111-1111-8111-8111-111111111111", "text": "hi"}, "not_found"},
		"a room that is no id":  {object{"type": "send", "room": "x", "text": "hi"}, "malformed"},
		"a text too long":       {object{"type": "send", "room": room, "text": strings.Repeat("x", 32<<10+1)}, "too_large"},
		"no text":               {object{"type": "send", "room": room, "text": ""}, "invalid"},
		"U+0000":                {object{"type": "send", "room": room, "text": "a\x00"}, "invalid"},
		"meta too large":        {object{"type": "send", "room": room, "text": "x", "meta": object{"a": strings.Repeat("x", 5000)}}, "too_large"},
		"a reply to nothing":    {object{"type": "send", "room": room, "text": "x", "reply_to": 99}, "not_found"},
		"an edit of nothing":    {object{"type": "edit", "room": room, "seq": 99, "text": "x"}, "not_found"},
		"a wrong op":            {object{"type": "react", "room": room, "seq": 1, "emoji": "x", "op": "kick"}, "invalid"},
		"joining a secret room": {object{"type": "join", "room": secret}, "not_found"},
		"events not mine":       {object{"type": "events", "room": secret, "after": 0}, "not_found"},
		"too many events":       {object{"type": "events", "room": room, "after": 0, "limit": 1000}, "invalid"},
		"a status":              {object{"type": "status", "status": "asleep"}, "invalid"},
		"too many to watch":     {object{"type": "watch_presence", "users": repeated(ann.id, 1001)}, "too_large"},
		"somebody else's token": {object{"type": "auth", "token": bob.token}, "forbidden"},
		"a wrong token":         {object{"type": "auth", "token": "x"}, "unauthenticated"},
	} {
		t.Run(name, func(t *testing.T) {
			c.frame["ref"] = name
			w.t = t
			w.says(c.frame)
			if f := w.hears("error", "ref", name); f["code"] != c.code || f["detail"] == "" {
				t.Errorf("%v", f)
			}
		})
	}
	w.t = t
	w.says(object{"type": "send", "ref": "last", "room": room, "text": "still here"})
	if ack := w.hears("ack", "ref", "last"); ack["event"].(object)["seq"] != 2.0 {
		t.Errorf("what was refused made events: %v", ack)
	}
}

func repeated(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

// TestMyOwnSessionsLearnWhatIHaveReadInALargeRoomToo, so that a phone shows no
// badge for what was read at a desk.
func TestMyOwnSessionsLearnWhatIHaveReadInALargeRoomToo(t *testing.T) {
	town := nodetest.New(t)
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	room := ann.creates("group", bob)
	for range 100 {
		bob.connects(nil)
	}
	desk, phone := ann.connects(nil), ann.connects(nil)
	bob.ask("POST", "/v1/rooms/"+room+"/messages", object{"text": "hi"})
	for _, w := range []*wire{desk, phone} {
		w.hears("event")
	}
	desk.says(object{"type": "read", "room": room, "seq": 2})
	if told := phone.hears("receipt"); told["user"] != ann.id || told["read"] != 2.0 {
		t.Errorf("the phone learns %v", told)
	}
}

func TestRoomsComeAndGoOnASocket(t *testing.T) {
	town := nodetest.New(t)
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	channel := ann.creates("channel")
	w := bob.connects(nil)
	w.says(object{"type": "join", "ref": "j", "room": channel})
	heard := map[string]bool{}
	for !heard["ack"] || !heard["room"] {
		f, closed := w.next()
		if closed != 0 {
			t.Fatal(closed)
		}
		heard[f["type"].(string)] = true
	}
	w.says(object{"type": "leave", "ref": "l", "room": channel})
	for !heard["room_gone"] {
		f, closed := w.next()
		if closed != 0 {
			t.Fatal(closed)
		}
		heard[f["type"].(string)] = true
	}
	direct, body := ann.ask("POST", "/v1/rooms", object{"kind": "direct", "members": []string{"@bob"}})
	if direct != http.StatusCreated {
		t.Fatal(direct, body)
	}
	entered := w.hears("room")["room"].(object)
	if peer, _ := entered["peer"].(object); entered["kind"] != "direct" || peer["username"] != "ann" || entered["role"] != "owner" {
		t.Errorf("bob is in %v", entered)
	}
}

// TestWhatIMuteIsMutedOnAllMyDevices: a member's own settings are no event.
func TestWhatIMuteIsMutedOnAllMyDevices(t *testing.T) {
	town := nodetest.New(t)
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	channel := ann.creates("channel")
	if status, body := bob.ask("POST", "/v1/rooms/"+channel+"/join", nil); status != http.StatusOK {
		t.Fatal(status, body)
	}
	anns, phone, desk := ann.connects(nil), bob.connects(nil), bob.connects(nil)
	if status, body := bob.ask("PATCH", "/v1/rooms/"+channel+"/me", object{"muted": true, "notify": "mentions"}); status != http.StatusOK {
		t.Fatal(status, body)
	}
	for _, w := range []*wire{phone, desk} {
		if shown := w.hears("room")["room"].(object); shown["id"] != channel || shown["muted"] != true || shown["notify"] != "mentions" {
			t.Errorf("bob is shown %v", shown)
		}
	}
	anns.says(object{"type": "ping"})
	for {
		switch f, closed := anns.next(); {
		case closed != 0:
			t.Fatal(closed)
		case f["type"] == "room":
			t.Errorf("ann is shown %v", f)
		case f["type"] == "pong":
			return
		}
	}
}

func TestPresenceIsToldToWhoAsks(t *testing.T) {
	town := nodetest.New(t)
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	w := ann.connects(nil)
	w.says(object{"type": "watch_presence", "ref": "w", "users": []string{bob.id}})
	w.hears("ack", "ref", "w")
	w.hears("presence", "user", bob.id, "status", "offline")
	his := bob.connects(nil)
	w.hears("presence", "user", bob.id, "status", "online")
	his.says(object{"type": "status", "ref": "s", "status": "busy", "text": "in a meeting"})
	if f := w.hears("presence", "user", bob.id, "status", "busy"); f["status_text"] != "in a meeting" {
		t.Errorf("%v", f)
	}
	if status, body := ann.ask("GET", "/v1/users/presence?ids="+bob.id, nil); status != http.StatusOK || body["presence"].([]any)[0].(object)["status"] != "busy" {
		t.Errorf("%d %v", status, body)
	}
	his.conn.Close()
	w.hears("presence", "user", bob.id, "status", "offline")
}

func TestRevokingASessionClosesItsSockets(t *testing.T) {
	town := nodetest.New(t)
	ann := signUp(t, town, "ann")
	w := ann.connects(nil)
	if status, body := ann.ask("DELETE", "/v1/sessions/current", nil); status != http.StatusNoContent {
		t.Fatal(status, body)
	}
	w.ends(4409)
	if status, _ := ann.ask("GET", "/v1/users/me", nil); status != http.StatusUnauthorized {
		t.Errorf("the token of a session that was ended: %d", status)
	}
}

func TestADrainSaysGoodbye(t *testing.T) {
	town := nodetest.New(t)
	w := signUp(t, town, "ann").connects(nil)
	stopped := make(chan struct{})
	go func() {
		town.Stop()
		close(stopped)
	}()
	if bye := w.hears("bye"); bye["reason"] == "" || bye["reconnect_after_ms"] == nil {
		t.Errorf("%v", bye)
	}
	w.ends(1001)
	<-stopped
}
