package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// maxUsername is what the store takes; each door has its own, narrower rule.
const maxUsername = 120

// signUp makes an account with a password, or a bot, and signs it in.
func (a *Accounts) signUp(ctx context.Context, q *contract.SignUpAsk) (*contract.SignedIn, error) {
	admission, err := a.admission(ctx, q)
	if err != nil {
		return nil, err
	}
	account, err := a.newAccount(ctx, q)
	if err != nil {
		return nil, err
	}
	var jobs []chat.Command
	if account.Kind == chat.Person {
		jobs = a.joins(&account.User)
	}
	u, err := a.store.Create(ctx, account, jobs, admission)
	if err != nil {
		return nil, err
	}
	a.log.Info("an account was made", "user", u.ID, "username", u.Username, "org_role", u.Role)
	if len(jobs) > 0 || admission.Invite != nil {
		a.tellJobs(ctx)
	}
	if q.Quiet {
		return &contract.SignedIn{User: u}, nil
	}
	return a.signedIn(ctx, &u, "", q.Client, q.Key)
}

// newAccount is the account as it will be stored.
func (a *Accounts) newAccount(ctx context.Context, q *contract.SignUpAsk) (account chat.Account, err error) {
	name := chat.FoldUsername(q.Username)
	if name == "" || len(name) > maxUsername || !clean(name) {
		return account, chat.Errorf(chat.Invalid, "a username has 1 to %d bytes", maxUsername)
	}
	if q.DisplayName != "" && displayName(q.DisplayName) == "" {
		return account, chat.Errorf(chat.Invalid, "a display name has 1 to %d bytes", chat.MaxName)
	}
	account.User = chat.User{ID: chat.NewID(), Username: name, DisplayName: displayName(q.DisplayName, name),
		Kind: chat.Person, Role: chat.OrgMember, CreatedAt: a.now()}
	if q.Bot {
		account.Kind, account.Role = chat.Bot, chat.OrgBot
		if q.Password == "" && q.Digest == "" {
			return account, nil
		}
	}
	s, err := secretOf(q.Password, q.Digest)
	if err != nil {
		return account, err
	}
	// Hashing is dear: do not for a name that cannot be had.
	if _, taken, err := a.store.AccountNamed(ctx, name); err != nil || taken {
		return account, errors.Join(err, conflictIf(taken, name))
	}
	account.Scheme = schemeArgon2id
	account.Secret, err = a.hasher.make(ctx, s)
	return account, err
}

func conflictIf(taken bool, name string) error {
	if !taken {
		return nil
	}
	return chat.Errorf(chat.Conflict, "the username %s is taken", name)
}

// makeDefaultRooms stores a job for each default room. Its nonce is the room's
// name, so that however often it is stored there is one such room.
func (a *Accounts) makeDefaultRooms(ctx context.Context) error {
	var jobs []chat.Command
	for _, name := range a.cfg.DefaultRooms {
		c := chat.Command{
			ID: chat.NewID(), Room: chat.CreatedRoomID(chat.System, name), By: chat.System, As: chat.OrgSystem, Nonce: name,
			Kind: chat.KindRoom, Asked: a.now(), Body: chat.Body{Op: chat.OpCreate, RoomKind: chat.Channel, Name: &name},
		}
		if folded := chat.FoldUsername(name); chat.CheckUsername(folded) == nil {
			c.Body.Handle = folded
		}
		jobs = append(jobs, c)
	}
	if err := a.store.AddJobs(ctx, jobs); err != nil {
		return fmt.Errorf("default rooms: %w", err)
	}
	a.tellJobs(ctx)
	return nil
}

// joins are the commands that bring a new user into the default rooms.
func (a *Accounts) joins(u *chat.User) (jobs []chat.Command) {
	for _, name := range a.cfg.DefaultRooms {
		jobs = append(jobs, chat.Command{
			ID: chat.NewID(), Room: chat.CreatedRoomID(chat.System, name), By: u.ID, As: u.Role, Nonce: "default:" + name,
			Kind: chat.KindMember, Asked: a.now(), Body: chat.Body{Op: chat.OpJoin, User: u.ID},
		})
	}
	return jobs
}
