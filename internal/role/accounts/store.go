package accounts

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// Store is what accounts keeps. Whatever ends a session writes its revocation in
// the same transaction.
type Store interface {
	people
	invites
	sessions
	proofs
	foreigners
}

// people are accounts and their profiles.
type people interface {
	// Create makes an account and stores its jobs in one transaction, in which the
	// use of an invite is counted and its room joined. Who is not admitted is
	// [chat.Forbidden]; a name or foreign subject that is taken a [chat.Conflict].
	Create(ctx context.Context, account chat.Account, jobs []chat.Command, admission chat.Admission) (chat.User, error)
	Account(ctx context.Context, id chat.UserID) (chat.Account, bool, error)
	AccountNamed(ctx context.Context, name string) (chat.Account, bool, error)
	Users(ctx context.Context, ids []chat.UserID) ([]chat.User, error)
	UsersNamed(ctx context.Context, names []string) ([]chat.User, error)
	Find(ctx context.Context, query, after string, limit int) ([]chat.User, string, error)
	SetProfile(ctx context.Context, id chat.UserID, displayName, statusText *string) (chat.User, error)
	// InTurn does work while no other process does work of the same name.
	InTurn(ctx context.Context, name string, work func(context.Context) error) error
	// Close leaves a tombstone, and jobs that remove the user everywhere.
	Close(ctx context.Context, id chat.UserID, tombstone string, at int64) error
	// Sweep makes such jobs for rooms that a closed account is in nevertheless.
	Sweep(ctx context.Context, id chat.UserID, at int64) (jobs int, err error)
}

// invites let people sign up.
type invites interface {
	CreateInvite(ctx context.Context, i chat.Invite, hash [32]byte) (chat.Invite, error) // the one of this hash, if there is one
	Invites(ctx context.Context, cursor string, limit int) ([]chat.Invite, string, error)
	EndInvite(ctx context.Context, id chat.ID) error
	GoodInvite(ctx context.Context, hash [32]byte, now int64) (chat.Invite, bool, error)
	Owned(ctx context.Context) (bool, error) // has the first account been made?
}

// sessions are logins with their refresh tokens.
type sessions interface {
	CreateLogin(ctx context.Context, l chat.Login, first chat.Refresh, proved string) (have chat.Login, ok bool, err error) // the one of this token, while it is unused
	Login(ctx context.Context, id chat.ID) (chat.Login, bool, error)
	Logins(ctx context.Context, user chat.UserID) ([]chat.Login, error)
	// Rotate exchanges a refresh token; presenting one again ends its login,
	// unless it is for the same next one, which is unused.
	Rotate(ctx context.Context, old [32]byte, next chat.Refresh, now int64, address, device string) (l chat.Login, reused bool, err error)
	EndLogin(ctx context.Context, user chat.UserID, login chat.ID, at int64) error
	PruneExpired(ctx context.Context, now int64) error
}

// proofs are what tokens and passwords are checked against.
type proofs interface {
	// SetSecret ends all sessions but one with it. It is a conflict when the secret
	// that was proved, if one was, is the user's no more.
	SetSecret(ctx context.Context, id chat.UserID, proved, scheme, secret string, keep chat.ID, at int64) error
	// Rehash does nothing when the secret is not the old one any more.
	Rehash(ctx context.Context, id chat.UserID, old, scheme, secret string) error
	SigningKeys(ctx context.Context) ([]chat.SigningKey, error) // the newest first
	AddSigningKey(ctx context.Context, k chat.SigningKey) error // unless there is one
	Revocations(ctx context.Context, since uint64, limit int) (list []chat.Revocation, last uint64, err error)
	AddJobs(ctx context.Context, jobs []chat.Command) error
}

// foreigners are users of foreign tokens, and what doors tie to ids.
type foreigners interface {
	Foreign(ctx context.Context, issuer, subject string) (chat.Account, bool, error)
	SetAlias(ctx context.Context, n chat.Named) error
	FindAlias(ctx context.Context, alias chat.Alias, id chat.ID) ([]chat.Named, error)
	SetToken(ctx context.Context, t chat.DoorToken) error
	FindToken(ctx context.Context, door string, hash [32]byte, now int64) (chat.DoorToken, bool, error)
}
