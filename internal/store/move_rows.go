package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parley-chat/parley/internal/chat"
)

// movedTables are copied row by row, the largest first.
var movedTables = []string{
	"events", "reactions", "mentions", "members", "edits", "threads", "marks", "rooms", "member_settings", "aliases", "handles",
	"users", "credentials", "logins", "refresh_tokens", "door_tokens", "signing_keys", "invites", "revocations", "counters", "jobs", "dead_commands",
}

// madeAnew are the other tables of a database, with what a move does about them.
var madeAnew = map[string]string{
	"meta":             "key by key, but for what the schema says of itself",
	"partitions":       "other partitions, which stand at the beginning of new logs",
	"readers":          "feed numbers are others, so readers begin anew",
	"words":            "the search index is built again from the feed",
	"goose_db_version": "the schema's own",
	"sqlite_sequence":  "SQLite's own",
}

// table is a table that is moved. The columns are the target's; the source has
// them under the same names.
type table struct {
	name    string
	columns []column
	key     []string // the primary key's columns
	total   uint64   // rows in the source
}

type column struct {
	name     string
	oid      uint32
	nullable bool // then a zero value is NULL
}

func (t *table) names() string {
	names := make([]string, len(t.columns))
	for i := range t.columns {
		names[i] = t.columns[i].name
	}
	return strings.Join(names, ", ")
}

// describe asks the target what its tables are like, and the source how much
// there is.
func (m *mover) describe(ctx context.Context) error {
	m.tables = nil
	for _, name := range movedTables {
		t := &table{name: name}
		err := m.to.db.read(ctx, func(q tx) error {
			return q.together(
				once(`SELECT attname::text, atttypid::bigint, (NOT attnotnull)::int FROM pg_attribute
					WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, []any{name}, func(r row) error {
					var c column
					var oid int
					err := r.scan(&c.name, &oid, &c.nullable)
					c.oid = uint32(oid)
					t.columns = append(t.columns, c)
					return err
				}),
				once(`SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
					WHERE i.indrelid = to_regclass($1) AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)`, []any{name}, func(r row) error {
					var key string
					err := r.scan(&key)
					t.key = append(t.key, key)
					return err
				}))
		})
		if err == nil {
			err = m.from.db.ask(ctx, func(q tx) error {
				_, err := one(q, `SELECT count(*) FROM `+name, nil, &t.total)
				return err
			})
		}
		if err != nil {
			return fmt.Errorf("looking at the table %s: %w", name, err)
		}
		m.tables = append(m.tables, t)
	}
	return nil
}

// everything is a limit that limits nothing: SQLite has no offset without one.
const everything = "9223372036854775807"

// source reads the table's rows of the source in a fixed order, behind so many of
// them; events behind a number of a partition.
func (m *mover) source(ctx context.Context, t *table, skip uint64, part int, n uint64, each func(*record) error) error {
	rec := newRecord(t)
	take := func(r row) error {
		if err := r.scan(rec.dest...); err != nil {
			return err
		}
		return each(rec)
	}
	if t.name != "events" {
		return m.from.db.read(ctx, func(q tx) error {
			return q.query(`SELECT `+t.names()+` FROM `+t.name+` ORDER BY `+strings.Join(t.key, ", ")+` LIMIT `+everything+` OFFSET CAST($1 AS bigint)`,
				[]any{skip}, take)
		})
	}
	for ; part < m.from.partitions; part++ {
		err := m.from.db.read(ctx, func(q tx) error {
			return q.query(`SELECT `+t.names()+` FROM events WHERE part = $1 AND n > $2 ORDER BY n`, []any{part, n}, take)
		})
		if err != nil {
			return err
		}
		n = 0
	}
	return nil
}

// record is one row on its way. Each column's value is in the slice of its kind.
type record struct {
	t        *table
	ints     []int64
	ids      []chat.ID
	raws     [][]byte
	dest     []any
	buf      []byte
	replaced int // texts, so far
}

func newRecord(t *table) *record {
	n := len(t.columns)
	r := &record{t: t, ints: make([]int64, n), ids: make([]chat.ID, n), raws: make([][]byte, n)}
	for i := range t.columns {
		switch t.columns[i].oid {
		case pgtype.UUIDOID:
			r.dest = append(r.dest, &r.ids[i])
		case pgtype.ByteaOID, pgtype.TextOID:
			r.dest = append(r.dest, &r.raws[i])
		default:
			r.dest = append(r.dest, &r.ints[i])
		}
	}
	return r
}

// int is the value of a column of integers.
func (r *record) int(name string) *int64 { return &r.ints[r.index(name)] }

func (r *record) index(name string) int {
	for i := range r.t.columns {
		if r.t.columns[i].name == name {
			return i
		}
	}
	panic("the table " + r.t.name + " has no column " + name)
}

// encode is the row as PostgreSQL's COPY takes it in its binary format. It is
// valid until the next call.
func (r *record) encode() ([]byte, error) {
	b := binary.BigEndian.AppendUint16(r.buf[:0], uint16(len(r.t.columns)))
	for i := range r.t.columns {
		c := &r.t.columns[i]
		switch c.oid {
		case pgtype.Int8OID:
			b = appendInt(b, c, r.ints[i], 8)
		case pgtype.Int4OID:
			b = appendInt(b, c, r.ints[i], 4)
		case pgtype.Int2OID:
			b = appendInt(b, c, r.ints[i], 2)
		case pgtype.UUIDOID:
			b = appendBytes(b, c, r.ids[i][:])
		case pgtype.ByteaOID:
			b = appendBytes(b, c, r.raws[i])
		case pgtype.TextOID:
			b = appendBytes(b, c, r.text(i))
		default:
			return nil, fmt.Errorf("column %s of %s is of a type that is not copied yet", c.name, r.t.name)
		}
	}
	r.buf = b
	return b, nil
}

const isNull = math.MaxUint32 // -1, as the length of a value

func appendInt(b []byte, c *column, v int64, size int) []byte {
	if c.nullable && v == 0 {
		return binary.BigEndian.AppendUint32(b, isNull)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		b = append(b, byte(v>>shift))
	}
	return b
}

func appendBytes(b []byte, c *column, v []byte) []byte {
	if c.nullable && len(v) == 0 {
		return binary.BigEndian.AppendUint32(b, isNull)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

// text is what PostgreSQL can keep of a text: doors let nothing else in.
func (r *record) text(i int) []byte {
	v := r.raws[i]
	if utf8.Valid(v) && bytes.IndexByte(v, 0) < 0 {
		return v
	}
	r.replaced++
	const unknown = "\uFFFD"
	return bytes.ReplaceAll(bytes.ToValidUTF8(v, []byte(unknown)), []byte{0}, []byte(unknown))
}

// numbering gives events their partitions and feed numbers, by partition.
type numbering []feedEnd

// feedEnd is how far a new partition's feed has come, and the commit that its
// newest event was in: what was committed together stays so.
type feedEnd struct {
	N     uint64
	Part  int    // of the source
	Batch int64  // there
	First uint64 // and here
}

// divide puts a row where it belongs in the target.
func (f numbering) divide(r *record) {
	switch r.t.name {
	case "events":
		part := chat.PartitionOf(r.ids[r.index("room")], len(f))
		end, from, batch := &f[part], r.int("part"), r.int("batch")
		end.N++
		if end.First == 0 || end.Part != int(*from) || end.Batch != *batch {
			end.Part, end.Batch, end.First = int(*from), *batch, end.N
		}
		*from, *batch, *r.int("n") = int64(part), int64(end.First), int64(end.N)
	case "dead_commands":
		var c struct {
			Room chat.RoomID
		}
		_ = json.Unmarshal(r.raws[r.index("command")], &c) // what cannot be read is of no room: partition of the zero id
		*r.int("part") = int64(chat.PartitionOf(c.Room, len(f)))
	}
}
