package accounts

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Limits of one question.
const (
	mostLookup  = 2000
	mostFound   = 200
	usualFound  = 50
	mostForeign = 255 // bytes of a door's foreign id
)

// lookup finds users by id and by folded name, each once.
func (a *Accounts) lookup(ctx context.Context, q *contract.LookupAsk) (*contract.UserList, error) {
	if len(q.IDs)+len(q.Names) > mostLookup {
		return nil, chat.Errorf(chat.TooLarge, "at most %d users are looked up at once", mostLookup)
	}
	found := &contract.UserList{}
	if len(q.IDs) > 0 {
		users, err := a.store.Users(ctx, chat.SortIDs(q.IDs))
		if err != nil {
			return nil, err
		}
		found.Users = users
	}
	if len(q.Names) == 0 {
		return found, nil
	}
	// A name that cannot be is one that nobody has; a database may not take it.
	names := slices.DeleteFunc(slices.Clone(q.Names), func(name string) bool { return !clean(name) })
	named, err := a.store.UsersNamed(ctx, names)
	if err != nil {
		return nil, err
	}
	seen := make(map[chat.UserID]bool, len(found.Users)+len(named))
	for _, u := range found.Users {
		seen[u.ID] = true
	}
	for _, u := range named {
		if !seen[u.ID] {
			seen[u.ID] = true
			found.Users = append(found.Users, u)
		}
	}
	return found, nil
}

func (a *Accounts) findUsers(ctx context.Context, q *contract.FindUsersAsk) (*contract.UserList, error) {
	limit := usualFound
	if q.Limit > 0 {
		limit = min(q.Limit, mostFound)
	}
	users, next, err := a.store.Find(ctx, q.Query, q.Cursor, limit)
	if err != nil {
		return nil, err
	}
	return &contract.UserList{Users: users, Next: next}, nil
}

func (a *Accounts) setAlias(ctx context.Context, q *chat.Named) (*contract.None, error) {
	if q.ID.IsZero() || q.Door == "" || q.Kind == "" || q.Foreign == "" || len(q.Foreign) > mostForeign || !clean(q.Foreign) {
		return nil, chat.Errorf(chat.Invalid, "an alias has a door, a kind, a foreign id and what it stands for")
	}
	return &contract.None{}, a.store.SetAlias(ctx, *q)
}

func (a *Accounts) findAlias(ctx context.Context, q *contract.AliasAsk) (*contract.AliasList, error) {
	found, err := a.store.FindAlias(ctx, q.Alias, q.ID)
	if err != nil {
		return nil, err
	}
	return &contract.AliasList{Aliases: found}, nil
}

func (a *Accounts) setToken(ctx context.Context, q *chat.DoorToken) (*contract.None, error) {
	if q.Door == "" || q.Hash == [32]byte{} {
		return nil, chat.Errorf(chat.Invalid, "a token has a door and a hash")
	}
	if _, err := a.live(ctx, q.User); err != nil {
		return nil, err
	}
	return &contract.None{}, a.store.SetToken(ctx, *q)
}

// findToken says whose token it is, as long as they may use it.
func (a *Accounts) findToken(ctx context.Context, q *contract.TokenAsk) (*chat.DoorToken, error) {
	t, found, err := a.store.FindToken(ctx, q.Door, q.Hash, a.now())
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, chat.Errorf(chat.NotFound, "there is no such token")
	}
	account, err := a.live(ctx, t.User)
	if err != nil {
		return nil, err
	}
	if account.Banned {
		return nil, chat.Errorf(chat.Forbidden, "this account is banned")
	}
	return &t, nil
}
