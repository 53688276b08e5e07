// Package accounts answers for people and bots and how they prove it: sign-up,
// sign-in, tokens, sessions, profiles, and the foreign ids and tokens that doors
// need.
//
//	password ──argon2id──► login ──► refresh token (opaque, kept as SHA-256, used once)
//	                                   └──► access token (EdDSA, 15 minutes)
//	foreign token (HS256 | JWKS) ──► the user of (iss, sub), made on first sight
//
// Whatever ends a session writes a numbered revocation in the same transaction;
// the newest number is announced every 500 ms and at once when one is made here.
package accounts

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Accounts is the role.
type Accounts struct {
	cfg     Config
	bus     *bus.Bus
	store   Store
	log     *slog.Logger
	metrics *metrics

	hasher   *hasher
	failures *failures
	keys     *keys
	revoked  *revoked
	holders  *holders
	foreign  *foreign // nil: none are trusted
	decoy    string   // a hash that nobody's password has
}

// New makes the role; it does no I/O. What is wrong with cfg is told by Run.
func New(cfg Config, b *bus.Bus, store Store, log *slog.Logger, reg prometheus.Registerer) *Accounts {
	h := newHasher()
	a := &Accounts{
		cfg: cfg, bus: b, store: store, log: log.With("role", "accounts"), metrics: newMetrics(reg, h),
		hasher: h, failures: newFailures(), keys: &keys{store: store, clock: cfg.Clock},
		revoked: newRevoked(store), holders: newHolders(maxHolders),
	}
	a.decoy = encode(make([]byte, saltBytes), make([]byte, keyBytes))
	return a
}

// Name is the role's name.
func (a *Accounts) Name() string { return "accounts" }

const (
	announceEvery = 500 * time.Millisecond
	pruneEvery    = time.Hour
	sweepEvery    = 3 * time.Second
	sweepFor      = time.Minute // after an account was closed
)

// Run answers until ctx ends.
func (a *Accounts) Run(ctx context.Context, ready func()) error {
	if err := a.cfg.Check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	if err := a.begin(ctx); err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	subs := a.listen()
	if err := subs.Err(); err != nil {
		_ = subs.Stop()
		return err
	}
	running.Go(func() { a.announce(ctx) })
	running.Go(func() { every(ctx, pruneEvery, func() { a.prune(ctx) }) })
	running.Go(func() { every(ctx, sweepEvery, func() { a.sweep(ctx) }) })
	ready()
	<-ctx.Done()
	return subs.Stop()
}

// begin learns what every answer needs.
func (a *Accounts) begin(ctx context.Context) (err error) {
	if err := a.keys.begin(ctx); err != nil {
		return fmt.Errorf("signing keys: %w", err)
	}
	if err := a.revoked.begin(ctx); err != nil {
		return fmt.Errorf("revocations: %w", err)
	}
	if a.foreign, err = newForeign(ctx, a.cfg, a.log); err != nil {
		return err
	}
	return a.makeDefaultRooms(ctx)
}

func (a *Accounts) listen() *bus.Subscriptions {
	var subs bus.Subscriptions
	seen := a.metrics.seen
	subs.Add(contract.SignUp.Answer(a.bus, a.signUp, seen))
	subs.Add(contract.SignIn.Answer(a.bus, a.signIn, seen))
	subs.Add(contract.Refresh.Answer(a.bus, a.refresh, seen))
	subs.Add(contract.Identify.Answer(a.bus, a.identify, seen, bus.Limit(1024)))
	subs.Add(contract.MakeInvite.Answer(a.bus, a.makeInvite, seen))
	subs.Add(contract.Invites.Answer(a.bus, a.invites, seen))
	subs.Add(contract.EndInvite.Answer(a.bus, a.endInvite, seen))
	subs.Add(contract.FindInvite.Answer(a.bus, a.findInvite, seen))
	subs.Add(contract.Logins.Answer(a.bus, a.logins, seen))
	subs.Add(contract.SignOut.Answer(a.bus, a.signOut, seen))
	subs.Add(contract.EditProfile.Answer(a.bus, a.editProfile, seen))
	subs.Add(contract.CloseAccount.Answer(a.bus, a.closeAccount, seen))
	subs.Add(contract.Lookup.Answer(a.bus, a.lookup, seen, bus.Limit(1024)))
	subs.Add(contract.FindUsers.Answer(a.bus, a.findUsers, seen))
	subs.Add(contract.Revocations.Answer(a.bus, a.revocations, seen))
	subs.Add(contract.SetAlias.Answer(a.bus, a.setAlias, seen))
	subs.Add(contract.FindAlias.Answer(a.bus, a.findAlias, seen))
	subs.Add(contract.SetToken.Answer(a.bus, a.setToken, seen))
	subs.Add(contract.FindToken.Answer(a.bus, a.findToken, seen))
	subs.Add(contract.UserChanged.Subscribe(a.bus, a.userChanged))
	subs.Add(contract.Revoked.Subscribe(a.bus, func(_ context.Context, n *contract.Number) { a.revoked.heard(n.Number) }))
	return &subs
}

// announce keeps the revocations current and tells the newest number.
func (a *Accounts) announce(ctx context.Context) {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	for {
		if newest, err := a.revoked.catchUp(ctx, a.holders.forget); err == nil {
			a.publishRevoked(ctx, newest)
		} else if ctx.Err() == nil {
			a.log.Warn("revocations cannot be read; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-a.revoked.news:
		}
	}
}

func (a *Accounts) publishRevoked(ctx context.Context, newest uint64) {
	if err := contract.Revoked.Publish(ctx, a.bus, &contract.Number{Number: newest}); err != nil {
		a.log.Debug("the newest revocation was not announced", "err", err)
	}
}

// every does something now, and again after each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// prune forgets tokens that have expired.
func (a *Accounts) prune(ctx context.Context) {
	if err := a.store.PruneExpired(ctx, a.now()); err != nil && ctx.Err() == nil {
		a.log.Warn("expired tokens were not pruned", "err", err)
	}
}

// sweep takes those who have closed their account out of rooms once more: a command
// that was on its way may have made them a member again.
func (a *Accounts) sweep(ctx context.Context) {
	for _, user := range a.revoked.shut(a.now() - sweepFor.Milliseconds()) {
		switch jobs, err := a.store.Sweep(ctx, user, a.now()); {
		case err != nil && ctx.Err() == nil:
			a.log.Warn("rooms may keep a closed account; it is tried again", "user", user, "err", err)
		case jobs > 0:
			a.tellJobs(ctx)
		}
	}
}

// tellChanged tells gateways that a profile is another now. Losing it is no harm
// for long: what is remembered of a user is asked for again.
func (a *Accounts) tellChanged(ctx context.Context, u *chat.User) {
	a.holders.forget(u.ID)
	if err := contract.UserChanged.Publish(ctx, a.bus, u); err != nil {
		a.log.Debug("a changed profile was not announced", "user", u.ID, "err", err)
	}
}

// userChanged hears of changes that others made; a ban or another role is a
// revocation too.
func (a *Accounts) userChanged(_ context.Context, u *chat.User) {
	a.holders.forget(u.ID)
	a.revoked.made()
}

// tellJobs wakes role/rooms; without it the jobs wait for its next look.
func (a *Accounts) tellJobs(ctx context.Context) {
	if err := contract.JobsWait.Publish(ctx, a.bus, &contract.None{}); err != nil {
		a.log.Debug("stored jobs were not announced", "err", err)
	}
}

func (a *Accounts) now() int64 { return a.cfg.Clock.Now().UnixMilli() }
