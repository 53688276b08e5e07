package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parley-chat/parley/internal/chat"
)

// pgQueue is a transaction whose changes wait for the next question, or for its
// end, and then go in one round trip. exec does not know yet how many rows it
// changes, and says 0.
//
// Nearly every commit asks nothing. Then all of it is one pipeline, which
// PostgreSQL takes as one transaction by itself.
type pgQueue struct {
	k     *pgx.Conn
	ctx   context.Context
	batch pgx.Batch
	open  bool // a transaction was begun
}

func (q *pgQueue) exec(sql string, args ...any) (int, error) {
	values, err := pgArgs(args)
	if err == nil {
		q.batch.Queue(sql, values...)
	}
	return 0, err
}

func (q *pgQueue) execEach(sql string, n int, args func(i int) []any) error {
	for i := range n {
		if _, err := q.exec(sql, args(i)...); err != nil {
			return err
		}
	}
	return nil
}

func (q *pgQueue) query(sql string, args []any, each func(row) error) error {
	return q.together(once(sql, args, each))
}

func (q *pgQueue) queryEach(sql string, n int, args func(i int) []any, each func(i int, r row) error) error {
	return q.together(question{sql, n, args, each})
}

func (q *pgQueue) together(questions ...question) error {
	if err := q.flush(true); err != nil {
		return err
	}
	t := pgTx{k: q.k, ctx: q.ctx}
	return t.together(questions...)
}

// flush sends what waits. When more is to come it stays uncommitted.
func (q *pgQueue) flush(more bool) error {
	all := &q.batch
	if more && !q.open {
		all = &pgx.Batch{}
		all.Queue("BEGIN")
		all.QueuedQueries = append(all.QueuedQueries, q.batch.QueuedQueries...)
		q.open = true
	}
	if !more && q.open {
		all.Queue("COMMIT")
	}
	if all.Len() == 0 {
		return nil
	}
	err := q.k.SendBatch(q.ctx, all).Close()
	q.batch = pgx.Batch{}
	return failure(q.k, err)
}

// commitPostgres makes c true over the connection that holds its partition.
func commitPostgres(ctx context.Context, k *pgx.Conn, c *chat.Commit, part int, now int64) (err error) {
	q := &pgQueue{k: k, ctx: ctx}
	defer func() {
		if err != nil && !k.IsClosed() && k.PgConn().TxStatus() != 'I' {
			_, rerr := k.Exec(ctx, "ROLLBACK")
			err = errors.Join(err, rerr)
		}
	}()
	_, err = q.exec(`SELECT move_partition($1, $2, $3, $4, $5, $6, $7, $8)`,
		part, c.From.Epoch, c.From.Seq, c.From.Envelope, c.From.N, c.To.Seq, c.To.Envelope, c.To.N)
	if err != nil {
		return err
	}
	number(c, now)
	if err := queueEvents(q, c, part); err != nil {
		return err
	}
	if err := commitRest(q, part, c); err != nil {
		return err
	}
	return q.flush(false)
}

// columns are the events of a commit, turned: PostgreSQL takes an array for each
// column, which costs a third of a statement for each row.
type columns struct {
	seq, at, messages, gateway, logSeq, committed, target, thread pgtype.FlatArray[int64]
	room, by, id                                                  pgtype.FlatArray[pgtype.UUID]
	kind                                                          pgtype.FlatArray[int16]
	nonce                                                         pgtype.FlatArray[[]byte]
	text, extra                                                   pgtype.FlatArray[string]
}

func (t *columns) add(e *chat.Event) error {
	packed, err := packBody(&e.Body)
	if err != nil {
		return err
	}
	extra, _ := packed.(string)
	text := ""
	if e.Kind == chat.KindMessage || e.Kind == chat.KindEdit {
		text = e.Body.Text
	}
	t.seq = append(t.seq, int64(e.Seq))
	t.at = append(t.at, e.At)
	t.messages = append(t.messages, int64(e.Messages))
	t.gateway = append(t.gateway, int64(e.Origin.Gateway))
	t.logSeq = append(t.logSeq, int64(e.Origin.LogSeq))
	t.committed = append(t.committed, e.Origin.Committed)
	t.target = append(t.target, int64(e.Target))
	t.thread = append(t.thread, int64(e.Body.Thread))
	t.room = append(t.room, pgtype.UUID{Bytes: e.Room, Valid: true})
	t.by = append(t.by, pgtype.UUID{Bytes: e.By, Valid: true})
	t.id = append(t.id, pgtype.UUID{Bytes: e.ID, Valid: true})
	t.kind = append(t.kind, int16(e.Kind))
	t.nonce = append(t.nonce, packNonce(e.Nonce))
	t.text = append(t.text, text)
	t.extra = append(t.extra, extra)
	return nil
}

func queueEvents(q *pgQueue, c *chat.Commit, part int) error {
	if len(c.Events) == 0 {
		return nil
	}
	var t columns
	for _, e := range c.Events {
		if err := t.add(e); err != nil {
			return err
		}
	}
	q.batch.Queue(`INSERT INTO events (part, n, batch, seq, at, messages, gateway, log_seq, committed, target, thread, room, by, id, kind, nonce, text, extra)
		SELECT $1, $2 + i, $2 + 1, seq, at, messages, gateway, log_seq, committed, nullif(target, 0), nullif(thread, 0), room, by, id, kind, nonce,
		nullif(text, ''), nullif(extra, '')
		FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
		$11::uuid[], $12::uuid[], $13::uuid[], $14::smallint[], $15::bytea[], $16::text[], $17::text[]) WITH ORDINALITY
		AS t (seq, at, messages, gateway, log_seq, committed, target, thread, room, by, id, kind, nonce, text, extra, i)`,
		int64(part), int64(c.From.N), t.seq, t.at, t.messages, t.gateway, t.logSeq, t.committed, t.target, t.thread,
		t.room, t.by, t.id, t.kind, t.nonce, t.text, t.extra)
	return nil
}
