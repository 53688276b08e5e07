package store

import (
	"context"
	"io/fs"

	"github.com/jackc/pgx/v5"
)

// Tamper changes rows behind the store's back.
func Tamper(ctx context.Context, s *Store, sql string, args ...any) (int, error) {
	changed := 0
	err := s.db.write(ctx, ofOthers, func(q tx) (err error) {
		changed, err = q.exec(sql, args...)
		return err
	})
	return changed, err
}

// Pragma sets something on the write connection.
func Pragma(ctx context.Context, s *Store, sql string) error {
	d := s.db.(*sqliteDB)
	if err := d.turns.enter(ctx, ofOthers); err != nil {
		return err
	}
	defer d.turns.leave()
	return d.writer.once(sql)
}

// HoldWriter takes the writer's turn until release is called.
func HoldWriter(ctx context.Context, s *Store) (release func(), err error) {
	d := s.db.(*sqliteDB)
	return d.turns.leave, d.turns.enter(ctx, ofOthers)
}

// Waiting is how many wait for the writer: commits, and all others.
func Waiting(s *Store) (commits, others int) {
	q := &s.db.(*sqliteDB).turns
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting[ofSequencer]), len(q.waiting[ofOthers])
}

// Checkpoint asks that the write-ahead log is moved into the database, where
// that is for us to do.
func Checkpoint(s *Store) {
	if d, ours := s.db.(*sqliteDB); ours {
		d.wrote(checkpointRows)
	}
}

// EndSessions ends the sessions that hold partitions, as an administrator can.
func EndSessions(ctx context.Context, s *Store) (int, error) {
	return Tamper(ctx, s, `SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
		WHERE l.locktype = 'advisory' AND l.classid = $1::bigint::oid AND d.datname = current_database()`, lockPartition)
}

// AtOnce makes a move load so many rows in one transaction.
func (o MoveOptions) AtOnce(rows int) MoveOptions {
	o.rows = rows
	return o
}

// TablesMoved are the tables that a move copies, and those that it makes anew.
func TablesMoved() (copied []string, anew map[string]string) { return movedTables, madeAnew }

// Ask reads rows of one text each.
func Ask(ctx context.Context, s *Store, sql string) (texts []string, err error) {
	err = s.db.ask(ctx, func(q tx) error {
		return q.query(sql, nil, func(r row) error {
			var text string
			err := r.scan(&text)
			texts = append(texts, text)
			return err
		})
	})
	return texts, err
}

// WithSteps lets a PostgreSQL database have another schema than this version's.
func (o Options) WithSteps(steps fs.FS) Options {
	o.steps = steps
	return o
}

// PostgresSteps are this version's.
func PostgresSteps() (fs.FS, error) { return postgresSteps() }

// HoldPartition makes a bare connection the owner of a partition, as a claim does.
func HoldPartition(ctx context.Context, k *pgx.Conn, part int) error {
	_, err := k.Exec(ctx, sessionSettings, pgx.QueryExecModeSimpleProtocol)
	if err == nil {
		_, err = k.Exec(ctx, `SELECT pg_advisory_lock($1, $2)`, lockPartition, part)
	}
	return err
}
