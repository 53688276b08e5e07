package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const (
	refreshLasts  = 30 * 24 * time.Hour
	refreshPrefix = "parley_rt_" // so that a leaked one is recognised
	maxClient     = 200          // bytes of a device or address that are kept
)

func wrongPassword() error {
	return chat.Errorf(chat.Unauthenticated, "the username or the password is wrong")
}

// signIn checks a password. It takes as long for a name that nobody has.
func (a *Accounts) signIn(ctx context.Context, q *contract.SignInAsk) (*contract.SignedIn, error) {
	s, err := secretOf(q.Password, q.Digest)
	if err != nil {
		return nil, err
	}
	try := attempt{chat.FoldUsername(q.Username), chat.Network(q.Address)}
	if err := a.attempt(ctx, try); err != nil {
		return nil, err
	}
	for again := 2; ; again-- {
		account, right, err := a.prove(ctx, try.name, s)
		if err != nil {
			a.failures.forgive(try)
			a.failures.forgive(try.fromAnywhere())
			return nil, err
		}
		if !right {
			return nil, wrongPassword()
		}
		a.failures.forget(try)
		a.failures.forgive(try.fromAnywhere())
		if account.Banned {
			return nil, chat.Errorf(chat.Forbidden, "this account is banned")
		}
		in, err := a.signedIn(ctx, &account.User, account.Secret, q.Client, q.Key)
		// A conflict: the secret was set, or hashed anew, since it was proved.
		if chat.CodeOf(err) != chat.Conflict || again == 0 {
			return in, err
		}
	}
}

// attempt counts one before it is checked. Who guesses a user's password from many
// addresses does not keep those out who have a session of that user at theirs.
func (a *Accounts) attempt(ctx context.Context, try attempt) error {
	now := time.Now()
	if err := a.failures.begin(try, now); err != nil {
		return err
	}
	err := a.failures.begin(try.fromAnywhere(), now)
	if err == nil {
		return nil
	}
	here, asking := a.wasHere(ctx, try)
	if here {
		return nil
	}
	a.failures.forgive(try)
	if asking != nil {
		return asking
	}
	return err
}

// wasHere says whether a user has a session at an address.
func (a *Accounts) wasHere(ctx context.Context, try attempt) (bool, error) {
	if !clean(try.name) {
		return false, nil
	}
	account, found, err := a.store.AccountNamed(ctx, try.name)
	if err != nil || !found {
		return false, err
	}
	logins, err := a.store.Logins(ctx, account.ID)
	return slices.ContainsFunc(logins, func(l chat.Login) bool { return chat.Network(l.Address) == try.address }), err
}

// prove finds the account and checks the secret against it, or against a decoy.
func (a *Accounts) prove(ctx context.Context, name string, s secret) (account chat.Account, right bool, err error) {
	found := false
	if clean(name) { // or nobody has it, and a database may not take it
		if account, found, err = a.store.AccountNamed(ctx, name); err != nil {
			return account, false, err
		}
	}
	if !found || account.Deleted || account.Scheme == "" {
		_, err := a.hasher.check(ctx, schemeArgon2id, a.decoy, s)
		return account, false, err
	}
	right, err = a.hasher.check(ctx, account.Scheme, account.Secret, s)
	if err == nil && right && stale(account.Scheme, account.Secret) {
		account.Secret = a.rehash(ctx, &account, s)
	}
	return account, right, err
}

// rehash replaces an imported or weaker hash now that the password is known, and
// returns the one that is kept. It can wait for the next time, and leaves a
// password that was set meanwhile.
func (a *Accounts) rehash(ctx context.Context, account *chat.Account, s secret) string {
	hash, err := a.hasher.make(ctx, s)
	if err == nil {
		err = a.store.Rehash(ctx, account.ID, account.Secret, schemeArgon2id, hash)
	}
	if err != nil {
		a.log.Warn("a password was not hashed anew", "user", account.ID, "trace", bus.TraceOf(ctx), "err", err)
		return account.Secret
	}
	return hash
}

// signedIn begins a login and hands out its tokens. Asked again with the same key
// it is the same login, until its first refresh token is used. It is a conflict
// when the secret that was proved, if one was, is the user's no more.
func (a *Accounts) signedIn(ctx context.Context, u *chat.User, proved string, client contract.Client, key string) (*contract.SignedIn, error) {
	at := a.cfg.Clock.Now()
	l := chat.Login{ID: chat.NewID(), User: u.ID, Device: shortened(client.Device), Address: shortened(client.Address),
		CreatedAt: at.UnixMilli(), LastUsed: at.UnixMilli()}
	for {
		token, first := newRefresh(a.keys.secret("sign in "+u.ID.String(), key), at)
		have, ok, err := a.store.CreateLogin(ctx, l, first, proved)
		switch {
		case err != nil:
			return nil, err
		case ok:
			return a.tokens(u, have.ID, token, at)
		}
		key = "" // that login has gone on; this is another
	}
}

func (a *Accounts) tokens(u *chat.User, login chat.ID, refresh string, at time.Time) (*contract.SignedIn, error) {
	access, expires, err := a.keys.sign(u.ID, login, at)
	if err != nil {
		return nil, err
	}
	return &contract.SignedIn{User: *u, Login: login, AccessToken: access, AccessExpires: expires.UnixMilli(), RefreshToken: refresh}, nil
}

func newRefresh(secret []byte, at time.Time) (token string, kept chat.Refresh) {
	token = refreshPrefix + base64.RawURLEncoding.EncodeToString(secret)
	return token, chat.Refresh{Hash: sha256.Sum256([]byte(token)), Expires: at.Add(refreshLasts).UnixMilli()}
}

func shortened(s string) string {
	if !clean(s) {
		return ""
	}
	for len(s) > maxClient {
		s = s[:len(s)-1]
		for !clean(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}

// refresh exchanges a refresh token for new tokens of the same login.
func (a *Accounts) refresh(ctx context.Context, q *contract.RefreshAsk) (*contract.SignedIn, error) {
	at := a.cfg.Clock.Now()
	token, next := newRefresh(a.keys.secret("refresh "+q.Token, q.Key), at)
	l, reused, err := a.store.Rotate(ctx, sha256.Sum256([]byte(q.Token)), next, at.UnixMilli(), shortened(q.Address), shortened(q.Device))
	if err != nil {
		return nil, err
	}
	if reused {
		a.metrics.reused.Inc()
		a.revoked.made()
		a.log.Warn("a used refresh token was presented again: its session is ended",
			"user", l.User, "login", l.ID, "address", q.Address, "trace", bus.TraceOf(ctx))
		return nil, chat.Errorf(chat.Unauthenticated, "this refresh token was used before; the session is ended")
	}
	account, found, err := a.store.Account(ctx, l.User)
	if err != nil {
		return nil, err
	}
	if !found || account.Deleted || account.Banned {
		return nil, chat.Errorf(chat.Forbidden, "this account is closed or banned")
	}
	return a.tokens(&account.User, l.ID, token, at)
}

func (a *Accounts) logins(ctx context.Context, q *contract.LoginsAsk) (*contract.LoginList, error) {
	list, err := a.store.Logins(ctx, q.User)
	if err != nil {
		return nil, err
	}
	return &contract.LoginList{Logins: list}, nil
}

func (a *Accounts) signOut(ctx context.Context, q *contract.SignOutAsk) (*contract.None, error) {
	if err := a.store.EndLogin(ctx, q.User, q.Login, a.now()); err != nil {
		return nil, err
	}
	a.ended(ctx)
	return &contract.None{}, nil
}

// ended makes what was just revoked count here and be announced, before whoever
// asked is answered.
func (a *Accounts) ended(ctx context.Context) {
	newest, err := a.revoked.catchUp(ctx, a.holders.forget)
	if err != nil {
		a.revoked.made() // the announcer tries again
		return
	}
	a.publishRevoked(ctx, newest)
}
