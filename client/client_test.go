package client

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"
	"testing"
	"time"
)

func TestRefusalsAreTyped(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string
		body   string
		want   Error
	}{
		"problem":      {404, "", `{"title":"Not Found","code":"not_found","detail":"no such room"}`, Error{Status: 404, Code: CodeNotFound, Detail: "no such room"}},
		"retry after":  {503, "7", `{"code":"unavailable"}`, Error{Status: 503, Code: CodeUnavailable, Detail: "service unavailable", RetryAfter: 7 * time.Second}},
		"a proxy's":    {502, "", `<html>`, Error{Status: 502, Code: CodeUnavailable, Detail: "bad gateway"}},
		"limited":      {429, "1", ``, Error{Status: 429, Code: CodeRateLimited, Detail: "too many requests", RetryAfter: time.Second}},
		"unknown code": {418, "", `{"code":"teapot","title":"Teapot"}`, Error{Status: 418, Code: "teapot", Detail: "Teapot"}},
	} {
		t.Run(name, func(t *testing.T) {
			url := startHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			_, err := New(url).Room(t.Context(), room1)
			var got *Error
			if !errors.As(err, &got) || *got != c.want {
				t.Fatalf("got %+v, want %+v", err, c.want)
			}
		})
	}
}

func TestLoginRenewsItselfOnce(t *testing.T) {
	renewals := 0
	url := startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		grantOf := func(access, refresh string) {
			if err := json.NewEncoder(w).Encode(grant{User: User{ID: ann}, Session: Tokens{AccessToken: access, RefreshToken: refresh, AccessExpiresAt: time.Now().Add(15 * time.Minute)}}); err != nil {
				t.Error(err)
			}
		}
		switch r.URL.Path {
		case "/v1/sessions":
			w.WriteHeader(http.StatusCreated)
			grantOf("access-1", "refresh-1")
		case "/v1/sessions/refresh":
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != `{"refresh_token":"refresh-1"}` {
				t.Errorf("refresh with %s, %v", body, err)
			}
			renewals++
			grantOf("access-2", "refresh-2")
		case "/v1/users/me":
			if r.Header.Get("Authorization") != "Bearer access-2" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprint(w, `{"username":"ann"}`)
		}
	})
	login, err := New(url).SignIn(t.Context(), "ann", "secret-1", "")
	if err != nil {
		t.Fatal(err)
	}
	var kept Tokens
	login.OnRefresh = func(tokens Tokens) { kept = tokens }
	for range 2 {
		me, err := New(url).As(login).Me(t.Context())
		if err != nil || me.Username != "ann" {
			t.Fatalf("Me: %+v %v", me, err)
		}
	}
	if renewals != 1 || kept.RefreshToken != "refresh-2" || login.Tokens().AccessToken != "access-2" {
		t.Fatalf("%d renewals, kept %+v", renewals, kept)
	}
}

// TestARenewalWhoseAnswerIsLost is asked for with its key again, by which the
// server knows it from a theft.
func TestARenewalWhoseAnswerIsLost(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	url := startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) == 1 {
			panic(http.ErrAbortHandler)
		}
		if err := json.NewEncoder(w).Encode(grant{Session: Tokens{AccessToken: "access", RefreshToken: "refresh", AccessExpiresAt: time.Now()}}); err != nil {
			t.Error(err)
		}
	})
	login := newLogin(User{}, New(url), Tokens{RefreshToken: "first"}.withKey())
	for i := range 3 {
		if _, err := login.Token(t.Context(), ""); (err != nil) != (i == 0) {
			t.Errorf("the renewal %d: %v", i, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(keys) != 3 || keys[0] == "" || keys[0] != keys[1] || keys[1] == keys[2] {
		t.Errorf("the keys were %q", keys)
	}
}

// TestAnotherClockIsNoReasonToRenew: the server's may be hours behind or ahead.
func TestAnotherClockIsNoReasonToRenew(t *testing.T) {
	for _, ahead := range []time.Duration{-3 * time.Hour, 0, 3 * time.Hour} {
		at := time.Now().Add(ahead)
		jwt := "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iat":%d,"exp":%d}`, at.Unix(), at.Unix()+900)) + ".x"
		login := newLogin(User{}, New("http://127.0.0.1:1"), Tokens{AccessToken: jwt, AccessExpiresAt: at.Add(15 * time.Minute)})
		if token, err := login.Token(t.Context(), ""); err != nil || token != jwt {
			t.Errorf("%v ahead: %q, %v", ahead, token, err)
		}
		if life := lifeOf(jwt); life < 14*time.Minute || life > 15*time.Minute {
			t.Errorf("%v ahead: it is good for %v", ahead, life)
		}
	}
}

func TestPostAsksUntilCommitted(t *testing.T) {
	var nonces []string
	url := startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		var m Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		nonces = append(nonces, m.Nonce)
		if len(nonces) < 3 {
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, `{"id":"i","nonce":%q}`, m.Nonce)
			return
		}
		w.WriteHeader(http.StatusCreated)
		if err := json.NewEncoder(w).Encode(message(room1, 9, m.Text)); err != nil {
			t.Error(err)
		}
	})
	ev, err := New(url).Post(t.Context(), room1, Message{Text: "hi"})
	if err != nil || ev.Seq != 9 || ev.Text() != "hi" {
		t.Fatalf("Post: %+v %v", ev, err)
	}
	if len(nonces) != 3 || nonces[0] == "" || nonces[0] != nonces[1] || nonces[1] != nonces[2] {
		t.Fatalf("nonces %v", nonces)
	}
}

// TestReceiptsAreAll, however many pages they come in.
func TestReceiptsAreAll(t *testing.T) {
	url := startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch cursor := r.URL.Query().Get("cursor"); cursor {
		case "":
			fmt.Fprint(w, `{"receipts":[{"user":"a","read":1}],"next_cursor":"more"}`)
		case "more":
			fmt.Fprint(w, `{"receipts":[{"user":"b","read":2}]}`)
		default:
			t.Errorf("it asks for %q", cursor)
		}
	})
	marks, err := New(url).Receipts(t.Context(), room1)
	if err != nil || len(marks) != 2 || marks[0].User != "a" || marks[1].User != "b" {
		t.Errorf("%+v, %v", marks, err)
	}
}

// TestRoutes holds every call to the method and path of the protocol.
func TestRoutes(t *testing.T) {
	var got string
	url := startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = r.Method + " " + r.URL.RequestURI() + " " + string(body)
		fmt.Fprint(w, `{}`)
	})
	c, ctx := New(url), t.Context()
	name := "n"
	for want, call := range map[string]func() error{
		`GET /v1/sessions `:                      func() error { _, err := c.Devices(ctx); return err },
		`DELETE /v1/sessions/current `:           func() error { return c.SignOut(ctx) },
		`PATCH /v1/users/me {"status_text":"n"}`: func() error { _, err := c.UpdateMe(ctx, ProfileChange{StatusText: &name}); return err },
		`DELETE /v1/users/me `:                   func() error { return c.DeleteMe(ctx) },
		`GET /v1/users/@bob `:                    func() error { _, err := c.User(ctx, "@bob"); return err },
		`GET /v1/users?limit=3&query=b `:         func() error { _, _, err := c.Users(ctx, "b", Page{Limit: 3}); return err },
		`POST /v1/users/lookup {"ids":["u"]}`:    func() error { _, err := c.Lookup(ctx, nil, []string{"u"}); return err },
		`GET /v1/users/presence?ids=a%2Cb `:      func() error { _, err := c.Presence(ctx, "a", "b"); return err },
		`POST /v1/rooms {"kind":"group","name":"n","members":["@bob"]}`: func() error {
			_, err := c.CreateRoom(ctx, NewRoom{Kind: Group, Name: "n", Members: []string{"@bob"}})
			return err
		},
		`GET /v1/rooms?cursor=c `:                            func() error { _, _, err := c.Rooms(ctx, Page{Cursor: "c"}); return err },
		`GET /v1/rooms?query=q&scope=public `:                func() error { _, _, err := c.PublicRooms(ctx, "q", Page{}); return err },
		`PATCH /v1/rooms/r {"topic":"n"}`:                    func() error { _, err := c.UpdateRoom(ctx, "r", RoomChange{Topic: &name}); return err },
		`DELETE /v1/rooms/r `:                                func() error { return c.ArchiveRoom(ctx, "r") },
		`PATCH /v1/rooms/r/me {"notify":"n"}`:                func() error { _, err := c.Prefer(ctx, "r", Preferences{Notify: &name}); return err },
		`POST /v1/rooms/r/join `:                             func() error { _, err := c.JoinRoom(ctx, "r"); return err },
		`POST /v1/rooms/r/leave `:                            func() error { return c.LeaveRoom(ctx, "r") },
		`GET /v1/rooms/r/members `:                           func() error { _, _, err := c.Members(ctx, "r", Page{}); return err },
		`PUT /v1/rooms/r/members/u {}`:                       func() error { _, err := c.SetMember(ctx, "r", "u", ""); return err },
		`DELETE /v1/rooms/r/members/u `:                      func() error { return c.RemoveMember(ctx, "r", "u") },
		`GET /v1/rooms/r/online `:                            func() error { _, err := c.Online(ctx, "r"); return err },
		`PATCH /v1/rooms/r/messages/7 {"text":"x"}`:          func() error { _, err := c.Edit(ctx, "r", 7, "x"); return err },
		`DELETE /v1/rooms/r/messages/7 `:                     func() error { _, err := c.Delete(ctx, "r", 7); return err },
		`PUT /v1/rooms/r/messages/7/reactions/%F0%9F%91%8D `: func() error { _, err := c.React(ctx, "r", 7, "👍"); return err },
		`DELETE /v1/rooms/r/messages/7/reactions/a%2Fb `:     func() error { _, err := c.Unreact(ctx, "r", 7, "a/b"); return err },
		`GET /v1/rooms/r/messages?before=9&limit=2 `:         func() error { _, err := c.History(ctx, "r", Span{Before: 9, Limit: 2}); return err },
		`GET /v1/rooms/r/events?after=0 `:                    func() error { _, _, err := c.Events(ctx, "r", 0, 0); return err },
		`POST /v1/rooms/r/read {"seq":7}`:                    func() error { return c.MarkRead(ctx, "r", 7) },
		`GET /v1/rooms/r/receipts?limit=200 `:                func() error { _, err := c.Receipts(ctx, "r"); return err },
		`GET /v1/search?from=%40bob&q=x `:                    func() error { _, _, err := c.Search(ctx, Query{Text: "x", From: "@bob"}, Page{}); return err },
		`GET /readyz `:                                       func() error { return c.Ready(ctx) },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got != want {
			t.Errorf("called %s, want %s", got, want)
		}
	}
}

func TestEventBodiesAreTyped(t *testing.T) {
	yes := true
	for text, want := range map[string]Body{
		`{"kind":"message","body":{"text":"a","reply_to":3}}`:              MessageBody{Text: "a", ReplyTo: 3},
		`{"kind":"message","body":{"deleted":true}}`:                       MessageBody{Deleted: true},
		`{"kind":"edit","target":3,"body":{"text":"b"}}`:                   EditBody{Text: "b"},
		`{"kind":"delete","target":3,"body":{}}`:                           DeleteBody{},
		`{"kind":"reaction","target":3,"body":{"emoji":"+","op":"add"}}`:   ReactionBody{Emoji: "+", Op: "add"},
		`{"kind":"member","body":{"user":"u","op":"role","role":"owner"}}`: MemberBody{User: "u", Op: "role", Role: "owner"},
		`{"kind":"room","body":{"op":"settings","read_only":true}}`:        RoomBody{Op: "settings", ReadOnly: &yes},
		`{"kind":"poll","body":{"q":1}}`:                                   UnknownBody{json.RawMessage(`{"q":1}`)},
		`{"kind":"message"}`:                                               MessageBody{},
	} {
		var ev Event
		mustDecode(t, []byte(text), &ev)
		if !reflect.DeepEqual(ev.Body, want) {
			t.Errorf("%s: got %#v, want %#v", text, ev.Body, want)
		}
		again, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		var back Event
		mustDecode(t, again, &back)
		if !reflect.DeepEqual(back, ev) {
			t.Errorf("%s: came back as %s", text, again)
		}
	}
	if err := json.Unmarshal([]byte(`{"kind":"message","body":7}`), new(Event)); err == nil {
		t.Error("a number passed for a body")
	}
}
