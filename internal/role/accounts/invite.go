package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const mostInvites = 200

// mayInvite refuses those who do not run the installation now. The zero id is an
// operator at the machine.
func (a *Accounts) mayInvite(ctx context.Context, by chat.UserID) error {
	if by.IsZero() {
		return nil
	}
	account, found, err := a.store.Account(ctx, by)
	if err == nil && (!found || !account.Role.Runs() || account.Banned || account.Deleted) {
		err = chat.Errorf(chat.Forbidden, "owners and admins make invites")
	}
	return err
}

// makeInvite makes a code of 128 bits that nobody can guess, of which only the hash
// is kept.
func (a *Accounts) makeInvite(ctx context.Context, q *contract.MakeInviteAsk) (*contract.MadeInvite, error) {
	if err := a.mayInvite(ctx, q.By); err != nil {
		return nil, err
	}
	switch {
	case a.cfg.SignUp == Closed:
		return nil, chat.Errorf(chat.Forbidden, "nobody signs up here, also not with an invite: the server runs with --signup closed")
	case q.MaxUses < 1 || q.MaxUses > chat.MaxInviteUses:
		return nil, chat.Errorf(chat.Invalid, "an invite is for 1 to %d people", chat.MaxInviteUses)
	case q.Seconds < 1 || q.Seconds > chat.MaxInviteSeconds:
		return nil, chat.Errorf(chat.Invalid, "an invite lasts 1 to %d seconds", chat.MaxInviteSeconds)
	}
	at := a.cfg.Clock.Now()
	made := &contract.MadeInvite{Code: a.newCode(q), Invite: chat.Invite{ID: chat.NewID(), CreatedBy: q.By, CreatedAt: at.UnixMilli(),
		ExpiresAt: at.Add(time.Duration(q.Seconds) * time.Second).UnixMilli(), MaxUses: q.MaxUses, Room: q.Room}}
	if q.By.IsZero() {
		made.Invite.CreatedBy = chat.System
	}
	kept, err := a.store.CreateInvite(ctx, made.Invite, *hashOf(made.Code))
	if err != nil {
		return nil, err
	}
	if kept.ID == made.Invite.ID {
		a.log.Info("an invite was made", "invite", kept.ID, "by", kept.CreatedBy, "uses", kept.MaxUses)
	}
	made.Invite = kept
	return made, nil
}

func (a *Accounts) newCode(q *contract.MakeInviteAsk) string {
	return base64.RawURLEncoding.EncodeToString(a.keys.secret("invite by "+q.By.String(), q.Key)[:16])
}

// hashOf is what is kept of a code; nil when none was shown.
func hashOf(code string) *[32]byte {
	if code == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(code))
	return &sum
}

func (a *Accounts) invites(ctx context.Context, q *contract.InvitesAsk) (*contract.InviteList, error) {
	if err := a.mayInvite(ctx, q.By); err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 || limit > mostInvites {
		limit = mostInvites
	}
	list, next, err := a.store.Invites(ctx, q.Cursor, limit)
	return &contract.InviteList{Invites: list, Next: next}, err
}

func (a *Accounts) endInvite(ctx context.Context, q *contract.EndInviteAsk) (*contract.None, error) {
	if err := a.mayInvite(ctx, q.By); err != nil {
		return nil, err
	}
	if err := a.store.EndInvite(ctx, q.Invite); err != nil {
		return nil, err
	}
	a.log.Info("an invite was withdrawn", "invite", q.Invite, "by", q.By)
	return &contract.None{}, nil
}

// findInvite tells who holds a code what it is good for.
func (a *Accounts) findInvite(ctx context.Context, q *contract.InviteAsk) (*chat.Invite, error) {
	i, found, err := a.store.GoodInvite(ctx, sha256.Sum256([]byte(q.Code)), a.now())
	if err == nil && !found {
		err = chat.Errorf(chat.NotFound, "%s", chat.BadInvite().Text)
	}
	return &i, err
}

// admission is what the account that is asked for must show. Who would be refused
// is refused now: hashing a password is dear.
func (a *Accounts) admission(ctx context.Context, q *contract.SignUpAsk) (chat.Admission, error) {
	person := !q.Bot
	if q.Quiet {
		return chat.Admission{FirstOwns: person}, nil
	}
	if a.cfg.SignUp == Closed {
		return chat.Admission{}, chat.Errorf(chat.Forbidden, "accounts are made by an administrator here")
	}
	shown := chat.Admission{FirstOwns: person, ByInvite: a.cfg.SignUp == ByInvite, Invite: hashOf(q.Invite), At: a.now()}
	switch {
	case shown.Invite != nil:
		if _, good, err := a.store.GoodInvite(ctx, *shown.Invite, shown.At); err != nil || !good {
			return shown, or(err, chat.BadInvite())
		}
	case shown.ByInvite:
		if owned, err := a.store.Owned(ctx); err != nil || owned {
			return shown, or(err, chat.NeedsInvite())
		}
	}
	return shown, nil
}

// or is err, or else the refusal.
func or(err error, refusal *chat.Error) error {
	if err != nil {
		return err
	}
	return refusal
}
