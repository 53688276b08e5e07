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
		return fmt.Errorf("the schema's version cannot be read: %w", err)
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
