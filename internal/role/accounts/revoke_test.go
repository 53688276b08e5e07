package accounts

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

func TestRefreshingRotates(t *testing.T) {
	o := newOffice(t, Config{})
	first := o.signUp("ann")
	refresh := func(token string) (*contract.SignedIn, error) {
		return contract.Refresh.Ask(t.Context(), o.bus, &contract.RefreshAsk{Token: token, Client: contract.Client{Device: "phone"}})
	}
	second, err := refresh(first.RefreshToken)
	if err != nil || second.Login != first.Login || second.RefreshToken == first.RefreshToken {
		t.Fatalf("refreshed: %+v, %v", second, err)
	}
	o.holds(second.AccessToken, &first.User)
	third, err := refresh(second.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	_, err = refresh(first.RefreshToken)
	o.refuses("a used token", err, chat.Unauthenticated)
	_, err = refresh(third.RefreshToken)
	o.refuses("the newest token of a session that a used one ended", err, chat.Unauthenticated)
	o.soon("the session's access tokens are void", func() bool {
		_, err := o.identify(third.AccessToken)
		return chat.CodeOf(err) == chat.Unauthenticated
	})
	for _, junk := range []string{"", "x", first.RefreshToken + "x"} {
		_, err = refresh(junk)
		o.refuses("junk", err, chat.Unauthenticated)
	}
}

// TestARefreshWhoseAnswerWasLost is asked for again with its key; a thief, who does
// not know that, still ends the session.
func TestARefreshWhoseAnswerWasLost(t *testing.T) {
	o := newOffice(t, Config{})
	first := o.signUp("ann")
	refresh := func(token, key string) (*contract.SignedIn, error) {
		return contract.Refresh.Ask(t.Context(), o.bus, &contract.RefreshAsk{Token: token, Key: key})
	}
	lost, err := refresh(first.RefreshToken, "mine")
	if err != nil {
		t.Fatal(err)
	}
	again, err := refresh(first.RefreshToken, "mine")
	if err != nil || again.RefreshToken != lost.RefreshToken || again.Login != first.Login {
		t.Fatalf("%+v, %v", again, err)
	}
	o.holds(again.AccessToken, &first.User)
	third, err := refresh(again.RefreshToken, "mine")
	if err != nil || third.RefreshToken == again.RefreshToken {
		t.Fatalf("%+v, %v", third, err)
	}
	_, err = refresh(again.RefreshToken, "a thief's")
	o.refuses("a used token with another key", err, chat.Unauthenticated)
	_, err = refresh(third.RefreshToken, "mine")
	o.refuses("the session that a used one ended", err, chat.Unauthenticated)
}

// TestASignInWhoseAnswerWasLost is asked for again with its key, and is no second
// session; once its refresh token has been used, it is another one.
func TestASignInWhoseAnswerWasLost(t *testing.T) {
	o := newOffice(t, Config{})
	ann, bob := o.signUp("ann"), o.signUp("bob")
	signIn := func(name, password, key string) (*contract.SignedIn, error) {
		return contract.SignIn.Ask(t.Context(), o.bus, &contract.SignInAsk{Username: name, Password: password, Key: key})
	}
	lost, err := signIn("ann", "password of ann", "mine")
	if err != nil || lost.Login == ann.Login {
		t.Fatalf("%+v, %v", lost, err)
	}
	again, err := signIn("ann", "password of ann", "mine")
	if err != nil || again.Login != lost.Login || again.RefreshToken != lost.RefreshToken {
		t.Fatalf("%+v, %v", again, err)
	}
	o.holds(again.AccessToken, &ann.User)
	_, err = signIn("ann", "password of bob", "mine")
	o.refuses("the key without the password", err, chat.Unauthenticated)
	other, err := signIn("bob", "password of bob", "mine")
	if err != nil || other.Login == lost.Login || other.User.ID != bob.User.ID {
		t.Fatalf("%+v, %v", other, err)
	}
	if _, err := contract.Refresh.Ask(t.Context(), o.bus, &contract.RefreshAsk{Token: again.RefreshToken}); err != nil {
		t.Fatal(err)
	}
	later, err := signIn("ann", "password of ann", "mine")
	if err != nil || later.Login == lost.Login || later.RefreshToken == lost.RefreshToken {
		t.Fatalf("%+v, %v", later, err)
	}
}

func TestABannedUserGetsNothingNew(t *testing.T) {
	o := newOffice(t, Config{})
	o.signUp("owner")
	ann := o.signUp("ann")
	o.holds(ann.AccessToken, &ann.User)
	o.files.ban(ann.User.ID, true)
	o.soon("the token is void", func() bool {
		_, err := o.identify(ann.AccessToken)
		return chat.CodeOf(err) == chat.Unauthenticated
	})
	_, err := o.signIn("ann", "password of ann")
	o.refuses("signing in", err, chat.Forbidden)
	_, err = contract.Refresh.Ask(t.Context(), o.bus, &contract.RefreshAsk{Token: ann.RefreshToken})
	o.refuses("refreshing", err, chat.Unauthenticated)
	o.files.ban(ann.User.ID, false)
	_, err = contract.Refresh.Ask(t.Context(), o.bus, &contract.RefreshAsk{Token: ann.RefreshToken})
	o.refuses("refreshing a session from before the ban", err, chat.Unauthenticated)
	again, err := o.signIn("ann", "password of ann")
	if err != nil {
		t.Fatal(err)
	}
	o.soon("the new session is good", func() bool { _, err := o.identify(again.AccessToken); return err == nil })
	_, err = o.identify(ann.AccessToken)
	o.refuses("a token from before the ban", err, chat.Unauthenticated)
}

func TestSigningOutCountsAtOnceAndIsAnnounced(t *testing.T) {
	o := newOffice(t, Config{})
	ann := o.signUp("ann")
	other, err := o.signIn("ann", "password of ann")
	if err != nil {
		t.Fatal(err)
	}
	before := o.holds(ann.AccessToken, &ann.User).Revoked
	announced := make(chan uint64, 100)
	sub, err := contract.Revoked.Subscribe(o.bus, func(_ context.Context, n *contract.Number) { announced <- n.Number })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop(context.Background())
	out := func(user chat.UserID, login chat.ID) error {
		_, err := contract.SignOut.Ask(t.Context(), o.bus, &contract.SignOutAsk{User: user, Login: login})
		return err
	}
	o.refuses("ending somebody else's session", out(chat.NewID(), ann.Login), chat.NotFound)
	started := time.Now()
	if err := out(ann.User.ID, ann.Login); err != nil {
		t.Fatal(err)
	}
	_, err = o.identify(ann.AccessToken)
	o.refuses("the ended session", err, chat.Unauthenticated)
	id := o.holds(other.AccessToken, &ann.User)
	if id.Revoked != before+1 {
		t.Errorf("revocation %d was considered, after %d", id.Revoked, before)
	}
	for n := range announced {
		if n == before+1 {
			break
		}
	}
	bustest.Prompt(t, "announcing it", started, time.Second)
	list, err := contract.Revocations.Ask(t.Context(), o.bus, &contract.RevocationsAsk{Since: before})
	if err != nil || list.Last != before+1 || len(list.Revocations) != 1 || list.Revocations[0].Login != ann.Login {
		t.Errorf("revoked: %+v, %v", list, err)
	}
}

// Who proved the old password before another was set does not undo that.
func TestOfTwoNewPasswordsTheFirstStays(t *testing.T) {
	o := newOffice(t, Config{})
	ann := o.signUp("ann")
	account, _, err := o.files.Account(t.Context(), ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	change := contract.EditProfileAsk{User: ann.User.ID, OldPassword: "password of ann", NewPassword: "the thief's one"}
	_, err = contract.EditProfile.Ask(t.Context(), o.bus, &contract.EditProfileAsk{User: ann.User.ID, OldPassword: "password of ann", NewPassword: "ann's new one"})
	if err != nil {
		t.Fatal(err)
	}
	o.refuses("setting another, by the old one", o.role.setPassword(t.Context(), &account, &change), chat.Forbidden)
	if _, err := o.signIn("ann", "ann's new one"); err != nil {
		t.Error(err)
	}
}

func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	o := newOffice(t, Config{})
	ann := o.signUp("ann")
	other, err := o.signIn("ann", "password of ann")
	if err != nil {
		t.Fatal(err)
	}
	change := func(q contract.EditProfileAsk) error {
		q.User = ann.User.ID
		_, err := contract.EditProfile.Ask(t.Context(), o.bus, &q)
		return err
	}
	o.refuses("a wrong old password", change(contract.EditProfileAsk{OldPassword: "wrong", NewPassword: "another one"}), chat.Forbidden)
	o.refuses("no old password", change(contract.EditProfileAsk{NewPassword: "another one"}), chat.Forbidden)
	if err := change(contract.EditProfileAsk{OldPassword: "password of ann", NewPassword: "another one", Keep: ann.Login}); err != nil {
		t.Fatal(err)
	}
	o.holds(ann.AccessToken, &ann.User)
	_, err = o.identify(other.AccessToken)
	o.refuses("the other session", err, chat.Unauthenticated)
	_, err = o.signIn("ann", "password of ann")
	o.refuses("the old password", err, chat.Unauthenticated)
	if _, err := o.signIn("ann", "another one"); err != nil {
		t.Error(err)
	}
	if err := change(contract.EditProfileAsk{Operator: true, NewPassword: "the operator's"}); err != nil {
		t.Error(err)
	}
	_, err = o.identify(ann.AccessToken)
	o.refuses("every session, after the operator", err, chat.Unauthenticated)
	for range mostFailures - 2 { // two were tried above, of which one was right
		o.refuses("guessing", change(contract.EditProfileAsk{OldPassword: "wrong", NewPassword: "another one"}), chat.Forbidden)
	}
	o.refuses("guessing on", change(contract.EditProfileAsk{OldPassword: "wrong", NewPassword: "another one"}), chat.RateLimited)
}

// An identity that was read before a revocation and is remembered after it would
// be believed: the number tells.
func TestWhatWasReadBeforeARevocationIsNotRemembered(t *testing.T) {
	o := newOffice(t, Config{})
	ann := o.signUp("ann")
	slow := &slowStore{Store: o.files, reads: make(chan struct{}), goOn: make(chan struct{})}
	o.role.store = slow
	asked := make(chan error, 1)
	go func() {
		_, err := o.role.identify(context.Background(), &contract.IdentifyAsk{Token: ann.AccessToken})
		asked <- err
	}()
	<-slow.reads
	if err := o.files.EndLogin(t.Context(), ann.User.ID, ann.Login, time.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	o.role.ended(t.Context())
	close(slow.goOn)
	if err := <-asked; err != nil {
		t.Fatalf("it had been read before: %v", err)
	}
	if n := o.role.holders.len(); n != 0 {
		t.Errorf("%d holders are remembered", n)
	}
}

type slowStore struct {
	Store
	reads, goOn chan struct{}
}

func (s *slowStore) Login(ctx context.Context, id chat.ID) (chat.Login, bool, error) {
	l, found, err := s.Store.Login(ctx, id)
	close(s.reads)
	<-s.goOn
	return l, found, err
}
