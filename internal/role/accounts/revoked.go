package accounts

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// revoked follows the revocations. What ended is not remembered: the store knows
// that a login is gone and a user banned. Only "not before" is kept, for tokens
// that have no login.
type revoked struct {
	store proofs
	news  chan struct{} // holds a token when somebody made one

	catching sync.Mutex // one at a time
	mu       sync.Mutex
	last     uint64
	before   map[chat.UserID]int64 // tokens made before are void
	banned   map[chat.UserID]int64 // lately, and when: some of them by closing their account
}

const revocationsPage = 1000

func newRevoked(store proofs) *revoked {
	return &revoked{store: store, news: make(chan struct{}, 1), before: map[chat.UserID]int64{}, banned: map[chat.UserID]int64{}}
}

func (r *revoked) begin(ctx context.Context) error {
	_, err := r.catchUp(ctx, func(chat.UserID) {})
	return err
}

// catchUp reads what was revoked since, calls forget for whom it concerns, and
// returns the newest number.
func (r *revoked) catchUp(ctx context.Context, forget func(chat.UserID)) (uint64, error) {
	r.catching.Lock()
	defer r.catching.Unlock()
	for {
		list, last, err := r.store.Revocations(ctx, r.newest(), revocationsPage)
		if err != nil {
			return 0, err
		}
		at := last
		if len(list) > 0 {
			at = list[len(list)-1].Number
		}
		r.take(list, at)
		// Only now: who has read the store before sees by the number that what
		// they read may be old.
		for i := range list {
			forget(list[i].User)
		}
		if at == last {
			return last, nil
		}
	}
}

func (r *revoked) take(list []chat.Revocation, at uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = at
	for i := range list {
		v := &list[i]
		r.before[v.User] = max(r.before[v.User], v.NotBefore)
		if v.Banned {
			r.banned[v.User] = v.At
		}
	}
}

// shut lists who was banned, or closed their account, since a time; the others are
// forgotten.
func (r *revoked) shut(since int64) []chat.UserID {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.banned, func(_ chat.UserID, at int64) bool { return at < since })
	return slices.Collect(maps.Keys(r.banned))
}

func (r *revoked) newest() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// notBefore is the time before which the user's tokens are void.
func (r *revoked) notBefore(id chat.UserID) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.before[id]
}

// made wakes the announcer: there is a new one.
func (r *revoked) made() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// heard is told what others announce.
func (r *revoked) heard(n uint64) {
	if n > r.newest() {
		r.made()
	}
}

func (a *Accounts) revocations(ctx context.Context, q *contract.RevocationsAsk) (*contract.RevocationList, error) {
	list, last, err := a.store.Revocations(ctx, q.Since, revocationsPage)
	if err != nil {
		return nil, err
	}
	return &contract.RevocationList{Revocations: list, Last: last}, nil
}
