package storetest

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// invited is an admission that shows a code at the moment 100.
func invited(code string) chat.Admission {
	sum := sha256.Sum256([]byte(code))
	return chat.Admission{FirstOwns: true, ByInvite: true, Invite: &sum, At: 100}
}

// invite keeps an invite of somebody, good until 1000.
func invite(t *testing.T, s *store.Store, code string, by chat.UserID, uses int, room chat.RoomID) chat.Invite {
	t.Helper()
	i := chat.Invite{ID: chat.NewID(), CreatedBy: by, CreatedAt: 50, ExpiresAt: 1000, MaxUses: uses, Room: room}
	kept, err := s.Accounts().CreateInvite(t.Context(), i, sha256.Sum256([]byte(code)))
	must(t, err)
	if kept != i {
		t.Fatalf("kept is %+v", kept)
	}
	return i
}

// enters tries to make an account.
func enters(t *testing.T, s *store.Store, name string, with chat.Admission) error {
	t.Helper()
	_, err := s.Accounts().Create(t.Context(), person(name), nil, with)
	return err
}

var invites = []promise{
	{"where it takes an invite the first account owns everything and needs none", func(t *testing.T, open Open) {
		s := open(t)
		byInvite := chat.Admission{FirstOwns: true, ByInvite: true, At: 100}
		owned, err := s.Accounts().Owned(t.Context())
		must(t, err)
		if owned {
			t.Fatal("nobody has signed up, and it is owned")
		}
		var group sync.WaitGroup
		var in [8]error
		for i := range in {
			group.Go(func() { in[i] = enters(t, s, fmt.Sprint("user", i), byInvite) })
		}
		group.Wait()
		refused := 0
		for _, err := range in {
			if err != nil {
				mustCode(t, err, chat.Forbidden)
				refused++
			}
		}
		owners, err := s.Access().Owners(t.Context())
		must(t, err)
		if refused != len(in)-1 || owners != 1 {
			t.Fatalf("%d of %d were refused, there are %d owners", refused, len(in), owners)
		}
		if owned, err = s.Accounts().Owned(t.Context()); err != nil || !owned {
			t.Fatalf("owned: %v, %v", owned, err)
		}
	}},
	{"an invite lets in as many as it is for, also of those who come at once", func(t *testing.T, open Open) {
		s := open(t)
		owner := person("owner")
		u, err := s.Accounts().Create(t.Context(), owner, nil, chat.Admission{FirstOwns: true})
		must(t, err)
		invite(t, s, "code", u.ID, 3, chat.RoomID{})
		var group sync.WaitGroup
		var in [8]error
		for i := range in {
			group.Go(func() { in[i] = enters(t, s, fmt.Sprint("user", i), invited("code")) })
		}
		group.Wait()
		entered := 0
		for _, err := range in {
			if err == nil {
				entered++
			} else {
				mustCode(t, err, chat.Forbidden)
			}
		}
		list, next, err := s.Accounts().Invites(t.Context(), "", 10)
		must(t, err)
		if entered != 3 || len(list) != 1 || list[0].Uses != 3 || next != "" {
			t.Fatalf("%d came in; the invites: %+v", entered, list)
		}
	}},
	{"an invite that is made again with its code is the first one", func(t *testing.T, open Open) {
		s := open(t)
		first := invite(t, s, "code", alice, 3, ID(9))
		again, err := s.Accounts().CreateInvite(t.Context(), chat.Invite{ID: chat.NewID(), CreatedBy: alice, CreatedAt: 60, ExpiresAt: 2000, MaxUses: 7},
			sha256.Sum256([]byte("code")))
		must(t, err)
		if list, _, err := s.Accounts().Invites(t.Context(), "", 10); err != nil || again != first || len(list) != 1 {
			t.Fatalf("the second is %+v; there are %+v, %v", again, list, err)
		}
	}},
	{"a sign-up that is refused uses no invite", func(t *testing.T, open Open) {
		s := open(t)
		u, err := s.Accounts().Create(t.Context(), person("owner"), nil, chat.Admission{FirstOwns: true})
		must(t, err)
		want := invite(t, s, "code", u.ID, 1, ID(9))
		mustCode(t, enters(t, s, "owner", invited("code")), chat.Conflict)
		sum := *invited("code").Invite
		have, found, err := s.Accounts().GoodInvite(t.Context(), sum, 100)
		must(t, err)
		if !found || have != want {
			t.Fatalf("found %v: %+v, want %+v", found, have, want)
		}
		must(t, enters(t, s, "guest", invited("code")))
		if _, found, err = s.Accounts().GoodInvite(t.Context(), sum, 100); found || err != nil {
			t.Fatalf("a used up invite is good: %v", err)
		}
	}},
	{"an invite is no good when it has expired, was withdrawn, or its maker may not make any", func(t *testing.T, open Open) {
		s := open(t)
		u, err := s.Accounts().Create(t.Context(), person("owner"), nil, chat.Admission{FirstOwns: true})
		must(t, err)
		admin := signUp(t, s, "admin")
		role := func(r chat.OrgRole) {
			t.Helper()
			_, err := s.Access().SetRole(t.Context(), admin.ID, r, 7)
			must(t, err)
		}
		banned := func(is bool) {
			t.Helper()
			_, err := s.Access().SetBanned(t.Context(), admin.ID, is, 7)
			must(t, err)
		}
		late := invited("admin's")
		late.At = 1000
		role(chat.OrgAdmin)
		invite(t, s, "admin's", admin.ID, 100, chat.RoomID{})
		withdrawn := invite(t, s, "withdrawn", u.ID, 100, chat.RoomID{})
		must(t, s.Accounts().EndInvite(t.Context(), withdrawn.ID))
		mustCode(t, s.Accounts().EndInvite(t.Context(), withdrawn.ID), chat.NotFound)

		mustCode(t, enters(t, s, "a", invited("unknown")), chat.Forbidden)
		mustCode(t, enters(t, s, "a", invited("withdrawn")), chat.Forbidden)
		mustCode(t, enters(t, s, "a", late), chat.Forbidden)
		role(chat.OrgMember)
		mustCode(t, enters(t, s, "a", invited("admin's")), chat.Forbidden)
		role(chat.OrgAdmin)
		banned(true)
		mustCode(t, enters(t, s, "a", invited("admin's")), chat.Forbidden)
		banned(false)
		must(t, enters(t, s, "a", invited("admin's")))
		optional := invited("unknown")
		optional.ByInvite = false
		mustCode(t, enters(t, s, "b", optional), chat.Forbidden)

		must(t, s.Accounts().Close(t.Context(), admin.ID, "Gone", 9))
		mustCode(t, enters(t, s, "c", invited("admin's")), chat.Forbidden)
		if list, _, err := s.Accounts().Invites(t.Context(), "", 10); err != nil || len(list) != 0 {
			t.Fatalf("what is left: %+v, %v", list, err)
		}
		invite(t, s, "operator's", chat.System, 1, chat.RoomID{})
		must(t, enters(t, s, "c", invited("operator's")))
	}},
	{"an invite into a room leaves the job to add who came with it", func(t *testing.T, open Open) {
		s := open(t)
		u, err := s.Accounts().Create(t.Context(), person("owner"), nil, chat.Admission{FirstOwns: true})
		must(t, err)
		i := invite(t, s, "code", u.ID, 2, ID(9))
		guest := person("guest")
		_, err = s.Accounts().Create(t.Context(), guest, []chat.Command{Say(alice, bob, "before")}, invited("code"))
		must(t, err)
		jobs, err := s.Accounts().Jobs(t.Context(), 0, 10)
		must(t, err)
		if len(jobs) != 2 {
			t.Fatalf("jobs: %+v", jobs)
		}
		c := jobs[1].Command
		if c.By != u.ID || c.As != chat.OrgOwner || c.Room != ID(9) || c.Kind != chat.KindMember || c.Body.Op != chat.OpAdd || c.Body.User != guest.ID ||
			!strings.Contains(c.Nonce, i.ID.String()) || !strings.Contains(c.Nonce, guest.ID.String()) {
			t.Fatalf("the job is %+v", c)
		}
	}},
	{"invites are listed page by page, the newest first, and forgotten a month after their end", func(t *testing.T, open Open) {
		s := open(t)
		var made []chat.Invite
		for i := range 5 {
			made = append(made, invite(t, s, fmt.Sprint("code", i), chat.System, 1, chat.RoomID{}))
		}
		first, next, err := s.Accounts().Invites(t.Context(), "", 3)
		must(t, err)
		rest, end, err := s.Accounts().Invites(t.Context(), next, 3)
		must(t, err)
		if len(first) != 3 || len(rest) != 2 || end != "" || first[0] != made[4] || rest[1] != made[0] {
			t.Fatalf("%+v and %+v of %+v", first, rest, made)
		}
		_, _, err = s.Accounts().Invites(t.Context(), "x", 3)
		mustCode(t, err, chat.Invalid)
		const month = 31 * 24 * 60 * 60 * 1000
		must(t, s.Accounts().PruneExpired(t.Context(), 1000+month-1))
		if list, _, err := s.Accounts().Invites(t.Context(), "", 10); err != nil || len(list) != 5 {
			t.Fatalf("too early: %+v, %v", list, err)
		}
		must(t, s.Accounts().PruneExpired(t.Context(), 1000+month))
		if list, _, err := s.Accounts().Invites(t.Context(), "", 10); err != nil || len(list) != 0 {
			t.Fatalf("too late: %+v, %v", list, err)
		}
	}},
}
