package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/chat"
)

// Exclusive runs work while no other process that uses this database runs work
// of the same name, nor another goroutine of this one. While somebody else does,
// it is [chat.ErrNotOwner] at once; who wants to step in tries again now and
// then. When the database cannot be reached for three seconds the name may be
// another's: work's context ends then, with [chat.ErrNotOwner] as its cause, so
// what work does outside of the database can overlap for that long.
func (s *Store) Exclusive(ctx context.Context, name string, work func(context.Context) error) error {
	l, err := s.db.reserve(ctx, name)
	if err != nil {
		return err
	}
	working, lost := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { watch(working, l, lost) })
	err = work(working)
	if cause := context.Cause(working); cause != nil && ctx.Err() == nil {
		err = errors.Join(err, cause)
	}
	lost(nil)
	watching.Wait()
	return errors.Join(err, l.release(context.WithoutCancel(ctx)))
}

// InTurn is [Store.Exclusive] that waits for its turn, until ctx ends.
func (s *Store) InTurn(ctx context.Context, name string, work func(context.Context) error) error {
	for {
		began := false
		err := s.Exclusive(ctx, name, func(ctx context.Context) error {
			began = true
			return work(ctx)
		})
		if began || !errors.Is(err, chat.ErrNotOwner) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", name, ctx.Err())
		case <-time.After(turnEvery):
		}
	}
}

const turnEvery = 20 * time.Millisecond

// Exclusive is [Store.Exclusive].
func (a *Accounts) Exclusive(ctx context.Context, name string, work func(context.Context) error) error {
	return a.s.Exclusive(ctx, name, work)
}

// InTurn is [Store.InTurn].
func (a *Accounts) InTurn(ctx context.Context, name string, work func(context.Context) error) error {
	return a.s.InTurn(ctx, name, work)
}

// InTurn is [Store.InTurn].
func (a *Access) InTurn(ctx context.Context, name string, work func(context.Context) error) error {
	return a.s.InTurn(ctx, name, work)
}

// reservation is a name that is held. One goroutine uses it at a time.
type reservation interface {
	// alive says whether it is still held, or else why not.
	alive(ctx context.Context) error
	release(ctx context.Context) error
}

// watchEvery is well within what an idle session is allowed.
const watchEvery = time.Second

func watch(ctx context.Context, l reservation, lost context.CancelCauseFunc) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := l.alive(context.WithoutCancel(ctx)); err != nil {
				lost(fmt.Errorf("%w: %w", chat.ErrNotOwner, err))
				return
			}
		}
	}
}

// nameKey is a name as the second key of an advisory lock.
func nameKey(name string) int32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int32(h.Sum32())
}

// postgresName is a name that is held by a session.
type postgresName struct {
	k   *pgx.Conn
	key int32
}

func (d *postgresDB) reserve(ctx context.Context, name string) (reservation, error) {
	k, err := d.lockSession(ctx, lockName, nameKey(name))
	if err != nil {
		return nil, err
	}
	return &postgresName{k, nameKey(name)}, nil
}

func (l *postgresName) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	return l.k.Ping(ctx)
}

func (l *postgresName) release(ctx context.Context) error {
	return unlockSession(ctx, l.k, lockName, l.key)
}

// unlockSession gives up a lock before it closes its session, because PostgreSQL
// notices a closed connection a little later than we do.
func unlockSession(ctx context.Context, k *pgx.Conn, class, key int32) error {
	if k.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if _, err := k.Exec(ctx, `SELECT pg_advisory_unlock($1, $2)`, class, key); err != nil && k.IsClosed() {
		return nil // PostgreSQL has put us out before
	}
	return k.Close(ctx)
}

// sqliteName is a name that is held by a goroutine of the only process.
type sqliteName struct {
	d    *sqliteDB
	name string
}

func (d *sqliteDB) reserve(_ context.Context, name string) (reservation, error) {
	if _, taken := d.reserved.LoadOrStore(name, true); taken {
		return nil, chat.ErrNotOwner
	}
	return &sqliteName{d, name}, nil
}

func (l *sqliteName) alive(context.Context) error { return nil }

func (l *sqliteName) release(context.Context) error {
	l.d.reserved.Delete(l.name)
	return nil
}
