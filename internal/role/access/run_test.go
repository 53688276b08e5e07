package access

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The rules over a real bus and a real store: who asks is looked up there, and a
// ban is a revocation.
func TestOverTheBusAndTheStore(t *testing.T) {
	s, b := storetest.SQLite(t), bustest.Embedded(t)
	people := map[string]chat.UserID{}
	for name, role := range map[string]chat.OrgRole{"owner": chat.OrgOwner, "admin": chat.OrgAdmin, "member": chat.OrgMember, "other": chat.OrgMember} {
		u := chat.User{ID: chat.NewID(), Username: name, DisplayName: name, Kind: chat.Person, Role: role}
		if _, err := s.Accounts().Create(t.Context(), chat.Account{User: u}, nil, chat.Admission{}); err != nil {
			t.Fatal(err)
		}
		people[name] = u.ID
	}
	role := New(b, s.Access(), bustest.Log(t), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- role.Run(ctx, func() { close(ready) }) }()
	<-ready
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	changed := make(chan chat.User, 10)
	sub, err := contract.UserChanged.Subscribe(b, func(_ context.Context, u *chat.User) { changed <- *u })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop(context.Background())

	for name, want := range map[string]chat.Code{"owner": "", "admin": "", "member": chat.Forbidden, "nobody": chat.NotFound, "operator": ""} {
		by := people[name]
		if name == "nobody" {
			by = chat.NewID()
		}
		list, err := contract.ListUsers.Ask(t.Context(), b, &contract.ListUsersAsk{By: by, Limit: 3})
		if chat.CodeOf(err) != want || err == nil && (len(list.Users) != 3 || list.Next == "") {
			t.Errorf("%s lists %+v, %v", name, list, err)
		}
		stats, err := contract.OrgStats.Ask(t.Context(), b, &contract.StatsAsk{By: by})
		if chat.CodeOf(err) != want || err == nil && stats.Users != 4 {
			t.Errorf("%s counts %+v, %v", name, stats, err)
		}
	}
	yes, no, member := true, false, chat.OrgMember
	set := func(by, user string, role *chat.OrgRole, banned *bool) (*chat.User, error) {
		return contract.SetUser.Ask(t.Context(), b, &contract.SetUserAsk{By: people[by], User: people[user], Role: role, Banned: banned})
	}
	u, err := set("admin", "member", nil, &yes)
	if err != nil || !u.Banned || *u != <-changed {
		t.Fatalf("banned: %+v, %v", u, err)
	}
	list, last, err := s.Accounts().Revocations(t.Context(), 0, 10)
	if err != nil || last != 1 || list[0].User != people["member"] || !list[0].Banned {
		t.Errorf("revoked: %+v, %v", list, err)
	}
	if u, err = set("admin", "member", nil, &no); err != nil || u.Banned {
		t.Errorf("the ban was lifted: %+v, %v", u, err)
	}
	owners := func() int {
		a, err := contract.Owners.Ask(t.Context(), b, &contract.None{})
		if err != nil {
			t.Fatal(err)
		}
		return a.Owners
	}
	owner := chat.OrgOwner
	if _, err := set("owner", "owner", &member, nil); chat.CodeOf(err) != chat.Conflict || owners() != 1 {
		t.Errorf("the last owner went: %v", err)
	}
	if _, err := set("admin", "other", &owner, nil); chat.CodeOf(err) != chat.Forbidden {
		t.Errorf("an admin made an owner: %v", err)
	}
	if _, err := set("operator", "other", &owner, nil); err != nil || owners() != 2 {
		t.Errorf("the operator made no owner: %v", err)
	}
	// Both leave at once: one stays.
	results := make(chan error, 2)
	for _, name := range []string{"owner", "other"} {
		go func() {
			_, err := set(name, name, &member, nil)
			results <- err
		}()
	}
	if first, second := chat.CodeOf(<-results), chat.CodeOf(<-results); first == second || owners() != 1 {
		t.Errorf("%q and %q: %d owners are left", first, second, owners())
	}
}
