package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// BenchmarkMigration changes the schema among -rows events (see bench_many_test.go)
// while commits of 100 messages follow each other, and tells the longest of them;
// also of those without a migration, which are the disk's and the machine's own.
func BenchmarkMigration(b *testing.B) {
	dsn := *in
	if dsn == "" {
		dsn = pgtest.Fresh(b, 0)
	}
	s := pgtest.Open(b, dsn, store.Options{})
	many(b, s)
	n := newBench(b, dsn, 1000)
	for _, c := range []struct{ name, sql, undo string }{
		{"none, ten seconds", "", ""},
		{"an index", laterIndex, `DROP INDEX events_by`},
		{"a column", laterColumn, `ALTER TABLE events DROP COLUMN flags`},
	} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				ended := make(chan error, 1)
				go func() {
					if c.sql == "" {
						time.Sleep(10 * time.Second)
						ended <- nil
						return
					}
					next, err := store.Open(context.Background(), dsn, later(b, c.sql))
					if err == nil {
						err = next.Close()
					}
					ended <- err
				}()
				commits, longest := n.until(b, ended)
				b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
				b.ReportMetric(float64(commits), "commits")
				if c.sql != "" {
					tamper(b, s, c.undo)
					tamper(b, s, `DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`)
				}
			}
		})
	}
}

// until commits until something has ended.
func (n *bench) until(b *testing.B, ended <-chan error) (commits int, longest time.Duration) {
	for {
		c := n.say(100)
		began := time.Now()
		n.done(b, c)
		longest = max(longest, time.Since(began))
		commits++
		select {
		case err := <-ended:
			if err != nil {
				b.Fatal(err)
			}
			return commits, longest
		default:
		}
	}
}
