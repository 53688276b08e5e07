package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

func digestOf(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func TestHashesAreOverTheDigest(t *testing.T) {
	h := newHasher()
	s, err := secretOf("correct horse", "")
	if err != nil || s.digest != digestOf("correct horse") {
		t.Fatalf("%+v, %v", s, err)
	}
	hash, err := h.make(t.Context(), s)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s, %v", hash, err)
	}
	if again, _ := h.make(t.Context(), s); again == hash {
		t.Error("two hashes share their salt")
	}
	for what, c := range map[string]struct {
		password, digest string
		want             bool
	}{
		"the password":             {"correct horse", "", true},
		"its digest":               {"", digestOf("correct horse"), true},
		"another password":         {"correct horsf", "", false},
		"another digest":           {"", digestOf("correct horsf"), false},
		"the digest as a password": {digestOf("correct horse"), "", false},
	} {
		s, err := secretOf(c.password, c.digest)
		if err != nil {
			t.Fatal(err)
		}
		if right, err := h.check(t.Context(), schemeArgon2id, hash, s); right != c.want || err != nil {
			t.Errorf("%s: %v, %v", what, right, err)
		}
	}
	if stale(schemeArgon2id, hash) || !stale(schemeBcrypt, "$2a$…") || !stale(schemeArgon2id, strings.Replace(hash, "t=2", "t=1", 1)) {
		t.Error("the wrong ones are stale")
	}
}

func TestDecodeRefusesWhatWouldHurt(t *testing.T) {
	good := encode(make([]byte, saltBytes), make([]byte, keyBytes))
	if _, err := decode(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "x", "$argon2i$" + strings.TrimPrefix(good, "$argon2id$"), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=4294967295", 1), strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "t=2", "t=99", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=255", 1), good[:len(good)-30], good + "$x", "$argon2id$v=19$m=19456,t=2,p=1$$",
	} {
		if p, err := decode(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, p)
		}
	}
	if right, err := newHasher().check(context.Background(), "rot13", good, secret{digest: digestOf("x")}); right || err == nil {
		t.Error("an unknown scheme was checked")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(make([]byte, saltBytes), make([]byte, keyBytes)))
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg")
	f.Fuzz(func(t *testing.T, hash string) {
		p, err := decode(hash)
		if err == nil && (p.memory > mostMemoryKiB || p.passes < 1 || p.passes > mostPasses || p.lanes < 1 || p.lanes > mostLanes || len(p.key) < 16) {
			t.Fatalf("%q asks for %+v", hash, p)
		}
	})
}

func TestTooManyAtOnceAreTurnedAway(t *testing.T) {
	h := newHasher()
	ctx, cancel := context.WithCancel(t.Context())
	h.waiting.Add(int64(cap(h.slots) * (waitersPerSlot + 1)))
	_, err := h.make(ctx, secret{})
	if e := chat.Public(err); e.Code != chat.Unavailable || e.RetryAfter == 0 {
		t.Errorf("got %v", err)
	}
	h.waiting.Store(0)
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	cancel()
	if _, err := h.make(ctx, secret{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := h.waiting.Load(); n != 0 {
		t.Errorf("%d are still waiting", n)
	}
}

func TestAnImportedPasswordIsHashedAnewAtTheFirstSignIn(t *testing.T) {
	o := newOffice(t, Config{})
	hash, err := bcrypt.GenerateFromPassword([]byte("the old one"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	u, err := o.files.Create(t.Context(), chat.Account{Scheme: schemeBcrypt, Secret: string(hash),
		User: chat.User{ID: chat.NewID(), Username: "ann", DisplayName: "Ann", Kind: chat.Person, Role: chat.OrgMember}}, nil, chat.Admission{})
	if err != nil {
		t.Fatal(err)
	}
	byDigest := func() error {
		_, err := contract.SignIn.Ask(t.Context(), o.bus, &contract.SignInAsk{Username: "ann", Digest: digestOf("the old one")})
		return err
	}
	o.refuses("a digest against bcrypt", byDigest(), chat.Unauthenticated)
	_, err = o.signIn("ann", "another one")
	o.refuses("a wrong password", err, chat.Unauthenticated)
	if _, err := o.signIn("ann", "the old one"); err != nil {
		t.Fatal(err)
	}
	account, _, err := o.files.Account(t.Context(), u.ID)
	if err != nil || account.Scheme != schemeArgon2id {
		t.Fatalf("it is kept as %s, %v", account.Scheme, err)
	}
	if err := byDigest(); err != nil {
		t.Errorf("the digest, now: %v", err)
	}
}

// The time of a refusal must not tell whether there is such a user. Nearly all of
// it is the hash, and that is made for everybody, in the one scheme.
func TestUnknownUsersTakeAsLong(t *testing.T) {
	o := newOffice(t, Config{JWTSecret: secret32})
	o.signUp("ann")
	foreigner := o.foreignUser(map[string]any{"sub": "f"})
	for _, name := range []string{"ann", "nobody", foreigner.Username, "system"} {
		before := o.role.hasher.turns.Load()
		_, err := o.signIn(name, "wrong")
		o.refuses(name, err, chat.Unauthenticated)
		if hashed := o.role.hasher.turns.Load() - before; hashed != 1 {
			t.Errorf("%s is refused after %d hashes", name, hashed)
		}
	}
}

func TestGuessingIsLimitedByNameAndAddress(t *testing.T) {
	f, at := newFailures(), time.Unix(1000, 0)
	ann, elsewhere := attempt{"ann", "192.0.2.1"}, attempt{"ann", "192.0.2.2"}
	for i := range mostFailures {
		if err := f.begin(ann, at.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	late := at.Add(time.Minute)
	if e := chat.Public(f.begin(ann, late)); e.Code != chat.RateLimited || e.RetryAfter != failuresLast-time.Minute {
		t.Errorf("one more: %v, retry after %v", e, e.RetryAfter)
	}
	if err := f.begin(elsewhere, late); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	f.forgive(ann)
	if err := f.begin(ann, late); err != nil {
		t.Errorf("one was taken back: %v", err)
	}
	if err := f.begin(ann, at.Add(failuresLast+time.Second)); err != nil {
		t.Errorf("ten minutes later: %v", err)
	}
	f.forget(elsewhere)
	if _, kept := f.counts[elsewhere]; kept {
		t.Error("a right password is not forgotten")
	}
}

func TestGuessesTakeBoundedMemory(t *testing.T) {
	f, at := newFailures(), time.Unix(1000, 0)
	for i := range failuresKept + 10 {
		if err := f.begin(attempt{address: hex.EncodeToString([]byte{byte(i), byte(i >> 8), byte(i >> 16)})}, at); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(f.counts); n > failuresKept {
		t.Errorf("%d are kept", n)
	}
}

func TestSignInIsLimited(t *testing.T) {
	o := newOffice(t, Config{})
	o.signUp("ann")
	for range mostFailures {
		_, err := o.signIn("ann", "wrong")
		o.refuses("a wrong password", err, chat.Unauthenticated)
	}
	_, err := o.signIn("ann", "password of ann")
	if e := chat.Public(err); e.Code != chat.RateLimited || e.RetryAfter <= 0 {
		t.Errorf("the right one, too late: %v", err)
	}
}

// Who guesses a password from many addresses is stopped, and stops nobody who was
// here before.
func TestGuessingFromManyAddressesIsLimited(t *testing.T) {
	o := newOffice(t, Config{})
	o.signUp("ann")
	o.signUp("bob")
	from := func(address, name, password string) error {
		_, err := contract.SignIn.Ask(t.Context(), o.bus, &contract.SignInAsk{Username: name, Password: password, Client: contract.Client{Address: address}})
		return err
	}
	o.refuses("from her telephone", from("192.0.2.1", "ann", "password of ann"), "")
	const really = 5 // each takes a hash
	for range mostFromAnywhere - really {
		if err := o.role.failures.begin(attempt{"ann", anywhere}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range really {
		o.refuses("guessing", from(fmt.Sprintf("198.51.100.%d", i), "ann", "wrong"), chat.Unauthenticated)
	}
	o.refuses("guessing on", from("198.51.100.200", "ann", "wrong"), chat.RateLimited)
	o.refuses("guessed", from("198.51.100.201", "ann", "password of ann"), chat.RateLimited)
	o.refuses("from her telephone again", from("192.0.2.1", "ann", "password of ann"), "")
	o.refuses("somebody else", from("198.51.100.200", "bob", "password of bob"), "")
	for range mostFailures {
		o.refuses("guessing beside her telephone", from("192.0.2.1", "ann", "wrong"), chat.Unauthenticated)
	}
	o.refuses("guessing on beside it", from("192.0.2.1", "ann", "wrong"), chat.RateLimited)
}

// Who proved a password in the moment in which it was changed is not in with it.
func TestAPasswordThatIsChangedMeanwhileLetsNobodyIn(t *testing.T) {
	o := newOffice(t, Config{})
	ann := o.signUp("ann")
	change := func(to string) func() {
		return func() {
			_, err := contract.EditProfile.Ask(t.Context(), o.bus, &contract.EditProfileAsk{User: ann.User.ID, NewPassword: to, Operator: true})
			if err != nil {
				t.Error(err)
			}
		}
	}
	between := change("another password")
	o.files.signingIn.Store(&between)
	_, err := o.signIn("ann", "password of ann")
	o.refuses("with the old one", err, chat.Unauthenticated)
	between = change("another password") // the same, hashed anew
	o.files.signingIn.Store(&between)
	if _, err := o.signIn("ann", "another password"); err != nil {
		t.Errorf("with one that is still right: %v", err)
	}
}
