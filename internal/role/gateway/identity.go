package gateway

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const (
	identityLasts = 30 * time.Second // a token's holder is asked for again after that
	maxIdentities = 100_000
	// revocationsLast is how long a revocation is kept: longer than any token of
	// ours lives. Foreign tokens are checked by accounts when they are shown.
	revocationsLast = time.Hour
)

// identities is who holds which token, and what was revoked. A gateway that was
// cut off asks for what it missed before it believes a token again.
type identities struct {
	g *Gateway

	mu      sync.Mutex
	tokens  map[[32]byte]remembered
	last    uint64 // the newest revocation known
	byUser  map[chat.UserID][]chat.Revocation
	nowhere bool // nothing is known of revocations yet
}

type remembered struct {
	identity contract.Identity
	until    time.Time
}

func newIdentities(g *Gateway) *identities {
	return &identities{g: g, tokens: map[[32]byte]remembered{}, byUser: map[chat.UserID][]chat.Revocation{}, nowhere: true}
}

// Identify says who holds an access token. It remembers for half a minute;
// revoked sessions and banned users are refused at once.
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
	if id.Expires != 0 && id.Expires <= now.UnixMilli() {
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
	return r.identity, ok && now.Before(r.until)
}

func (ids *identities) remember(key [32]byte, id contract.Identity, now time.Time) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if len(ids.tokens) >= maxIdentities {
		clear(ids.tokens)
	}
	ids.tokens[key] = remembered{id, now.Add(identityLasts)}
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
	if !behind {
		return
	}
	if err := ids.catchUp(ctx); err != nil {
		ids.g.log.Warn("what was revoked could not be asked for; it is tried again", "err", err)
	}
}

// catchUp learns what was revoked and ends the sessions that it covers.
func (ids *identities) catchUp(ctx context.Context) error {
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
	for key, t := range ids.tokens {
		if t.identity.User.ID == r.User {
			delete(ids.tokens, key)
		}
	}
	ids.mu.Unlock()
	for _, s := range ids.g.people.of(r.User) {
		if id := s.who(); r.Number > id.Revoked && covers(r, &id) {
			s.end(EndRevoked)
		}
	}
}

// sweep forgets what is too old to matter.
func (ids *identities) sweep(now time.Time) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	for key, t := range ids.tokens {
		if now.After(t.until) {
			delete(ids.tokens, key)
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
