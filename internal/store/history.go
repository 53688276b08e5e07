package store

import (
	"context"
	"math"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// History reads messages as they stand now, ascending: the limit newest before
// a number, the oldest after one, those around one, or, when all three are 0,
// the newest. thread limits it to one thread: its root and the replies. hasMore
// says whether there are more on the side that was asked for (around: on either
// side). found is false when the asker may not see the room.
func (a *Archive) History(ctx context.Context, user chat.UserID, runs bool, room chat.RoomID, before, after, around, thread uint64, limit int) (messages []chat.Message, head uint64, hasMore, found bool, err error) {
	err = a.s.db.read(ctx, func(q tx) error {
		see := sight{runs: runs}
		h := history{q: q, room: room, thread: thread, beside: []question{see.question(user, room)}}
		switch {
		case around != 0:
			messages, hasMore, err = h.around(around, limit)
		case after != 0:
			messages, hasMore, err = h.after(after, limit)
		default:
			if before == 0 {
				before = math.MaxInt64
			}
			messages, hasMore, err = h.before(before, limit)
		}
		if err != nil || !see.may() {
			messages, hasMore = nil, false
			return err
		}
		head, found = see.head, true
		return fill(q, user, room, messages)
	})
	return messages, head, hasMore, found, err
}

type history struct {
	q      tx
	room   chat.RoomID
	thread uint64
	beside []question // asked together with the first read
}

// Partly the same text, because a thread's messages come from another index.
const (
	messagesFrom = `SELECT ` + eventColumns + `, d.text, d.edited_at FROM events e
		LEFT JOIN edits d ON d.room = e.room AND d.seq = e.seq WHERE e.room = $1 AND e.kind = 1 `
	messagesBefore = messagesFrom + `AND e.seq < $2 ORDER BY e.seq DESC LIMIT $3 + 0`
	messagesAfter  = messagesFrom + `AND e.seq > $2 ORDER BY e.seq LIMIT $3 + 0`
	threadBefore   = messagesFrom + `AND e.seq < $2 AND e.thread = $4 ORDER BY e.seq DESC LIMIT $3 + 0`
	threadAfter    = messagesFrom + `AND e.seq > $2 AND e.thread = $4 ORDER BY e.seq LIMIT $3 + 0`
	messageAt      = messagesFrom + `AND e.seq = $2`
)

// before reads the limit newest messages before seq, ascending.
func (h *history) before(seq uint64, limit int) ([]chat.Message, bool, error) {
	sql, args := messagesBefore, []any{h.room, seq, limit + 1}
	if h.thread != 0 {
		sql, args = threadBefore, append(args, h.thread)
	}
	list, err := h.read(sql, args)
	if err == nil && h.thread != 0 && h.thread < seq && len(list) <= limit {
		list, err = h.withRoot(list)
	}
	list, more := cut(list, limit)
	slices.Reverse(list)
	return list, more, err
}

// after reads the limit oldest messages after seq, ascending.
func (h *history) after(seq uint64, limit int) ([]chat.Message, bool, error) {
	if h.thread == 0 {
		list, err := h.read(messagesAfter, []any{h.room, seq, limit + 1})
		list, more := cut(list, limit)
		return list, more, err
	}
	var list []chat.Message
	var err error
	if h.thread > seq {
		if list, err = h.withRoot(nil); err != nil {
			return nil, false, err
		}
	}
	replies, err := h.read(threadAfter, []any{h.room, seq, limit + 1, h.thread})
	list, more := cut(append(list, replies...), limit)
	return list, more, err
}

// around reads the message, half of limit before it and the rest after it.
func (h *history) around(seq uint64, limit int) ([]chat.Message, bool, error) {
	older, moreBefore, err := h.before(seq, limit/2)
	if err != nil {
		return nil, false, err
	}
	newer, moreAfter, err := h.after(seq-1, limit-len(older))
	return append(older, newer...), moreBefore || moreAfter, err
}

func (h *history) withRoot(list []chat.Message) ([]chat.Message, error) {
	root, err := h.read(messageAt, []any{h.room, h.thread})
	return append(list, root...), err
}

func (h *history) read(sql string, args []any) (list []chat.Message, err error) {
	reader := newMessageReader()
	err = h.q.together(append(h.beside, once(sql, args, func(r row) error {
		m, err := reader.next(r)
		list = append(list, m)
		return err
	}))...)
	h.beside = nil
	return list, err
}

func cut[T any](list []T, limit int) ([]T, bool) {
	if len(list) > limit {
		return list[:limit], true
	}
	return list, false
}

// messageReader reads [eventColumns] and what edits say.
type messageReader struct {
	eventRow
	edited   string
	editedAt int64
	into     []any
}

func newMessageReader() *messageReader {
	e := &messageReader{}
	e.into = append(e.dest(), &e.edited, &e.editedAt)
	return e
}

func (e *messageReader) next(r row) (m chat.Message, err error) {
	if err := r.scan(e.into...); err != nil {
		return m, err
	}
	body, err := unpackBody(e.thread, e.text, e.extra)
	if err != nil {
		return m, err
	}
	m = chat.Message{
		Room: e.Room, Seq: e.Seq, ID: e.ID, By: e.By, At: e.At, Text: body.Text, EditedAt: e.editedAt,
		Deleted: body.Deleted, ReplyTo: body.ReplyTo, Thread: e.thread, Attachments: body.Attachments,
		Mentions: body.Mentions, MentionAll: body.MentionAll, Meta: body.Meta,
	}
	if m.Deleted {
		m.EditedAt = 0
	} else if e.editedAt != 0 {
		m.Text = e.edited
	}
	return m, nil
}

// fill adds to messages of one room what others did to them: reactions as user
// sees them, and how many replied.
func fill(q tx, user chat.UserID, room chat.RoomID, messages []chat.Message) error {
	at := make(map[uint64]*chat.Message, len(messages))
	seqs := make([]uint64, len(messages))
	for i := range messages {
		seqs[i], at[messages[i].Seq] = messages[i].Seq, &messages[i]
	}
	for part := range slices.Chunk(seqs, maxList) {
		err := q.together(
			once(`SELECT seq, emoji, user_id FROM reactions WHERE room = $1 AND seq IN (`+places(2, len(part))+`) ORDER BY seq, added`,
				padded([]any{room}, part), func(r row) error {
					var key chat.ReactionKey
					err := r.scan(&key.Seq, &key.Emoji, &key.User)
					react(at[key.Seq], key, user)
					return err
				}),
			once(`SELECT root, replies FROM threads WHERE room = $1 AND root IN (`+places(2, len(part))+`)`,
				padded([]any{room}, part), func(r row) error {
					var root uint64
					var replies int
					err := r.scan(&root, &replies)
					at[root].ReplyCount = replies
					return err
				}))
		if err != nil {
			return err
		}
	}
	return nil
}

// react keeps the first [chat.MaxEmojis] emojis of a message. It may have more,
// from before there was a limit.
func react(m *chat.Message, key chat.ReactionKey, me chat.UserID) {
	i := slices.IndexFunc(m.Reactions, func(r chat.Reaction) bool { return r.Emoji == key.Emoji })
	if i < 0 {
		if len(m.Reactions) == chat.MaxEmojis {
			return
		}
		i = len(m.Reactions)
		m.Reactions = append(m.Reactions, chat.Reaction{Emoji: key.Emoji})
	}
	r := &m.Reactions[i]
	r.Count++
	r.Me = r.Me || key.User == me
	if len(r.Users) < chat.MaxReactors {
		r.Users = append(r.Users, key.User)
	}
}
