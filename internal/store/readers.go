package store

import "context"

// Readers keeps how far each background reader of the feed has come.
type Readers struct{ s *Store }

// Readers is the part of the store that background readers use.
func (s *Store) Readers() *Readers { return &Readers{s} }

// Position is the last feed number of a partition that the reader has dealt
// with; 0 for a new reader.
func (r *Readers) Position(ctx context.Context, name string, partition int) (n uint64, err error) {
	err = r.s.db.ask(ctx, func(q tx) (err error) {
		_, err = one(q, `SELECT n FROM readers WHERE name = $1 AND part = $2`, []any{name, partition}, &n)
		return err
	})
	return n, err
}

// SetPosition stores how far the reader has come.
func (r *Readers) SetPosition(ctx context.Context, name string, partition int, n uint64) error {
	return r.s.db.write(ctx, ofOthers, func(q tx) error {
		_, err := q.exec(`INSERT INTO readers (name, part, n) VALUES ($1, $2, $3) ON CONFLICT (name, part) DO UPDATE SET n = excluded.n`,
			name, partition, n)
		return err
	})
}
