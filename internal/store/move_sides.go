package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/chat"
)

// mover's sessions bear this name, so that it can tell those of others.
const moverName = "parley migrate"

// openSource opens what is there and keeps everybody else out of it.
func (m *mover) openSource(ctx context.Context, dsn string) error {
	m.from = newStore(Options{Log: m.Log})
	m.undo = append(m.undo, m.from.Close)
	if isPostgres(dsn) {
		return m.openSourceServer(ctx, dsn)
	}
	dir, err := folder(dsn)
	if err != nil {
		return err
	}
	if err := Founded(dir); err != nil {
		return fmt.Errorf("%w: name the data folder of a parley", err)
	}
	file := filepath.Join(dir, mainFile)
	unlock, err := lock(filepath.Join(dir, lockFile))
	if errors.Is(err, ErrLocked) {
		return fmt.Errorf("%w: stop it first", err)
	}
	if err != nil {
		return err
	}
	m.from.undo = append(m.from.undo, unlock)
	if err := migrate(ctx, file); err != nil {
		return unreachable(err)
	}
	db, err := openSQLite(dir, 2, true, m.Log)
	if err != nil {
		return err
	}
	m.from.dir, m.from.db = dir, db
	m.from.undo = append(m.from.undo, db.close)
	return m.from.look(ctx)
}

func (m *mover) openSourceServer(ctx context.Context, dsn string) error {
	db, err := openPostgres(ctx, dsn, Options{application: moverName}, true, m.Log)
	if err != nil {
		return err
	}
	m.from.db = db
	m.from.undo = append(m.from.undo, db.close)
	if err := m.keep(ctx, db); err != nil {
		return err
	}
	have, _, err := db.schema(ctx)
	if err == nil {
		err = db.finished(ctx)
	}
	if err != nil {
		return err
	}
	if have == 0 {
		return errNoParley
	}
	want, err := db.newest()
	if err == nil && have != want {
		err = errors.New("its schema is not this version's: start this version on it once, stop it, and try again")
	}
	if err != nil {
		return err
	}
	return m.from.look(ctx)
}

// openTarget opens the target, refuses one that is in use or has anything in it
// that is not of an earlier move, and brings its schema up to date.
func (m *mover) openTarget(ctx context.Context, dsn string) error {
	m.to = newStore(Options{Log: m.Log})
	m.undo = append(m.undo, m.to.Close)
	db, err := openPostgres(ctx, dsn, Options{application: moverName}, false, m.Log)
	if err != nil {
		return err
	}
	m.to.db = db
	m.to.undo = append(m.to.undo, db.close)
	if err := m.keep(ctx, db); err != nil {
		return err
	}
	have, _, err := db.schema(ctx)
	if err == nil && have > 0 {
		m.saved, err = moveValue(ctx, db, movingKey)
	}
	if err == nil && have > 0 && m.saved == "" {
		m.report.Before, err = m.movedBefore(ctx)
		if err == nil && !m.report.Before {
			err = m.empty(ctx)
		}
	}
	if err != nil || m.report.Before {
		return err
	}
	if err := db.prepare(ctx, func(context.Context) error { return nil }); err != nil {
		return err
	}
	return m.openWriter(ctx, db)
}

// writerSettings let one statement take as long as it takes, and end it soon when
// we are not there any more.
const writerSettings = `
SET statement_timeout = 0;
SET lock_timeout = '30s';
SET client_connection_check_interval = '1s';
SET maintenance_work_mem = '256MB';`

func (m *mover) openWriter(ctx context.Context, db *postgresDB) (err error) {
	m.k, err = pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	m.undo = append(m.undo, func() error { return closeSession(ctx, m.k) })
	_, err = m.k.Exec(ctx, writerSettings, pgx.QueryExecModeSimpleProtocol)
	return err
}

// aloneName is the lock of who has a whole database.
const aloneName = "alone"

// How long a database may still be held by sessions whose process has ended: by
// one that was killed until PostgreSQL notices, by others until they have closed.
const (
	afterKill  = patience + 2*time.Second
	afterStop  = time.Second
	lookAgain  = 100 * time.Millisecond
	inTheWay   = "a parley runs on this database: stop all its processes first"
	twoAtATime = "another `parley migrate` is at work on this database"
)

// whole is a database that is held by a session.
type whole struct{ postgresName }

func (l *whole) release(ctx context.Context) error {
	if l.k.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if _, err := l.k.Exec(ctx, `SELECT pg_advisory_unlock_all()`); err != nil && l.k.IsClosed() {
		return nil // PostgreSQL has put us out before
	}
	return l.k.Close(ctx)
}

// keep takes the whole database for us: all partitions that there can be, and the
// lock that everybody looks for who opens it. When a lock is lost, so is the move.
func (m *mover) keep(ctx context.Context, db *postgresDB) error {
	var k *pgx.Conn
	err := insist(ctx, afterKill, func() (err error) {
		k, err = db.lockSession(ctx, lockOwn, nameKey(aloneName))
		return err
	})
	if errors.Is(err, chat.ErrNotOwner) {
		return errors.New(twoAtATime)
	}
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	l := &whole{postgresName{k: k}}
	m.undo = append(m.undo, func() error {
		stop()
		<-ended
		return l.release(ctx)
	})
	err = insist(ctx, afterStop, func() error { return others(ctx, k) })
	if errors.Is(err, chat.ErrNotOwner) {
		err = errors.New(inTheWay)
	}
	go func() {
		defer close(ended)
		watch(watching, l, m.lost)
	}()
	return err
}

// insist tries again for a while when what is wanted is another's.
func insist(ctx context.Context, while time.Duration, try func() error) error {
	for until := time.Now().Add(while); ; {
		err := try()
		if !errors.Is(err, chat.ErrNotOwner) || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookAgain):
		}
	}
}

// others fails with [chat.ErrNotOwner] while somebody holds a partition or has
// the database open; the partitions are ours when it does not.
func others(ctx context.Context, k *pgx.Conn) error {
	var held, open int
	err := k.QueryRow(ctx, `SELECT count(*) FROM generate_series(0, $2 - 1) p WHERE NOT pg_try_advisory_lock($1, p)`,
		int32(lockPartition), int32(maxPartitions)).Scan(&held)
	if err == nil {
		err = k.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`,
			sessionName).Scan(&open)
	}
	if err != nil {
		return failure(k, err)
	}
	if held+open > 0 {
		_, err := k.Exec(ctx, `SELECT pg_advisory_unlock($1, l.objid::int) FROM pg_locks l WHERE l.pid = pg_backend_pid()
			AND l.locktype = 'advisory' AND l.classid = $1::bigint::oid`, int32(lockPartition))
		return errors.Join(chat.ErrNotOwner, err)
	}
	return nil
}

// empty refuses a database in which there is anything but what every new one has.
func (m *mover) empty(ctx context.Context) error {
	for _, name := range movedTables {
		if name == "counters" {
			continue
		}
		what := name
		if name == "users" {
			what = `users WHERE role <> 'system'`
		}
		var there, full int
		err := m.to.db.ask(ctx, func(q tx) error {
			_, err := one(q, `SELECT (to_regclass($1) IS NOT NULL)::int`, []any{name}, &there)
			return err
		})
		if err == nil && there == 1 {
			err = m.to.db.ask(ctx, func(q tx) error {
				_, err := one(q, `SELECT EXISTS (SELECT 1 FROM `+what+`)::int`, nil, &full)
				return err
			})
		}
		if err != nil {
			return err
		}
		if full == 1 {
			return fmt.Errorf("it is not empty, there are %s in it: make a new database and name that", name)
		}
	}
	return nil
}

// finished refuses a database into which a move has not ended.
func (d *postgresDB) finished(ctx context.Context) error {
	have, _, err := d.schema(ctx)
	if err != nil || have == 0 {
		return err
	}
	value, err := moveValue(ctx, d, movingKey)
	if err == nil && value != "" {
		err = ErrUnfinished
	}
	return err
}

// open refuses, besides, a database that a move has for itself now.
func (d *postgresDB) open(ctx context.Context) error {
	if err := d.finished(ctx); err != nil {
		return err
	}
	taken := false
	err := d.ask(ctx, func(q tx) (err error) {
		taken, err = locked(q, lockOwn, nameKey(aloneName))
		return err
	})
	if err == nil && taken {
		err = errors.New("a `parley migrate` is at work on this database: start when it is done")
	}
	return err
}
