package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// replay is what a room's tables must say, from its events alone.
type replay struct {
	v    *verifier
	id   chat.RoomID
	room *chat.Room

	said      map[uint64]message
	nonces    map[nonceOf]uint64
	members   map[chat.UserID]chat.Member
	edits     map[uint64]*edit
	reactions map[chat.ReactionKey]uint64
}

type message struct {
	by         chat.UserID
	thread     uint64
	deleted    bool // by an event so far
	cleared    bool
	mentions   []chat.UserID
	mentionAll bool
}

type nonceOf struct {
	by    chat.UserID
	nonce string
}

type edit struct {
	text    string
	at      int64
	deleted bool
}

// errBroken: the room's numbers have holes, so there is nothing to replay.
var errBroken = errors.New("the room's numbers are not dense")

func newReplay(v *verifier, id chat.RoomID) *replay {
	return &replay{
		v: v, id: id, room: chat.NewRoom(chat.Info{}),
		said: map[uint64]message{}, nonces: map[nonceOf]uint64{}, members: map[chat.UserID]chat.Member{},
		edits: map[uint64]*edit{}, reactions: map[chat.ReactionKey]uint64{},
	}
}

func (p *replay) finding(seq uint64, format string, args ...any) error {
	return p.v.finding("Room %s, event %d: %s.", p.id, seq, fmt.Sprintf(format, args...))
}

// next takes the next event by number.
func (p *replay) next(r *eventRow) error {
	e, err := r.event()
	if err != nil {
		return p.finding(r.Seq, "its body cannot be read (%v)", err)
	}
	if e.Seq != p.room.Head+1 {
		return errors.Join(p.finding(e.Seq, "it follows number %d", p.room.Head), errBroken)
	}
	if err := p.checkEvent(&e); err != nil {
		return err
	}
	switch e.Kind {
	case chat.KindMessage:
		p.said[e.Seq] = message{
			by: e.By, thread: r.thread, cleared: e.Body.Deleted, mentions: e.Body.Mentions, mentionAll: e.Body.MentionAll,
		}
	case chat.KindEdit:
		p.edit(e.Target).at = e.At
		if !e.Body.Deleted {
			p.edit(e.Target).text = e.Body.Text
		}
	case chat.KindDelete:
		m := p.said[e.Target]
		m.deleted = true
		p.said[e.Target] = m
		*p.edit(e.Target) = edit{at: p.edit(e.Target).at, deleted: true}
	case chat.KindReaction:
		key := chat.ReactionKey{Seq: e.Target, User: e.By, Emoji: e.Body.Emoji}
		if e.Body.Op == chat.OpAdd {
			p.reactions[key] = e.Seq
		} else {
			delete(p.reactions, key)
		}
	case chat.KindMember, chat.KindRoom:
		p.membership(&e)
	}
	p.room.Apply(&e)
	return nil
}

func (p *replay) edit(seq uint64) *edit {
	if p.edits[seq] == nil {
		p.edits[seq] = &edit{}
	}
	return p.edits[seq]
}

// checkEvent is what can be said about an event alone.
func (p *replay) checkEvent(e *chat.Event) error {
	var errs []error
	messages := p.room.Messages
	if e.Kind == chat.KindMessage {
		messages++
	}
	if e.Messages != messages {
		errs = append(errs, p.finding(e.Seq, "it counts %d messages instead of %d", e.Messages, messages))
		e.Messages = messages
	}
	if e.At < p.room.LastAt {
		errs = append(errs, p.finding(e.Seq, "its time is before the time of the event before it"))
	}
	name := nonceOf{e.By, e.Nonce}
	if first, seen := p.nonces[name]; seen {
		errs = append(errs, p.finding(e.Seq, "its author used its nonce for event %d already", first))
	}
	p.nonces[name] = e.Seq
	if _, there := p.said[e.Target]; e.Target != 0 && !there {
		errs = append(errs, p.finding(e.Seq, "it is about %d, which is no message before it", e.Target))
	}
	if !e.Kind.Known() {
		errs = append(errs, p.finding(e.Seq, "its kind %d is unknown", e.Kind))
	}
	return errors.Join(errs...)
}

func (p *replay) membership(e *chat.Event) {
	if gone := e.Leaves(); !gone.IsZero() {
		delete(p.members, gone)
		return
	}
	if e.Kind == chat.KindMember && e.Body.Op == chat.OpRole {
		m := p.members[e.Body.User]
		m.Role = e.Body.Role
		p.members[e.Body.User] = m
		return
	}
	for _, id := range e.Joins() {
		role := e.Body.Role
		if e.Kind == chat.KindRoom {
			role = chat.FirstRole(e, id)
		}
		p.members[id] = chat.Member{User: id, Role: role, JoinedAt: e.At}
	}
}

func memberLine(m chat.Member) string { return fmt.Sprintf("%s since %d", m.Role, m.JoinedAt) }

// compare sets what the tables say against what the events say.
func (p *replay) compare(q tx) error {
	if err := p.compareRoom(q); err != nil {
		return err
	}
	if err := p.compareCleared(q); err != nil {
		return err
	}
	members := map[string]string{}
	for id, m := range p.members {
		members[id.String()] = memberLine(m)
	}
	threads := map[string]string{}
	for root, n := range p.replies() {
		threads[fmt.Sprint("thread ", root)] = fmt.Sprint(n, " replies")
	}
	edits := map[string]string{}
	for seq, e := range p.edits {
		edits[fmt.Sprint("edit of ", seq)] = fmt.Sprintf("%q at %d, deleted %v", e.text, e.at, e.deleted)
	}
	reactions := map[string]string{}
	for key, added := range p.reactions {
		if !p.said[key.Seq].deleted {
			reactions[fmt.Sprintf("reaction %s of %s to %d", key.Emoji, key.User, key.Seq)] = fmt.Sprint("added by ", added)
		}
	}
	return errors.Join(
		p.table(q, "member", members, `SELECT user_id, joined_at, role FROM members WHERE room = $1`, memberRow),
		p.table(q, "row", threads, `SELECT root, replies FROM threads WHERE room = $1 AND replies <> 0`, threadRow),
		p.table(q, "row", edits, `SELECT seq, text, edited_at, deleted FROM edits WHERE room = $1`, editRow),
		p.table(q, "row", reactions, `SELECT emoji, user_id, seq, added FROM reactions WHERE room = $1`, reactionRow),
		p.table(q, "row", p.mentioned(), `SELECT user_id, seq, by FROM mentions WHERE room = $1`, mentionRow),
	)
}

func (p *replay) replies() map[uint64]int {
	replies := map[uint64]int{}
	for _, m := range p.said {
		if m.thread != 0 && !m.deleted {
			replies[m.thread]++
		}
	}
	return replies
}

func (p *replay) mentioned() map[string]string {
	rows := map[string]string{}
	for seq, m := range p.said {
		if m.mentionAll {
			m.mentions = append(slices.Clip(m.mentions), everybody)
		}
		for _, id := range m.mentions {
			if !m.deleted {
				rows[mentionKey(id, seq)] = fmt.Sprint("by ", m.by)
			}
		}
	}
	return rows
}

func mentionKey(id chat.UserID, seq uint64) string {
	return fmt.Sprintf("mention of %s in %d", id, seq)
}

// compareRoom compares the room's settings and counts. A room of which there
// are rows but no events shows by its kind.
func (p *replay) compareRoom(q tx) error {
	var have chat.Info
	found, err := one(q, `SELECT id, kind, name, handle, topic, created_at, created_by, member_count, owners, read_only, archived FROM rooms WHERE id = $1`,
		[]any{p.id}, &have.ID, &have.Kind, &have.Name, &have.Handle, &have.Topic, &have.CreatedAt, &have.CreatedBy,
		&have.MemberCount, &have.Owners, &have.ReadOnly, &have.Archived)
	if err != nil {
		return err
	}
	want := p.room.Info
	want.Head, want.Messages, want.LastAt = 0, 0, 0
	switch {
	case p.room.Head == 0:
		return p.v.finding("Room %s: there are rows of it, but no events.", p.id)
	case !found:
		return p.v.finding("Room %s: its events are there, the room is not.", p.id)
	case have != want:
		return p.v.finding("Room %s: its settings or counts are %+v, its events say %+v.", p.id, have, want)
	}
	return nil
}

// compareCleared checks that what was deleted is nowhere any more, and nothing
// else is missing.
func (p *replay) compareCleared(q tx) error {
	for _, seq := range slices.Sorted(maps.Keys(p.said)) {
		if m := p.said[seq]; m.deleted != m.cleared {
			if err := p.finding(seq, "it was deleted is %v, its body is gone is %v", m.deleted, m.cleared); err != nil {
				return err
			}
		}
	}
	return q.query(`SELECT seq, target, extra, text FROM events WHERE room = $1 AND target IS NOT NULL AND kind IN (2, 4)`, []any{p.id}, func(r row) error {
		var seq, target uint64
		var extra, text string
		if err := r.scan(&seq, &target, &extra, &text); err != nil {
			return err
		}
		if gone := extra == cleared && text == ""; gone != p.said[target].deleted {
			return p.finding(seq, "message %d was deleted is %v, the body of this is gone is %v", target, p.said[target].deleted, gone)
		}
		return nil
	})
}

// table compares a table's rows of the room with the lines that there must be.
func (p *replay) table(q tx, what string, want map[string]string, sql string, line func(row) (key, value string, err error)) error {
	err := q.query(sql, []any{p.id}, func(r row) error {
		key, have, err := line(r)
		if err != nil {
			return err
		}
		must, there := want[key]
		delete(want, key)
		switch {
		case !there:
			return p.v.finding("Room %s: %s %s (%s) is there, and no event says so.", p.id, what, key, have)
		case have != must:
			return p.v.finding("Room %s: %s %s is %s, the events say %s.", p.id, what, key, have, must)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if err := p.v.finding("Room %s: %s %s (%s) is missing.", p.id, what, key, want[key]); err != nil {
			return err
		}
	}
	return nil
}

func memberRow(r row) (key, value string, err error) {
	var m chat.Member
	err = r.scan(&m.User, &m.JoinedAt, &m.Role)
	return m.User.String(), memberLine(m), err
}

func threadRow(r row) (key, value string, err error) {
	var root, replies int64
	err = r.scan(&root, &replies)
	return fmt.Sprint("thread ", root), fmt.Sprint(replies, " replies"), err
}

func editRow(r row) (key, value string, err error) {
	var seq uint64
	var e edit
	err = r.scan(&seq, &e.text, &e.at, &e.deleted)
	return fmt.Sprint("edit of ", seq), fmt.Sprintf("%q at %d, deleted %v", e.text, e.at, e.deleted), err
}

func reactionRow(r row) (key, value string, err error) {
	var k chat.ReactionKey
	var added uint64
	err = r.scan(&k.Emoji, &k.User, &k.Seq, &added)
	return fmt.Sprintf("reaction %s of %s to %d", k.Emoji, k.User, k.Seq), fmt.Sprint("added by ", added), err
}

func mentionRow(r row) (key, value string, err error) {
	var id, by chat.UserID
	var seq uint64
	err = r.scan(&id, &seq, &by)
	return mentionKey(id, seq), fmt.Sprint("by ", by), err
}
