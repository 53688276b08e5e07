package node_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/node/nodetest"
	"github.com/parley-chat/parley/internal/role/accounts"
)

func byInvite(c *node.Config) { c.Accounts.SignUp = accounts.ByInvite }

// TestInvites: who is invited comes in, into the room that the invite is for, and
// nobody else does, in every topology.
func TestInvites(t *testing.T) {
	nodetest.Each(t, invites, byInvite)
}

func invites(t *testing.T, town *nodetest.Town) {
	anybody := &account{t: t, url: town.URL()}
	enters := func(name, invite string, header ...string) (int, object) {
		t.Helper()
		return anybody.ask("POST", "/v1/accounts", object{"username": name, "password": "correct horse", "invite": invite}, header...)
	}
	if status, can := anybody.ask("GET", "/v1/capabilities", nil); status != http.StatusOK || can["signup"] != "invite" {
		t.Errorf("the capabilities: %d %v", status, can)
	}
	owner := signUp(t, town, "owner") // who comes first needs none
	if status, refused := enters("bob", ""); status != http.StatusForbidden || !strings.Contains(refused["detail"].(string), "ask an owner or admin") {
		t.Errorf("without an invite: %d %v", status, refused)
	}
	if status, refused := enters("bob", "made up"); status != http.StatusForbidden || !strings.Contains(refused["detail"].(string), "ask for a new one") {
		t.Errorf("with a code that is none: %d %v", status, refused)
	}

	room := owner.creates("group")
	status, made := owner.ask("POST", "/v1/invites", object{"max_uses": 2, "room": room})
	code, _ := made["code"].(string)
	if status != http.StatusCreated || len(code) < 22 || made["url"] != town.URL()+"/#/invite/"+code || made["uses"] != 0.0 || made["room"] != room || made["created_by"] != owner.id {
		t.Fatalf("the invite: %d %v", status, made)
	}
	status, welcome := anybody.ask("POST", "/v1/invites/lookup", object{"code": code})
	if by, _ := welcome["invited_by"].(object); status != http.StatusOK || by["username"] != "owner" || welcome["room"].(object)["name"] != "a room" {
		t.Errorf("who invites: %d %v", status, welcome)
	}
	if status, in := enters("Owner", code); status != http.StatusConflict {
		t.Errorf("a name that is taken: %d %v", status, in)
	}
	bob := &account{t: t, url: town.URL()}
	status, in := enters("bob", code, "Idempotency-Key", "bob's")
	if status != http.StatusCreated {
		t.Fatalf("with the invite: %d %v", status, in)
	}
	bob.id = in["user"].(object)["id"].(string)
	bob.token = in["session"].(object)["access_token"].(string)
	bob.comesInto(room)
	if status, members := bob.ask("GET", "/v1/rooms/"+room+"/members", nil); status != http.StatusOK || len(members["members"].([]any)) != 2 {
		t.Errorf("the members: %d %v", status, members)
	}
	if status, refused := bob.ask("POST", "/v1/invites", object{}); status != http.StatusForbidden {
		t.Errorf("a member makes an invite: %d %v", status, refused)
	}
	if status, in := enters("carol", code, "Idempotency-Key", "carol's"); status != http.StatusCreated {
		t.Fatalf("the second one: %d %v", status, in)
	}
	if status, again := enters("carol", code, "Idempotency-Key", "carol's"); status != http.StatusCreated {
		t.Errorf("the last use, repeated by who lost the answer: %d %v", status, again)
	}
	if status, in := enters("dan", code); status != http.StatusForbidden {
		t.Errorf("a third one: %d %v", status, in)
	}
	if status, gone := anybody.ask("POST", "/v1/invites/lookup", object{"code": code}); status != http.StatusNotFound {
		t.Errorf("a used up invite: %d %v", status, gone)
	}

	status, other := owner.ask("POST", "/v1/invites", object{})
	if status != http.StatusCreated || other["max_uses"] != 1.0 || other["room"] != nil {
		t.Fatalf("an invite as it is by default: %d %v", status, other)
	}
	status, list := owner.ask("GET", "/v1/invites", nil)
	all, _ := list["invites"].([]any)
	if status != http.StatusOK || len(all) != 2 || all[0].(object)["id"] != other["id"] || all[1].(object)["uses"] != 2.0 || all[0].(object)["code"] != nil {
		t.Errorf("the invites: %d %v", status, list)
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if status, ended := owner.ask("DELETE", "/v1/invites/"+other["id"].(string), nil); status != want {
			t.Errorf("withdrawing: %d %v, want %d", status, ended, want)
		}
	}
	if status, in := enters("dan", other["code"].(string)); status != http.StatusForbidden {
		t.Errorf("with a withdrawn invite: %d %v", status, in)
	}
	direct := owner.creates("direct", bob)
	for body, want := range map[*object]int{
		{"max_uses": 0}: http.StatusUnprocessableEntity, {"max_uses": 10_001}: http.StatusUnprocessableEntity,
		{"expires_in_s": 0}: http.StatusUnprocessableEntity, {"room": bob.id}: http.StatusNotFound, {"room": direct}: http.StatusUnprocessableEntity,
	} {
		if status, refused := owner.ask("POST", "/v1/invites", *body); status != want {
			t.Errorf("%v: %d %v, want %d", *body, status, refused, want)
		}
	}
}

// comesInto waits until a room can be seen.
func (a *account) comesInto(room string) {
	a.t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		status, body := a.ask("GET", "/v1/rooms/"+room, nil)
		if status == http.StatusOK {
			return
		}
		if time.Now().After(late) {
			a.t.Fatalf("still not in the room: %d %v", status, body)
		}
	}
}

// TestAnInviteWhereNoneIsNeeded joins its room all the same.
func TestAnInviteWhereNoneIsNeeded(t *testing.T) {
	town := nodetest.New(t)
	owner := signUp(t, town, "owner")
	room := owner.creates("group")
	_, made := owner.ask("POST", "/v1/invites", object{"room": room})
	guest := &account{t: t, url: town.URL()}
	status, in := guest.ask("POST", "/v1/accounts", object{"username": "guest", "password": "correct horse", "invite": made["code"]})
	if status != http.StatusCreated {
		t.Fatal(status, in)
	}
	guest.token = in["session"].(object)["access_token"].(string)
	guest.comesInto(room)
	signUp(t, town, "anybody")
}

func TestNobodyIsInvitedWhereSignUpIsClosed(t *testing.T) {
	town := nodetest.New(t)
	owner := signUp(t, town, "owner")
	town.Config.Accounts.SignUp = accounts.Closed
	town.Restart()
	if status, refused := owner.ask("POST", "/v1/invites", object{}); status != http.StatusForbidden || !strings.Contains(refused["detail"].(string), "--signup closed") {
		t.Errorf("%d %v", status, refused)
	}
}
