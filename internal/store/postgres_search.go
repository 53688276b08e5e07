package store

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// tableSearch is the index in PostgreSQL: a table of its own that a reader of
// the feed fills, in transactions that move the reader's position too. Words are
// cut and folded here, not by PostgreSQL, so that no extension and no setting of
// the database changes what is found.
type tableSearch struct{ s *Store }

const searchReader = "search"

// Rebuild waits for who fills the index, so that nothing of before comes after.
func (s *tableSearch) Rebuild(ctx context.Context) error {
	return s.s.db.write(ctx, ofOthers, func(q tx) error {
		if err := q.query(`SELECT pg_advisory_xact_lock($1::int, $2::int)`, []any{lockOwn, int64(nameKey(searchReader))}, nothing); err != nil {
			return err
		}
		for _, sql := range [...]string{`TRUNCATE words`, `DELETE FROM readers WHERE name = '` + searchReader + `'`} {
			if _, err := q.exec(sql); err != nil {
				return err
			}
		}
		return nil
	})
}

func nothing(row) error { return nil }

// Catch is worked by one process at a time: for the others there is nothing to
// do.
func (s *tableSearch) Catch(ctx context.Context) (moved int, err error) {
	var behind []int
	err = s.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT p.part FROM partitions p LEFT JOIN readers r ON r.name = $1 AND r.part = p.part
			WHERE p.n > coalesce(r.n, 0) ORDER BY p.part`, []any{searchReader}, func(r row) error {
			var part int
			err := r.scan(&part)
			behind = append(behind, part)
			return err
		})
	})
	for _, part := range behind {
		if err != nil {
			break
		}
		n := 0
		n, err = s.catch(ctx, part)
		moved += n
	}
	return moved, err
}

func (s *tableSearch) catch(ctx context.Context, part int) (moved int, err error) {
	err = s.s.db.write(ctx, ofOthers, func(q tx) error {
		ours := false
		_, err := one(q, `SELECT pg_try_advisory_xact_lock($1::int, $2::int)::int`, []any{lockOwn, int64(nameKey(searchReader))}, &ours)
		if err != nil || !ours {
			return err
		}
		var at uint64
		if _, err := one(q, `SELECT n FROM readers WHERE name = $1 AND part = $2`, []any{searchReader, part}, &at); err != nil {
			return err
		}
		batch, err := feed(q, part, at, catchEvents, catchBytes)
		if err != nil || len(batch) == 0 {
			return err
		}
		moved = len(batch)
		return index(q, part, batch)
	})
	if err != nil {
		return 0, err
	}
	return moved, nil
}

// document is a message in the index.
type document struct {
	at       int64
	room, by chat.ID
	text     string // empty: it is not in the index
}

// said are the document's words, once each. Two of them are its room and its
// author, marked so that no word of a text can be mistaken for them.
func (d *document) said() string {
	all := []string{roomWord(d.room), "@" + token(d.by)}
	for _, w := range wordsOf(d.text) {
		all = append(all, w.folded)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

func roomWord(room chat.RoomID) string { return ":" + token(room) }

// index makes of a batch what it leaves of each message.
func index(q tx, part int, batch []chat.Event) error {
	about, err := targetsOf(q, batch)
	if err != nil {
		return err
	}
	documents := map[int64]document{}
	for i := range batch {
		e := &batch[i]
		switch {
		case e.Kind == chat.KindMessage && e.Body.Text != "":
			documents[docID(part, e.N)] = document{at: e.At, room: e.Room, by: e.By, text: e.Body.Text}
		case e.Kind == chat.KindEdit && !e.Body.Deleted:
			t := about[i]
			documents[docID(part, t.n)] = document{at: t.at, room: e.Room, by: t.by, text: e.Body.Text}
		case e.Kind == chat.KindDelete:
			documents[docID(part, about[i].n)] = document{}
		}
	}
	var gone, there []int64
	for doc, d := range documents {
		if d.text == "" {
			gone = append(gone, doc)
		} else {
			there = append(there, doc)
		}
	}
	slices.Sort(gone)
	slices.Sort(there)
	if err := q.execEach(`DELETE FROM words WHERE doc = $1`, len(gone), func(i int) []any { return []any{gone[i]} }); err != nil {
		return err
	}
	if err := insertDocuments(q, there, documents); err != nil {
		return err
	}
	_, err = q.exec(`INSERT INTO readers (name, part, n) VALUES ($1, $2, $3) ON CONFLICT (name, part) DO UPDATE SET n = excluded.n`,
		searchReader, part, batch[len(batch)-1].N)
	return err
}

// insertDocuments turns the rows, as a commit does.
func insertDocuments(q tx, there []int64, documents map[int64]document) error {
	if len(there) == 0 {
		return nil
	}
	var at []int64
	var rooms []chat.ID
	var said []string
	for _, doc := range there {
		d := documents[doc]
		at, rooms, said = append(at, d.at), append(rooms, d.room), append(said, d.said())
	}
	_, err := q.exec(`INSERT INTO words (doc, at, room, said)
		SELECT doc, at, room, array_to_tsvector(string_to_array(said, ' '))
		FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[]) AS t (doc, at, room, said)
		ON CONFLICT (doc) DO UPDATE SET said = excluded.said`, there, at, rooms, said)
	return err
}

// target is the message that an event is about.
type target struct {
	n  uint64
	by chat.UserID
	at int64
}

func targetsOf(q tx, batch []chat.Event) ([]target, error) {
	targets := make([]target, len(batch))
	var about []int
	for i := range batch {
		if k := batch[i].Kind; k == chat.KindEdit || k == chat.KindDelete {
			about = append(about, i)
		}
	}
	err := q.queryEach(`SELECT n, by, at FROM events WHERE room = $1 AND seq = $2`, len(about),
		func(i int) []any { e := &batch[about[i]]; return []any{e.Room, e.Target} },
		func(i int, r row) error { t := &targets[about[i]]; return r.scan(&t.n, &t.by, &t.at) })
	return targets, err
}

// place is where a document stands in the order of what is found.
type place struct {
	at, doc int64
}

// Query finds by the index what is of the asker's rooms, newest first.
func (s *tableSearch) Query(ctx context.Context, user chat.UserID, text string, room chat.RoomID, from chat.UserID, before int64, behind string, limit int) (hits []chat.Hit, next string, err error) {
	below := place{math.MaxInt64, math.MaxInt64}
	key, err := parseCursor(behind, 2)
	if err != nil {
		return nil, "", err
	}
	if key != nil {
		if below.at, err = parseInt(key[0]); err == nil {
			below.doc, err = parseInt(key[1])
		}
		if err != nil {
			return nil, "", err
		}
	}
	if before != 0 && before <= below.at {
		below = place{before, math.MinInt64} // all that is before before
	}
	words := wantedOf(text)
	if len(words) == 0 {
		return nil, "", nil
	}
	match, err := s.match(ctx, user, words, room, from)
	if err != nil || match == "" {
		return nil, "", err
	}
	for looked := 0; looked < maxCandidates; looked += candidateStep {
		found, err := s.candidates(ctx, user, match, below)
		if err != nil {
			return nil, "", err
		}
		for _, c := range found {
			hit, ok, err := s.s.hit(ctx, user, c.doc, words.in)
			if err != nil {
				return nil, "", err
			}
			if below = c; !ok {
				continue
			}
			if hits = append(hits, hit); len(hits) == limit {
				return hits, below.cursor(), nil
			}
		}
		if len(found) < candidateStep {
			return hits, "", nil
		}
	}
	return hits, below.cursor(), nil
}

func (p place) cursor() string { return cursor(cursorInt(p.at), cursorInt(p.doc)) }

// match is the question as a tsquery; empty when nothing can match. Words have
// neither quotes nor backslashes, so quoting them is enough.
func (s *tableSearch) match(ctx context.Context, user chat.UserID, words wanted, room chat.RoomID, from chat.UserID) (string, error) {
	rooms, err := s.s.roomsOf(ctx, user, room)
	if err != nil || len(rooms) == 0 {
		return "", err
	}
	match := `'` + strings.Join(words, `' & '`) + `':*`
	if len(rooms) <= roomsInQuery {
		match += ` & (':` + strings.Join(rooms, `' | ':`) + `')`
	}
	if !from.IsZero() {
		match += ` & '@` + token(from) + `'`
	}
	return match, nil
}

// candidates are of the asker's rooms even where those are too many to be named
// in the question.
func (s *tableSearch) candidates(ctx context.Context, user chat.UserID, match string, below place) (found []place, err error) {
	err = s.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT w.at, w.doc FROM words w JOIN members m ON m.room = w.room AND m.user_id = $1
			WHERE w.said @@ $2::tsquery AND (w.at, w.doc) < ($3, $4) ORDER BY w.at DESC, w.doc DESC LIMIT $5`,
			[]any{user, match, below.at, below.doc, candidateStep}, func(r row) error {
				var p place
				err := r.scan(&p.at, &p.doc)
				found = append(found, p)
				return err
			})
	})
	return found, err
}
