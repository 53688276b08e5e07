package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parley-chat/parley/internal/chat"
)

const beginSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

// pgTx is a transaction that begins with its first statement, in the same round
// trip.
type pgTx struct {
	k      *pgx.Conn
	ctx    context.Context
	begin  string // not sent yet
	single bool   // no transaction: there is one round trip
	asked  bool
}

var errSecond = errors.New("another statement outside of a transaction would be of another moment")

func (q *pgTx) fail(err error) error { return failure(q.k, err) }

func (q *pgTx) exec(sql string, args ...any) (changed int, err error) {
	values, err := pgArgs(args)
	if err != nil {
		return 0, err
	}
	err = q.send([]sending{{sql, values, func(rows pgx.Rows) error {
		rows.Close()
		changed = int(rows.CommandTag().RowsAffected())
		return nil
	}}})
	return changed, err
}

func (q *pgTx) execEach(sql string, n int, args func(i int) []any) error {
	return q.queryEach(sql, n, args, func(int, row) error { return nil })
}

func (q *pgTx) query(sql string, args []any, each func(row) error) error {
	values, err := pgArgs(args)
	if err != nil {
		return err
	}
	return q.send([]sending{{sql, values, func(rows pgx.Rows) error { return eachRow(rows, each) }}})
}

func (q *pgTx) queryEach(sql string, n int, args func(i int) []any, each func(i int, r row) error) error {
	all, err := sendings(nil, &question{sql, n, args, each})
	if err != nil {
		return err
	}
	return q.send(all)
}

func (q *pgTx) together(questions ...question) (err error) {
	var all []sending
	if q.single {
		all = append(all, sending{beginSnapshot, nil, noRows})
	}
	for i := range questions {
		if all, err = sendings(all, &questions[i]); err != nil {
			return err
		}
	}
	if q.single {
		all = append(all, sending{"COMMIT", nil, noRows})
	}
	return q.send(all)
}

func noRows(pgx.Rows) error { return nil }

// sending is a statement of a batch, and what is done with its rows.
type sending struct {
	sql  string
	args []any
	take func(pgx.Rows) error
}

func sendings(all []sending, q *question) ([]sending, error) {
	all = slices.Grow(all, q.n)
	for i := range q.n {
		values, err := pgArgs(q.args(i))
		if err != nil {
			return nil, err
		}
		all = append(all, sending{q.sql, values, func(rows pgx.Rows) error {
			return eachRow(rows, func(r row) error { return q.each(i, r) })
		}})
	}
	return all, nil
}

// send sends statements in one round trip, with the begin of the transaction
// when that is still to come.
func (q *pgTx) send(all []sending) error {
	if len(all) == 0 {
		return nil
	}
	if q.single && q.asked {
		return errSecond
	}
	q.asked = true
	if q.begin == "" && len(all) == 1 {
		rows, err := q.k.Query(q.ctx, all[0].sql, all[0].args...)
		if err != nil {
			return q.fail(err)
		}
		return q.took(rows, all[0].take(rows))
	}
	var batch pgx.Batch
	if q.begin != "" {
		batch.Queue(q.begin)
	}
	for i := range all {
		batch.Queue(all[i].sql, all[i].args...)
	}
	return q.sendBatch(&batch, all)
}

func (q *pgTx) sendBatch(batch *pgx.Batch, all []sending) (err error) {
	results := q.k.SendBatch(q.ctx, batch)
	defer func() {
		if cerr := results.Close(); err == nil {
			err = q.fail(cerr)
		}
	}()
	if q.begin != "" {
		if _, err := results.Exec(); err != nil {
			return q.fail(err)
		}
		q.begin = ""
	}
	for i := range all {
		rows, err := results.Query()
		if err != nil {
			return q.fail(err)
		}
		if err := q.took(rows, all[i].take(rows)); err != nil {
			return err
		}
	}
	return nil
}

// took is what became of a statement whose rows were read with err.
func (q *pgTx) took(rows pgx.Rows, err error) error {
	rows.Close()
	if err != nil {
		return err
	}
	return q.fail(rows.Err())
}

func eachRow(rows pgx.Rows, each func(row) error) error {
	r := pgRow{fields: rows.FieldDescriptions()}
	for rows.Next() {
		r.values = rows.RawValues()
		if err := each(&r); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
	return nil
}

// pgRow reads values as PostgreSQL sends them.
type pgRow struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

func (r *pgRow) scan(dest ...any) error {
	for i, d := range dest {
		if err := r.scanOne(i, d); err != nil {
			return err
		}
	}
	return nil
}

func (r *pgRow) scanOne(i int, dest any) error {
	v := r.values[i]
	switch d := dest.(type) {
	case *string:
		*d = string(v)
	case *[]byte:
		*d = append((*d)[:0], v...)
	case *chat.ID:
		return r.scanFixed(i, d[:])
	case *[32]byte:
		return r.scanFixed(i, d[:])
	case *chat.RoomKind:
		*d = chat.RoomKind(v)
	case *chat.Role:
		*d = chat.Role(v)
	case *chat.OrgRole:
		*d = chat.OrgRole(v)
	case *chat.UserKind:
		*d = chat.UserKind(v)
	case *chat.Notify:
		*d = chat.Notify(v)
	default:
		return r.scanInt(i, dest)
	}
	return nil
}

func (r *pgRow) scanFixed(i int, dest []byte) error {
	switch v := r.values[i]; len(v) {
	case len(dest):
		copy(dest, v)
	case 0:
		clear(dest)
	default:
		return fmt.Errorf("%w: column %s has %d bytes instead of %d", ErrDamaged, r.fields[i].Name, len(v), len(dest))
	}
	return nil
}

func (r *pgRow) scanInt(i int, dest any) error {
	var n int64
	switch v := r.values[i]; r.fields[i].DataTypeOID {
	case pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID:
		switch len(v) {
		case 8:
			n = int64(binary.BigEndian.Uint64(v))
		case 4:
			n = int64(int32(binary.BigEndian.Uint32(v)))
		case 2:
			n = int64(int16(binary.BigEndian.Uint16(v)))
		}
	default:
		return fmt.Errorf("column %s is no integer: cast it", r.fields[i].Name)
	}
	switch d := dest.(type) {
	case *int:
		*d = int(n)
	case *int64:
		*d = n
	case *uint64:
		*d = uint64(n)
	case *bool:
		*d = n != 0
	case *chat.Kind:
		*d = chat.Kind(n)
	default:
		return fmt.Errorf("nothing can be scanned into a %T", dest)
	}
	return nil
}

// pgArgs are the arguments of a statement as the driver wants them.
func pgArgs(args []any) ([]any, error) {
	values := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case nil, int64, string, []byte:
			values[i] = v
		case int:
			values[i] = int64(v)
		case uint64:
			values[i] = int64(v)
		case bool:
			values[i] = int64(0)
			if v {
				values[i] = int64(1)
			}
		case json.RawMessage:
			values[i] = string(v)
		case chat.ID:
			values[i] = pgtype.UUID{Bytes: v, Valid: true}
		case [32]byte:
			values[i] = v[:]
		case chat.Kind:
			values[i] = int64(v)
		case chat.RoomKind:
			values[i] = string(v)
		case chat.Role:
			values[i] = string(v)
		case chat.OrgRole:
			values[i] = string(v)
		case chat.UserKind:
			values[i] = string(v)
		case chat.Notify:
			values[i] = string(v)
		case []int64:
			values[i] = pgtype.FlatArray[int64](v)
		case []string:
			values[i] = pgtype.FlatArray[string](v)
		case []chat.ID:
			values[i] = uuids(v)
		default:
			return nil, fmt.Errorf("a %T cannot be an argument", arg)
		}
	}
	return values, nil
}

func uuids(ids []chat.ID) pgtype.FlatArray[pgtype.UUID] {
	list := make(pgtype.FlatArray[pgtype.UUID], len(ids))
	for i, id := range ids {
		list[i] = pgtype.UUID{Bytes: id, Valid: true}
	}
	return list
}
