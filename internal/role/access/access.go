// Package access says who may do what outside a room's own state: org roles and
// bans. It answers, and announces what changes.
package access

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Store is who is what.
type Store interface {
	User(ctx context.Context, user chat.UserID) (chat.User, error) // also the banned and the gone
	Users(ctx context.Context, query, cursor string, limit int) ([]chat.User, string, error)
	Owners(ctx context.Context) (int, error)
	// InTurn does work while no other process does work of the same name.
	InTurn(ctx context.Context, name string, work func(context.Context) error) error
	// SetRole writes a revocation with it that ends nothing: the user is asked for
	// anew wherever they are known.
	SetRole(ctx context.Context, user chat.UserID, role chat.OrgRole, at int64) (chat.User, error)
	// SetBanned writes a revocation with it: every session of the user ends.
	SetBanned(ctx context.Context, user chat.UserID, banned bool, at int64) (chat.User, error)
	Stats(ctx context.Context) (chat.Stats, error)
}

const mostUsers = 200

// Access is the role.
type Access struct {
	bus   *bus.Bus
	store Store
	log   *slog.Logger
	seen  bus.AnswerOption
}

// New makes the role; it does no I/O.
func New(b *bus.Bus, store Store, log *slog.Logger, reg prometheus.Registerer) *Access {
	return &Access{bus: b, store: store, log: log.With("role", "access"), seen: bus.Measure(reg, "access")}
}

// Name is the role's name.
func (a *Access) Name() string { return "access" }

// Run answers until ctx ends.
func (a *Access) Run(ctx context.Context, ready func()) error {
	subs := a.listen()
	if err := subs.Err(); err != nil {
		_ = subs.Stop()
		return err
	}
	ready()
	<-ctx.Done()
	return subs.Stop()
}

func (a *Access) listen() *bus.Subscriptions {
	var subs bus.Subscriptions
	subs.Add(contract.ListUsers.Answer(a.bus, a.list, a.seen))
	subs.Add(contract.SetUser.Answer(a.bus, a.set, a.seen))
	subs.Add(contract.OrgStats.Answer(a.bus, a.stats, a.seen))
	subs.Add(contract.Owners.Answer(a.bus, a.owners, a.seen))
	return &subs
}

// runs finds who asks, and refuses those who do not run the installation. The
// zero id is an operator at the machine, who may do everything.
func (a *Access) runs(ctx context.Context, by chat.UserID) (chat.OrgRole, error) {
	if by.IsZero() {
		return chat.OrgOwner, nil
	}
	u, err := a.store.User(ctx, by)
	if err != nil {
		return "", err
	}
	if !u.Role.Runs() || u.Banned || u.Deleted {
		return "", chat.Errorf(chat.Forbidden, "that takes an owner or admin")
	}
	return u.Role, nil
}

func (a *Access) list(ctx context.Context, q *contract.ListUsersAsk) (*contract.UserList, error) {
	if _, err := a.runs(ctx, q.By); err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 || limit > mostUsers {
		limit = mostUsers
	}
	users, next, err := a.store.Users(ctx, q.Query, q.Cursor, limit)
	return &contract.UserList{Users: users, Next: next}, err
}

func (a *Access) stats(ctx context.Context, q *contract.StatsAsk) (*chat.Stats, error) {
	if _, err := a.runs(ctx, q.By); err != nil {
		return nil, err
	}
	stats, err := a.store.Stats(ctx)
	return &stats, err
}

func (a *Access) owners(ctx context.Context, _ *contract.None) (*contract.OwnersAnswer, error) {
	n, err := a.store.Owners(ctx)
	return &contract.OwnersAnswer{Owners: n}, err
}

func (a *Access) set(ctx context.Context, q *contract.SetUserAsk) (*chat.User, error) {
	mine, err := a.runs(ctx, q.By)
	if err != nil {
		return nil, err
	}
	u, err := a.store.User(ctx, q.User)
	if err != nil {
		return nil, err
	}
	change := func(ctx context.Context) error { return a.change(ctx, mine, &u, q) }
	if u.Role == chat.OrgOwner {
		err = a.store.InTurn(ctx, contract.OneOwnerStays, change)
	} else {
		err = change(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := contract.UserChanged.Publish(ctx, a.bus, &u); err != nil {
		a.log.Debug("a change was not announced", "err", err)
	}
	return &u, nil
}

// change does what is asked, if somebody of a role may.
func (a *Access) change(ctx context.Context, mine chat.OrgRole, u *chat.User, q *contract.SetUserAsk) error {
	now, err := a.store.User(ctx, u.ID)
	if err != nil {
		return err
	}
	if err := a.judge(ctx, mine, &now, q); err != nil {
		return err
	}
	if q.Role != nil && *q.Role != now.Role {
		if now, err = a.store.SetRole(ctx, u.ID, *q.Role, time.Now().UnixMilli()); err != nil {
			return err
		}
		a.log.Info("an org role was given", "user", now.Username, "org_role", now.Role, "by", q.By)
	}
	if q.Banned != nil && *q.Banned != now.Banned {
		if now, err = a.store.SetBanned(ctx, u.ID, *q.Banned, time.Now().UnixMilli()); err != nil {
			return err
		}
		a.log.Info("a ban was set or lifted", "user", now.Username, "banned", now.Banned, "by", q.By)
	}
	*u = now
	return nil
}

// judge says whether somebody of a role may change a user so.
func (a *Access) judge(ctx context.Context, mine chat.OrgRole, u *chat.User, q *contract.SetUserAsk) error {
	bans := q.Banned != nil && *q.Banned
	switch {
	case u.Deleted:
		return chat.Errorf(chat.NotFound, "that account is gone")
	case u.Role == chat.OrgSystem:
		return chat.Errorf(chat.Forbidden, "Parley itself is not changed")
	case q.Role != nil && !q.Role.Valid():
		return chat.Errorf(chat.Invalid, "a role is owner, admin, member, guest or bot")
	case mine != chat.OrgOwner && (u.Role.Runs() || q.Role != nil && q.Role.Runs()):
		return chat.Errorf(chat.Forbidden, "only owners change owners and admins, or make them")
	case u.Role != chat.OrgOwner || (q.Role == nil || *q.Role == chat.OrgOwner) && !bans:
		return nil
	}
	owners, err := a.store.Owners(ctx)
	if err == nil && owners <= 1 {
		err = chat.Errorf(chat.Conflict, "the last owner stays: name another first")
	}
	return err
}
