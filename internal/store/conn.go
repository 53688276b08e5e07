package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/parley-chat/parley/internal/chat"
)

// conn is one connection to an SQLite file with its prepared statements. It is
// a [tx] while it is in a transaction. One goroutine uses it at a time.
type conn struct {
	c        *sqlite.Conn
	prepared map[string]*statement
	ctx      context.Context // of the transaction
	changed  int             // rows, since the transaction began
}

// statement knows which of SQLite's parameters each argument is: SQLite numbers
// $2 before $1 when it meets it first.
type statement struct {
	*sqlite.Stmt
	argument []int // by SQLite's parameter - 1
}

func openConn(file string, flags sqlite.OpenFlags, pragmas ...string) (*conn, error) {
	c, err := sqlite.OpenConn(file, flags)
	if err != nil {
		return nil, err
	}
	c.SetBusyTimeout(5 * time.Second)
	k := &conn{c: c, prepared: map[string]*statement{}, ctx: context.Background()}
	for _, p := range pragmas {
		if err := k.once(p); err != nil {
			c.Close()
			return nil, err
		}
	}
	return k, nil
}

func (k *conn) close() error { return k.c.Close() }

// once runs a statement that is not worth keeping.
func (k *conn) once(sql string) error {
	s, _, err := k.c.PrepareTransient(sql)
	if err != nil {
		return err
	}
	for {
		more, err := s.Step()
		if err != nil || !more {
			if ferr := s.Finalize(); err == nil {
				err = ferr
			}
			return err
		}
	}
}

func (k *conn) prepare(sql string) (*statement, error) {
	if s := k.prepared[sql]; s != nil {
		return s, nil
	}
	stmt, err := k.c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	s := &statement{Stmt: stmt, argument: make([]int, stmt.BindParamCount())}
	for i := range s.argument {
		n, err := strconv.Atoi(strings.TrimPrefix(stmt.BindParamName(i+1), "$"))
		if err != nil {
			return nil, fmt.Errorf("a placeholder is $1, $2 …: %s", sql)
		}
		s.argument[i] = n - 1
	}
	k.prepared[sql] = s
	return s, nil
}

func (s *statement) bind(args []any) error {
	for i, n := range s.argument {
		if err := bindOne(s.Stmt, i+1, args[n]); err != nil {
			return err
		}
	}
	return nil
}

func bindOne(s *sqlite.Stmt, p int, arg any) error {
	switch v := arg.(type) {
	case nil:
		s.BindNull(p)
	case int:
		s.BindInt64(p, int64(v))
	case int64:
		s.BindInt64(p, v)
	case uint64:
		s.BindInt64(p, int64(v))
	case bool:
		s.BindBool(p, v)
	case string:
		s.BindText(p, v)
	case []byte:
		s.BindBytes(p, v)
	case json.RawMessage:
		s.BindText(p, string(v))
	case chat.ID:
		s.BindBytes(p, v[:])
	case [32]byte:
		s.BindBytes(p, v[:])
	case chat.Kind:
		s.BindInt64(p, int64(v))
	case chat.RoomKind:
		s.BindText(p, string(v))
	case chat.Role:
		s.BindText(p, string(v))
	case chat.OrgRole:
		s.BindText(p, string(v))
	case chat.UserKind:
		s.BindText(p, string(v))
	case chat.Notify:
		s.BindText(p, string(v))
	default:
		return fmt.Errorf("a %T cannot be an argument", arg)
	}
	return nil
}

func (k *conn) exec(sql string, args ...any) (int, error) {
	s, err := k.prepare(sql)
	if err != nil {
		return 0, err
	}
	if err := s.bind(args); err != nil {
		return 0, err
	}
	for {
		more, err := s.Step()
		if err != nil {
			return 0, err
		}
		if !more {
			break
		}
	}
	changed := k.c.Changes()
	k.changed += changed
	return changed, s.Reset()
}

func (k *conn) query(sql string, args []any, each func(row) error) error {
	s, err := k.prepare(sql)
	if err != nil {
		return err
	}
	return k.rows(s, args, each)
}

func (k *conn) queryEach(sql string, n int, args func(i int) []any, each func(i int, r row) error) error {
	s, err := k.prepare(sql)
	if err != nil {
		return err
	}
	for i := range n {
		if err := k.rows(s, args(i), func(r row) error { return each(i, r) }); err != nil {
			return err
		}
	}
	return nil
}

// checkEvery is how many rows are read between two looks at whether anybody
// still waits for them.
const checkEvery = 64

func (k *conn) rows(s *statement, args []any, each func(row) error) (err error) {
	if err := s.bind(args); err != nil {
		return err
	}
	defer func() {
		if rerr := s.Reset(); err == nil {
			err = rerr
		}
	}()
	for i := 0; ; i++ {
		if i%checkEvery == 0 {
			if err := k.ctx.Err(); err != nil {
				return err
			}
		}
		more, err := s.Step()
		if err != nil || !more {
			return err
		}
		if err := each(s); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
}

func (s *statement) scan(dest ...any) error {
	for i, d := range dest {
		if err := s.scanOne(i, d); err != nil {
			return err
		}
	}
	return nil
}

func (s *statement) scanOne(i int, dest any) error {
	switch d := dest.(type) {
	case *int:
		*d = int(s.ColumnInt64(i))
	case *int64:
		*d = s.ColumnInt64(i)
	case *uint64:
		*d = uint64(s.ColumnInt64(i))
	case *bool:
		*d = s.ColumnInt64(i) != 0
	case *string:
		*d = s.ColumnText(i)
	case *[]byte:
		*d = slices.Grow((*d)[:0], s.ColumnLen(i))[:s.ColumnLen(i)]
		s.ColumnBytes(i, *d)
	case *chat.ID:
		return s.scanFixed(i, d[:])
	case *[32]byte:
		return s.scanFixed(i, d[:])
	case *chat.Kind:
		*d = chat.Kind(s.ColumnInt64(i))
	case *chat.RoomKind:
		*d = chat.RoomKind(s.ColumnText(i))
	case *chat.Role:
		*d = chat.Role(s.ColumnText(i))
	case *chat.OrgRole:
		*d = chat.OrgRole(s.ColumnText(i))
	case *chat.UserKind:
		*d = chat.UserKind(s.ColumnText(i))
	case *chat.Notify:
		*d = chat.Notify(s.ColumnText(i))
	default:
		return fmt.Errorf("nothing can be scanned into a %T", dest)
	}
	return nil
}

func (s *statement) scanFixed(i int, dest []byte) error {
	switch n := s.ColumnLen(i); n {
	case len(dest):
		s.ColumnBytes(i, dest)
	case 0:
		clear(dest)
	default:
		return fmt.Errorf("%w: column %s has %d bytes instead of %d", ErrDamaged, s.ColumnName(i), n, len(dest))
	}
	return nil
}
