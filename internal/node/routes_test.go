package node_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/node/nodetest"
)

// TestRoutesByRole: who may do what, by what somebody is to a private room. What
// somebody may not see is not there.
func TestRoutesByRole(t *testing.T) {
	town := nodetest.New(t)
	admin := signUp(t, town, "admin") // the first account owns the installation
	owner, moderator, member, outsider := signUp(t, town, "owner"), signUp(t, town, "moderator"), signUp(t, town, "member"), signUp(t, town, "outsider")
	anybody := &account{t: t, url: town.URL()}
	room := owner.creates("group", moderator, member)
	if status, body := owner.ask("PUT", "/v1/rooms/"+room+"/members/@moderator", object{"role": "moderator"}); status != http.StatusOK {
		t.Fatal(status, body)
	}
	if status, body := owner.ask("POST", "/v1/rooms/"+room+"/messages", object{"text": "the first"}); status != http.StatusCreated {
		t.Fatal(status, body)
	}
	people := []*account{anybody, outsider, member, moderator, owner, admin}
	// The columns are anybody, outsider, member, moderator, owner, admin.
	for _, c := range []struct {
		method, path string
		body         object
		want         string
	}{
		{"GET", "/v1/rooms", nil, "401 200 200 200 200 200"},
		{"GET", "/v1/rooms/ROOM", nil, "401 404 200 200 200 200"},
		{"GET", "/v1/rooms/ROOM/members", nil, "401 404 200 200 200 200"},
		{"GET", "/v1/rooms/ROOM/online", nil, "401 404 200 200 200 200"},
		{"GET", "/v1/rooms/ROOM/receipts", nil, "401 404 200 200 200 200"},
		{"GET", "/v1/rooms/ROOM/messages", nil, "401 404 200 200 200 200"},
		{"GET", "/v1/rooms/ROOM/events", nil, "401 404 200 200 200 200"},
		{"GET", "/v1/search?q=first", nil, "401 200 200 200 200 200"},
		{"GET", "/v1/users/@member", nil, "401 200 200 200 200 200"},
		{"GET", "/v1/users/@nobody", nil, "401 404 404 404 404 404"},
		{"POST", "/v1/rooms/ROOM/messages", object{"text": "hi"}, "401 404 201 201 201 404"},
		{"POST", "/v1/rooms/ROOM/read", object{"seq": 1}, "401 404 204 204 204 404"},
		{"POST", "/v1/rooms/ROOM/join", nil, "401 404 200 200 200 404"},
		{"PATCH", "/v1/rooms/ROOM/me", object{"muted": true}, "401 404 200 200 200 404"},
		{"PATCH", "/v1/rooms/ROOM", object{"topic": "one"}, "401 404 403 200 200 200"},
		{"PATCH", "/v1/rooms/ROOM/messages/3", object{"text": "mine?"}, "401 404 403 403 200 403"},
		{"PUT", "/v1/rooms/ROOM/messages/3/reactions/x", nil, "401 404 200 200 200 404"},
		{"DELETE", "/v1/rooms/ROOM/messages/3/reactions/x", nil, "401 404 200 200 200 404"},
		{"PUT", "/v1/rooms/ROOM/members/@member", object{"role": "moderator"}, "401 404 403 403 200 200"},
		{"PUT", "/v1/rooms/ROOM/members/@member", object{"role": "member"}, "401 404 403 403 200 200"},
		{"DELETE", "/v1/rooms/ROOM/members/@owner", nil, "401 404 403 403 - -"},
		{"DELETE", "/v1/rooms/ROOM", nil, "401 404 403 403 204 409"},
		{"GET", "/v1/admin/users", nil, "401 403 403 403 403 200"},
		{"GET", "/v1/admin/rooms", nil, "401 403 403 403 403 200"},
		{"GET", "/v1/admin/stats", nil, "401 403 403 403 403 200"},
		{"PATCH", "/v1/admin/users/@member", object{"role": "guest"}, "401 403 403 403 403 200"},
	} {
		want := strings.Fields(c.want)
		got := slices.Clone(want)
		for i, who := range people {
			if want[i] == "-" {
				continue
			}
			status, _ := who.ask(c.method, strings.Replace(c.path, "ROOM", room, 1), c.body)
			got[i] = fmt.Sprint(status)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s %s: %s, not %s", c.method, c.path, strings.Join(got, " "), c.want)
		}
	}
}

// TestWhoRunsTheInstallationModeratesAllOfIt: admins read and clear rooms that
// they are not in, and change nothing that others said.
func TestWhoRunsTheInstallationModeratesAllOfIt(t *testing.T) {
	town := nodetest.New(t)
	owner, admin, ann, bob := signUp(t, town, "owner"), signUp(t, town, "admin"), signUp(t, town, "ann"), signUp(t, town, "bob")
	if status, body := owner.ask("PATCH", "/v1/admin/users/@admin", object{"role": "admin"}); status != http.StatusOK {
		t.Fatal(status, body)
	}
	status, direct := ann.ask("POST", "/v1/rooms", object{"kind": "direct", "members": []string{bob.id}})
	if status != http.StatusCreated {
		t.Fatal(status, direct)
	}
	his := bob.connects(nil)
	for _, room := range []string{ann.creates("group", bob), direct["id"].(string), ann.creates("channel", bob)} {
		_, said := ann.ask("POST", "/v1/rooms/"+room+"/messages", object{"text": "something bad"})
		at := fmt.Sprintf("/v1/rooms/%s/messages/%v", room, said["seq"])
		for _, who := range []*account{owner, admin} {
			status, page := who.ask("GET", "/v1/rooms/"+room+"/messages", nil)
			if messages, _ := page["messages"].([]any); status != http.StatusOK || len(messages) != 1 {
				t.Errorf("%s reads: %d %v", who.name, status, page)
			}
		}
		if status, refused := admin.ask("PATCH", at, object{"text": "something good"}); status != http.StatusForbidden {
			t.Errorf("an admin changes what somebody said: %d %v", status, refused)
		}
		if status, gone := admin.ask("DELETE", at, nil); status != http.StatusOK || gone["kind"] != "delete" {
			t.Errorf("an admin clears it: %d %v", status, gone)
		}
		for {
			if e := his.hears("event")["event"].(object); e["kind"] == "delete" && e["room"] == room {
				break
			}
		}
		if room == direct["id"] {
			continue // that is archived by nobody
		}
		if status, gone := admin.ask("DELETE", "/v1/rooms/"+room, nil); status != http.StatusNoContent {
			t.Errorf("an admin archives: %d %v", status, gone)
		}
	}
}

// TestReceiptsComeInPages: a room may have more readers than an answer holds.
func TestReceiptsComeInPages(t *testing.T) {
	town := nodetest.New(t)
	ann, bob, carol := signUp(t, town, "ann"), signUp(t, town, "bob"), signUp(t, town, "carol")
	room := ann.creates("group", bob, carol)
	want := map[any]bool{}
	for _, who := range []*account{ann, bob, carol} {
		if status, body := who.ask("POST", "/v1/rooms/"+room+"/read", object{"seq": 1}); status != http.StatusNoContent {
			t.Fatal(status, body)
		}
		want[who.id] = true
	}
	path := "/v1/rooms/" + room + "/receipts"
	if _, all := ann.ask("GET", path, nil); len(all["receipts"].([]any)) != 3 || all["next_cursor"] != nil {
		t.Errorf("without a limit: %v", all)
	}
	for cursor, more := "", true; more; {
		status, page := ann.ask("GET", path+"?limit=2&cursor="+cursor, nil)
		if status != http.StatusOK {
			t.Fatal(status, page)
		}
		for _, r := range page["receipts"].([]any) {
			delete(want, r.(object)["user"])
		}
		cursor, more = page["next_cursor"].(string)
	}
	if len(want) != 0 {
		t.Errorf("missed %v", want)
	}
	if status, body := ann.ask("GET", path+"?cursor=x", nil); status != http.StatusUnprocessableEntity || body["code"] != "invalid" {
		t.Errorf("another cursor: %d %v", status, body)
	}
}

// TestNoRoomIsMissed that becomes active while they are listed.
func TestNoRoomIsMissed(t *testing.T) {
	town := nodetest.New(t)
	ann := signUp(t, town, "ann")
	want := map[any]bool{}
	for range 6 {
		want[ann.creates("group")] = true
	}
	seen := map[any]int{}
	at := "/v1/rooms?order=id&limit=2"
	for cursor := ""; ; {
		status, page := ann.ask("GET", at+cursor, nil)
		if status != http.StatusOK {
			t.Fatal(status, page)
		}
		for _, r := range page["rooms"].([]any) {
			seen[r.(object)["id"]]++
		}
		for room := range want {
			if seen[room] == 0 {
				ann.ask("POST", fmt.Sprintf("/v1/rooms/%s/messages", room), object{"text": "here"})
			}
		}
		next, more := page["next_cursor"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
	for room := range want {
		if seen[room] != 1 {
			t.Errorf("%s is listed %d times", room, seen[room])
		}
	}
	if status, _ := ann.ask("GET", "/v1/rooms?order=size", nil); status != http.StatusUnprocessableEntity {
		t.Errorf("by size: %d", status)
	}
}

func TestRoomsOverREST(t *testing.T) {
	town := nodetest.New(t)
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	channel := object{"kind": "channel", "name": "News", "handle": "news"}
	status, first := ann.ask("POST", "/v1/rooms", channel, "Idempotency-Key", "k1")
	if status != http.StatusCreated || first["handle"] != "news" {
		t.Fatal(status, first)
	}
	if status, again := ann.ask("POST", "/v1/rooms", channel, "Idempotency-Key", "k1"); status != http.StatusCreated || again["id"] != first["id"] {
		t.Errorf("the same key: %d %v", status, again)
	}
	again := object{"kind": "channel", "name": "Views", "handle": "views"}
	if status, same := ann.ask("POST", "/v1/rooms", again, "Idempotency-Key", "k1"); status != http.StatusCreated || same["id"] != first["id"] || same["handle"] != "news" {
		t.Errorf("the same key with another handle: %d %v", status, same)
	}
	if status, made := bob.ask("POST", "/v1/rooms", again); status != http.StatusCreated || made["handle"] != "views" {
		t.Errorf("a handle that no room has taken: %d %v", status, made)
	}
	if status, taken := bob.ask("POST", "/v1/rooms", channel); status != http.StatusConflict {
		t.Errorf("a handle that is taken: %d %v", status, taken)
	}
	if status, refused := bob.ask("POST", "/v1/rooms", object{"kind": "channel", "name": " ", "handle": "free"}); status != http.StatusUnprocessableEntity {
		t.Errorf("a channel without a name: %d %v", status, refused)
	}
	if status, made := bob.ask("POST", "/v1/rooms", object{"kind": "channel", "name": "Free", "handle": "free"}); status != http.StatusCreated {
		t.Errorf("a handle that a refused room had: %d %v", status, made)
	}
	status, one := ann.ask("POST", "/v1/rooms", object{"kind": "direct", "members": []string{"@BOB"}})
	if peer, _ := one["peer"].(object); status != http.StatusCreated || peer["username"] != "bob" {
		t.Errorf("a direct room: %d %v", status, one)
	}
	if status, same := bob.ask("POST", "/v1/rooms", object{"kind": "direct", "members": []string{ann.id}}); status != http.StatusOK || same["id"] != one["id"] {
		t.Errorf("the same direct room: %d %v", status, same)
	}
	if status, unknown := ann.ask("POST", "/v1/rooms", object{"kind": "group", "name": "x", "members": []string{"@nobody"}}); status != http.StatusNotFound {
		t.Errorf("a member who is nobody: %d %v", status, unknown)
	}
	status, public := bob.ask("GET", "/v1/rooms?scope=public&query=ne", nil)
	if rooms, _ := public["rooms"].([]any); status != http.StatusOK || len(rooms) != 1 || rooms[0].(object)["role"] != nil {
		t.Errorf("the channels: %d %v", status, public)
	}
}

// TestLostAnswersAreGivenAgain to who repeats a request with its key.
func TestLostAnswersAreGivenAgain(t *testing.T) {
	town := nodetest.New(t)
	owner := signUp(t, town, "owner")
	var in object
	for range 3 {
		_, in = owner.ask("POST", "/v1/sessions", object{"username": "owner", "password": "correct horse"}, "Idempotency-Key", "one")
	}
	_, listed := owner.ask("GET", "/v1/sessions", nil)
	if sessions, _ := listed["sessions"].([]any); len(sessions) != 2 {
		t.Errorf("besides that of the sign-up there is not one session: %v", listed)
	}
	token := func(in object) string {
		session, _ := in["session"].(object)
		s, _ := session["refresh_token"].(string)
		return s
	}
	refresh := func(token, key string) (int, object) {
		return (&account{t: t, url: town.URL()}).ask("POST", "/v1/sessions/refresh", object{"refresh_token": token}, "Idempotency-Key", key)
	}
	_, lost := refresh(token(in), "one")
	status, again := refresh(token(in), "one")
	if status != http.StatusOK || token(again) == "" || token(again) != token(lost) {
		t.Errorf("the refresh again: %d %v", status, again)
	}
	if status, _ := refresh(token(again), "two"); status != http.StatusOK {
		t.Errorf("the next refresh: %d", status)
	}
	if status, refused := refresh(token(again), "three"); status != http.StatusUnauthorized {
		t.Errorf("with another key: %d %v", status, refused)
	}
	_, first := owner.ask("POST", "/v1/invites", object{"max_uses": 3}, "Idempotency-Key", "one")
	status, same := owner.ask("POST", "/v1/invites", object{"max_uses": 3}, "Idempotency-Key", "one")
	if status != http.StatusCreated || same["code"] == nil || fmt.Sprint(same) != fmt.Sprint(first) {
		t.Errorf("the invite is %v, and again %d %v", first, status, same)
	}
	if _, other := owner.ask("POST", "/v1/invites", object{"max_uses": 3}, "Idempotency-Key", "two"); other["code"] == first["code"] || other["id"] == first["id"] {
		t.Errorf("another invite is %v", other)
	}
}

func TestMessagesOverREST(t *testing.T) {
	town := nodetest.New(t)
	ann, bob := signUp(t, town, "ann"), signUp(t, town, "bob")
	room := ann.creates("group", bob)
	at := "/v1/rooms/" + room + "/messages"
	status, first := ann.ask("POST", at, object{"text": "hi @bob", "nonce": "n", "meta": object{"a": 1}, "a newer field": true})
	body, _ := first["body"].(object)
	if status != http.StatusCreated || first["nonce"] != "n" || body["text"] != "hi @bob" || fmt.Sprint(body["mentions"]) != "["+bob.id+"]" {
		t.Fatal(status, first)
	}
	if status, again := ann.ask("POST", at, object{"text": "hi"}, "Idempotency-Key", "n"); status != http.StatusCreated || again["id"] != first["id"] {
		t.Errorf("the same nonce: %d %v", status, again)
	}
	if status, reply := bob.ask("POST", at, object{"text": "yes", "thread": 2}); status != http.StatusCreated {
		t.Fatal(status, reply)
	}
	if status, unchanged := bob.ask("DELETE", at+"/2/reactions/x", nil); status != http.StatusNoContent {
		t.Errorf("a reaction that is not there: %d %v", status, unchanged)
	}
	status, history := bob.ask("GET", at+"?thread=2", nil)
	if list, _ := history["messages"].([]any); status != http.StatusOK || len(list) != 2 || list[0].(object)["reply_count"] != 1.0 {
		t.Errorf("the thread: %d %v", status, history)
	}
	status, then := bob.ask("GET", at+"?limit=1&around_time="+first["at"].(string), nil)
	if list, _ := then["messages"].([]any); status != http.StatusOK || len(list) != 1 || list[0].(object)["seq"] != 2.0 || then["has_more"] != true {
		t.Errorf("what was said then: %d %v", status, then)
	}
	if status, later := bob.ask("GET", at+"?limit=1&around_time=2999-01-01T00:00:00Z", nil); status != http.StatusOK || later["messages"].([]any)[0].(object)["seq"] != 3.0 {
		t.Errorf("what will be said: %d %v", status, later)
	}
	for query, seq := range map[string]float64{"": 3, "after=0&": 2, "after=2&": 3, "before=3&after=0&": 2, "before=0&": 3} {
		status, page := bob.ask("GET", at+"?"+query+"limit=1", nil)
		if list, _ := page["messages"].([]any); status != http.StatusOK || len(list) != 1 || list[0].(object)["seq"] != seq || page["has_more"] != (query != "after=2&" && query != "before=3&after=0&") {
			t.Errorf("%q: %d %v", query, status, page)
		}
	}
	for _, two := range []string{"?after=1&around_time=2999-01-01T00:00:00Z", "?around_time=yesterday"} {
		if status, refused := bob.ask("GET", at+two, nil); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %v", two, status, refused)
		}
	}
	if status, both := bob.ask("GET", at+"?before=2&after=1", nil); status != http.StatusUnprocessableEntity {
		t.Errorf("before and after: %d %v", status, both)
	}
	if status, gone := ann.ask("DELETE", at+"/2", nil); status != http.StatusOK || gone["kind"] != "delete" {
		t.Errorf("a deletion: %d %v", status, gone)
	}
	_, events := bob.ask("GET", "/v1/rooms/"+room+"/events?after=1&limit=1", nil)
	deleted := events["events"].([]any)[0].(object)
	if fmt.Sprint(deleted["body"]) != "map[deleted:true]" || deleted["nonce"] != nil {
		t.Errorf("what is left of it for bob: %v", deleted)
	}
}

func TestASignUpCanBeRepeated(t *testing.T) {
	town := nodetest.New(t)
	anybody := &account{t: t, url: town.URL()}
	ann := object{"username": "ann", "password": "correct horse"}
	status, first := anybody.ask("POST", "/v1/accounts", ann, "Idempotency-Key", "k")
	if status != http.StatusCreated {
		t.Fatal(status, first)
	}
	status, again := anybody.ask("POST", "/v1/accounts", ann, "Idempotency-Key", "k")
	if status != http.StatusCreated || again["user"].(object)["id"] != first["user"].(object)["id"] {
		t.Errorf("the same sign-up: %d %v", status, again)
	}
	if status, body := anybody.ask("POST", "/v1/accounts", ann); status != http.StatusConflict {
		t.Errorf("a name that is taken: %d %v", status, body)
	}
	other := object{"username": "ANN", "password": "another horse"}
	if status, body := anybody.ask("POST", "/v1/accounts", other, "Idempotency-Key", "k"); status != http.StatusConflict {
		t.Errorf("somebody else with that name: %d %v", status, body)
	}
}

// A client that does not want to wait was told 202 for a message that never
// reached the log: the gateway had given up before it watched the room.
func TestAMessageThatIsQueuedHappens(t *testing.T) {
	town := nodetest.New(t)
	ann := signUp(t, town, "ann")
	room := ann.creates("group")
	town.Restart() // now no gateway watches the room
	at := "/v1/rooms/" + room + "/messages"
	status, body := ann.ask("POST", at, object{"text": "hi", "nonce": "n"}, "Prefer", "wait=0")
	if status != http.StatusCreated && status != http.StatusAccepted || body["nonce"] != "n" {
		t.Fatal(status, body)
	}
	w := ann.connects(object{"cursors": object{room: 1}})
	if e := w.hears("event")["event"].(object); e["id"] != body["id"] {
		t.Errorf("queued %v, happened %v", body, e)
	}
}
