package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// The rule of "Migrations" in docs/operations.md: what a migration of a PostgreSQL
// database that is in use may do. Each of these holds up commits for as long as
// it takes to write a row of the catalogue, whatever is in the tables; anything
// else is refused here, until somebody has shown the same of it.
var harmless = []*regexp.Regexp{
	regexp.MustCompile(`^CREATE TABLE \w+`),
	regexp.MustCompile(`^DROP (TABLE|VIEW|FUNCTION) IF EXISTS \w+`),
	regexp.MustCompile(`^CREATE (OR REPLACE )?(VIEW|FUNCTION) `),
	regexp.MustCompile(`^CREATE (UNIQUE )?INDEX CONCURRENTLY \w+ ON `),
	regexp.MustCompile(`^DROP INDEX CONCURRENTLY IF EXISTS \w+$`),
	regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN \w+ [\w" ]+?( COLLATE "\w+")?( NOT NULL)?( DEFAULT (-?\d+|'[^']*'|true|false))?( NOT NULL)?$`),
	regexp.MustCompile(`^ALTER TABLE \w+ (SET|RESET) \(`),
	regexp.MustCompile(`^ALTER TABLE \w+ DROP COLUMN IF EXISTS \w+$`),
	regexp.MustCompile(`^SET lock_timeout = 0$`),
	regexp.MustCompile(`^UPDATE meta SET value = '\d+' WHERE key = 'usable_since'$`),
	regexp.MustCompile(`^INSERT INTO (meta|counters) `),
}

var (
	plainIndex      = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX \w+ ON (\w+)`)
	newTable        = regexp.MustCompile(`^CREATE TABLE (\w+)`)
	concurrentIndex = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+)`)
	usableSince     = regexp.MustCompile(`^UPDATE meta SET value = '(\d+)' WHERE key = 'usable_since'$`)
	comment         = regexp.MustCompile(`--[^\n]*`)
	space           = regexp.MustCompile(`\s+`)
)

// statements are those of a migration, without comments, each in one line. Those
// between +goose StatementBegin and End are one.
func statements(sql string) (all []string) {
	add := func(text string) {
		if s := strings.TrimSpace(space.ReplaceAllString(comment.ReplaceAllString(text, ""), " ")); s != "" {
			all = append(all, s)
		}
	}
	for i, outside := range strings.Split(sql, "-- +goose StatementBegin") {
		if i > 0 {
			var whole string
			whole, outside, _ = strings.Cut(outside, "-- +goose StatementEnd")
			add(whole)
		}
		for _, s := range strings.Split(outside, ";") {
			add(s)
		}
	}
	return all
}

// breaches lists what a migration does that it must not.
func breaches(version int, sql string) (all []string) {
	var made, prepared []string
	since, beside := 0, false
	for _, s := range statements(sql) {
		fresh := false
		if m := newTable.FindStringSubmatch(s); m != nil {
			made = append(made, m[1])
		}
		if m := plainIndex.FindStringSubmatch(s); m != nil {
			fresh = slices.Contains(made, m[1]) // nothing is in it
		}
		if name, found := strings.CutPrefix(s, "DROP INDEX CONCURRENTLY IF EXISTS "); found {
			beside, prepared = true, append(prepared, name)
		}
		if m := concurrentIndex.FindStringSubmatch(s); m != nil {
			if beside = true; !slices.Contains(prepared, m[1]) {
				all = append(all, "an index that was begun before is in the way: DROP INDEX CONCURRENTLY IF EXISTS "+m[1]+" first")
			}
		}
		if m := usableSince.FindStringSubmatch(s); m != nil {
			_, _ = fmt.Sscan(m[1], &since)
		}
		if !fresh && !slices.ContainsFunc(harmless, func(r *regexp.Regexp) bool { return r.MatchString(s) }) {
			all = append(all, "this may hold up commits, see docs/operations.md: "+s)
		}
		if strings.Contains(s, "NOT NULL") && strings.Contains(s, "ADD COLUMN") && !strings.Contains(s, "DEFAULT") {
			all = append(all, "the version before writes rows without this column, it needs a default: "+s)
		}
	}
	if since != version && since != version-1 {
		all = append(all, fmt.Sprintf("it must say from which version on binaries can use this schema: UPDATE meta SET value = '%d' WHERE key = 'usable_since'", version-1))
	}
	if beside && !strings.Contains(sql, "-- +goose NO TRANSACTION") {
		all = append(all, "CONCURRENTLY needs -- +goose NO TRANSACTION")
	}
	if beside && !slices.Contains(statements(sql), "SET lock_timeout = 0") {
		all = append(all, "CONCURRENTLY waits for others but holds nobody up: SET lock_timeout = 0 first, or it begins again and again")
	}
	return all
}

func TestMigrationsHoldNobodyUp(t *testing.T) {
	steps, err := store.PostgresSteps()
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(steps, "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for i, file := range files {
		version := i + 1
		if !strings.HasPrefix(file, fmt.Sprintf("%05d_", version)) {
			t.Errorf("%s should be number %d", file, version)
		}
		sql, err := fs.ReadFile(steps, file)
		if err != nil {
			t.Fatal(err)
		}
		if version == 1 {
			continue // an empty database has nobody who waits
		}
		for _, b := range breaches(version, string(sql)) {
			t.Errorf("%s: %s", file, b)
		}
	}
}

func TestTheRuleForMigrationsSeesBreaches(t *testing.T) {
	const says = "UPDATE meta SET value = '1' WHERE key = 'usable_since';\n"
	const index = "-- +goose NO TRANSACTION\n-- +goose Up\nSET lock_timeout = 0;\nDROP INDEX CONCURRENTLY IF EXISTS i;\n"
	for _, c := range []struct {
		sql  string
		fine bool
	}{
		{says, true},
		{says + "ALTER TABLE events ADD COLUMN a bigint;", true},
		{says + "ALTER TABLE events ADD COLUMN a bigint NOT NULL DEFAULT 0; -- with a constant", true},
		{says + "ALTER TABLE users ADD COLUMN a text COLLATE \"C\" NOT NULL DEFAULT 'x'", true},
		{says + "CREATE TABLE t (a bigint); CREATE INDEX i ON t (a);", true},
		{says + index + "CREATE INDEX CONCURRENTLY i ON events (by, at);", true},
		{says + "-- +goose StatementBegin\nCREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM x; END $$;\n-- +goose StatementEnd", true},
		{"UPDATE meta SET value = '2' WHERE key = 'usable_since'", true},

		{"", false},
		{"UPDATE meta SET value = '0' WHERE key = 'usable_since'", false},
		{says + "CREATE INDEX i ON events (by, at);", false},
		{says + index + "CREATE INDEX CONCURRENTLY j ON events (by, at);", false},
		{says + "DROP INDEX CONCURRENTLY IF EXISTS i; CREATE INDEX CONCURRENTLY i ON events (by, at);", false},
		{says + strings.Replace(index, "SET lock_timeout = 0;", "", 1) + "CREATE INDEX CONCURRENTLY i ON events (by, at);", false},
		{says + "ALTER TABLE events ADD COLUMN a bigint NOT NULL;", false},
		{says + "ALTER TABLE events ADD COLUMN a uuid DEFAULT gen_random_uuid();", false},
		{says + "ALTER TABLE events ADD COLUMN a timestamptz DEFAULT now();", false},
		{says + "ALTER TABLE events ADD COLUMN a bigint GENERATED ALWAYS AS (n + 1) STORED;", false},
		{says + "ALTER TABLE events ALTER COLUMN n TYPE numeric;", false},
		{says + "ALTER TABLE events ALTER COLUMN text SET NOT NULL;", false},
		{says + "ALTER TABLE events ADD CONSTRAINT c CHECK (n > 0);", false},
		{says + "UPDATE events SET text = '';", false},
		{says + "UPDATE users SET folded = lower(display_name);", false},
		{says + "DELETE FROM marks;", false},
		{says + "LOCK TABLE events;", false},
		{says + "VACUUM FULL events;", false},
		{says + "DROP INDEX events_seq;", false},
		{says + "CREATE TABLE t (a bigint); UPDATE events SET text = '';", false},
	} {
		if found := breaches(2, c.sql); (len(found) == 0) != c.fine {
			t.Errorf("%s\nbreaches: %q, want fine: %v", c.sql, found, c.fine)
		}
	}
}

// later is this version's schema with one more migration.
func later(t testing.TB, sql string) store.Options {
	t.Helper()
	steps, err := store.PostgresSteps()
	if err != nil {
		t.Fatal(err)
	}
	with, version := fstest.MapFS{}, 0
	files, err := fs.Glob(steps, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := fs.ReadFile(steps, file)
		if err != nil {
			t.Fatal(err)
		}
		version++
		with[file] = &fstest.MapFile{Data: b}
	}
	version++
	sql = fmt.Sprintf("%s\nUPDATE meta SET value = '%d' WHERE key = 'usable_since';\n", sql, version-1)
	for _, b := range breaches(version, sql) {
		t.Error(b)
	}
	with[fmt.Sprintf("%05d_later.sql", version)] = &fstest.MapFile{Data: []byte(sql)}
	return store.Options{}.WithSteps(with)
}

// What the next version may bring.
const (
	laterIndex = `-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS events_by;
CREATE INDEX CONCURRENTLY events_by ON events (by, at);`
	laterColumn = `-- +goose Up
ALTER TABLE events ADD COLUMN flags bigint NOT NULL DEFAULT 0;`
)

// TestProcessesOfTheNextVersionStartTogether: one makes the index beside those of
// this version, who go on; the others wait for it, without it waiting for them.
func TestProcessesOfTheNextVersionStartTogether(t *testing.T) {
	for name, sql := range map[string]string{"an index": laterIndex, "a column": laterColumn} {
		t.Run(name, func(t *testing.T) {
			dsn := pgtest.Fresh(t, 1)
			old := pgtest.Open(t, dsn, store.Options{})
			w := storetest.NewWorker(t, old)
			room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
			next := later(t, sql)
			var starting sync.WaitGroup
			for range 4 {
				starting.Go(func() {
					s, err := store.Open(context.Background(), dsn, next)
					if err == nil {
						err = s.Close()
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			started := make(chan struct{})
			go func() {
				starting.Wait()
				close(started)
			}()
			for going := true; going; {
				w.Event(storetest.Say(alice, room, "I go on"))
				select {
				case <-started:
					going = false
				default:
				}
			}
			w.Event(storetest.Say(alice, room, "also afterwards"))
			if report, err := old.Verify(t.Context(), nil); err != nil || len(report.Findings) > 0 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}

// TestAMigrationLetsOthersGoFirst: one that needs a table that somebody else has
// for long gives way again and again, so that nobody waits behind it for longer
// than a second, and comes to its end when it can.
func TestAMigrationLetsOthersGoFirst(t *testing.T) {
	dsn := pgtest.Fresh(t, 1)
	s := pgtest.Open(t, dsn, store.Options{})
	reader, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close(context.Background())
	reading, err := reader.Begin(t.Context())
	if err == nil {
		_, err = reading.Exec(t.Context(), `SELECT count(*) FROM events`) // and does not go away
	}
	if err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		next, err := store.Open(context.Background(), dsn, later(t, laterColumn))
		if err == nil {
			err = next.Close()
		}
		migrated <- err
	}()
	waits := func() error {
		texts, err := store.Ask(t.Context(), s, `SELECT pid::text FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass`)
		if err == nil && len(texts) == 0 {
			err = errors.New("the migration does not wait for the table")
		}
		return err
	}
	eventually(t, 10*time.Second, waits)
	w := storetest.NewWorker(t, s)
	w.Event(storetest.Create(chat.Group, "Team", alice)) // behind the migration, which gives way
	eventually(t, 10*time.Second, waits)                 // and comes again
	select {
	case err := <-migrated:
		t.Fatalf("it ended with %v", err)
	default:
	}
	if err := reading.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Fatal(err)
	}
}
