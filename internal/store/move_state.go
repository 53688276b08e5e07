package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/chat"
)

// moveState is what a move has done: a row of the target, written by the very
// transactions that did it. While it is there the target is nobody's to serve
// from.
type moveState struct {
	Run        chat.ID // of the process that goes on with it
	Source     string  // which database is moved
	At         string  // where that stood: it must not be used in between
	Partitions int
	Indexes    []indexOf // made again when all rows are there
	Whole      []string  // tables that are there
	Rows       map[string]uint64
	Part       int    // the last event that was copied: its partition
	N          uint64 // and number, in the source
	Feeds      numbering
	Replaced   int
	Settled    bool
}

// indexOf is an index that was dropped, and how to make it.
type indexOf struct{ Name, SQL string }

// Where the state is in the table meta: until the move has finished, and then.
const (
	movingKey = "moving"
	movedKey  = "moved"
)

// errOvertaken: another process has gone on with the move, so this one must not.
var errOvertaken = errors.New("another `parley migrate` has taken this migration over")

// moveValue is the state as the database has it, empty when there is none.
func moveValue(ctx context.Context, db database, key string) (value string, err error) {
	err = db.ask(ctx, func(q tx) error {
		_, err := one(q, `SELECT value FROM meta WHERE key = $1`, []any{key}, &value)
		return err
	})
	return value, err
}

// identity tells the source from any other database, and in the state in which
// it is from any other state: whoever uses it starts an epoch, or moves a number.
func (m *mover) identity(ctx context.Context) (source, at string, err error) {
	which, stands := sha256.New(), sha256.New()
	err = m.from.db.read(ctx, func(q tx) error {
		err := q.query(`SELECT key, value FROM meta WHERE key IN ('created_at', 'signing_key', 'first_owner') ORDER BY key`, nil, func(r row) error {
			var key, value string
			err := r.scan(&key, &value)
			fmt.Fprintln(which, key, value)
			return err
		})
		if err != nil {
			return err
		}
		var first chat.ID
		if _, err := one(q, `SELECT id FROM events WHERE part = 0 AND n = 1`, nil, &first); err != nil {
			return err
		}
		fmt.Fprintln(which, first)
		var revoked uint64
		if _, err := one(q, `SELECT n FROM counters WHERE name = 'revocations'`, nil, &revoked); err != nil {
			return err
		}
		fmt.Fprintln(stands, revoked)
		return nil
	})
	if err != nil {
		return "", "", err
	}
	positions, err := m.positions(ctx)
	fmt.Fprintln(stands, positions)
	return hex.EncodeToString(which.Sum(nil)), hex.EncodeToString(stands.Sum(nil)), err
}

// positions are where the source's partitions stand.
func (m *mover) positions(ctx context.Context) (all []chat.Position, err error) {
	err = m.from.db.read(ctx, func(q tx) error {
		for part := range m.from.partitions {
			p, err := readPosition(q, part)
			if err != nil {
				return err
			}
			all = append(all, p)
		}
		return nil
	})
	return all, err
}

// movedBefore says whether all of this move was done by one that has finished:
// it may have been killed before it could say so.
func (m *mover) movedBefore(ctx context.Context) (bool, error) {
	value, err := moveValue(ctx, m.to.db, movedKey)
	if err != nil || value == "" {
		return false, err
	}
	var earlier moveState
	if err := json.Unmarshal([]byte(value), &earlier); err != nil {
		return false, fmt.Errorf("what it says of the migration into it cannot be read: %w", err)
	}
	source, at, err := m.identity(ctx)
	if err != nil || source != earlier.Source || at != earlier.At {
		return false, err
	}
	if m.Partitions != 0 && m.Partitions != earlier.Partitions {
		return false, fmt.Errorf("all of this was moved into it already, with %d partitions: make a new database for %d", earlier.Partitions, m.Partitions)
	}
	m.report.Rooms, m.report.Events, m.report.Replaced = int(earlier.Rows["rooms"]), earlier.Rows["events"], earlier.Replaced
	return true, nil
}

// begin finds out what there is to do: all of it, or what an earlier move has
// left.
func (m *mover) begin(ctx context.Context) error {
	source, at, err := m.identity(ctx)
	if err != nil {
		return err
	}
	var earlier moveState
	if m.saved != "" {
		if err := json.Unmarshal([]byte(m.saved), &earlier); err != nil {
			return fmt.Errorf("the target has an unfinished migration that cannot be read (%w): make a new database and name that", err)
		}
	}
	switch {
	case m.saved == "":
	case earlier.Source != source:
		return errors.New("the target has an unfinished migration of another source: name that source to go on with it, or a new target")
	case m.Partitions != 0 && m.Partitions != earlier.Partitions:
		return fmt.Errorf("the target has an unfinished migration into %d partitions: say so or nothing of partitions, or name a new target", earlier.Partitions)
	case earlier.At == at:
		m.state, m.report.Resumed = earlier, true
		return m.resume(ctx)
	default:
		m.Log.Warn("the source was used since the unfinished migration: copying it anew")
	}
	if err := m.verifySource(ctx); err != nil {
		return err
	}
	m.state = moveState{Run: chat.NewID(), Source: source, At: at, Partitions: m.Partitions, Indexes: earlier.Indexes, Rows: map[string]uint64{}}
	for _, p := range [...]int{earlier.Partitions, postgresPartitions} {
		if m.state.Partitions == 0 {
			m.state.Partitions = p
		}
	}
	m.state.Feeds = make(numbering, m.state.Partitions)
	return m.clear(ctx)
}

// resume goes on with what an earlier process has left. One that was killed a moment
// ago may commit once more meanwhile: its server goes on until it notices.
func (m *mover) resume(ctx context.Context) error {
	err := m.takeOver(ctx)
	if !errors.Is(err, errOvertaken) {
		return err
	}
	if m.saved, err = moveValue(ctx, m.to.db, movingKey); err != nil {
		return err
	}
	m.state = moveState{}
	if err := json.Unmarshal([]byte(m.saved), &m.state); err != nil {
		return errOvertaken // it has come to its end
	}
	return m.takeOver(ctx)
}

// takeOver writes that it is this process that goes on.
func (m *mover) takeOver(ctx context.Context) error {
	if m.state.Rows == nil {
		m.state.Rows = map[string]uint64{}
	}
	m.state.Run = chat.NewID()
	m.to.partitions = m.state.Partitions
	m.report.Replaced = m.state.Replaced
	if err := m.describe(ctx); err != nil {
		return err
	}
	return m.inTransaction(ctx, func() error { return nil })
}

// clear makes the target ready for all rows: without any, and without indexes,
// which are made faster when all rows are there.
func (m *mover) clear(ctx context.Context) error {
	m.to.partitions = m.state.Partitions
	if err := m.describe(ctx); err != nil {
		return err
	}
	dropped, err := m.indexes(ctx)
	if err != nil {
		return err
	}
	for _, i := range dropped {
		if !slices.ContainsFunc(m.state.Indexes, func(j indexOf) bool { return i.Name == j.Name }) {
			m.state.Indexes = append(m.state.Indexes, i)
		}
	}
	return m.inTransaction(ctx, func() error {
		statements := []string{`DELETE FROM partitions`}
		for _, name := range append(slices.Clone(movedTables), "readers", "words") {
			statements = append(statements, `TRUNCATE `+name)
		}
		for _, i := range dropped {
			statements = append(statements, `DROP INDEX `+pgx.Identifier{i.Name}.Sanitize())
		}
		for part := range m.state.Partitions {
			statements = append(statements, fmt.Sprintf(`INSERT INTO partitions (part, epoch, log_seq, envelope, n) VALUES (%d, 0, 0, '%s', 0)`, part, chat.ID{}))
		}
		for _, sql := range statements {
			if _, err := m.k.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// indexes are those of the moved tables that no primary key stands on. That
// stays, so that no row can be there twice.
func (m *mover) indexes(ctx context.Context) (all []indexOf, err error) {
	err = m.to.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT c.relname::text, t.relname::text, pg_get_indexdef(i.indexrelid)
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
			WHERE t.relnamespace = current_schema()::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint n WHERE n.conindid = i.indexrelid)
			ORDER BY t.relname, c.relname`, nil, func(r row) error {
			var i indexOf
			var of string
			err := r.scan(&i.Name, &of, &i.SQL)
			if slices.Contains(movedTables, of) {
				all = append(all, i)
			}
			return err
		})
	})
	return all, err
}

// inTransaction does what fn does on the writer's connection, with the state as it
// is then, or nothing.
func (m *mover) inTransaction(ctx context.Context, fn func() error) error {
	if _, err := m.k.Exec(ctx, "BEGIN"); err != nil {
		return failure(m.k, err)
	}
	err := fn()
	if err == nil {
		err = m.save(ctx)
	}
	if err != nil {
		return errors.Join(failure(m.k, err), endPostgres(ctx, m.k))
	}
	return nil
}

// save writes the state and commits. It fails when the state is not the one that
// we wrote last: another process has gone on.
func (m *mover) save(ctx context.Context) error {
	b, err := json.Marshal(&m.state)
	if err != nil {
		return err
	}
	sql, args := `UPDATE meta SET value = $2 WHERE key = $1 AND value = $3`, []any{movingKey, string(b), m.saved}
	if m.saved == "" {
		sql, args = `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, args[:2]
	}
	tag, err := m.k.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() == 0 {
		err = errOvertaken
	}
	if err == nil {
		_, err = m.k.Exec(ctx, "COMMIT")
	}
	if err == nil {
		m.saved, m.report.Begun = string(b), true
	}
	return err
}
