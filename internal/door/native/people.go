package native

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// people finds users by id for answers that show them. A profile may be a minute
// old there; changes go to sessions as frames of their own.
type people struct {
	ask func(ctx context.Context, ids []chat.UserID) ([]chat.User, error)

	mu    sync.Mutex
	known map[chat.UserID]seenUser
}

type seenUser struct {
	chat.User
	until time.Time
}

func newPeople(g *gateway.Gateway) *people {
	return &people{
		known: map[chat.UserID]seenUser{},
		ask: func(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
			found, err := contract.Lookup.Ask(ctx, g.Bus(), &contract.LookupAsk{IDs: ids})
			if err != nil {
				return nil, err
			}
			return found.Users, nil
		},
	}
}

const (
	maxPeople  = 20_000
	peopleLast = time.Minute
	lookupSize = 1000 // ids in one ask
)

// of finds users; unknown ones are left out.
func (p *people) of(ctx context.Context, ids []chat.UserID) (map[chat.UserID]chat.User, error) {
	found, missing := p.recall(ids, time.Now())
	for len(missing) > 0 {
		n := min(len(missing), lookupSize)
		users, err := p.ask(ctx, missing[:n])
		if err != nil {
			return found, err
		}
		missing = missing[n:]
		p.learn(users, time.Now())
		for _, u := range users {
			found[u.ID] = u
		}
	}
	return found, nil
}

func (p *people) recall(ids []chat.UserID, now time.Time) (found map[chat.UserID]chat.User, missing []chat.UserID) {
	found = make(map[chat.UserID]chat.User, len(ids))
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if s, known := p.known[id]; known && now.Before(s.until) {
			found[id] = s.User
		} else {
			missing = append(missing, id)
		}
	}
	return found, missing
}

func (p *people) learn(users []chat.User, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known)+len(users) > maxPeople {
		clear(p.known)
	}
	for _, u := range users {
		p.known[u.ID] = seenUser{u, now.Add(peopleLast)}
	}
}

// peers finds the other ones of direct rooms.
func (p *people) peers(ctx context.Context, rooms []chat.Mine) (map[chat.UserID]chat.User, error) {
	var ids []chat.UserID
	for i := range rooms {
		if !rooms[i].Peer.IsZero() {
			ids = append(ids, rooms[i].Peer)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return p.of(ctx, chat.SortIDs(ids))
}
