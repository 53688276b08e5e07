package store

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/chat"
)

// cleared is the extra column of a body that a delete has cleared.
const cleared = `{"deleted":true}`

// eventColumns are what an [eventRow] reads, of a table or alias e.
const eventColumns = `e.n, e.room, e.seq, e.id, e.kind, e.by, e.at, e.nonce, e.target, e.thread, e.text, e.extra,
	e.messages, e.gateway, e.log_seq, e.batch, e.committed`

// eventRow is an event as its row has it.
type eventRow struct {
	chat.Event
	nonce       []byte
	thread      uint64
	text, extra string
}

func (e *eventRow) dest() []any {
	return []any{&e.N, &e.Room, &e.Seq, &e.ID, &e.Kind, &e.By, &e.At, &e.nonce, &e.Target, &e.thread, &e.text, &e.extra,
		&e.Messages, &e.Origin.Gateway, &e.Origin.LogSeq, &e.Origin.Batch, &e.Origin.Committed}
}

func scanEvent(r row) (chat.Event, error) { return newEventReader().next(r) }

// eventReader reads the rows of a query one after the other.
type eventReader struct {
	eventRow
	into []any
}

func newEventReader() *eventReader {
	e := &eventReader{}
	e.into = e.dest()
	return e
}

func (e *eventReader) next(r row) (chat.Event, error) {
	if err := r.scan(e.into...); err != nil {
		return e.Event, err
	}
	return e.event()
}

func (e *eventRow) event() (_ chat.Event, err error) {
	e.Nonce = unpackNonce(e.nonce)
	e.Body, err = unpackBody(e.thread, e.text, e.extra)
	return e.Event, err
}

// packBody gives the columns of a body: its thread, its text and the rest.
func packBody(b *chat.Body) (extra any, err error) {
	if plain(b) {
		return nil, nil
	}
	rest := *b
	rest.Text, rest.Thread = "", 0
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&rest); err != nil {
		return nil, err
	}
	return strings.TrimSuffix(buf.String(), "\n"), nil
}

// plain says that there is nothing in the body but its text and thread.
func plain(b *chat.Body) bool {
	return b.ReplyTo == 0 && len(b.Attachments) == 0 && len(b.Mentions) == 0 && !b.MentionAll && len(b.Meta) == 0 &&
		b.Emoji == "" && b.Op == "" && b.User.IsZero() && b.Role == "" && b.RoomKind == "" && b.Name == nil &&
		b.Handle == "" && b.Topic == nil && b.ReadOnly == nil && len(b.Members) == 0 && !b.Deleted
}

func unpackBody(thread uint64, text, extra string) (b chat.Body, err error) {
	switch extra {
	case "":
	case cleared:
		return chat.Body{Deleted: true}, nil
	default:
		if err := json.Unmarshal([]byte(extra), &b); err != nil {
			return b, err
		}
	}
	b.Text, b.Thread = text, thread
	return b, nil
}

// packNonce makes a nonce's key in the index shorter: a UUID in its usual form
// takes 16 bytes. A nonce has no zero byte, so one behind a text of 16 bytes
// tells the two apart.
func packNonce(s string) []byte {
	if len(s) == 36 && s[8] == '-' {
		if id, err := uuid.Parse(s); err == nil && id.String() == s {
			return id[:]
		}
	}
	if len(s) == 16 {
		return append([]byte(s), 0)
	}
	return []byte(s)
}

func unpackNonce(b []byte) string {
	switch {
	case len(b) == 16:
		return uuid.UUID(b).String()
	case len(b) == 17 && b[16] == 0:
		return string(b[:16])
	}
	return string(b)
}

// infoColumns are what [scanInfo] reads, of a table or alias r.
const infoColumns = `r.id, r.kind, r.name, r.handle, r.topic, r.created_at, r.created_by, r.member_count, r.owners,
	r.head, r.messages, r.last_at, r.read_only, r.archived`

func infoDest(i *chat.Info) []any {
	return []any{&i.ID, &i.Kind, &i.Name, &i.Handle, &i.Topic, &i.CreatedAt, &i.CreatedBy, &i.MemberCount, &i.Owners,
		&i.Head, &i.Messages, &i.LastAt, &i.ReadOnly, &i.Archived}
}

func scanInfo(r row) (i chat.Info, err error) {
	err = r.scan(infoDest(&i)...)
	return i, err
}

// userColumns are what [scanUser] reads, of a table or alias u.
const userColumns = `u.id, u.username, u.display_name, u.kind, u.role, u.created_at, u.status_text, u.banned, u.deleted`

func userDest(u *chat.User) []any {
	return []any{&u.ID, &u.Username, &u.DisplayName, &u.Kind, &u.Role, &u.CreatedAt, &u.StatusText, &u.Banned, &u.Deleted}
}

func scanUser(r row) (u chat.User, err error) {
	err = r.scan(userDest(&u)...)
	return u, err
}

// fold is the form of a name in which its beginning is searched.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// after is beyond every string that begins with prefix.
func after(prefix string) string { return prefix + "\U0010FFFF" }
