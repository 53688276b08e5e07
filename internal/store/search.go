package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"zombiezen.com/go/sqlite"

	"github.com/parley-chat/parley/internal/chat"
)

// Search is the full-text index: filled from the feed, by Catch, and built again
// from it after Rebuild.
type Search interface {
	// Catch moves the index a batch of the feed forward, and says by how many
	// events; 0 means that there is nothing to do. An index that is not of this
	// database as it is, because that was restored, is built again.
	Catch(ctx context.Context) (moved int, err error)
	// Query finds messages that contain all words of text, the last also as the
	// beginning of a word, in the asker's rooms, the newest first. Nothing in
	// text is syntax. room, from and before (Unix milliseconds) limit it further
	// unless they are zero. A page can be short, even empty, and still have a
	// next one.
	Query(ctx context.Context, user chat.UserID, text string, room chat.RoomID, from chat.UserID, before int64, behind string, limit int) (hits []chat.Hit, next string, err error)
	// Rebuild throws the index away; Catch fills it again.
	Rebuild(ctx context.Context) error
}

// Search is the part of the store that looks for words; nil when the store was
// opened for reading only.
func (s *Store) Search() Search { return s.search }

// fileSearch is the index beside SQLite: a file of its own, that can be built
// again at any time. So it is written without waiting for the disk, and thrown
// away when anything is wrong with it.
type fileSearch struct {
	s    *Store
	file string

	mu    sync.Mutex // one goroutine uses the file at a time
	index *conn      // nil: open it
}

func newSearchFile(s *Store) *fileSearch {
	return &fileSearch{s: s, file: filepath.Join(s.dir, searchFile)}
}

// searchVersion changes with the file's layout; another one is built again.
const searchVersion = 2

const searchSchema = `
CREATE TABLE version (n INTEGER NOT NULL);
CREATE TABLE position (part INTEGER PRIMARY KEY, n INTEGER NOT NULL, id BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (room, by, text, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
INSERT INTO words (words, rank) VALUES ('automerge', 16);
INSERT INTO words (words, rank) VALUES ('crisismerge', 64);
INSERT INTO version VALUES (%d);
`

// with runs fn on the index. When the file turns out to be damaged it is thrown
// away, and the next Catch begins anew.
func (s *fileSearch) with(ctx context.Context, fn func(*conn) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		if s.index, err = openIndex(s.file); err != nil {
			s.index = nil
			return unreachable(err)
		}
	}
	s.index.ctx = ctx
	err = fn(s.index)
	if s.index == nil {
		return err
	}
	if code := sqlite.ErrCode(err).ToPrimary(); code == sqlite.ResultCorrupt || code == sqlite.ResultNotADB {
		s.s.log.Warn("the search file is damaged and will be built again", "file", s.file, "err", err)
		err = errors.Join(err, s.discard())
	}
	return unreachable(err)
}

func openIndex(file string) (*conn, error) {
	k, err := openIndexAt(file)
	if err == nil {
		var n int
		if _, err = one(k, `SELECT n FROM version`, nil, &n); err == nil && n == searchVersion {
			return k, nil
		}
		k.close()
	}
	if err := removeIndex(file); err != nil {
		return nil, err
	}
	if k, err = openIndexAt(file); err != nil {
		return nil, err
	}
	for _, sql := range strings.Split(strings.TrimSpace(fmt.Sprintf(searchSchema, searchVersion)), ";\n") {
		if err := k.once(sql); err != nil {
			return nil, errors.Join(err, k.close())
		}
	}
	return k, nil
}

func openIndexAt(file string) (*conn, error) {
	if err := makePrivate(file); err != nil {
		return nil, err
	}
	return openConn(file, sqlite.OpenReadWrite|sqlite.OpenCreate,
		"PRAGMA journal_mode=WAL", "PRAGMA synchronous=OFF", "PRAGMA wal_autocheckpoint=2000", "PRAGMA cache_size=-16384")
}

func removeIndex(file string) error {
	var errs []error
	for _, end := range [...]string{"", "-wal", "-shm"} {
		if err := os.Remove(file + end); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *fileSearch) discard() error {
	err := s.index.close()
	s.index = nil
	return errors.Join(err, removeIndex(s.file))
}

func (s *fileSearch) Rebuild(ctx context.Context) error {
	return s.with(ctx, func(*conn) error { return s.discard() })
}

func (s *fileSearch) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		return nil
	}
	err := s.index.close()
	s.index = nil
	return err
}

// What one Catch moves at most.
const (
	catchEvents = 2000
	catchBytes  = 1 << 20
)

func (s *fileSearch) Catch(ctx context.Context) (moved int, err error) {
	for part := range s.s.partitions {
		n := 0
		err := s.with(ctx, func(k *conn) (err error) {
			n, err = s.catch(ctx, k, part)
			return err
		})
		moved += n
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

func (s *fileSearch) catch(ctx context.Context, k *conn, part int) (int, error) {
	var at uint64
	var id chat.ID
	if _, err := one(k, `SELECT n, id FROM position WHERE part = $1`, []any{part}, &at, &id); err != nil {
		return 0, err
	}
	var batch []said
	same := true
	err := s.s.db.read(ctx, func(q tx) (err error) {
		if at > 0 {
			var now chat.ID
			_, err := one(q, `SELECT id FROM events WHERE part = $1 AND n = $2`, []any{part, at}, &now)
			if same = now == id; err != nil || !same {
				return err
			}
		}
		if batch, err = saidSince(q, part, at); err != nil {
			return err
		}
		return findTargets(q, batch)
	})
	if err != nil || len(batch) == 0 && same {
		return 0, err
	}
	if !same {
		s.s.log.Warn("the search file is of another state of the database and will be built again", "file", s.file)
		return 1, s.discard()
	}
	return len(batch), transact(k, func(q tx) error { return indexBatch(q, part, batch) })
}

// said is what the index wants to know of an event.
type said struct {
	n, target   uint64
	id          chat.ID
	kind        chat.Kind
	room, by    chat.ID
	text, extra string
	about       uint64 // feed number of the target; 0 for none
}

// saidSince reads the feed, a batch of it.
func saidSince(q tx, part int, at uint64) (batch []said, err error) {
	var e said
	into := []any{&e.n, &e.id, &e.kind, &e.room, &e.by, &e.target, &e.text, &e.extra}
	size := 0
	err = q.query(`SELECT n, id, kind, room, by, target, text, CASE WHEN kind = 2 THEN extra END FROM events
		WHERE part = $1 AND n > $2 ORDER BY n LIMIT $3 + 0`, []any{part, at, catchEvents}, func(r row) error {
		if size > catchBytes {
			return nil
		}
		err := r.scan(into...)
		size += len(e.text)
		batch = append(batch, e)
		return err
	})
	return batch, err
}

// findTargets finds the messages that events are about; most are about none.
func findTargets(q tx, batch []said) error {
	var about []*said
	for i := range batch {
		if batch[i].target != 0 {
			about = append(about, &batch[i])
		}
	}
	return q.queryEach(`SELECT n FROM events WHERE room = $1 AND seq = $2`, len(about),
		func(i int) []any { return []any{about[i].room, about[i].target} },
		func(i int, r row) error { return r.scan(&about[i].about) })
}

func indexBatch(q tx, part int, batch []said) error {
	for i := range batch {
		e := &batch[i]
		var err error
		switch {
		case e.kind == chat.KindMessage && e.text != "":
			_, err = q.exec(`INSERT INTO words (rowid, room, by, text) VALUES ($1, $2, $3, $4)`,
				docID(part, e.n), token(e.room), token(e.by), e.text)
		case e.kind == chat.KindEdit && e.extra != cleared:
			_, err = q.exec(`UPDATE words SET text = $1 WHERE rowid = $2`, e.text, docID(part, e.about))
		case e.kind == chat.KindDelete:
			_, err = q.exec(`DELETE FROM words WHERE rowid = $1`, docID(part, e.about))
		}
		if err != nil {
			return err
		}
	}
	last := &batch[len(batch)-1]
	_, err := q.exec(`INSERT INTO position (part, n, id) VALUES ($1, $2, $3)
		ON CONFLICT (part) DO UPDATE SET n = excluded.n, id = excluded.id`, part, last.n, last.id)
	return err
}

// docID is an event's number in the index: a higher one is newer.
func docID(part int, n uint64) int64 { return int64(n)<<8 | int64(part) }

// token is an id as one word of the index: its second half, 62 random bits. A
// shorter word is less to merge, again and again.
func token(id chat.ID) string { return hex.EncodeToString(id[8:]) }
