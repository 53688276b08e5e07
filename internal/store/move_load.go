package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
)

// What one transaction of a move loads at most: what a move that is killed has to
// do again.
const (
	loadRows  = 50_000
	loadBytes = 32 << 20
)

// tellEvery is how many rows go by between two words on how it goes.
const tellEvery = 2048

// copyTable copies what the target does not have yet of a table.
func (m *mover) copyTable(ctx context.Context, t *table) error {
	if slices.Contains(m.state.Whole, t.name) {
		return nil
	}
	done := m.state.Rows[t.name]
	replaced := m.state.Replaced
	l := &load{k: m.k, sql: `COPY ` + t.name + ` (` + t.names() + `) FROM STDIN BINARY`}
	defer l.abandon()
	err := m.source(ctx, t, done, m.state.Part, m.state.N, func(r *record) error {
		if t.name == "events" {
			m.state.Part, m.state.N = int(*r.int("part")), uint64(*r.int("n"))
		}
		m.state.Feeds.divide(r)
		row, err := r.encode()
		if err == nil {
			err = l.add(ctx, row)
		}
		if err != nil {
			return err
		}
		done++
		m.state.Rows[t.name], m.state.Replaced = done, replaced+r.replaced
		if done%tellEvery == 0 {
			m.tell(MoveProgress{Step: t.name, Done: done, Total: t.total})
		}
		if l.rows < m.atOnce() && l.bytes < loadBytes {
			return nil
		}
		if err := m.commitLoad(ctx, l); err != nil {
			return err
		}
		m.tell(MoveProgress{Step: t.name, Done: done, Total: t.total})
		return nil
	})
	if err != nil {
		return err
	}
	if done != t.total {
		return fmt.Errorf("%d of %d rows were read: the source is changing", done, t.total)
	}
	m.state.Whole = append(m.state.Whole, t.name)
	if err := m.commitLoad(ctx, l); err != nil {
		return err
	}
	m.report.Replaced = m.state.Replaced
	if t.total > 0 {
		m.tell(MoveProgress{Step: t.name, Done: done, Total: t.total, Ended: true})
	}
	return nil
}

func (m *mover) atOnce() int {
	if m.rows > 0 {
		return m.rows
	}
	return loadRows
}

// commitLoad commits what was loaded, with the state that says so.
func (m *mover) commitLoad(ctx context.Context, l *load) error {
	if !l.open {
		return m.inTransaction(ctx, func() error { return nil })
	}
	err := l.end()
	if err == nil {
		err = m.save(ctx)
	}
	return failure(m.k, err)
}

// load streams rows into a table, within a transaction that it begins.
type load struct {
	k           *pgx.Conn
	sql         string
	open        bool
	rows, bytes int
	pipe        *io.PipeWriter
	out         *bufio.Writer
	ended       chan struct{}
	err         error // of the stream, when it has ended
}

// copyHeader begins a stream in the binary format, copyEnd ends it.
const (
	copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyEnd    = "\xff\xff"
)

func (l *load) add(ctx context.Context, row []byte) error {
	if !l.open {
		if err := l.begin(ctx); err != nil {
			return err
		}
	}
	l.rows++
	l.bytes += len(row)
	if _, err := l.out.Write(row); err != nil {
		return l.why(err)
	}
	return nil
}

func (l *load) begin(ctx context.Context) error {
	if _, err := l.k.Exec(ctx, "BEGIN"); err != nil {
		return failure(l.k, err)
	}
	r, w := io.Pipe()
	l.open, l.rows, l.bytes = true, 0, 0
	l.pipe, l.out, l.ended = w, bufio.NewWriterSize(w, 64<<10), make(chan struct{})
	go func() {
		_, err := l.k.PgConn().CopyFrom(ctx, r, l.sql)
		r.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // nobody reads any more
		l.err = err
		close(l.ended)
	}()
	_, err := l.out.WriteString(copyHeader)
	return err
}

// why is why nobody reads any more.
func (l *load) why(err error) error {
	l.open = false
	<-l.ended
	if l.err != nil {
		return failure(l.k, l.err)
	}
	return err
}

// end waits until all rows are there.
func (l *load) end() error {
	_, err := l.out.WriteString(copyEnd)
	if err == nil {
		err = l.out.Flush()
	}
	if err != nil {
		return l.why(err)
	}
	l.open = false
	err = l.pipe.Close()
	<-l.ended
	return errors.Join(err, l.err)
}

var errAbandoned = errors.New("the move ends here")

// abandon ends a stream that was not ended. Its transaction ends with the
// connection.
func (l *load) abandon() {
	if l.open {
		l.open = false
		l.pipe.CloseWithError(errAbandoned)
		<-l.ended //nolint:errcheck // it says that it was abandoned
	}
}
