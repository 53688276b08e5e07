package accounts

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

func unproven() error { return chat.Errorf(chat.Unauthenticated, "this access token is not valid") }

// identify says who holds an access token, ours or a trusted foreign one.
func (a *Accounts) identify(ctx context.Context, q *contract.IdentifyAsk) (*contract.Identity, error) {
	if q.Token == "" || len(q.Token) > maxTokenSize {
		return nil, unproven()
	}
	hash, now := sha256.Sum256([]byte(q.Token)), a.cfg.Clock.Now()
	seen := a.revoked.newest()
	if id, known := a.holders.get(hash, now); known {
		return &id, nil // with the number of when it was read: since then it was not revoked, or is forgotten at once
	}
	id, err := a.verify(ctx, q.Token)
	if err != nil {
		return nil, err
	}
	id.Revoked = seen
	a.holders.put(hash, *id, now)
	if a.revoked.newest() != seen {
		// Something was revoked while we read: it may be about them.
		a.holders.forget(id.User.ID)
	}
	return id, nil
}

func (a *Accounts) verify(ctx context.Context, token string) (*contract.Identity, error) {
	said := &jwt.RegisteredClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, said); err != nil {
		return nil, unproven()
	}
	if said.Issuer == issuer {
		return a.verifyOurs(ctx, token)
	}
	if a.foreign == nil {
		return nil, unproven()
	}
	return a.verifyForeign(ctx, token)
}

// verifyOurs reads the account and the login anew, so whatever was revoked
// before counts.
func (a *Accounts) verifyOurs(ctx context.Context, token string) (*contract.Identity, error) {
	c, err := a.keys.verify(ctx, token)
	if errors.Is(err, chat.ErrUnreachable) {
		return nil, err
	}
	if err != nil {
		return nil, unproven()
	}
	user, err := chat.ParseID(c.Subject)
	if err != nil {
		return nil, unproven()
	}
	account, found, err := a.store.Account(ctx, user)
	if err != nil {
		return nil, err
	}
	login, signedIn, err := a.store.Login(ctx, c.Login)
	if err != nil {
		return nil, err
	}
	if !found || !signedIn || login.User != user {
		return nil, unproven()
	}
	return a.admit(&contract.Identity{User: account.User, Login: c.Login, Issued: c.Millis, Expires: c.ExpiresAt.UnixMilli()})
}

// admit refuses whom a ban, a deletion or a "not before" covers. A foreign token
// that does not say when it was issued is held to the ban alone: one that is lifted
// would keep them out for ever.
func (a *Accounts) admit(id *contract.Identity) (*contract.Identity, error) {
	early := id.Issued != 0 && id.Issued < a.revoked.notBefore(id.User.ID)
	if id.User.Banned || id.User.Deleted || id.User.Role == chat.OrgSystem || early {
		return nil, unproven()
	}
	return id, nil
}
