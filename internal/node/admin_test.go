package node_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/node/nodetest"
)

// TestARoomIsFoundByItsHandleOrItsOnlyName: whoever gives a group of their own the
// name of a channel is not who operators invite people to.
func TestARoomIsFoundByItsHandleOrItsOnlyName(t *testing.T) {
	town := nodetest.New(t)
	owner, mallory := signUp(t, town, "owner"), signUp(t, town, "mallory")
	makes := func(who *account, what object) string {
		t.Helper()
		status, made := who.ask("POST", "/v1/rooms", what)
		if status != http.StatusCreated {
			t.Fatal(status, made)
		}
		return made["id"].(string)
	}
	for range 201 { // more than a page, and by their name before the channel
		makes(mallory, object{"kind": "group", "name": "news"})
	}
	news := makes(owner, object{"kind": "channel", "name": "What is new", "handle": "news"})
	plans := makes(owner, object{"kind": "group", "name": "plans"})
	one, two := makes(owner, object{"kind": "group", "name": "twice"}), makes(mallory, object{"kind": "group", "name": "twice"})

	remote, err := node.Reach(t.Context(), town.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	find := func(which string) (string, error) {
		x, err := node.Ask[node.Explanation](t.Context(), remote, "explain", node.Explain{Room: which, Seq: 1})
		return x.Event.Room.String(), err
	}
	for which, want := range map[string]string{"news": news, "#news": news, news: news, "plans": plans, two: two} {
		if room, err := find(which); err != nil || room != want {
			t.Errorf("%s is %s instead of %s, %v", which, room, want, err)
		}
	}
	if _, err := find("twice"); chat.CodeOf(err) != chat.Conflict || !strings.Contains(err.Error(), one) || !strings.Contains(err.Error(), two) {
		t.Errorf("a name that two rooms have: %v", err)
	}
	for _, none := range []string{"", "#", "plan"} {
		if _, err := find(none); chat.CodeOf(err) != chat.NotFound {
			t.Errorf("%q: %v", none, err)
		}
	}
	if _, err := node.Ask[node.Invitation](t.Context(), remote, "user/invite", node.MakeInvite{MaxUses: 1, Seconds: 60, Room: "twice"}); chat.CodeOf(err) != chat.Conflict {
		t.Errorf("an invite into one of two: %v", err)
	}
}
