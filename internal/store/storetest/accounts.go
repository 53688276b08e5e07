package storetest

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func person(name string) chat.Account {
	return chat.Account{
		User: chat.User{
			ID: chat.NewID(), Username: name, DisplayName: strings.ToUpper(name), Kind: chat.Person, Role: chat.OrgMember, CreatedAt: 5,
		},
		Scheme: "argon2id", Secret: "hash of " + name,
	}
}

func signUp(t *testing.T, s *store.Store, name string) chat.User {
	t.Helper()
	u, err := s.Accounts().Create(t.Context(), person(name), nil, chat.Admission{})
	must(t, err)
	return u
}

var accounts = []promise{
	{"a username belongs to one account", func(t *testing.T, open Open) {
		s := open(t)
		want := person("alice")
		_, err := s.Accounts().Create(t.Context(), want, []chat.Command{Say(alice, bob, "never")}, chat.Admission{FirstOwns: true})
		must(t, err)
		_, err = s.Accounts().Create(t.Context(), person("alice"), []chat.Command{Say(alice, bob, "never")}, chat.Admission{FirstOwns: true})
		mustCode(t, err, chat.Conflict)
		want.Role = chat.OrgOwner
		have, found, err := s.Accounts().AccountNamed(t.Context(), "alice")
		must(t, err)
		if !found || have != want {
			t.Fatalf("the account is %+v, should be %+v", have, want)
		}
		jobs, err := s.Accounts().Jobs(t.Context(), 0, 10)
		must(t, err)
		if len(jobs) != 1 {
			t.Fatalf("a refused account left jobs: %+v", jobs)
		}
		if _, found, err = s.Accounts().AccountNamed(t.Context(), "nobody"); found || err != nil {
			t.Fatalf("nobody is found: %v, %v", found, err)
		}
	}},
	{"of all who sign up at once one is the owner", func(t *testing.T, open Open) {
		s := open(t)
		foreign := person("foreign")
		foreign.Scheme, foreign.Issuer, foreign.Subject = "", "iss", "sub"
		u, err := s.Accounts().Create(t.Context(), foreign, nil, chat.Admission{FirstOwns: true})
		must(t, err)
		if u.Role != chat.OrgMember {
			t.Fatalf("an account without a password is %s", u.Role)
		}
		var group sync.WaitGroup
		roles := make([]chat.OrgRole, 8)
		for i := range roles {
			group.Go(func() {
				u, err := s.Accounts().Create(t.Context(), person(fmt.Sprint("user", i)), nil, chat.Admission{FirstOwns: true})
				if err != nil {
					t.Error(err)
				}
				roles[i] = u.Role
			})
		}
		group.Wait()
		owners, err := s.Access().Owners(t.Context())
		must(t, err)
		if n := strings.Count(fmt.Sprint(roles), "owner"); n != 1 || owners != 1 {
			t.Fatalf("%d are owners, the store counts %d", n, owners)
		}
	}},
	{"a foreign subject has one account", func(t *testing.T, open Open) {
		s := open(t)
		a := person("sub")
		a.Issuer, a.Subject, a.Scheme, a.Secret = "https://idp", "42", "", ""
		_, err := s.Accounts().Create(t.Context(), a, nil, chat.Admission{FirstOwns: true})
		must(t, err)
		have, found, err := s.Accounts().Foreign(t.Context(), "https://idp", "42")
		must(t, err)
		if !found || have != a {
			t.Fatalf("found %v: %+v", found, have)
		}
		again := a
		again.ID, again.Username = chat.NewID(), "sub2"
		_, err = s.Accounts().Create(t.Context(), again, nil, chat.Admission{FirstOwns: true})
		mustCode(t, err, chat.Conflict)
		if _, found, err = s.Accounts().Foreign(t.Context(), "", ""); found || err != nil {
			t.Fatalf("an account without an issuer is found: %v, %v", found, err)
		}
	}},
	{"users are looked up by id and by name, unknown ones left out", func(t *testing.T, open Open) {
		s := open(t)
		a, b := signUp(t, s, "a"), signUp(t, s, "b")
		byID, err := s.Accounts().Users(t.Context(), []chat.UserID{b.ID, ID(9), chat.System})
		must(t, err)
		if len(byID) != 2 || byID[0] != b || byID[1].Role != chat.OrgSystem {
			t.Fatalf("by id: %+v", byID)
		}
		byName, err := s.Accounts().UsersNamed(t.Context(), []string{"nobody", "a"})
		must(t, err)
		if !reflect.DeepEqual(byName, []chat.User{a}) {
			t.Fatalf("by name: %+v", byName)
		}
	}},
	{"what is no text finds nobody, or is invalid", func(t *testing.T, open Open) {
		s := open(t)
		signUp(t, s, "alice")
		for _, bad := range []string{"\x00", "\xff", "a\x00"} {
			if found, _, err := s.Accounts().Find(t.Context(), bad, "", 9); len(found) > 0 || err != nil && chat.CodeOf(err) != chat.Invalid {
				t.Errorf("%q: %v, %v", bad, found, err)
			}
		}
	}},
	{"the directory is searched by the beginning of either name, page by page", func(t *testing.T, open Open) {
		s := open(t)
		for _, name := range []string{"anna", "andy", "bert", "ann", "zoe"} {
			signUp(t, s, name)
		}
		display := "Andreas 100%_"
		zoe, err := s.Accounts().UsersNamed(t.Context(), []string{"zoe"})
		must(t, err)
		_, err = s.Accounts().SetProfile(t.Context(), zoe[0].ID, &display, nil)
		must(t, err)
		find := func(query string) (names []string) {
			for next := ""; ; {
				list, more, err := s.Accounts().Find(t.Context(), query, next, 2)
				must(t, err)
				for _, u := range list {
					names = append(names, u.Username)
				}
				if next = more; next == "" {
					return names
				}
			}
		}
		for query, want := range map[string]string{
			"AN": "[andy ann anna zoe]", "ann": "[ann anna]", "": "[andy ann anna bert zoe]", "%": "[]", "andreas 100%_": "[zoe]", "system": "[]",
		} {
			if have := fmt.Sprint(find(query)); have != want {
				t.Errorf("%q finds %s instead of %s", query, have, want)
			}
		}
	}},
	{"profile and password change, and what is not named stays", func(t *testing.T, open Open) {
		s := open(t)
		u := signUp(t, s, "a")
		name, status := "New", "away"
		_, err := s.Accounts().SetProfile(t.Context(), u.ID, &name, nil)
		must(t, err)
		have, err := s.Accounts().SetProfile(t.Context(), u.ID, nil, &status)
		must(t, err)
		must(t, s.Accounts().SetSecret(t.Context(), u.ID, "", "bcrypt", "other", chat.ID{}, 1))
		account, _, err := s.Accounts().Account(t.Context(), u.ID)
		must(t, err)
		if have.DisplayName != "New" || have.StatusText != "away" || account.User != have || account.Scheme != "bcrypt" || account.Secret != "other" {
			t.Fatalf("the account is %+v", account)
		}
		_, err = s.Accounts().SetProfile(t.Context(), ID(9), &name, nil)
		mustCode(t, err, chat.NotFound)
	}},
	{"a closed account leaves a tombstone and a job for each of its rooms", checkClose},
	{"who is in a room although their account was closed is swept out", checkSweep},
	{"roles and bans change, and each change is a revocation", func(t *testing.T, open Open) {
		s := open(t)
		u := signUp(t, s, "a")
		var have chat.User
		for range 2 {
			var err error
			have, err = s.Access().SetRole(t.Context(), u.ID, chat.OrgAdmin, 90)
			must(t, err)
		}
		role, found, err := s.Access().Role(t.Context(), u.ID)
		must(t, err)
		if have.Role != chat.OrgAdmin || role != chat.OrgAdmin || !found {
			t.Fatalf("the role is %s and %s", have.Role, role)
		}
		signIn(t, s, u.ID, 7)
		for _, banned := range []bool{true, true, false} {
			have, err = s.Access().SetBanned(t.Context(), u.ID, banned, 100)
			must(t, err)
			if have.Banned != banned {
				t.Fatalf("banned is %v", have.Banned)
			}
			if _, found, err = s.Access().Role(t.Context(), u.ID); err != nil || found == banned {
				t.Fatalf("banned %v has a role: %v, %v", banned, found, err)
			}
		}
		if logins, err := s.Accounts().Logins(t.Context(), u.ID); err != nil || len(logins) != 0 {
			t.Fatalf("sessions outlast the ban: %+v, %v", logins, err)
		}
		list, last, err := s.Accounts().Revocations(t.Context(), 0, 10)
		must(t, err)
		want := []chat.Revocation{{Number: 1, User: u.ID, At: 90}, {Number: 2, User: u.ID, NotBefore: 100, Banned: true, At: 100}, {Number: 3, User: u.ID, NotBefore: 100, At: 100}}
		if !reflect.DeepEqual(list, want) || last != 3 {
			t.Fatalf("revocations are %+v, last %d", list, last)
		}
		_, err = s.Access().SetRole(t.Context(), ID(9), chat.OrgAdmin, 110)
		mustCode(t, err, chat.NotFound)
		sys, err := s.Access().SetRole(t.Context(), chat.System, chat.OrgMember, 110)
		must(t, err)
		if sys.Role != chat.OrgSystem {
			t.Fatalf("the system is %s", sys.Role)
		}
	}},
	{"stats count people, rooms, messages and events", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		signUp(t, s, "a")
		w.Do(Say(alice, room, "1"), Say(alice, room, "2"), Edit(alice, room, 2, "3"))
		have, err := s.Access().Stats(t.Context())
		must(t, err)
		if want := (chat.Stats{Users: 1, Rooms: 1, Messages: 2, Events: 4}); have != want {
			t.Fatalf("stats are %+v", have)
		}
	}},
	{"jobs are done one by one, and new ones never take an old id", func(t *testing.T, open Open) {
		s := open(t)
		var want []chat.Command
		for i := range 450 {
			want = append(want, Say(alice, bob, fmt.Sprint(i)))
		}
		want[3].Alias = &chat.Alias{Door: "d", Kind: "k", Foreign: "f"}
		must(t, s.Accounts().AddJobs(t.Context(), want))
		var have []chat.Command
		last := uint64(0)
		for {
			jobs, err := s.Accounts().Jobs(t.Context(), last, 100)
			must(t, err)
			if len(jobs) == 0 {
				break
			}
			for _, j := range jobs {
				have, last = append(have, j.Command), j.ID
				must(t, s.Accounts().DoneJob(t.Context(), j.ID))
			}
		}
		if !reflect.DeepEqual(have, want) {
			t.Fatal("the jobs are not what was stored")
		}
		must(t, s.Accounts().AddJobs(t.Context(), want[:1]))
		jobs, err := s.Accounts().Jobs(t.Context(), 0, 10)
		must(t, err)
		if len(jobs) != 1 || jobs[0].ID <= last {
			t.Fatalf("after job %d comes %+v", last, jobs)
		}
	}},
	{"an alias leads both ways and is not given twice", func(t *testing.T, open Open) {
		s := open(t)
		n := chat.Named{Alias: chat.Alias{Door: "rooms", Kind: "user", Foreign: "u1"}, ID: alice}
		must(t, s.Accounts().SetAlias(t.Context(), n))
		must(t, s.Accounts().SetAlias(t.Context(), n))
		other := n
		other.ID = bob
		mustCode(t, s.Accounts().SetAlias(t.Context(), other), chat.Conflict)
		for _, asked := range []struct {
			alias chat.Alias
			id    chat.ID
			found int
		}{
			{n.Alias, chat.ID{}, 1}, {chat.Alias{Door: "rooms", Kind: "user"}, alice, 1}, {chat.Alias{Door: "rooms", Kind: "user"}, bob, 0},
			{chat.Alias{Door: "other", Kind: "user", Foreign: "u1"}, chat.ID{}, 0},
		} {
			found, err := s.Accounts().FindAlias(t.Context(), asked.alias, asked.id)
			must(t, err)
			if len(found) != asked.found || len(found) == 1 && found[0] != n {
				t.Errorf("%+v finds %+v", asked, found)
			}
		}
	}},
}

func checkClose(t *testing.T, open Open) {
	s := open(t)
	w := NewWorker(t, s)
	u := signUp(t, s, "gone")
	a := s.Accounts()
	signIn(t, s, u.ID, 7)
	must(t, a.SetToken(t.Context(), chat.DoorToken{Door: "d", Hash: [32]byte{2}, User: u.ID}))
	team := w.Event(Create(chat.Group, "Team", alice, u.ID)).Room
	direct := w.Event(Create(chat.Direct, "", bob, u.ID)).Room
	must(t, a.Close(t.Context(), u.ID, "Deleted user", 500))
	must(t, a.Close(t.Context(), u.ID, "Deleted user", 600))

	account, found, err := a.Account(t.Context(), u.ID)
	must(t, err)
	if !found || !account.Deleted || account.DisplayName != "Deleted user" || account.Scheme != "" ||
		!strings.HasPrefix(account.Username, "deleted-") || len(account.Username) != len("deleted-")+8 {
		t.Errorf("the account is %+v", account)
	}
	logins, err := a.Logins(t.Context(), u.ID)
	must(t, err)
	_, token, err := a.FindToken(t.Context(), "d", [32]byte{2}, 0)
	must(t, err)
	listed, _, err := a.Find(t.Context(), "", "", 10)
	must(t, err)
	all, _, err := s.Access().Users(t.Context(), "deleted", "", 10)
	must(t, err)
	if len(logins) != 0 || token || len(listed) != 0 || len(all) != 1 {
		t.Errorf("left are logins %v, a token %v, listed %v, for admins %v", logins, token, listed, all)
	}
	revoked, _, err := a.Revocations(t.Context(), 0, 10)
	must(t, err)
	if len(revoked) != 1 || revoked[0].User != u.ID || !revoked[0].Banned {
		t.Errorf("revocations are %+v", revoked)
	}
	jobs, err := a.Jobs(t.Context(), 0, 10)
	must(t, err)
	if len(jobs) != 2 {
		t.Fatalf("jobs are %+v", jobs)
	}
	for _, j := range jobs {
		if want := fmt.Sprintf("close:%s:500", u.ID); j.Command.Nonce != want {
			t.Errorf("a job's nonce is %s", j.Command.Nonce)
		}
		w.Event(j.Command)
	}
	for _, room := range []chat.RoomID{team, direct} {
		if role, err := s.Rooms().IsMember(t.Context(), room, u.ID); err != nil || role != "" {
			t.Errorf("they are still %s of %s, %v", role, room, err)
		}
	}
	signUp(t, s, "gone")
	sound(t, s)
}

func checkSweep(t *testing.T, open Open) {
	s := open(t)
	w := NewWorker(t, s)
	a := s.Accounts()
	u, other := signUp(t, s, "gone"), signUp(t, s, "stays")
	room := w.Event(Create(chat.Channel, "open", alice)).Room
	join := func(who chat.UserID) chat.Command { return Member(who, room, chat.OpJoin, who, "") }
	must(t, a.AddJobs(t.Context(), []chat.Command{join(u.ID), join(other.ID)}))
	late := join(u.ID) // is on its way already
	must(t, a.Close(t.Context(), u.ID, "Deleted user", 500))
	jobs, err := a.Jobs(t.Context(), 0, 10)
	must(t, err)
	if len(jobs) != 1 || jobs[0].Command.Body.User != other.ID {
		t.Fatalf("jobs are %+v", jobs)
	}
	sweep := func(id chat.UserID, want int) {
		t.Helper()
		if n, err := a.Sweep(t.Context(), id, 600); err != nil || n != want {
			t.Fatalf("%d jobs, %v, want %d", n, err, want)
		}
	}
	sweep(u.ID, 0)
	w.Event(late)
	w.Event(join(other.ID))
	sweep(u.ID, 1)
	sweep(u.ID, 0) // it waits
	sweep(other.ID, 0)
	jobs, err = a.Jobs(t.Context(), 0, 10)
	must(t, err)
	w.Event(jobs[len(jobs)-1].Command)
	if role, err := s.Rooms().IsMember(t.Context(), room, u.ID); err != nil || role != "" {
		t.Errorf("they are still %s, %v", role, err)
	}
}
