package node_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/node/nodetest"
)

// await asks until the answer has this status.
func (a *account) await(status int, path string) {
	a.t.Helper()
	for deadline := time.Now().Add(patience / 2); ; time.Sleep(10 * time.Millisecond) {
		have, body := a.ask("GET", path, nil)
		if have == status {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("GET %s is still %d %v, want %d", path, have, body, status)
		}
	}
}

// An admin reads every room. Who was one does not any more, over REST and over
// sockets, those that are open and new ones, also when nobody hears of the change
// but by its number; and the session goes on.
func TestARoleCountsAsSoonAsItIsGiven(t *testing.T) {
	for name, lost := range map[string]bool{"told": false, "the notice is lost": true} {
		t.Run(name, func(t *testing.T) {
			town := nodetest.New(t)
			owner, adm, carol := signUp(t, town, "owner1"), signUp(t, town, "adm"), signUp(t, town, "carol")
			room := carol.creates("group")
			history := "/v1/rooms/" + room + "/messages"
			w := adm.connects(nil)
			becomes := func(role string, status int) {
				t.Helper()
				before, _ := adm.ask("GET", history, nil) // remembered from here on
				if before == status {
					t.Fatalf("%d before they are %s", before, role)
				}
				if s, b := owner.ask("PATCH", "/v1/admin/users/@adm", object{"role": role}); s != http.StatusOK {
					t.Fatal(s, b)
				}
				adm.await(status, history)
				if u := w.hears("user")["user"].(object); u["role"] != role {
					t.Fatalf("the session is told %v", u)
				}
				for _, w := range []*wire{w, adm.connects(nil)} {
					w.says(object{"type": "events", "ref": "e" + role, "room": room, "after": 0})
					for {
						f, closed := w.next()
						if closed != 0 {
							t.Fatalf("closed with %d", closed)
						}
						if f["ref"] == "e"+role {
							if (f["type"] == "events") != (status == http.StatusOK) {
								t.Errorf("a socket answers who is %s with %v", role, f)
							}
							break
						}
					}
				}
			}
			var rule *bustest.Rule
			if lost {
				rule = town.Faults.Drop(bustest.Match{What: bus.PassNotice, Subject: contract.UserChanged.Subject()})
			}
			becomes("admin", http.StatusOK)
			becomes("member", http.StatusNotFound)
			if lost && rule.Struck() == 0 {
				t.Error("nothing was lost")
			}
		})
	}
}
