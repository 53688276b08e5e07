package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parley-chat/parley/internal/chat"
)

// pgTx is a transaction that begins with its first statement, in the same round
// trip.
type pgTx struct {
	k      *pgx.Conn
	ctx    context.Context
	begin  string // not sent yet
	single bool   // no transaction: there is one statement
	asked  bool
}

var errSecond = errors.New("a second statement outside of a transaction would be of another moment")

func (q *pgTx) next() error {
	if q.single && q.asked {
		return errSecond
	}
	q.asked = true
	return nil
}

func (q *pgTx) fail(err error) error { return failure(q.k, err) }

func (q *pgTx) exec(sql string, args ...any) (int, error) {
	changed := 0
	err := q.send(sql, 1, func(int) []any { return args }, func(_ int, rows pgx.Rows) error {
		rows.Close()
		changed = int(rows.CommandTag().RowsAffected())
		return nil
	})
	return changed, err
}

func (q *pgTx) execEach(sql string, n int, args func(i int) []any) error {
	if n == 0 {
		return nil
	}
	return q.send(sql, n, args, func(int, pgx.Rows) error { return nil })
}

func (q *pgTx) query(sql string, args []any, each func(row) error) error {
	return q.send(sql, 1, func(int) []any { return args }, func(_ int, rows pgx.Rows) error { return eachRow(rows, each) })
}

func (q *pgTx) queryEach(sql string, n int, args func(i int) []any, each func(i int, r row) error) error {
	if n == 0 {
		return nil
	}
	return q.send(sql, n, args, func(i int, rows pgx.Rows) error {
		return eachRow(rows, func(r row) error { return each(i, r) })
	})
}

// send runs the statement n times in one round trip, together with the begin of
// the transaction when that is still to come.
func (q *pgTx) send(sql string, n int, args func(i int) []any, take func(i int, rows pgx.Rows) error) error {
	if err := q.next(); err != nil {
		return err
	}
	if q.begin == "" && n == 1 {
		values, err := pgArgs(args(0))
		if err != nil {
			return err
		}
		rows, err := q.k.Query(q.ctx, sql, values...)
		if err != nil {
			return q.fail(err)
		}
		return q.took(rows, take(0, rows))
	}
	var batch pgx.Batch
	if q.begin != "" {
		batch.Queue(q.begin)
	}
	for i := range n {
		values, err := pgArgs(args(i))
		if err != nil {
			return err
		}
		batch.Queue(sql, values...)
	}
	return q.sendBatch(&batch, n, take)
}

func (q *pgTx) sendBatch(batch *pgx.Batch, n int, take func(i int, rows pgx.Rows) error) (err error) {
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
	for i := range n {
		rows, err := results.Query()
		if err != nil {
			return q.fail(err)
		}
		if err := q.took(rows, take(i, rows)); err != nil {
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
		default:
			return nil, fmt.Errorf("a %T cannot be an argument", arg)
		}
	}
	return values, nil
}
