package store

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
)

// sqliteHold is a partition of a folder, which this process has to itself: who
// claims it last holds it, and the epoch tells.
type sqliteHold struct {
	d    *sqliteDB
	part int
}

func (d *sqliteDB) claim(ctx context.Context, part int) (hold, error) {
	err := d.write(ctx, ofSequencer, func(q tx) error {
		changed, err := q.exec(`UPDATE partitions SET epoch = epoch + 1 WHERE part = $1`, part)
		if err == nil && changed == 0 {
			err = fmt.Errorf("there is no partition %d", part)
		}
		return err
	})
	return &sqliteHold{d, part}, err
}

func (l *sqliteHold) position(ctx context.Context) (p chat.Position, err error) {
	err = l.d.ask(ctx, func(q tx) (err error) {
		p, err = readPosition(q, l.part)
		return err
	})
	return p, err
}

func (l *sqliteHold) commit(ctx context.Context, h *Shard, c *chat.Commit) error {
	return l.d.write(ctx, ofSequencer, func(q tx) error { return h.commit(q, c) })
}

func (l *sqliteHold) release(context.Context) error { return nil }

// ask is a read like any other: there are no round trips to save.
func (d *sqliteDB) ask(ctx context.Context, fn func(tx) error) error { return d.read(ctx, fn) }

func (k *conn) execEach(sql string, n int, args func(i int) []any) error {
	for i := range n {
		if _, err := k.exec(sql, args(i)...); err != nil {
			return err
		}
	}
	return nil
}

func (k *conn) together(questions ...question) error {
	for _, q := range questions {
		if err := k.queryEach(q.sql, q.n, q.args, q.each); err != nil {
			return err
		}
	}
	return nil
}
