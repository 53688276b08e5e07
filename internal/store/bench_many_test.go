package store_test

import (
	"crypto/md5"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// How reads fare among many events is measured with
//
//	go test ./internal/store -run none -bench Many -rows 20000000 -timeout 1h
//
// which takes about 350 bytes of disk per row while it runs. With -in the events
// stay in a database, and a later run with more rows goes on from there.
var (
	rows = flag.Int("rows", 100_000, "how many events BenchmarkMany reads among")
	in   = flag.String("in", "", "the address of a database of its own for BenchmarkMany, which keeps the events; after the last run they are of no use")
)

const (
	manyRooms = 10_000
	// stepRows is how many are made in one statement.
	stepRows = 1_000_000
)

// many makes so many events that a room's messages lie as far apart as they can:
// each tenth event is in room 0, and the others go round all rooms.
func many(b *testing.B, s *store.Store) {
	have, err := s.Readers().Position(b.Context(), "many", 0)
	if err != nil {
		b.Fatal(err)
	}
	if int(have) >= *rows {
		return
	}
	for _, sql := range []string{
		`ALTER TABLE events DROP CONSTRAINT IF EXISTS events_n`, `DROP INDEX IF EXISTS events_seq`, `DROP INDEX IF EXISTS events_nonce`,
		`INSERT INTO rooms (id, kind, name, folded, handle, topic, created_at, created_by, member_count, owners, read_only, archived)
			SELECT md5('room' || r)::uuid, 'group', 'Room ' || r, 'room ' || r, '', '', 0, md5('user')::uuid, 1, 1, 0, 0 FROM generate_series(0, 9999) r ON CONFLICT DO NOTHING`,
		`INSERT INTO members (room, user_id, role, joined_at) SELECT md5('room' || r)::uuid, md5('user')::uuid, 'owner', 0 FROM generate_series(0, 9999) r ON CONFLICT DO NOTHING`,
		`INSERT INTO members (room, user_id, role, joined_at) SELECT md5('room' || r)::uuid, md5('other')::uuid, 'member', 0 FROM generate_series(0, 99) r ON CONFLICT DO NOTHING`,
	} {
		tamper(b, s, sql)
	}
	for from := int(have); from < *rows; from += stepRows {
		tamper(b, s, `INSERT INTO events (part, n, room, seq, id, kind, by, at, nonce, text, messages, gateway, log_seq, batch, committed)
			SELECT r % 8, n, md5('room' || r)::uuid, seq, lpad(to_hex(n), 32, '0')::uuid, 1, md5('user')::uuid, 1700000000000 + n,
			decode(lpad(to_hex(n), 32, '0'), 'hex'), 'The message with the number ' || n || ' in it', seq, 1, n, n, 1700000000000 + n
			FROM (SELECT n, CASE WHEN n % 10 = 0 THEN 0 ELSE 1 + (n - n / 10 - 1) % 9999 END AS r,
				1 + CASE WHEN n % 10 = 0 THEN n / 10 ELSE (n - n / 10 - 1) / 9999 END AS seq
				FROM generate_series($1::bigint, $2::bigint) n) x`,
			from, min(from+stepRows, *rows)-1)
	}
	for _, sql := range []string{
		`ALTER TABLE events ADD CONSTRAINT events_n PRIMARY KEY (part, n)`, `CREATE UNIQUE INDEX events_seq ON events (room, seq)`,
		`CREATE UNIQUE INDEX events_nonce ON events (nonce, room, by)`, `ANALYZE`,
		`UPDATE partitions p SET n = coalesce((SELECT max(n) FROM events e WHERE e.part = p.part), 0)`,
	} {
		tamper(b, s, sql)
	}
	if err := s.Readers().SetPosition(b.Context(), "many", 0, uint64(*rows)); err != nil {
		b.Fatal(err)
	}
}

func tamper(b *testing.B, s *store.Store, sql string, args ...any) {
	b.Helper()
	if _, err := store.Tamper(b.Context(), s, sql, args...); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
}

func BenchmarkMany(b *testing.B) {
	dsn := *in
	if dsn == "" {
		dsn = pgtest.Fresh(b, 0)
	}
	s := pgtest.Open(b, dsn, store.Options{})
	many(b, s)
	var room []chat.RoomID
	for r := range manyRooms {
		room = append(room, md5ID(fmt.Sprint("room", r)))
	}
	user, other := md5ID("user"), md5ID("other")
	archive := s.Archive()
	newest := func(b *testing.B, r chat.RoomID, before uint64) int {
		list, _, _, found, err := archive.History(b.Context(), user, false, r, before, 0, 0, 0, 50)
		if err != nil || !found {
			b.Fatalf("found %v, %v", found, err)
		}
		return len(list)
	}
	measure := func(name string, one func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for range b.N {
				began := time.Now()
				one(b)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			for _, p := range []struct {
				name string
				at   float64
			}{{"p50-µs", 0.5}, {"p99-µs", 0.99}, {"max-µs", 1}} {
				b.ReportMetric(float64(took[int(p.at*float64(len(took)-1))].Microseconds()), p.name)
			}
		})
	}
	measure("the newest 50, of any room", func(b *testing.B) { newest(b, room[1+rand.IntN(manyRooms-1)], 0) })
	measure("the newest 50, of the largest room", func(b *testing.B) {
		if n := newest(b, room[0], 0); n != 50 {
			b.Fatalf("%d messages", n)
		}
	})
	measure("50 somewhere in the largest room", func(b *testing.B) { newest(b, room[0], 100+uint64(rand.IntN(*rows/10))) })
	measure("the feed, 100 events anywhere", func(b *testing.B) {
		if _, _, _, err := archive.Feed(b.Context(), rand.IntN(8), uint64(rand.IntN(*rows)), 100, 1<<20); err != nil {
			b.Fatal(err)
		}
	})
	measure("my 50 rooms, of 100", func(b *testing.B) {
		if _, _, err := s.Rooms().Mine(b.Context(), other, "", 50); err != nil {
			b.Fatal(err)
		}
	})
	n := newBench(b, dsn, 1000)
	measure("a commit of 100 messages", func(b *testing.B) { n.done(b, n.say(100)) })
}

// md5ID is the id that PostgreSQL makes of a name in [many].
func md5ID(name string) chat.ID { return md5.Sum([]byte(name)) }
