package node_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/node/nodetest"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// TestWhatNobodyCanHaveWritten is nowhere a failure of ours, over either
// database: PostgreSQL takes neither U+0000 nor what is not UTF-8.
func TestWhatNobodyCanHaveWritten(t *testing.T) {
	for name, option := range map[string]nodetest.Option{
		"sqlite":   func(*node.Config) {},
		"postgres": func(c *node.Config) { c.Store = pgtest.Fresh(t, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			town := nodetest.New(t, option)
			ann := signUp(t, town, "ann")
			room := ann.creates("channel")
			for _, bad := range []struct{ escaped, json string }{{"%00", `\u0000`}, {"%ff", "\xff"}, {"a%00b", `a\u0000b`}, {"%c0%80", "\xc0\x80"}} {
				ann.asksUnwritably(room, bad.escaped, bad.json)
			}
		})
	}
}

// everyInput has BAD wherever a request can say something. Those without a body
// are GET, PUT and DELETE; "key" is the Idempotency-Key.
const everyInput = `
GET /v1/users?query=BAD
GET /v1/users?cursor=BAD
GET /v1/users?limit=BAD
GET /v1/users?cursor=_w
GET /v1/users?cursor=AA
GET /v1/users/BAD
GET /v1/users/@aBAD
GET /v1/users/presence?ids=BAD
GET /v1/rooms?cursor=BAD
GET /v1/rooms?scope=BAD
GET /v1/rooms?order=BAD
GET /v1/rooms?scope=public&query=BAD
GET /v1/rooms?scope=public&cursor=BAD
GET /v1/rooms?scope=public&cursor=_wAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA
GET /v1/rooms/BAD
GET /v1/rooms/ROOM/members?cursor=BAD
GET /v1/rooms/ROOM/members?cursor=_w
GET /v1/rooms/ROOM/messages?before=BAD
GET /v1/rooms/ROOM/messages?around_time=BAD
GET /v1/rooms/ROOM/events?after=BAD
GET /v1/search?q=BAD
GET /v1/search?q=roomBAD
GET /v1/search?q=room&from=@aBAD
GET /v1/search?q=room&room=BAD
GET /v1/search?q=room&cursor=BAD
GET /v1/search?q=room&cursor=_w
GET /v1/search?q=room&before=BAD
GET /v1/admin/users?query=BAD
GET /v1/admin/users?cursor=BAD
GET /v1/admin/users?cursor=_w
GET /v1/admin/rooms?query=BAD
GET /v1/admin/rooms?cursor=BAD
GET /v1/invites?cursor=BAD
GET /v1/BAD
PUT /v1/rooms/ROOM/members/@aBAD
DELETE /v1/rooms/ROOM/members/@aBAD
PUT /v1/rooms/ROOM/messages/BAD/reactions/x
PUT /v1/rooms/ROOM/messages/1/reactions/BAD
DELETE /v1/rooms/ROOM/messages/1/reactions/BAD
DELETE /v1/invites/BAD
DELETE /v1/sessions/BAD
PUT /v1/rooms/ROOM/members/@ann {"role":"BAD"}
PATCH /v1/users/me {"display_name":"BAD"}
PATCH /v1/users/me {"status_text":"BAD"}
PATCH /v1/users/me {"password":{"old":"BAD","new":"correct horse"}}
PATCH /v1/users/me {"password":{"old":"correct horse","new":"correct horseBAD"}}
PATCH /v1/rooms/ROOM {"name":"aBAD"}
PATCH /v1/rooms/ROOM {"topic":"BAD"}
PATCH /v1/rooms/ROOM/me {"notify":"BAD"}
PATCH /v1/rooms/ROOM/messages/1 {"text":"aBAD"}
PATCH /v1/admin/users/@aBAD {"banned":true}
PATCH /v1/admin/users/@ann {"role":"BAD"}
POST /v1/accounts {"username":"aBAD","password":"correct horse"}
POST /v1/accounts {"username":"bob","password":"correct horseBAD"}
POST /v1/accounts {"username":"bob","password":"correct horse","display_name":"BAD"}
POST /v1/accounts {"username":"bob","password":"correct horse","device":"BAD"}
POST /v1/sessions {"username":"aBAD","password":"correct horse"}
POST /v1/sessions {"username":"ann","password":"correct horseBAD"}
POST /v1/sessions {"username":"ann","password":"correct horse","device":"BAD"}
POST /v1/sessions key
POST /v1/sessions/refresh {"refresh_token":"BAD"}
POST /v1/users/lookup {"usernames":["ann","@aBAD"]}
POST /v1/users/lookup {"ids":["BAD"]}
POST /v1/invites key
POST /v1/invites {"room":"BAD"}
POST /v1/invites/lookup {"code":"BAD"}
POST /v1/rooms key
POST /v1/rooms {"kind":"BAD"}
POST /v1/rooms {"kind":"group","name":"aBAD"}
POST /v1/rooms {"kind":"group","name":"a","topic":"BAD"}
POST /v1/rooms {"kind":"group","name":"a","members":["@aBAD"]}
POST /v1/rooms {"kind":"channel","name":"a","handle":"aBAD"}
POST /v1/rooms/ROOM/messages key
POST /v1/rooms/ROOM/messages {"text":"aBAD"}
POST /v1/rooms/ROOM/messages {"text":"a","nonce":"BAD"}
POST /v1/rooms/ROOM/messages {"text":"a","meta":{"BAD":"BAD"}}
POST /v1/rooms/ROOM/messages {"text":"a","attachments":["BAD"]}`

func (a *account) asksUnwritably(room, escaped, json string) {
	a.t.Helper()
	for line := range strings.Lines(strings.TrimSpace(everyInput)) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		method, path := fields[0], strings.NewReplacer("ROOM", room, "BAD", escaped).Replace(fields[1])
		var body any
		var header []string
		switch {
		case len(fields) < 3:
		case fields[2] == "key" && escaped == "%ff":
			header = []string{"Idempotency-Key", "\xff"}
			body = object{"username": "ann", "password": "correct horse", "kind": "group", "name": "a", "text": "a"}
		case fields[2] == "key":
			continue // no header can have U+0000
		default:
			body = raw(strings.ReplaceAll(fields[2], "BAD", json))
		}
		status, answer := a.ask(method, path, body, header...)
		if status >= http.StatusInternalServerError || fields[0] == "GET" && status < http.StatusBadRequest {
			a.t.Errorf("%s with %s: %d %v", strings.TrimSpace(line), escaped, status, answer)
		}
	}
	for path, body := range map[string]raw{
		"/v1/users/lookup": `{"usernames":["ann","@a\u0000"]}`,
		"/v1/sessions":     `{"username":"a\u0000","password":"correct horse"}`,
	} {
		if status, refused := a.ask("POST", path, body); status != http.StatusUnprocessableEntity || refused["code"] != "invalid" {
			a.t.Errorf("%s takes such a name: %d %v", path, status, refused)
		}
	}
	status, refused := a.ask("GET", "/v1/users/@a"+escaped, nil)
	if status != http.StatusUnprocessableEntity || fmt.Sprint(refused["code"]) != "invalid" {
		a.t.Errorf("such a name: %d %v", status, refused)
	}
}
