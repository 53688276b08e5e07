package accounts

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// files is everything that the store does for accounts and, beside it, access.
type files struct {
	Store
	ban  func(user chat.UserID, banned bool)
	role func(user chat.UserID, role chat.OrgRole)
	jobs func() []chat.Job
	// signingIn happens once, between the proof of a password and the session.
	signingIn *atomic.Pointer[func()]
}

func (f files) CreateLogin(ctx context.Context, l chat.Login, first chat.Refresh, proved string) (chat.Login, bool, error) {
	if do := f.signingIn.Swap(nil); do != nil {
		(*do)()
	}
	return f.Store.CreateLogin(ctx, l, first, proved)
}

// office is the role at work, over a real bus and a real store.
type office struct {
	t     testing.TB
	bus   *bus.Bus
	files files
	role  *Accounts
}

func newOffice(t testing.TB, cfg Config) *office {
	t.Helper()
	s := storetest.SQLite(t)
	access := s.Access()
	f := files{Store: s.Accounts(), signingIn: new(atomic.Pointer[func()]),
		ban: func(user chat.UserID, banned bool) {
			if _, err := access.SetBanned(t.Context(), user, banned, time.Now().UnixMilli()); err != nil {
				t.Fatal(err)
			}
		},
		role: func(user chat.UserID, role chat.OrgRole) {
			if _, err := access.SetRole(t.Context(), user, role, time.Now().UnixMilli()); err != nil {
				t.Fatal(err)
			}
		},
		jobs: func() []chat.Job {
			jobs, err := s.Accounts().Jobs(t.Context(), 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			return jobs
		},
	}
	b := bustest.Embedded(t)
	owners, err := contract.Owners.Answer(b, func(ctx context.Context, _ *contract.None) (*contract.OwnersAnswer, error) {
		n, err := access.Owners(ctx)
		return &contract.OwnersAnswer{Owners: n}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owners.Stop(context.Background()) })
	o := &office{t: t, bus: b, files: f}
	o.open(cfg)
	return o
}

// open starts an instance, until the test ends.
func (o *office) open(cfg Config) {
	o.t.Helper()
	o.role = New(cfg, o.bus, o.files, bustest.Log(o.t), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- o.role.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		o.t.Fatalf("it did not start: %v", err)
	}
	o.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			o.t.Errorf("it ended with %v", err)
		}
	})
}

func (o *office) signUp(name string) *contract.SignedIn {
	o.t.Helper()
	a, err := contract.SignUp.Ask(o.t.Context(), o.bus, &contract.SignUpAsk{Username: name, Password: "password of " + name})
	if err != nil {
		o.t.Fatal(err)
	}
	return a
}

func (o *office) signIn(name, password string) (*contract.SignedIn, error) {
	return contract.SignIn.Ask(o.t.Context(), o.bus, &contract.SignInAsk{Username: name, Password: password, Client: contract.Client{Address: "192.0.2.1"}})
}

func (o *office) identify(token string) (*contract.Identity, error) {
	return contract.Identify.Ask(o.t.Context(), o.bus, &contract.IdentifyAsk{Token: token})
}

// holds fails the test unless the token is the user's.
func (o *office) holds(token string, u *chat.User) *contract.Identity {
	o.t.Helper()
	id, err := o.identify(token)
	if err != nil || id.User.ID != u.ID {
		o.t.Fatalf("the token is %+v's, %v; it should be %s's", id, err, u.Username)
	}
	return id
}

// refuses fails the test unless the error has the code.
func (o *office) refuses(what string, err error, code chat.Code) {
	o.t.Helper()
	if got := chat.CodeOf(err); got != code {
		o.t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

// soon waits until something is true.
func (o *office) soon(what string, is func() bool) {
	o.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			o.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func TestAnAccountFromItsFirstToItsLastDay(t *testing.T) {
	o := newOffice(t, Config{})
	ann := o.signUp(" Ann ")
	if ann.User.Username != "ann" || ann.User.DisplayName != "ann" || ann.User.Kind != chat.Person || !strings.HasPrefix(ann.RefreshToken, "parley_rt_") {
		t.Errorf("signed up: %+v", ann)
	}
	if left := time.Until(time.UnixMilli(ann.AccessExpires)); left > 15*time.Minute || left < 14*time.Minute {
		t.Errorf("the access token lasts %v", left)
	}
	id := o.holds(ann.AccessToken, &ann.User)
	if id.Login != ann.Login || id.Foreign || id.Expires != ann.AccessExpires || time.Since(time.UnixMilli(id.Issued)) > patience {
		t.Errorf("identified: %+v", id)
	}
	again, err := o.signIn("ANN", "password of  Ann ")
	if err != nil || again.User.ID != ann.User.ID || again.Login == ann.Login {
		t.Fatalf("signed in: %+v, %v", again, err)
	}
	list, err := contract.Logins.Ask(t.Context(), o.bus, &contract.LoginsAsk{User: ann.User.ID})
	if err != nil || len(list.Logins) != 2 || list.Logins[0].Address+list.Logins[1].Address != "192.0.2.1" {
		t.Errorf("sessions: %+v, %v", list, err)
	}
	o.signUp("bob")
	o.files.role(o.signUp("carl").User.ID, chat.OrgOwner)
	if _, err := contract.CloseAccount.Ask(t.Context(), o.bus, &contract.CloseAccountAsk{User: ann.User.ID}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{ann.AccessToken, again.AccessToken} {
		_, err := o.identify(token)
		o.refuses("a closed account's token", err, chat.Unauthenticated)
	}
	_, err = o.signIn("ann", "password of  Ann ")
	o.refuses("signing in to a closed account", err, chat.Unauthenticated)
	found, err := contract.Lookup.Ask(t.Context(), o.bus, &contract.LookupAsk{IDs: []chat.UserID{ann.User.ID}})
	if err != nil || len(found.Users) != 1 || !found.Users[0].Deleted || found.Users[0].DisplayName != tombstone {
		t.Errorf("what is left: %+v, %v", found, err)
	}
	if o.signUp("ann").User.ID == ann.User.ID {
		t.Error("the name was not free again")
	}
}

func TestTheFirstPersonWithAPasswordOwnsIt(t *testing.T) {
	o := newOffice(t, Config{JWTSecret: secret32})
	if u := o.foreignUser(map[string]any{"sub": "first"}); u.Role != chat.OrgMember {
		t.Errorf("a foreign user became %s", u.Role)
	}
	bot, err := contract.SignUp.Ask(t.Context(), o.bus, &contract.SignUpAsk{Username: "robot", Bot: true, Quiet: true})
	if err != nil || bot.User.Role != chat.OrgBot || bot.User.Kind != chat.Bot || bot.AccessToken != "" {
		t.Errorf("the bot is %+v, %v", bot, err)
	}
	if got := o.signUp("ann").User.Role; got != chat.OrgOwner {
		t.Errorf("the first became %s", got)
	}
	if got := o.signUp("bob").User.Role; got != chat.OrgMember {
		t.Errorf("the second became %s", got)
	}
}

func TestSignUpRefuses(t *testing.T) {
	o := newOffice(t, Config{})
	o.signUp("ann")
	for what, c := range map[string]struct {
		ask  contract.SignUpAsk
		want chat.Code
	}{
		"a taken name":         {contract.SignUpAsk{Username: "ANN", Password: "12345678"}, chat.Conflict},
		"the system's name":    {contract.SignUpAsk{Username: "system", Password: "12345678"}, chat.Conflict},
		"no name":              {contract.SignUpAsk{Username: " ", Password: "12345678"}, chat.Invalid},
		"a long name":          {contract.SignUpAsk{Username: strings.Repeat("n", maxUsername+1), Password: "12345678"}, chat.Invalid},
		"a name with U+0000":   {contract.SignUpAsk{Username: "a\x00b", Password: "12345678"}, chat.Invalid},
		"no password":          {contract.SignUpAsk{Username: "bob"}, chat.Invalid},
		"an endless password":  {contract.SignUpAsk{Username: "bob", Password: strings.Repeat("p", 1025)}, chat.Invalid},
		"no digest":            {contract.SignUpAsk{Username: "bob", Digest: "abc"}, chat.Invalid},
		"an upper-case digest": {contract.SignUpAsk{Username: "bob", Digest: strings.Repeat("AB", 32)}, chat.Invalid},
		"a long display name":  {contract.SignUpAsk{Username: "bob", Password: "12345678", DisplayName: strings.Repeat("n", chat.MaxName+1)}, chat.Invalid},
	} {
		_, err := contract.SignUp.Ask(t.Context(), o.bus, &c.ask)
		o.refuses(what, err, c.want)
	}
}

func TestClosedSignUpIsForOperators(t *testing.T) {
	o := newOffice(t, Config{SignUp: Closed})
	ask := contract.SignUpAsk{Username: "ann", Password: "12345678"}
	_, err := contract.SignUp.Ask(t.Context(), o.bus, &ask)
	o.refuses("signing up", err, chat.Forbidden)
	ask.Quiet = true
	made, err := contract.SignUp.Ask(t.Context(), o.bus, &ask)
	if err != nil || made.RefreshToken != "" || made.User.Role != chat.OrgOwner {
		t.Errorf("the operator made %+v, %v", made, err)
	}
	if _, err := o.signIn("ann", "12345678"); err != nil {
		t.Error(err)
	}
}

func TestDefaultRoomsAreMadeAndJoined(t *testing.T) {
	o := newOffice(t, Config{DefaultRooms: []string{"general", "Town Square"}})
	heard := make(chan struct{}, 10)
	sub, err := contract.JobsWait.Subscribe(o.bus, func(context.Context, *contract.None) { heard <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop(context.Background())
	ann := o.signUp("ann")
	<-heard
	jobs := o.files.jobs()
	if len(jobs) != 4 {
		t.Fatalf("stored are %+v", jobs)
	}
	general, square := chat.CreatedRoomID(chat.System, "general"), chat.CreatedRoomID(chat.System, "Town Square")
	for i, want := range []struct {
		room   chat.RoomID
		by     chat.UserID
		op     chat.Op
		handle string
		nonce  string
	}{
		{general, chat.System, chat.OpCreate, "general", "general"}, {square, chat.System, chat.OpCreate, "", "Town Square"},
		{general, ann.User.ID, chat.OpJoin, "", "default:general"}, {square, ann.User.ID, chat.OpJoin, "", "default:Town Square"},
	} {
		c := &jobs[i].Command
		if c.Room != want.room || c.By != want.by || c.Body.Op != want.op || c.Body.Handle != want.handle || c.Nonce != want.nonce {
			t.Errorf("job %d is %+v", i, c)
		}
		if err := c.Check(); err != nil {
			t.Errorf("job %d would be refused: %v", i, err)
		}
	}
	room := chat.NewRoom(chat.Info{})
	for _, i := range []int{0, 2} {
		d := room.Admit(&jobs[i].Command, 1)
		if d.Event == nil {
			t.Fatalf("job %d became %+v", i, d)
		}
		room.Apply(d.Event)
	}
	if room.MemberCount != 1 || room.Kind != chat.Channel {
		t.Errorf("general is %+v", room.Info)
	}
}

func TestProfile(t *testing.T) {
	o := newOffice(t, Config{})
	ann := o.signUp("ann")
	changed := make(chan chat.User, 10)
	sub, err := contract.UserChanged.Subscribe(o.bus, func(_ context.Context, u *chat.User) { changed <- *u })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop(context.Background())
	o.holds(ann.AccessToken, &ann.User)
	name, status, long := "Ann A.", "away with the fairies", strings.Repeat("x", 300)
	edit := func(q contract.EditProfileAsk) (*chat.User, error) {
		return contract.EditProfile.Ask(t.Context(), o.bus, &q)
	}
	u, err := edit(contract.EditProfileAsk{User: ann.User.ID, DisplayName: &name, StatusText: &status})
	if err != nil || u.DisplayName != name || u.StatusText != status {
		t.Fatalf("edited: %+v, %v", u, err)
	}
	if got := <-changed; got != *u {
		t.Errorf("announced: %+v", got)
	}
	if id := o.holds(ann.AccessToken, u); id.User.DisplayName != name {
		t.Errorf("the token's holder is still %+v", id.User)
	}
	_, err = edit(contract.EditProfileAsk{User: ann.User.ID, DisplayName: &long})
	o.refuses("a long name", err, chat.Invalid)
	_, err = edit(contract.EditProfileAsk{User: ann.User.ID, StatusText: &long})
	o.refuses("a long status", err, chat.Invalid)
	for _, nobody := range []chat.UserID{chat.NewID(), chat.System} {
		_, err = edit(contract.EditProfileAsk{User: nobody, DisplayName: &name})
		o.refuses("somebody who is not there", err, chat.NotFound)
	}
}

func TestDirectory(t *testing.T) {
	o := newOffice(t, Config{})
	ann, bob := o.signUp("ann"), o.signUp("bob")
	found, err := contract.Lookup.Ask(t.Context(), o.bus, &contract.LookupAsk{
		IDs: []chat.UserID{ann.User.ID, chat.NewID(), ann.User.ID}, Names: []string{"ann", "bob", "nobody", "bob"}})
	if err != nil || len(found.Users) != 2 || found.Users[0].ID != ann.User.ID || found.Users[1].ID != bob.User.ID {
		t.Errorf("looked up: %+v, %v", found, err)
	}
	_, err = contract.Lookup.Ask(t.Context(), o.bus, &contract.LookupAsk{Names: make([]string, mostLookup+1)})
	o.refuses("too many", err, chat.TooLarge)
	page, err := contract.FindUsers.Ask(t.Context(), o.bus, &contract.FindUsersAsk{Limit: 1})
	if err != nil || len(page.Users) != 1 || page.Users[0].ID != ann.User.ID || page.Next == "" {
		t.Fatalf("found: %+v, %v", page, err)
	}
	page, err = contract.FindUsers.Ask(t.Context(), o.bus, &contract.FindUsersAsk{Limit: 1, Cursor: page.Next})
	if err != nil || len(page.Users) != 1 || page.Users[0].ID != bob.User.ID || page.Next != "" {
		t.Errorf("then: %+v, %v", page, err)
	}
}

func TestForeignIDsAndDoorTokens(t *testing.T) {
	o := newOffice(t, Config{})
	ann, bob := o.signUp("ann"), o.signUp("bob")
	alias := chat.Named{Alias: chat.Alias{Door: "d", Kind: "user", Foreign: "f1"}, ID: ann.User.ID}
	set := func(n chat.Named) error {
		_, err := contract.SetAlias.Ask(t.Context(), o.bus, &n)
		return err
	}
	if err := set(alias); err != nil {
		t.Fatal(err)
	}
	other := alias
	other.ID = bob.User.ID
	o.refuses("a taken foreign id", set(other), chat.Conflict)
	o.refuses("an empty alias", set(chat.Named{}), chat.Invalid)
	for _, ask := range []contract.AliasAsk{{Alias: alias.Alias}, {Alias: chat.Alias{Door: "d", Kind: "user"}, ID: ann.User.ID}} {
		if list, err := contract.FindAlias.Ask(t.Context(), o.bus, &ask); err != nil || len(list.Aliases) != 1 || list.Aliases[0] != alias {
			t.Errorf("%+v found %+v, %v", ask, list, err)
		}
	}
	token := chat.DoorToken{Door: "d", Hash: [32]byte{1}, User: bob.User.ID}
	if _, err := contract.SetToken.Ask(t.Context(), o.bus, &token); err != nil {
		t.Fatal(err)
	}
	find := func(hash byte) (*chat.DoorToken, error) {
		return contract.FindToken.Ask(t.Context(), o.bus, &contract.TokenAsk{Door: "d", Hash: [32]byte{hash}})
	}
	if got, err := find(1); err != nil || *got != token {
		t.Errorf("found %+v, %v", got, err)
	}
	_, err := find(2)
	o.refuses("an unknown token", err, chat.NotFound)
	o.files.ban(bob.User.ID, true)
	_, err = find(1)
	o.refuses("a banned user's token", err, chat.Forbidden)
	_, err = contract.SetToken.Ask(t.Context(), o.bus, &chat.DoorToken{Door: "d", Hash: [32]byte{3}, User: chat.NewID()})
	o.refuses("nobody's token", err, chat.NotFound)
	_, err = contract.SetToken.Ask(t.Context(), o.bus, &chat.DoorToken{User: ann.User.ID})
	o.refuses("no token", err, chat.Invalid)
}

func TestTheLastOwnerStays(t *testing.T) {
	o := newOffice(t, Config{})
	ann, bob := o.signUp("ann"), o.signUp("bob")
	closing := func(u *chat.User) error {
		_, err := contract.CloseAccount.Ask(t.Context(), o.bus, &contract.CloseAccountAsk{User: u.ID})
		return err
	}
	o.refuses("closing the last owner", closing(&ann.User), chat.Conflict)
	o.holds(ann.AccessToken, &ann.User)
	if err := closing(&bob.User); err != nil {
		t.Error(err)
	}
	o.refuses("closing twice", closing(&bob.User), chat.NotFound)
	o.files.role(o.signUp("carl").User.ID, chat.OrgOwner)
	if err := closing(&ann.User); err != nil {
		t.Error(err)
	}
}

func TestTwoInstancesSignWithOneKey(t *testing.T) {
	o := newOffice(t, Config{})
	first := o.role
	ann := o.signUp("ann")
	o.open(Config{})
	if o.role.keys.newest != first.keys.newest || len(o.role.keys.byID) != 1 {
		t.Fatalf("keys %v and %v", first.keys.newest, o.role.keys.newest)
	}
	for _, a := range []*Accounts{first, o.role} {
		if id, err := a.identify(t.Context(), &contract.IdentifyAsk{Token: ann.AccessToken}); err != nil || id.User.ID != ann.User.ID {
			t.Errorf("%+v, %v", id, err)
		}
	}
}

// sign makes a token in any way.
func sign(t testing.TB, method jwt.SigningMethod, key any, head, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	for k, v := range head {
		token.Header[k] = v
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
