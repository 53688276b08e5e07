package gateway

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const (
	identityLasts = 30 * time.Second // a token's holder is asked for again after that
	maxIdentities = 100_000
	mostAnew      = 1000 // users that are looked up in one ask
	// revocationsLast is how long a revocation is kept: longer than any token of
	// ours lives. Foreign tokens are checked by accounts when they are shown.
	revocationsLast = time.Hour
)

// identities is who holds which token, and what was revoked. A gateway that was
// cut off asks for what it missed before it believes a token again.
//
// A change of somebody's org role is a revocation that covers no session. Who was
// identified before it is asked for again: for tokens at their next use, for open
// sessions with the next announcement.
type identities struct {
	g *Gateway

	catching sync.Mutex // one asks for what was revoked at a time

	mu       sync.Mutex
	tokens   map[[32]byte]remembered
	changed  map[chat.UserID]time.Time // what was remembered of a user by then counts no more
	last     uint64                    // the newest revocation known
	byUser   map[chat.UserID][]chat.Revocation
	outdated map[chat.UserID]struct{} // whose open sessions may have a role of before
	nowhere  bool                     // nothing is known of revocations yet
}

type remembered struct {
	identity contract.Identity
	asked    time.Time
}

func newIdentities(g *Gateway) *identities {
	return &identities{g: g, tokens: map[[32]byte]remembered{}, changed: map[chat.UserID]time.Time{},
		byUser: map[chat.UserID][]chat.Revocation{}, outdated: map[chat.UserID]struct{}{}, nowhere: true}
}

// Identify says who holds an access token. It remembers for half a minute;
// revoked sessions and banned users are refused at once, and whose role has
// changed is asked for again.
func (g *Gateway) Identify(ctx context.Context, token string) (contract.Identity, error) {
	if token == "" || len(token) > 8<<10 {
		return contract.Identity{}, chat.Errorf(chat.Unauthenticated, "an access token is needed")
	}
	ids := g.identities
	key, now := sha256.Sum256([]byte(token)), time.Now()
	id, known := ids.recall(key, now)
	if !known {
		a, err := contract.Identify.Ask(ctx, g.bus, &contract.IdentifyAsk{Token: token})
		if err != nil {
			return contract.Identity{}, err
		}
		id = *a
		ids.remember(key, id, now)
	}
	if id.Expires != 0 && id.Expires <= g.cfg.Clock.Now().UnixMilli() {
		return contract.Identity{}, chat.Errorf(chat.Unauthenticated, "the token has run out")
	}
	if ids.revoked(&id) {
		return contract.Identity{}, chat.Errorf(chat.Unauthenticated, "the session was ended")
	}
	return id, nil
}

func (ids *identities) recall(key [32]byte, now time.Time) (contract.Identity, bool) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	r, ok := ids.tokens[key]
	return r.identity, ok && now.Sub(r.asked) < identityLasts && !ids.since(r.identity.User.ID, r.asked)
}

// since says whether the user has changed since they were asked for. ids is locked.
func (ids *identities) since(id chat.UserID, asked time.Time) bool {
	at, ok := ids.changed[id]
	return ok && !asked.After(at)
}

// remember keeps who holds a token, unless more is known than accounts knew when
// it answered.
func (ids *identities) remember(key [32]byte, id contract.Identity, asked time.Time) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if ids.behind(&id) {
		return
	}
	if len(ids.tokens) >= maxIdentities {
		clear(ids.tokens)
	}
	ids.tokens[key] = remembered{id, asked}
}

// behind says whether something about the user is numbered that accounts did not
// know of when it identified them. ids is locked.
func (ids *identities) behind(id *contract.Identity) bool {
	list := ids.byUser[id.User.ID]
	return len(list) > 0 && list[len(list)-1].Number > id.Revoked
}

// revoked says whether a revocation covers the identity's session.
func (ids *identities) revoked(id *contract.Identity) bool {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	for i := range ids.byUser[id.User.ID] {
		if r := &ids.byUser[id.User.ID][i]; r.Number > id.Revoked && covers(r, id) {
			return true
		}
	}
	return false
}

// check looks at the identity of a session that others can see by now: what comes
// from here on reaches it. False when the session was revoked meanwhile.
func (ids *identities) check(id *contract.Identity) bool {
	if ids.revoked(id) {
		return false
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if ids.behind(id) {
		ids.outdated[id.User.ID] = struct{}{}
	}
	return true
}

// covers says whether a revocation ends a session. One of a changed role ends
// none.
func covers(r *chat.Revocation, id *contract.Identity) bool {
	if !r.Login.IsZero() {
		return r.Login == id.Login
	}
	return r.Banned || id.Issued < r.NotBefore
}

// announced hears the newest revocation's number, and asks for what it has
// missed.
func (ids *identities) announced(ctx context.Context, n *contract.Number) {
	ids.mu.Lock()
	behind := ids.nowhere || n.Number != ids.last
	ids.mu.Unlock()
	if behind {
		if err := ids.catchUp(ctx); err != nil {
			ids.g.log.Warn("what was revoked could not be asked for; it is tried again", "err", err)
		}
	}
	if err := ids.askAnew(ctx); err != nil {
		ids.g.log.Warn("users whose role has changed could not be asked for; it is tried again", "err", err)
	}
}

// askAnew gives open sessions the users of now. Those who could not be asked for
// wait for the next announcement.
func (ids *identities) askAnew(ctx context.Context) error {
	ids.mu.Lock()
	users := slices.Collect(maps.Keys(ids.outdated))
	clear(ids.outdated)
	ids.mu.Unlock()
	for len(users) > 0 {
		some := users[:min(len(users), mostAnew)]
		found, err := contract.Lookup.Ask(ctx, ids.g.bus, &contract.LookupAsk{IDs: some})
		if err != nil {
			for _, id := range users {
				ids.outdate(id)
			}
			return err
		}
		for i := range found.Users {
			u := &found.Users[i]
			for _, s := range ids.g.people.of(u.ID) {
				if s.setUser(*u) != *u {
					s.sink.Tell(Profile{*u})
				}
			}
		}
		users = users[len(some):]
	}
	return nil
}

// HearRevoked makes what somebody has just had revoked count on this gateway before
// they are told that it was. What cannot be asked for comes with the next
// announcement.
func (g *Gateway) HearRevoked(ctx context.Context) {
	if err := g.identities.catchUp(ctx); err != nil {
		g.log.Warn("what was revoked could not be asked for; it is tried again", "trace", TraceOf(ctx), "err", err)
	}
}

// catchUp learns what was revoked and ends the sessions that it covers.
func (ids *identities) catchUp(ctx context.Context) error {
	ids.catching.Lock()
	defer ids.catching.Unlock()
	ids.mu.Lock()
	since := ids.last
	ids.mu.Unlock()
	for {
		page, err := contract.Revocations.Ask(ctx, ids.g.bus, &contract.RevocationsAsk{Since: since})
		if err != nil {
			return err
		}
		if page.Last < since {
			since = 0 // the database was restored
			continue
		}
		for i := range page.Revocations {
			r := &page.Revocations[i]
			since = r.Number
			ids.take(r)
		}
		if len(page.Revocations) == 0 || since >= page.Last {
			ids.mu.Lock()
			ids.last, ids.nowhere = page.Last, false
			ids.mu.Unlock()
			return nil
		}
	}
}

func (ids *identities) take(r *chat.Revocation) {
	ids.mu.Lock()
	ids.byUser[r.User] = append(ids.byUser[r.User], *r)
	ids.changed[r.User] = time.Now()
	ids.mu.Unlock()
	for _, s := range ids.g.people.of(r.User) {
		switch id := s.who(); {
		case r.Number <= id.Revoked:
		case covers(r, &id):
			s.end(EndRevoked)
		default:
			ids.outdate(r.User)
		}
	}
}

// change makes what is remembered of a user count no more.
func (ids *identities) change(id chat.UserID) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.changed[id] = time.Now()
}

// outdate has a user asked for anew with the next announcement.
func (ids *identities) outdate(id chat.UserID) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.outdated[id] = struct{}{}
}

// sweep forgets what is too old to matter.
func (ids *identities) sweep(now time.Time) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	for key, t := range ids.tokens {
		if now.Sub(t.asked) >= identityLasts {
			delete(ids.tokens, key)
		}
	}
	for id, at := range ids.changed {
		if now.Sub(at) >= identityLasts {
			delete(ids.changed, id)
		}
	}
	old := now.Add(-revocationsLast).UnixMilli()
	for user, list := range ids.byUser {
		for len(list) > 0 && list[0].At < old {
			list = list[1:]
		}
		if ids.byUser[user] = list; len(list) == 0 {
			delete(ids.byUser, user)
		}
	}
}
