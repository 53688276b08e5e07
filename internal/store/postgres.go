package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parley-chat/parley/internal/chat"
)

// oldestServer is the first version that can end a session which is idle for too
// long, on which ownership stands.
const oldestServer = 140000

// postgresDB is a PostgreSQL database that several processes share: a pool of
// connections for everything but the sequencer, which holds each of its
// partitions by a connection of its own.
type postgresDB struct {
	pool     *pgxpool.Pool
	steps    fs.FS // of the schema
	readOnly bool
	log      *slog.Logger
	pooled   sync.Once // it was said that there is a pooler

	mu    sync.Mutex
	holds map[*postgresHold]bool // given up when the store is closed
}

// postgresPool is how many connections a process opens at most, besides one for
// each partition that it holds, unless the address says pool_max_conns.
const postgresPool = 10

// sessionName is what the sessions of a server are called.
const sessionName = "parley"

// isPostgres says whether dsn is the address of a PostgreSQL database.
func isPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

func openPostgres(ctx context.Context, dsn string, opts Options, readOnly bool, log *slog.Logger) (*postgresDB, error) {
	cfg, err := postgresConfig(dsn)
	if err != nil {
		return nil, err
	}
	if opts.Readers > 0 {
		cfg.MaxConns = int32(min(opts.Readers, 10_000))
	}
	if opts.application != "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = opts.application
	}
	steps := opts.steps
	if steps == nil {
		if steps, err = postgresSteps(); err != nil {
			return nil, err
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d := &postgresDB{pool: pool, steps: steps, readOnly: readOnly, log: log, holds: map[*postgresHold]bool{}}
	if err := d.greet(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return d, nil
}

// postgresConfig reads an address and says what is wrong with it, without its
// password.
func postgresConfig(dsn string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("the address of the database cannot be read, it is like postgres://USER:PASSWORD@HOST:5432/NAME: %w", withoutSecrets(err))
	}
	if mode := cfg.ConnConfig.DefaultQueryExecMode; mode == pgx.QueryExecModeExec || mode == pgx.QueryExecModeSimpleProtocol {
		return nil, errors.New("default_query_exec_mode of the database's address must be one with prepared or described statements: leave it out")
	}
	if u, err := url.Parse(dsn); err == nil && !u.Query().Has("pool_max_conns") {
		cfg.MaxConns = postgresPool
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = sessionName
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	cfg.ConnConfig.DialFunc = dialer().DialContext
	return cfg, nil
}

// withoutSecrets is the message of a parse error without the address that it
// quotes.
func withoutSecrets(err error) error {
	var bad *pgconn.ParseConfigError
	if errors.As(err, &bad) {
		if cause := errors.Unwrap(bad); cause != nil {
			return cause
		}
	}
	return errors.New("it is no valid address")
}

// greet finds out whether this database will do.
func (d *postgresDB) greet(ctx context.Context) error {
	var version int64
	var encoding string
	var recovering bool
	err := d.ask(ctx, func(q tx) error {
		_, err := one(q, `SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding'), pg_is_in_recovery()::int`, nil,
			&version, &encoding, &recovering)
		return err
	})
	switch {
	case refusedUs(err):
		return fmt.Errorf("the database lets nobody in with this address: %v", err) //nolint:errorlint // it is not one that is away: trying again is no use
	case err != nil:
		return fmt.Errorf("the database does not answer: %w", err)
	case version < oldestServer:
		return fmt.Errorf("the database is PostgreSQL %d: 14 or newer is needed", version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s: make one with ENCODING 'UTF8'", encoding)
	case recovering && !d.readOnly:
		return fmt.Errorf("%w: the database can only be read: it is a standby, or still being recovered", chat.ErrUnreachable)
	}
	return nil
}

// refusedUs says whether the server is there and does not know the user, the
// password or the database.
func refusedUs(err error) bool {
	var told *pgconn.PgError
	return errors.As(err, &told) && (strings.HasPrefix(told.Code, "28") || told.Code == "3D000")
}

func (d *postgresDB) ask(ctx context.Context, fn func(tx) error) error {
	k, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer k.Release() // which closes what an error has left in a transaction
	return fn(&pgTx{k: k.Conn(), ctx: ctx, single: true})
}

// read begins its transaction together with the first statement, and does not
// wait for its end, which decides nothing.
func (d *postgresDB) read(ctx context.Context, fn func(tx) error) error {
	k, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() {
		go func() {
			defer k.Release()
			_ = endPostgres(ctx, k.Conn())
		}()
	}()
	return fn(&pgTx{k: k.Conn(), ctx: ctx, begin: beginSnapshot})
}

// write has no classes: PostgreSQL has as many writers as connections.
func (d *postgresDB) write(ctx context.Context, _ class, fn func(tx) error) error {
	if d.readOnly {
		return errors.New("the store was opened for reading")
	}
	k, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer k.Release()
	return transactPostgres(ctx, k.Conn(), fn)
}

func (d *postgresDB) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	k, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	return k, nil
}

func transactPostgres(ctx context.Context, k *pgx.Conn, fn func(tx) error) (err error) {
	q := &pgTx{k: k, ctx: ctx, begin: "BEGIN ISOLATION LEVEL READ COMMITTED"}
	defer func() { err = errors.Join(err, endPostgres(ctx, k)) }()
	if err := fn(q); err != nil {
		return err
	}
	if q.begin != "" {
		return nil // nothing was asked
	}
	tag, err := k.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		return errors.New("the transaction was rolled back: an error in it was passed over")
	}
	return q.fail(err)
}

// endTime is how long the end of a transaction may take for those who do not
// wait for it any more.
const endTime = 5 * time.Second

// endPostgres leaves no transaction open unless the connection is closed.
func endPostgres(ctx context.Context, k *pgx.Conn) error {
	if k.IsClosed() || k.PgConn().TxStatus() == 'I' {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	_, err := k.Exec(ctx, "ROLLBACK")
	return err
}

func (d *postgresDB) copyTo(context.Context, string, func(done, total int)) error {
	return errors.New("a PostgreSQL database is backed up with its own tools, pg_dump or base backups and archived logs: see \"PostgreSQL\" in docs/operations.md")
}

// check looks for indexes that PostgreSQL itself does not trust. What is in the
// tables is compared by verify.
func (d *postgresDB) check(ctx context.Context) (complaints []string, err error) {
	err = d.ask(ctx, func(q tx) error {
		return q.query(`SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
			WHERE c.relnamespace = current_schema()::regnamespace AND NOT (i.indisvalid AND i.indisready)`, nil, func(r row) error {
			var name string
			err := r.scan(&name)
			complaints = append(complaints, fmt.Sprintf("the index %s is not valid: REINDEX it", name))
			return err
		})
	})
	return complaints, err
}

func (d *postgresDB) close() error {
	d.mu.Lock()
	held := slices.Collect(maps.Keys(d.holds))
	d.mu.Unlock()
	var errs []error
	for _, l := range held {
		errs = append(errs, l.release(context.Background()))
	}
	d.pool.Close()
	return errors.Join(errs...)
}

// failure tells a database that is away, full or broken from a mistake in what
// it was asked.
func failure(k *pgx.Conn, err error) error {
	if err == nil {
		return nil
	}
	var told *pgconn.PgError
	switch {
	case errors.As(err, &told):
		return toldFailure(told.Code, err)
	case k.IsClosed(), pgconn.Timeout(err), pgconn.SafeToRetry(err), errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	return err
}

func toldFailure(code string, err error) error {
	switch code {
	case "22021": // U+0000, or what is not UTF-8: SQLite would take it
		return chat.Errorf(chat.Invalid, "text is UTF-8 without U+0000")
	case "XX001", "XX002":
		return fmt.Errorf("%w: %w: %w", chat.ErrUnreachable, ErrDamaged, err)
	case "25006": // a primary that has become a standby
		return fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	switch code[:min(2, len(code))] {
	case "08", "40", "53", "55", "57", "58": // connection, conflict, resources, state, intervention, system
		return fmt.Errorf("%w: %w", chat.ErrUnreachable, err)
	}
	return err
}

// violatedPostgres is [violated] for PostgreSQL, which names the index.
func violatedPostgres(err error) string {
	var told *pgconn.PgError
	if !errors.As(err, &told) || told.Code != "23505" {
		return ""
	}
	return told.TableName + "." + strings.TrimPrefix(told.ConstraintName, told.TableName+"_")
}
