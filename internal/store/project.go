package store

import "github.com/parley-chat/parley/internal/chat"

// everybody is the user under whom mentions of a whole room are kept.
var everybody chat.UserID

// project does to the tables what the event says. Events come in order, so that
// what an event is about is already there.
func project(q tx, e *chat.Event) error {
	switch e.Kind {
	case chat.KindMessage:
		return projectMessage(q, e)
	case chat.KindEdit:
		_, err := q.exec(`INSERT INTO edits (room, seq, text, edited_at, deleted) VALUES ($1, $2, $3, $4, 0)
			ON CONFLICT (room, seq) DO UPDATE SET text = excluded.text, edited_at = excluded.edited_at`,
			e.Room, e.Target, e.Body.Text, e.At)
		return err
	case chat.KindDelete:
		return projectDelete(q, e)
	case chat.KindReaction:
		return projectReaction(q, e)
	case chat.KindMember:
		return projectMember(q, e)
	case chat.KindRoom:
		return projectCreate(q, e)
	}
	return nil
}

func projectMessage(q tx, e *chat.Event) error {
	if e.Body.Thread != 0 {
		_, err := q.exec(`INSERT INTO threads (room, root, replies) VALUES ($1, $2, 1)
			ON CONFLICT (room, root) DO UPDATE SET replies = threads.replies + 1`, e.Room, e.Body.Thread)
		if err != nil {
			return err
		}
	}
	mentioned := e.Body.Mentions
	if e.Body.MentionAll {
		mentioned = append(mentioned[:len(mentioned):len(mentioned)], everybody)
	}
	for _, id := range mentioned {
		_, err := q.exec(`INSERT INTO mentions (room, user_id, seq, by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			e.Room, id, e.Seq, e.By)
		if err != nil {
			return err
		}
	}
	return nil
}

// projectDelete clears what was said wherever it is kept. The numbers stay, and
// so does the event that deletes.
func projectDelete(q tx, e *chat.Event) error {
	if err := forgetRelations(q, e); err != nil {
		return err
	}
	for _, sql := range [...]string{
		`UPDATE events SET text = NULL, extra = '` + cleared + `' WHERE room = $1 AND seq = $2`,
		`UPDATE events SET text = NULL, extra = '` + cleared + `' WHERE room = $1 AND target = $2 AND kind IN (2, 4)`,
		`INSERT INTO edits (room, seq, text, edited_at, deleted) VALUES ($1, $2, '', 0, 1)
			ON CONFLICT (room, seq) DO UPDATE SET text = '', deleted = 1`,
		`DELETE FROM reactions WHERE room = $1 AND seq = $2`,
	} {
		if _, err := q.exec(sql, e.Room, e.Target); err != nil {
			return err
		}
	}
	return nil
}

// forgetRelations undoes what the message, while it still has its body, did to
// its thread and to those it mentioned.
func forgetRelations(q tx, e *chat.Event) error {
	var thread uint64
	var extra string
	_, err := one(q, `SELECT thread, extra FROM events WHERE room = $1 AND seq = $2`, []any{e.Room, e.Target}, &thread, &extra)
	if err != nil {
		return err
	}
	body, err := unpackBody(thread, "", extra)
	if err != nil {
		return err
	}
	if thread != 0 {
		if _, err := q.exec(`UPDATE threads SET replies = replies - 1 WHERE room = $1 AND root = $2`, e.Room, thread); err != nil {
			return err
		}
	}
	if body.MentionAll {
		body.Mentions = append(body.Mentions, everybody)
	}
	for _, id := range body.Mentions {
		_, err := q.exec(`DELETE FROM mentions WHERE room = $1 AND user_id = $2 AND seq = $3`, e.Room, id, e.Target)
		if err != nil {
			return err
		}
	}
	return nil
}

func projectReaction(q tx, e *chat.Event) error {
	if e.Body.Op == chat.OpRemove {
		_, err := q.exec(`DELETE FROM reactions WHERE room = $1 AND seq = $2 AND emoji = $3 AND user_id = $4`,
			e.Room, e.Target, e.Body.Emoji, e.By)
		return err
	}
	_, err := q.exec(`INSERT INTO reactions (room, seq, emoji, user_id, added) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		e.Room, e.Target, e.Body.Emoji, e.By, e.Seq)
	return err
}

func projectMember(q tx, e *chat.Event) error {
	if gone := e.Leaves(); !gone.IsZero() {
		_, err := q.exec(`DELETE FROM members WHERE room = $1 AND user_id = $2`, e.Room, gone)
		return err
	}
	return upsertMember(q, e, e.Body.User, e.Body.Role)
}

func upsertMember(q tx, e *chat.Event, id chat.UserID, role chat.Role) error {
	_, err := q.exec(`INSERT INTO members (room, user_id, role, joined_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (room, user_id) DO UPDATE SET role = excluded.role`, e.Room, id, role, e.At)
	return err
}

func projectCreate(q tx, e *chat.Event) error {
	if e.Body.Op != chat.OpCreate {
		return nil
	}
	for _, id := range e.Body.Members {
		if err := upsertMember(q, e, id, chat.FirstRole(e, id)); err != nil {
			return err
		}
	}
	return nil
}
