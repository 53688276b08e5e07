package accounts

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const (
	maxStatusText = 200 // bytes
	tombstone     = "Deleted account"
)

// editProfile changes name, status text and password. A new password ends every
// other session.
func (a *Accounts) editProfile(ctx context.Context, q *contract.EditProfileAsk) (*chat.User, error) {
	if q.DisplayName != nil && displayName(*q.DisplayName) == "" {
		return nil, chat.Errorf(chat.Invalid, "a display name has 1 to %d bytes", chat.MaxName)
	}
	if q.StatusText != nil && (len(*q.StatusText) > maxStatusText || !clean(*q.StatusText)) {
		return nil, chat.Errorf(chat.Invalid, "a status text has at most %d bytes", maxStatusText)
	}
	account, err := a.live(ctx, q.User)
	if err != nil {
		return nil, err
	}
	if q.NewPassword != "" {
		if err := a.setPassword(ctx, &account, q); err != nil {
			return nil, err
		}
	}
	if q.DisplayName == nil && q.StatusText == nil {
		return &account.User, nil
	}
	u, err := a.store.SetProfile(ctx, q.User, q.DisplayName, q.StatusText)
	if err != nil {
		return nil, err
	}
	a.tellChanged(ctx, &u)
	return &u, nil
}

// live finds an account that somebody can use.
func (a *Accounts) live(ctx context.Context, id chat.UserID) (chat.Account, error) {
	account, found, err := a.store.Account(ctx, id)
	if err == nil && (!found || account.Deleted || account.Role == chat.OrgSystem) {
		err = chat.Errorf(chat.NotFound, "there is no such user")
	}
	return account, err
}

func (a *Accounts) setPassword(ctx context.Context, account *chat.Account, q *contract.EditProfileAsk) error {
	if account.Issuer != "" {
		return chat.Errorf(chat.Forbidden, "this account is proven by another service and has no password here")
	}
	s, err := secretOf(q.NewPassword, "")
	if err != nil {
		return err
	}
	proved := ""
	if !q.Operator {
		if err := a.confirm(ctx, account, q.OldPassword); err != nil {
			return err
		}
		proved = account.Secret
	}
	hash, err := a.hasher.make(ctx, s)
	if err != nil {
		return err
	}
	err = a.store.SetSecret(ctx, account.ID, proved, schemeArgon2id, hash, q.Keep, a.now())
	if chat.CodeOf(err) == chat.Conflict {
		return wrongOldPassword() // it was right before another was set
	}
	if err != nil {
		return err
	}
	a.log.Info("a password was changed; other sessions are ended", "user", account.ID, "operator", q.Operator)
	a.ended(ctx)
	return nil
}

func wrongOldPassword() error { return chat.Errorf(chat.Forbidden, "the old password is wrong") }

// confirm checks the password that somebody signed in with once more. Right or
// wrong, it counts: hashing is what takes the time from others who sign in.
func (a *Accounts) confirm(ctx context.Context, account *chat.Account, password string) error {
	s, err := secretOf(password, "")
	if err != nil || account.Scheme == "" {
		return wrongOldPassword()
	}
	try := attempt{name: account.ID.String()}
	if err := a.failures.begin(try, time.Now()); err != nil {
		return err
	}
	right, err := a.hasher.check(ctx, account.Scheme, account.Secret, s)
	switch {
	case err != nil:
		a.failures.forgive(try)
		return err
	case !right:
		return wrongOldPassword()
	}
	return nil
}

// closeAccount ends an account for ever. The installation keeps an owner.
func (a *Accounts) closeAccount(ctx context.Context, q *contract.CloseAccountAsk) (*contract.None, error) {
	account, err := a.live(ctx, q.User)
	if err != nil {
		return nil, err
	}
	end := func(ctx context.Context) error { return a.store.Close(ctx, q.User, tombstone, a.now()) }
	if account.Role == chat.OrgOwner && !account.Banned {
		err = a.store.InTurn(ctx, contract.OneOwnerStays, func(ctx context.Context) error {
			owners, err := contract.Owners.Ask(ctx, a.bus, &contract.None{})
			if err == nil && owners.Owners <= 1 {
				err = chat.Errorf(chat.Conflict, "the last owner cannot go: make somebody else owner first")
			}
			if err != nil {
				return err
			}
			return end(ctx)
		})
	} else {
		err = end(ctx)
	}
	if err != nil {
		return nil, err
	}
	a.log.Info("an account was closed", "user", q.User)
	a.ended(ctx)
	a.tellJobs(ctx)
	if gone, found, err := a.store.Account(ctx, q.User); err == nil && found {
		a.tellChanged(ctx, &gone.User)
	}
	return &contract.None{}, nil
}
