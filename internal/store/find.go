package store

import (
	"context"
	"math"
	"strings"
	"unicode"

	"github.com/parley-chat/parley/internal/chat"
)

// How many documents one Query looks at, in steps: after all of them it answers
// with what it has, and with a cursor from which the next goes on.
const (
	maxCandidates = 20_000
	candidateStep = 200
)

// roomsInQuery is up to how many rooms are named to the index; for more, what it
// finds is sifted afterwards.
const roomsInQuery = 100

// The marks around a match in a text that the index gives back. U+0000 cannot be
// one, so a text can contain them; it then goes without highlights.
const (
	markOpen  = "\x02"
	markClose = "\x03"
)

// candidate is a document that the index found: the message's text as it was
// indexed, with the matches between marks.
type candidate struct {
	doc    int64
	marked string
}

func (s *fileSearch) Query(ctx context.Context, user chat.UserID, text string, room chat.RoomID, from chat.UserID, before int64, behind string, limit int) (hits []chat.Hit, next string, err error) {
	below := int64(math.MaxInt64)
	key, err := parseCursor(behind, 1)
	if err != nil {
		return nil, "", err
	}
	if key != nil {
		if below, err = parseInt(key[0]); err != nil {
			return nil, "", err
		}
	}
	match, err := s.match(ctx, user, text, room, from)
	if err != nil || match == "" {
		return nil, "", err
	}
	for looked := 0; looked < maxCandidates; looked += candidateStep {
		found, err := s.candidates(ctx, match, below)
		if err != nil {
			return nil, "", err
		}
		for _, c := range found {
			hit, ok, err := s.s.hit(ctx, user, c.doc, func(text string) [][2]int { return highlights(c.marked, text) })
			if err != nil {
				return nil, "", err
			}
			below = c.doc
			if !ok || before != 0 && hit.Message.At >= before {
				continue
			}
			if hits = append(hits, hit); len(hits) == limit {
				return hits, cursor(cursorInt(below)), nil
			}
		}
		if len(found) < candidateStep {
			return hits, "", nil
		}
	}
	return hits, cursor(cursorInt(below)), nil
}

// match is the question in the index's language; empty when nothing can match.
func (s *fileSearch) match(ctx context.Context, user chat.UserID, text string, room chat.RoomID, from chat.UserID) (string, error) {
	words := phrases(text)
	if words == "" {
		return "", nil
	}
	rooms, err := s.s.roomsOf(ctx, user, room)
	if err != nil || len(rooms) == 0 {
		return "", err
	}
	match := `text : (` + words + `)`
	if len(rooms) <= roomsInQuery {
		match += ` AND room : ("` + strings.Join(rooms, `" OR "`) + `")`
	}
	if !from.IsZero() {
		match += ` AND by : "` + token(from) + `"`
	}
	return match, nil
}

// phrases quotes each word of a text, so that nothing in it is syntax.
func phrases(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Co)
	})
	if len(words) == 0 {
		return ""
	}
	return `"` + strings.Join(words, `" AND "`) + `" *`
}

// roomsOf are the asker's rooms as the index knows them, or the one asked for.
func (s *Store) roomsOf(ctx context.Context, user chat.UserID, only chat.RoomID) (rooms []string, err error) {
	sql, args := `SELECT room FROM members WHERE user_id = $1 LIMIT $2 + 0`, []any{user, roomsInQuery + 1}
	if !only.IsZero() {
		sql, args = `SELECT room FROM members WHERE user_id = $1 AND room = $2`, []any{user, only}
	}
	err = s.db.ask(ctx, func(q tx) error {
		return q.query(sql, args, func(r row) error {
			var id chat.RoomID
			err := r.scan(&id)
			rooms = append(rooms, token(id))
			return err
		})
	})
	return rooms, err
}

func (s *fileSearch) candidates(ctx context.Context, match string, below int64) (found []candidate, err error) {
	err = s.with(ctx, func(k *conn) error {
		return k.query(`SELECT rowid, highlight(words, 2, $1, $2) FROM words WHERE words MATCH $3 AND rowid < $4 ORDER BY rowid DESC LIMIT $5 + 0`,
			[]any{markOpen, markClose, match, below, candidateStep}, func(r row) error {
				var c candidate
				err := r.scan(&c.doc, &c.marked)
				found = append(found, c)
				return err
			})
	})
	return found, err
}

// hit reads the message of a document as it is now, if the asker may see it.
// marks says where the words that were asked for stand in its text.
func (s *Store) hit(ctx context.Context, user chat.UserID, doc int64, marks func(text string) [][2]int) (h chat.Hit, ok bool, err error) {
	err = s.db.read(ctx, func(q tx) error {
		var found []chat.Message
		err := q.query(`SELECT `+eventColumns+`, d.text, d.edited_at FROM events e JOIN members m ON m.room = e.room AND m.user_id = $1
			LEFT JOIN edits d ON d.room = e.room AND d.seq = e.seq WHERE e.part = $2 AND e.n = $3`,
			[]any{user, doc & 0xff, doc >> 8}, func(r row) error {
				m, err := newMessageReader().next(r)
				found = append(found, m)
				return err
			})
		if err != nil || len(found) == 0 || found[0].Deleted {
			return err
		}
		ok = true
		h = chat.Hit{Room: found[0].Room, Highlights: marks(found[0].Text)}
		err = fill(q, user, h.Room, found)
		h.Message = found[0]
		return err
	})
	return h, ok, err
}

// highlights are where the marks stand in text; none when the text is not the
// one that was marked any more, or has such marks itself.
func highlights(marked, text string) [][2]int {
	ranges := [][2]int{}
	var plain strings.Builder
	for marked != "" {
		head, rest, found := strings.Cut(marked, markOpen)
		plain.WriteString(head)
		if !found {
			break
		}
		word, tail, _ := strings.Cut(rest, markClose)
		start := plain.Len()
		plain.WriteString(word)
		ranges = append(ranges, [2]int{start, plain.Len()})
		marked = tail
	}
	if plain.String() != text {
		return [][2]int{}
	}
	return ranges
}
