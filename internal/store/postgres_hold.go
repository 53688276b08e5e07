package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parley-chat/parley/internal/chat"
)

// The first keys of our advisory locks; the second says which partition or name.
const (
	lockPartition = 0x7061726c // "parl"
	lockName      = 0x7061726d // of those who use the store
	lockOwn       = 0x7061726e // of the store itself
)

const (
	// pingTime is how long the database may take to say that we hold a
	// partition. Who waits longer lets go: others can have it by then.
	pingTime = patience
	// commitTime is longer than statement_timeout: it only counts when the
	// database does not even say that.
	commitTime = 35 * time.Second
)

// sessionSettings make PostgreSQL put us out when we are stopped, stuck or cut
// off: a session that says nothing for three seconds has lost its partition.
const sessionSettings = `
SET idle_session_timeout = '3s';
SET idle_in_transaction_session_timeout = '3s';
SET statement_timeout = '30s';
SET lock_timeout = '10s';
SET tcp_keepalives_idle = 1;
SET tcp_keepalives_interval = 1;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '3s';`

// errMoved is what move_partition raises.
const errMoved = "PY001"

// postgresHold is a partition that is held by a session: its advisory lock, and
// the commits, are of the same connection, so that who has lost one cannot do
// the other.
type postgresHold struct {
	d    *postgresDB
	part int

	mu sync.Mutex // against close of the store
	k  *pgx.Conn
}

func (d *postgresDB) claim(ctx context.Context, part int) (hold, error) {
	if d.readOnly {
		return nil, errors.New("the store was opened for reading")
	}
	k, err := d.lockSession(ctx, lockPartition, int32(part))
	if err != nil {
		return nil, err
	}
	l := &postgresHold{d: d, part: part, k: k}
	tag, err := k.Exec(ctx, `UPDATE partitions SET epoch = epoch + 1 WHERE part = $1`, part)
	if err == nil && tag.RowsAffected() == 0 {
		err = fmt.Errorf("there is no partition %d", part)
	}
	if err != nil {
		return nil, errors.Join(failure(k, err), l.release(context.WithoutCancel(ctx)))
	}
	d.mu.Lock()
	d.holds[l] = true
	d.mu.Unlock()
	return l, nil
}

// lockSession opens a session that has the advisory lock, or fails with
// [chat.ErrNotOwner] when another has it. It asks the pool first, so that those
// who try again and again make no connections.
func (d *postgresDB) lockSession(ctx context.Context, class, key int32) (*pgx.Conn, error) {
	taken, err := d.lockTaken(ctx, class, key)
	if err != nil {
		return nil, err
	}
	if taken {
		return nil, chat.ErrNotOwner
	}
	cfg := d.pool.Config().ConnConfig.Copy()
	k, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	_, err = k.Exec(ctx, sessionSettings, pgx.QueryExecModeSimpleProtocol)
	var server uint32
	if err == nil {
		err = k.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, $2), pg_backend_pid()`, class, key).Scan(&taken, &server)
	}
	if err == nil && server != k.PgConn().PID() {
		d.pooled.Do(func() {
			d.log.Warn("a pooler stands before the database: for what only one process may do it must hand out sessions, not transactions")
		})
	}
	if err == nil && !taken {
		err = chat.ErrNotOwner
	}
	if err != nil {
		err = failure(k, err)
		return nil, errors.Join(err, closeSession(ctx, k))
	}
	return k, nil
}

// locked says whether a session has the advisory lock.
func locked(q tx, class, key int32) (bool, error) {
	return one(q, `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = $1::bigint::oid AND objid = $2::bigint::oid LIMIT 1`,
		[]any{int64(class), int64(uint32(key))})
}

// lockTaken says whether a session has the advisory lock. One that was stopped
// amid what it was sending is put out: PostgreSQL itself waits for the rest for
// ever, because to it that is neither an idle session nor a statement.
func (d *postgresDB) lockTaken(ctx context.Context, class, key int32) (taken bool, err error) {
	pid, stuck := 0, false
	err = d.ask(ctx, func(q tx) (err error) {
		taken, err = one(q, `SELECT l.pid, coalesce(a.state = 'active' AND a.wait_event = 'ClientRead' AND clock_timestamp() - a.state_change > $3::bigint * interval '1 ms', false)::int
			FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.classid = $1::bigint::oid AND l.objid = $2::bigint::oid LIMIT 1`,
			[]any{int64(class), int64(uint32(key)), patience.Milliseconds()}, &pid, &stuck)
		return err
	})
	if err != nil || !stuck {
		return taken, err
	}
	d.log.Warn("ending a session that has a lock and was stopped amid a transaction", "pid", pid)
	return taken, d.ask(ctx, func(q tx) error { return q.query(`SELECT pg_terminate_backend($1::int)`, []any{pid}, nothing) })
}

func closeSession(ctx context.Context, k *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return k.Close(ctx)
}

func (l *postgresHold) position(ctx context.Context) (p chat.Position, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.gone(ctx); err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	p, err = readPosition(&pgTx{k: l.k, ctx: ctx, single: true}, l.part)
	if err != nil && l.k.IsClosed() {
		err = fmt.Errorf("%w: the session that held it has ended: %w", chat.ErrNotOwner, err)
	}
	return p, err
}

// gone says whether there is no sense in asking.
func (l *postgresHold) gone(ctx context.Context) error {
	if l.k.IsClosed() {
		return fmt.Errorf("%w: the session that held it has ended", chat.ErrNotOwner)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	return nil
}

func (l *postgresHold) release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.d.mu.Lock()
	delete(l.d.holds, l)
	l.d.mu.Unlock()
	return unlockSession(ctx, l.k, lockPartition, int32(l.part))
}

// commit begins only while somebody waits for it, and is then carried through:
// giving up in the middle would cost the session, and with it the partition.
func (l *postgresHold) commit(ctx context.Context, h *Shard, c *chat.Commit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.gone(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	err := commitPostgres(ctx, l.k, c, h.part, h.s.millis())
	var told *pgconn.PgError
	if errors.As(err, &told) && told.Code == errMoved {
		return fmt.Errorf("%w: %w", chat.ErrNotOwner, err)
	}
	return err
}
