package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/internal/chat"
)

// Report is what Verify found.
type Report struct {
	Rooms    int
	Events   uint64
	Findings []string // a sentence each; empty: everything is as it must be
}

// maxFindings is where Verify stops listing: a database with that many is not
// repaired by hand.
const maxFindings = 1000

var errTooMany = errors.New("too many findings")

type verifier struct {
	s        *Store
	report   Report
	progress func(string)
}

func (v *verifier) finding(format string, args ...any) error {
	v.report.Findings = append(v.report.Findings, fmt.Sprintf(format, args...))
	if len(v.report.Findings) >= maxFindings {
		return errTooMany
	}
	return nil
}

// Verify checks the whole database: the file's own structure, every room's
// numbers, counts and projections against a replay of its events, and that the
// feed is complete. It works beside a running server, on one snapshot per room,
// and changes nothing. progress, when not nil, hears what it is doing. The error
// says that it could not look; what it found is in the report.
func (s *Store) Verify(ctx context.Context, progress func(string)) (Report, error) {
	v := &verifier{s: s, progress: progress}
	if v.progress == nil {
		v.progress = func(string) {}
	}
	err := v.run(ctx)
	if errors.Is(err, errTooMany) {
		v.report.Findings = append(v.report.Findings, "There is more; this is enough.")
		err = nil
	}
	return v.report, err
}

func (v *verifier) run(ctx context.Context) error {
	v.progress("checking the structure of the database")
	complaints, err := v.s.db.check(ctx)
	if err != nil {
		return err
	}
	for _, c := range complaints {
		if err := v.finding("The database's own check says: %s.", c); err != nil {
			return err
		}
	}
	for part := range v.s.partitions {
		v.progress(fmt.Sprintf("reading the feed of partition %d", part))
		if err := v.feed(ctx, part); err != nil {
			return err
		}
	}
	rooms, err := v.rooms(ctx)
	if err != nil {
		return err
	}
	for i, room := range rooms {
		if i%100 == 0 {
			v.progress(fmt.Sprintf("replaying room %d of %d", i+1, len(rooms)))
		}
		if err := v.room(ctx, room); err != nil {
			return err
		}
	}
	return nil
}

// feed checks that the partition's numbers are 1 to n, each once.
func (v *verifier) feed(ctx context.Context, part int) error {
	return v.s.db.read(ctx, func(q tx) error {
		p, err := readPosition(q, part)
		if err != nil {
			return err
		}
		want := uint64(1)
		err = q.query(`SELECT n FROM events WHERE part = $1 ORDER BY n`, []any{part}, func(r row) error {
			var n uint64
			if err := r.scan(&n); err != nil {
				return err
			}
			if n > want {
				if err := v.finding("The feed of partition %d lacks numbers %d to %d.", part, want, n-1); err != nil {
					return err
				}
			}
			want = n + 1
			return nil
		})
		if err == nil && want-1 != p.N {
			err = v.finding("The feed of partition %d ends at %d, its position says %d.", part, want-1, p.N)
		}
		return err
	})
}

// rooms are all rooms of which there is anything.
func (v *verifier) rooms(ctx context.Context) (rooms []chat.RoomID, err error) {
	err = v.s.db.read(ctx, func(q tx) error {
		return q.query(`SELECT id FROM rooms UNION SELECT room FROM events UNION SELECT room FROM members UNION SELECT room FROM edits
			UNION SELECT room FROM reactions UNION SELECT room FROM threads UNION SELECT room FROM mentions`, nil, func(r row) error {
			var id chat.RoomID
			err := r.scan(&id)
			rooms = append(rooms, id)
			return err
		})
	})
	v.report.Rooms = len(rooms)
	return rooms, err
}

func (v *verifier) room(ctx context.Context, id chat.RoomID) error {
	return v.s.db.read(ctx, func(q tx) error {
		p := newReplay(v, id)
		err := q.query(`SELECT `+eventColumns+`, e.part FROM events e WHERE e.room = $1 ORDER BY e.seq`, []any{id}, func(r row) error {
			var e eventRow
			var part int
			if err := r.scan(append(e.dest(), &part)...); err != nil {
				return err
			}
			v.report.Events++
			if want := chat.PartitionOf(id, v.s.partitions); part != want {
				if err := v.finding("Room %s, event %d: it is in partition %d instead of %d.", id, e.Seq, part, want); err != nil {
					return err
				}
			}
			return p.next(&e)
		})
		if errors.Is(err, errBroken) {
			return nil
		}
		if err != nil {
			return err
		}
		return p.compare(q)
	})
}
