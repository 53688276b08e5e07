package store

import (
	"context"
	"fmt"
	"hash/maphash"

	"golang.org/x/sync/errgroup"
)

// index makes the indexes that are missing.
func (m *mover) index(ctx context.Context) error {
	for i, index := range m.state.Indexes {
		there := false
		if err := m.k.QueryRow(ctx, `SELECT to_regclass(quote_ident($1)) IS NOT NULL`, index.Name).Scan(&there); err != nil {
			return failure(m.k, err)
		}
		if there {
			continue
		}
		step := MoveProgress{Step: fmt.Sprintf("index %d of %d, %s", i+1, len(m.state.Indexes), index.Name)}
		m.tell(step)
		if _, err := m.k.Exec(ctx, index.SQL); err != nil {
			return fmt.Errorf("making the index %s: %w", index.Name, failure(m.k, err))
		}
		step.Ended = true
		m.tell(step)
	}
	return nil
}

// settle writes what is not a copy: where the partitions stand, and what the
// database says of itself.
func (m *mover) settle(ctx context.Context) error {
	if m.state.Settled {
		return nil
	}
	about := map[string]string{}
	err := m.from.db.read(ctx, func(q tx) error {
		return q.query(`SELECT key, value FROM meta`, nil, func(r row) error {
			var key, value string
			err := r.scan(&key, &value)
			about[key] = value
			return err
		})
	})
	if err != nil {
		return err
	}
	for _, key := range [...]string{"usable_since", movingKey, movedKey} {
		delete(about, key)
	}
	m.state.Settled = true
	err = m.inTransaction(ctx, func() error {
		for part := range m.state.Feeds {
			if _, err := m.k.Exec(ctx, `UPDATE partitions SET n = $2 WHERE part = $1`, part, int64(m.state.Feeds[part].N)); err != nil {
				return err
			}
		}
		for key, value := range about {
			_, err := m.k.Exec(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
			if err != nil {
				return err
			}
		}
		_, err := m.k.Exec(ctx, `SELECT setval(pg_get_serial_sequence('jobs', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM jobs), false)`)
		return err
	})
	if err != nil {
		return err
	}
	m.tell(MoveProgress{Step: "statistics"})
	if _, err := m.k.Exec(ctx, `ANALYZE`); err != nil {
		return failure(m.k, err)
	}
	m.tell(MoveProgress{Step: "statistics", Ended: true})
	return nil
}

// fingerprint tells a table's rows from any others, in whatever order they are read.
type fingerprint struct {
	rows       uint64
	sum, other uint64
}

var seeds = [...]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func (p *fingerprint) add(row []byte) {
	p.rows++
	p.sum += maphash.Bytes(seeds[0], row)
	p.other += maphash.Bytes(seeds[1], row)
}

// compare reads both databases once more and compares every row.
func (m *mover) compare(ctx context.Context) error {
	for _, t := range m.tables {
		var source, target fingerprint
		both, within := errgroup.WithContext(ctx)
		both.Go(func() error { return m.printSource(within, t, &source) })
		both.Go(func() error { return m.printTarget(within, t, &target) })
		if err := both.Wait(); err != nil {
			return fmt.Errorf("comparing the table %s: %w", t.name, err)
		}
		if source != target {
			return fmt.Errorf("the table %s is not what it was: %d rows became %d, or others. The target cannot be used: drop that database, and report this",
				t.name, source.rows, target.rows)
		}
	}
	m.tell(MoveProgress{Step: "comparing", Said: "every row is as it was", Ended: true})
	return nil
}

func (m *mover) printSource(ctx context.Context, t *table, p *fingerprint) error {
	feeds := make(numbering, m.state.Partitions)
	return m.source(ctx, t, 0, 0, 0, func(r *record) error {
		feeds.divide(r)
		row, err := r.encode()
		if err != nil {
			return err
		}
		if p.add(row); p.rows%tellEvery == 0 {
			m.tell(MoveProgress{Step: "comparing " + t.name, Done: p.rows, Total: t.total})
		}
		return nil
	})
}

func (m *mover) printTarget(ctx context.Context, t *table, p *fingerprint) error {
	r := newRecord(t)
	return m.to.db.read(ctx, func(q tx) error {
		return q.query(`SELECT `+t.names()+` FROM `+t.name, nil, func(of row) error {
			if err := of.scan(r.dest...); err != nil {
				return err
			}
			row, err := r.encode()
			if err == nil {
				p.add(row)
			}
			return err
		})
	})
}

// finish gives the target to those who want to serve from it.
func (m *mover) finish(ctx context.Context) error {
	tag, err := m.k.Exec(ctx, `UPDATE meta SET key = $3 WHERE key = $1 AND value = $2`, movingKey, m.saved, movedKey)
	if err == nil && tag.RowsAffected() == 0 {
		err = errOvertaken
	}
	return failure(m.k, err)
}
