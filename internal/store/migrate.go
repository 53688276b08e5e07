package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // goose speaks database/sql
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var steps embed.FS

// migrate brings the schema of an SQLite file up to date.
func migrate(ctx context.Context, file string) (err error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return fmt.Errorf("the schema cannot be brought up to date: %w", err)
	}
	defer db.Close()
	folder, err := fs.Sub(steps, "migrations/sqlite")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("the schema's version cannot be read: %w", orDamaged(ctx, db, err))
	}
	if have > want {
		return ErrNewer
	}
	if have == want {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("the schema cannot be brought up to date: %w", err)
	}
	return nil
}

// orDamaged is the error, as that of a damaged database if it is one: goose takes
// a table that cannot be read for one that has to be made.
func orDamaged(ctx context.Context, db *sql.DB, err error) error {
	var said string
	if bad := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); bad == nil && said == "ok" {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}
