package storetest

import (
	"context"
	"reflect"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func signIn(t *testing.T, s *store.Store, user chat.UserID, n byte) chat.Login {
	t.Helper()
	l := chat.Login{ID: ID(n), User: user, Device: "phone", Address: "::1", CreatedAt: int64(n), LastUsed: int64(n)}
	have, ok, err := s.Accounts().CreateLogin(t.Context(), l, chat.Refresh{Hash: [32]byte{n}, Expires: 1000}, "")
	if err != nil || !ok || have != l {
		t.Fatalf("%+v, %v, %v", have, ok, err)
	}
	return l
}

var logins = []promise{
	{"a refresh token is exchanged once, and again revokes the session", func(t *testing.T, open Open) {
		s := open(t)
		a := s.Accounts()
		l, other := signIn(t, s, alice, 20), signIn(t, s, alice, 30)
		have, reused, err := a.Rotate(t.Context(), [32]byte{20}, chat.Refresh{Hash: [32]byte{21}, Expires: 2000}, 500, "::2", "")
		must(t, err)
		l.LastUsed, l.Address = 500, "::2"
		if reused || have != l {
			t.Fatalf("reused %v, the login is %+v", reused, have)
		}
		if stored, found, err := a.Login(t.Context(), l.ID); err != nil || !found || stored != l {
			t.Fatalf("stored is %+v, %v", stored, err)
		}
		have, reused, err = a.Rotate(t.Context(), [32]byte{20}, chat.Refresh{Hash: [32]byte{22}, Expires: 2000}, 600, "::3", "")
		must(t, err)
		if !reused || have.ID != l.ID {
			t.Fatalf("reused %v, the login is %+v", reused, have)
		}
		_, _, err = a.Rotate(t.Context(), [32]byte{21}, chat.Refresh{Hash: [32]byte{23}}, 700, "", "")
		mustCode(t, err, chat.Unauthenticated)
		left, err := a.Logins(t.Context(), alice)
		must(t, err)
		revoked, last, err := a.Revocations(t.Context(), 0, 10)
		must(t, err)
		want := []chat.Revocation{{Number: 1, User: alice, Login: l.ID, At: 600}}
		if !reflect.DeepEqual(left, []chat.Login{other}) || !reflect.DeepEqual(revoked, want) || last != 1 {
			t.Fatalf("left are %+v, revoked %+v", left, revoked)
		}
	}},
	{"an exchange whose answer was lost is made again, until the next token is used", func(t *testing.T, open Open) {
		s := open(t)
		l := signIn(t, s, alice, 20)
		next := chat.Refresh{Hash: [32]byte{21}, Expires: 2000}
		exchange := func(hash byte, next chat.Refresh, now int64) (chat.Login, bool) {
			t.Helper()
			have, reused, err := s.Accounts().Rotate(t.Context(), [32]byte{hash}, next, now, "", "")
			must(t, err)
			return have, reused
		}
		for now := range int64(3) {
			if have, reused := exchange(20, next, 500+now); reused || have.ID != l.ID || have.LastUsed != 500+now {
				t.Fatalf("reused %v, the login is %+v", reused, have)
			}
		}
		exchange(21, chat.Refresh{Hash: [32]byte{22}, Expires: 2000}, 600)
		if _, reused := exchange(20, next, 700); !reused {
			t.Fatal("a token was given that was used before")
		}
		_, _, err := s.Accounts().Rotate(t.Context(), [32]byte{22}, chat.Refresh{Hash: [32]byte{23}}, 800, "", "")
		mustCode(t, err, chat.Unauthenticated)
	}},
	{"a sign-in whose answer was lost is made again, until its token is used", func(t *testing.T, open Open) {
		s := open(t)
		a := s.Accounts()
		l := signIn(t, s, alice, 20)
		again := func(user chat.UserID, now int64) (chat.Login, bool) {
			t.Helper()
			have, ok, err := a.CreateLogin(t.Context(), chat.Login{ID: ID(40), User: user, CreatedAt: now, LastUsed: now},
				chat.Refresh{Hash: [32]byte{20}, Expires: now + 1000}, "")
			must(t, err)
			return have, ok
		}
		if have, ok := again(alice, 500); !ok || have != l {
			t.Fatalf("%+v, %v", have, ok)
		}
		if have, ok := again(bob, 500); ok {
			t.Fatalf("bob has %+v", have)
		}
		if have, ok := again(alice, 1000); ok {
			t.Fatalf("with a token that has expired: %+v", have)
		}
		_, _, err := a.Rotate(t.Context(), [32]byte{20}, chat.Refresh{Hash: [32]byte{21}, Expires: 2000}, 600, "", "")
		must(t, err)
		if have, ok := again(alice, 700); ok {
			t.Fatalf("with a token that was used: %+v", have)
		}
		left, err := a.Logins(t.Context(), alice)
		must(t, err)
		if len(left) != 1 || left[0].ID != l.ID {
			t.Fatalf("the sessions are %+v", left)
		}
	}},
	{"nobody is given the next token of another session", func(t *testing.T, open Open) {
		s := open(t)
		signIn(t, s, alice, 20)
		signIn(t, s, bob, 30)
		_, _, err := s.Accounts().Rotate(t.Context(), [32]byte{20}, chat.Refresh{Hash: [32]byte{21}, Expires: 2000}, 500, "", "")
		must(t, err)
		if _, reused, err := s.Accounts().Rotate(t.Context(), [32]byte{20}, chat.Refresh{Hash: [32]byte{30}, Expires: 2000}, 600, "", ""); err != nil || !reused {
			t.Fatalf("reused %v, %v", reused, err)
		}
	}},
	{"unknown and expired refresh tokens are refused", func(t *testing.T, open Open) {
		s := open(t)
		signIn(t, s, alice, 20)
		for hash, now := range map[byte]int64{99: 1, 20: 1000} {
			_, _, err := s.Accounts().Rotate(t.Context(), [32]byte{hash}, chat.Refresh{Hash: [32]byte{50 + hash}}, now, "", "")
			mustCode(t, err, chat.Unauthenticated)
		}
		if _, last, err := s.Accounts().Revocations(t.Context(), 0, 10); err != nil || last != 0 {
			t.Fatalf("that revoked something: %d, %v", last, err)
		}
	}},
	{"sessions end one by one, or all but one with a new password, each with a numbered revocation", func(t *testing.T, open Open) {
		s := open(t)
		a := s.Accounts()
		for n := byte(20); n < 25; n++ {
			signIn(t, s, alice, n)
		}
		mustCode(t, a.EndLogin(t.Context(), bob, ID(20), 1), chat.NotFound)
		must(t, a.EndLogin(t.Context(), alice, ID(20), 1))
		mustCode(t, a.EndLogin(t.Context(), alice, ID(20), 1), chat.NotFound)
		must(t, a.SetSecret(t.Context(), alice, "", "scheme", "new", ID(22), 2))
		left, err := a.Logins(t.Context(), alice)
		must(t, err)
		if len(left) != 1 || left[0].ID != ID(22) {
			t.Fatalf("left are %+v", left)
		}
		first, last, err := a.Revocations(t.Context(), 0, 3)
		must(t, err)
		rest, _, err := a.Revocations(t.Context(), 3, 3)
		must(t, err)
		for i, r := range append(first, rest...) {
			if r.Number != uint64(i+1) {
				t.Errorf("revocation %d has number %d", i+1, r.Number)
			}
		}
		if len(first) != 3 || len(rest) != 1 || last != 4 {
			t.Fatalf("%d and %d revocations, last %d", len(first), len(rest), last)
		}
		must(t, a.SetSecret(t.Context(), alice, "", "scheme", "newer", chat.ID{}, 3))
		if left, err = a.Logins(t.Context(), alice); err != nil || len(left) != 0 {
			t.Fatalf("left are %+v, %v", left, err)
		}
	}},
	{"a new password ends the others whatever they do meanwhile", func(t *testing.T, open Open) {
		s := open(t)
		a := s.Accounts()
		for round := range byte(10) {
			for n := byte(20); n < 25; n++ {
				signIn(t, s, alice, n+5*round)
			}
			keep, leaves := ID(20+5*round), ID(24+5*round)
			done := make(chan error, 1)
			go func() { done <- a.EndLogin(context.Background(), alice, leaves, 1) }()
			must(t, a.SetSecret(t.Context(), alice, "", "scheme", "new", keep, 1))
			if err := <-done; err != nil {
				mustCode(t, err, chat.NotFound)
			}
			left, err := a.Logins(t.Context(), alice)
			must(t, err)
			if len(left) != 1 || left[0].ID != keep {
				t.Fatalf("left are %+v", left)
			}
			must(t, a.EndLogin(t.Context(), alice, keep, 1))
		}
		list, last, err := a.Revocations(t.Context(), 0, 100)
		must(t, err)
		if len(list) != 50 || last != 50 {
			t.Fatalf("%d revocations, last %d, want one for each session", len(list), last)
		}
	}},
	{"another hash replaces only the one that it was made for", func(t *testing.T, open Open) {
		s := open(t)
		a := s.Accounts()
		u := signUp(t, s, "a")
		must(t, a.SetSecret(t.Context(), u.ID, "", "bcrypt", "old", chat.ID{}, 1))
		secret := func(scheme, want string) {
			t.Helper()
			account, _, err := a.Account(t.Context(), u.ID)
			must(t, err)
			if account.Scheme != scheme || account.Secret != want {
				t.Fatalf("the secret is %s of %s, want %s of %s", account.Secret, account.Scheme, want, scheme)
			}
		}
		must(t, a.Rehash(t.Context(), u.ID, "old", "argon2id", "rehashed"))
		secret("argon2id", "rehashed")
		must(t, a.SetSecret(t.Context(), u.ID, "", "argon2id", "newer", chat.ID{}, 1))
		must(t, a.Rehash(t.Context(), u.ID, "rehashed", "argon2id", "late"))
		secret("argon2id", "newer")
	}},
	{"a sign-in with a secret that has been replaced begins no session", func(t *testing.T, open Open) {
		s := open(t)
		a := s.Accounts()
		u := signUp(t, s, "a")
		must(t, a.SetSecret(t.Context(), u.ID, "", "argon2id", "old", chat.ID{}, 1))
		begin := func(n byte, proved string) error {
			_, _, err := a.CreateLogin(t.Context(), chat.Login{ID: ID(n), User: u.ID}, chat.Refresh{Hash: [32]byte{n}, Expires: 1000}, proved)
			return err
		}
		must(t, begin(20, "old"))
		must(t, a.SetSecret(t.Context(), u.ID, "", "argon2id", "new", chat.ID{}, 1))
		mustCode(t, begin(21, "old"), chat.Conflict)
		must(t, begin(22, "new"))
		left, err := a.Logins(t.Context(), u.ID)
		must(t, err)
		if len(left) != 1 || left[0].ID != ID(22) {
			t.Fatalf("the sessions are %+v", left)
		}
	}},
	{"of two first signing keys one stays", func(t *testing.T, open Open) {
		s := open(t)
		want := chat.SigningKey{ID: "k1", Seed: []byte("seed one"), CreatedAt: 1}
		must(t, s.Accounts().AddSigningKey(t.Context(), want))
		must(t, s.Accounts().AddSigningKey(t.Context(), chat.SigningKey{ID: "k2", Seed: []byte("seed two"), CreatedAt: 2}))
		keys, err := s.Accounts().SigningKeys(t.Context())
		must(t, err)
		if !reflect.DeepEqual(keys, []chat.SigningKey{want}) {
			t.Fatalf("keys are %+v", keys)
		}
	}},
	{"a door's token is found until it expires", func(t *testing.T, open Open) {
		s := open(t)
		a := s.Accounts()
		want := chat.DoorToken{Door: "d", Hash: [32]byte{1}, User: alice, Expires: 100}
		must(t, a.SetToken(t.Context(), want))
		must(t, a.SetToken(t.Context(), chat.DoorToken{Door: "d", Hash: [32]byte{2}, User: bob}))
		for _, c := range []struct {
			door  string
			hash  byte
			now   int64
			found bool
		}{{"d", 1, 99, true}, {"d", 1, 100, false}, {"e", 1, 0, false}, {"d", 2, 1 << 50, true}} {
			if have, found, err := a.FindToken(t.Context(), c.door, [32]byte{c.hash}, c.now); err != nil || found != c.found || found && have.Hash != [32]byte{c.hash} {
				t.Errorf("%+v: %+v, %v, %v", c, have, found, err)
			}
		}
	}},
	{"what has expired is forgotten", func(t *testing.T, open Open) {
		s := open(t)
		a := s.Accounts()
		signIn(t, s, alice, 20)
		signIn(t, s, alice, 30)
		must(t, a.SetToken(t.Context(), chat.DoorToken{Door: "d", Hash: [32]byte{1}, User: alice, Expires: 100}))
		must(t, a.SetToken(t.Context(), chat.DoorToken{Door: "d", Hash: [32]byte{2}, User: alice}))
		_, _, err := a.Rotate(t.Context(), [32]byte{20}, chat.Refresh{Hash: [32]byte{21}, Expires: 5000}, 500, "", "")
		must(t, err)
		must(t, a.PruneExpired(t.Context(), 1000))
		left, err := a.Logins(t.Context(), alice)
		must(t, err)
		if len(left) != 1 || left[0].ID != ID(20) {
			t.Fatalf("left are %+v", left)
		}
		_, _, err = a.Rotate(t.Context(), [32]byte{30}, chat.Refresh{Hash: [32]byte{31}}, 1, "", "")
		mustCode(t, err, chat.Unauthenticated)
		_, _, err = a.Rotate(t.Context(), [32]byte{21}, chat.Refresh{Hash: [32]byte{22}, Expires: 9000}, 1001, "", "")
		must(t, err)
		for hash, want := range map[byte]bool{1: false, 2: true} {
			if _, found, err := a.FindToken(t.Context(), "d", [32]byte{hash}, 0); err != nil || found != want {
				t.Errorf("token %d is there: %v, %v", hash, found, err)
			}
		}
	}},
}
