package store

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// database is what a kind of database must do. Everything above it is the same
// for all of them.
type database interface {
	// read runs fn on one snapshot.
	read(ctx context.Context, fn func(tx) error) error
	// ask runs fn, which calls one method of its tx once, and only reads: that
	// is one round trip where there are round trips.
	ask(ctx context.Context, fn func(tx) error) error
	// write runs fn in one transaction: all of it is durable when write returns
	// nil, and nothing of it happened when it returns another error than
	// [chat.ErrUnreachable].
	write(ctx context.Context, class class, fn func(tx) error) error
	// claim takes a partition for its worker, and starts its next epoch. Where
	// several processes can have the database it is [chat.ErrNotOwner] while
	// another holds the partition.
	claim(ctx context.Context, part int) (hold, error)
	// reserve takes a name for one user of the database; [chat.ErrNotOwner] while
	// another has it.
	reserve(ctx context.Context, name string) (reservation, error)
	// copyTo writes a consistent copy of everything to a new file.
	copyTo(ctx context.Context, file string, progress func(done, total int)) error
	// check asks the database whether its own structure is sound, and returns
	// what it complains about.
	check(ctx context.Context) ([]string, error)
	close() error
}

// hold is a partition that is held. One goroutine uses it at a time.
type hold interface {
	// position reads where the partition stands; [chat.ErrNotOwner] when it is
	// not held any more.
	position(ctx context.Context) (chat.Position, error)
	// commit makes c true for h, in one transaction, and numbers its events.
	commit(ctx context.Context, h *Shard, c *chat.Commit) error
	release(ctx context.Context) error
}

// class says who goes first at a database with a single writer.
type class int

const (
	ofOthers    class = iota // everybody else, in small transactions
	ofSequencer              // commits, which people wait for
)

// tx is a transaction. Placeholders are $1, $2 …; arguments are integers,
// strings, byte slices, ids, booleans (kept as 0 and 1) and nil.
//
// A limit is written LIMIT $1 + 0: SQLite plans a statement anew for each value
// of a limit that is a bare placeholder, which takes longer than most queries.
type tx interface {
	// exec returns how many rows were inserted, changed or deleted.
	exec(sql string, args ...any) (int, error)
	// execEach runs the statement n times, in one round trip where there are
	// round trips.
	execEach(sql string, n int, args func(i int) []any) error
	query(sql string, args []any, each func(row) error) error
	// queryEach runs the statement n times, in one round trip where there are
	// round trips.
	queryEach(sql string, n int, args func(i int) []any, each func(i int, r row) error) error
	// together asks several questions, on one snapshot also in [database.ask]
	// and in one round trip where there are round trips.
	together(questions ...question) error
}

// question is a query that is asked n times, as in queryEach.
type question struct {
	sql  string
	n    int
	args func(i int) []any
	each func(i int, r row) error
}

// once is a question that is asked once.
func once(sql string, args []any, each func(row) error) question {
	return question{sql, 1, func(int) []any { return args }, func(_ int, r row) error { return each(r) }}
}

// onceInto is a question whose only row is scanned into dest, which stays as it
// is when there is none.
func onceInto(sql string, args []any, dest ...any) question {
	return once(sql, args, func(r row) error { return r.scan(dest...) })
}

// errEnough is what a function that is called for each row returns when it wants
// no more of them; that is no error of the query.
var errEnough = errors.New("enough was read")

// row is the current row of a query. NULL is scanned as the zero value; a byte
// slice is overwritten in place when it is scanned into again.
type row interface {
	scan(dest ...any) error
}

// places writes a placeholder for each of n arguments from $first on. Longer lists
// are padded, so that few different statements have to be prepared: give the
// arguments through [padded].
func places(first, n int) string {
	var b strings.Builder
	for i := range padding(n) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String()
}

// padded adds items to args, repeating the last as [places] wants it.
func padded[T any](args []any, items []T) []any {
	for i := range padding(len(items)) {
		args = append(args, items[min(i, len(items)-1)])
	}
	return args
}

func padding(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	return size
}

// maxList is how many placeholders one statement gets at most.
const maxList = 256

// one runs a query that gives at most one row, and says whether it did.
func one(q tx, sql string, args []any, dest ...any) (found bool, err error) {
	err = q.query(sql, args, func(r row) error {
		found = true
		return r.scan(dest...)
	})
	return found, err
}

// opt is n, or NULL for 0.
func opt(n uint64) any {
	if n == 0 {
		return nil
	}
	return n
}

// violated says which columns' uniqueness a statement would have broken, or
// which index's where the database tells no more, as "table.column,
// table.column"; empty for every other error.
func violated(err error) string {
	if columns := violatedSQLite(err); columns != "" {
		return columns
	}
	return violatedPostgres(err)
}
