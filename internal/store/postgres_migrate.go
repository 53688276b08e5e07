package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/parley-chat/parley/internal/chat"
)

// postgresPartitions is what a new database is divided into.
const postgresPartitions = 8

func (s *Store) openServer(ctx context.Context, dsn string, opts Options) error {
	db, err := openPostgres(ctx, dsn, opts, false, s.log)
	if err != nil {
		return err
	}
	s.db = db
	s.undo = append(s.undo, db.close)
	s.search = &tableSearch{s}
	partitions := opts.Partitions
	if partitions == 0 {
		partitions = postgresPartitions
	}
	if partitions < 1 || partitions > maxPartitions {
		return fmt.Errorf("a database has 1 to %d partitions", maxPartitions)
	}
	return db.prepare(ctx, func(ctx context.Context) error { return s.found(ctx, partitions) })
}

// maxPartitions is how many a document's number in the index has room for.
const maxPartitions = 256

func (s *Store) lookIntoServer(ctx context.Context, dsn string, opts Options) error {
	db, err := openPostgres(ctx, dsn, opts, true, s.log)
	if err != nil {
		return err
	}
	s.db = db
	s.undo = append(s.undo, db.close)
	have, oldest, err := db.schema(ctx)
	if err != nil {
		return err
	}
	want, err := newestSchema()
	switch {
	case err != nil:
		return err
	case have == 0:
		return errors.New("there is no parley in this database")
	case have > want && oldest > want:
		return ErrNewer
	}
	return nil
}

// prepare brings the schema up to date and founds a new database. Of several
// processes that start at once, one does it and the others wait.
func (d *postgresDB) prepare(ctx context.Context, found func(context.Context) error) error {
	k, err := pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	defer func() { _ = closeSession(ctx, k) }()
	if _, err := k.Exec(ctx, `SELECT pg_advisory_lock($1, $2)`, int32(lockOwn), nameKey("migrate")); err != nil {
		return failure(k, err)
	}
	if err := d.migrate(ctx); err != nil {
		return err
	}
	if err := found(ctx); err != nil {
		return err
	}
	return unlockSession(ctx, k, lockOwn, nameKey("migrate"))
}

// schema is the version of the schema, 0 before the first, and the oldest one
// whose binaries can work on it.
//
// A migration may leave the schema such that the binaries of the version before
// it go on working: then a cluster can be upgraded process by process. It says
// so itself, by what it writes into usable_since. The rule is: one version back;
// a migration that cannot keep it writes its own number.
func (d *postgresDB) schema(ctx context.Context) (have, oldest int64, err error) {
	err = d.read(ctx, func(q tx) error {
		known := false
		if _, err := one(q, `SELECT (to_regclass('goose_db_version') IS NOT NULL AND to_regclass('meta') IS NOT NULL)::int`, nil, &known); err != nil || !known {
			return err
		}
		if _, err := one(q, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`, nil, &have); err != nil {
			return err
		}
		oldest = have
		_, err := one(q, `SELECT value::bigint FROM meta WHERE key = 'usable_since'`, nil, &oldest)
		return err
	})
	return have, oldest, err
}

// migrate takes the steps that are missing.
func (d *postgresDB) migrate(ctx context.Context) error {
	have, oldest, err := d.schema(ctx)
	if err != nil {
		return fmt.Errorf("the schema's version cannot be read: %w", err)
	}
	want, err := newestSchema()
	switch {
	case err != nil:
		return err
	case have == want, have > want && oldest <= want:
		return nil
	case have > want:
		return ErrNewer
	}
	db := stdlib.OpenDB(*d.pool.Config().ConnConfig.Copy(), stdlib.OptionAfterConnect(func(ctx context.Context, k *pgx.Conn) error {
		_, err := k.Exec(ctx, "SET lock_timeout = '"+migrationLock+"'")
		return err
	}))
	defer db.Close()
	p, err := postgresSteps(db)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		_, err = p.Up(ctx)
		var told *pgconn.PgError
		if !errors.As(err, &told) || told.Code != "55P03" || try == migrationTries {
			break
		}
		d.log.Info("a migration waits for a table that others use", "try", try)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	if err != nil {
		return fmt.Errorf("the schema cannot be brought up to date: %w", err)
	}
	return nil
}

// A migration that needs a table for itself waits this long at a time, because
// everybody who comes after it waits behind it; and this often.
const (
	migrationLock  = "900ms"
	migrationTries = 60
)

// newestSchema is the version that this binary's steps lead to.
func newestSchema() (version int64, err error) {
	files, err := steps.ReadDir("migrations/postgres")
	for _, f := range files {
		n, nerr := goose.NumericComponent(f.Name())
		err = errors.Join(err, nerr)
		version = max(version, n)
	}
	return version, err
}

func postgresSteps(db *sql.DB) (*goose.Provider, error) {
	folder, err := fs.Sub(steps, "migrations/postgres")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, folder, goose.WithDisableGlobalRegistry(true))
}
