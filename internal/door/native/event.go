package native

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/ws"
)

// event is an event as the protocol shows it. mine adds the nonce, which only
// the author sees: in acks and in answers to their own requests.
type event struct {
	of   *chat.Event
	mine bool
}

// MarshalJSON is [appendEvent].
func (e event) MarshalJSON() ([]byte, error) { return appendEvent(nil, e.of, e.mine), nil }

// Schema describes what MarshalJSON writes.
func (event) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[eventShape](), true, "Event")
}

// eventShape is the shape of an event for the published descriptions.
type eventShape struct {
	Room   chat.RoomID `json:"room"`
	Seq    uint64      `json:"seq" doc:"1, 2, 3 … in the room, without holes"`
	ID     chat.ID     `json:"id"`
	Kind   string      `json:"kind" enum:"message,edit,delete,reaction,member,room"`
	By     chat.UserID `json:"by"`
	At     stamp       `json:"at"`
	Nonce  string      `json:"nonce,omitempty" doc:"only for the author, in acks and answers"`
	Target uint64      `json:"target,omitempty" doc:"edit, delete, reaction: the message's number"`
	Body   bodyShape   `json:"body"`
}

// bodyShape is every field that some kind of body has.
type bodyShape struct {
	Text        *string       `json:"text,omitempty"`
	ReplyTo     uint64        `json:"reply_to,omitempty"`
	Thread      uint64        `json:"thread,omitempty"`
	Attachments rawList       `json:"attachments,omitempty"`
	Mentions    []chat.UserID `json:"mentions,omitempty"`
	MentionAll  bool          `json:"mention_all,omitempty"`
	Meta        rawObject     `json:"meta,omitempty"`
	Emoji       string        `json:"emoji,omitempty"`
	User        *chat.UserID  `json:"user,omitempty"`
	Op          string        `json:"op,omitempty" enum:"add,remove,join,leave,role,create,rename,topic,settings,archive" doc:"reaction: add, remove; member: join, leave, add, remove, role; room: the others"`
	Role        string        `json:"role,omitempty" enum:"owner,moderator,member"`
	Kind        string        `json:"kind,omitempty" enum:"channel,group,direct"`
	Name        *string       `json:"name,omitempty"`
	Handle      string        `json:"handle,omitempty"`
	Topic       *string       `json:"topic,omitempty"`
	ReadOnly    *bool         `json:"read_only,omitempty"`
	Members     []chat.UserID `json:"members,omitempty"`
	Deleted     bool          `json:"deleted,omitempty" doc:"the message was deleted and its body cleared"`
}

// appendEvent writes the event as JSON; with mine its nonce too.
func appendEvent(b []byte, e *chat.Event, mine bool) []byte {
	b = appendID(append(b, `{"room":`...), e.Room)
	b = appendUint(append(b, `,"seq":`...), e.Seq)
	b = appendID(append(b, `,"id":`...), e.ID)
	b = append(b, `,"kind":"`...)
	b = append(b, e.Kind.String()...)
	b = appendID(append(b, `","by":`...), e.By)
	b = appendTime(append(b, `,"at":`...), e.At)
	if mine && e.Nonce != "" {
		b = appendString(append(b, `,"nonce":`...), e.Nonce)
	}
	if e.Target != 0 {
		b = appendUint(append(b, `,"target":`...), e.Target)
	}
	b = appendBody(append(b, `,"body":`...), e.Kind, &e.Body)
	return append(b, '}')
}

func appendBody(b []byte, kind chat.Kind, v *chat.Body) []byte {
	if v.Deleted {
		return append(b, `{"deleted":true}`...)
	}
	switch kind {
	case chat.KindMessage:
		return appendMessageBody(b, v)
	case chat.KindEdit:
		b = appendString(append(b, `{"text":`...), v.Text)
	case chat.KindReaction:
		b = appendString(append(b, `{"emoji":`...), v.Emoji)
		b = appendString(append(b, `,"op":`...), string(v.Op))
	case chat.KindMember:
		b = appendID(append(b, `{"user":`...), v.User)
		b = appendString(append(b, `,"op":`...), string(v.Op))
		if v.Role != "" {
			b = appendString(append(b, `,"role":`...), string(v.Role))
		}
	case chat.KindRoom:
		return appendRoomBody(b, v)
	default:
		b = append(b, '{')
	}
	return append(b, '}')
}

func appendMessageBody(b []byte, v *chat.Body) []byte {
	b = appendString(append(b, `{"text":`...), v.Text)
	if v.ReplyTo != 0 {
		b = appendUint(append(b, `,"reply_to":`...), v.ReplyTo)
	}
	if v.Thread != 0 {
		b = appendUint(append(b, `,"thread":`...), v.Thread)
	}
	if len(v.Attachments) > 0 {
		b = append(append(b, `,"attachments":`...), v.Attachments...)
	}
	if len(v.Mentions) > 0 {
		b = appendIDs(append(b, `,"mentions":`...), v.Mentions)
	}
	if v.MentionAll {
		b = append(b, `,"mention_all":true`...)
	}
	if len(v.Meta) > 0 {
		b = append(append(b, `,"meta":`...), v.Meta...)
	}
	return append(b, '}')
}

func appendRoomBody(b []byte, v *chat.Body) []byte {
	b = appendString(append(b, `{"op":`...), string(v.Op))
	if v.RoomKind != "" {
		b = appendString(append(b, `,"kind":`...), string(v.RoomKind))
	}
	if v.Name != nil {
		b = appendString(append(b, `,"name":`...), *v.Name)
	}
	if v.Handle != "" {
		b = appendString(append(b, `,"handle":`...), v.Handle)
	}
	if v.Topic != nil {
		b = appendString(append(b, `,"topic":`...), *v.Topic)
	}
	if v.ReadOnly != nil {
		b = append(b, `,"read_only":false`...)
		if *v.ReadOnly {
			b = append(b[:len(b)-len("false")], "true"...)
		}
	}
	if len(v.Members) > 0 {
		b = appendIDs(append(b, `,"members":`...), v.Members)
	}
	return append(b, '}')
}

func appendIDs(b []byte, ids []chat.ID) []byte {
	for i, id := range ids {
		if i == 0 {
			b = append(b, '[')
		} else {
			b = append(b, ',')
		}
		b = appendID(b, id)
	}
	return append(b, ']')
}

// eventFrame is the frame that every other member gets of an event: without the
// nonce, so that it is one for all.
func eventFrame(e *chat.Event) []byte {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.b = append(s.b[:0], `{"type":"event","event":`...)
	s.b = appendEvent(s.b, e, false)
	s.b = append(s.b, '}')
	return ws.TextFrame(s.b)
}

// ackFrame is the same for the session that asked.
func ackFrame(ref string, e *chat.Event) ws.Frame {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.b = append(s.b[:0], `{"type":"ack"`...)
	if ref != "" {
		s.b = appendString(append(s.b, `,"ref":`...), ref)
	}
	s.b = append(s.b, `,"event":`...)
	s.b = appendEvent(s.b, e, true)
	s.b = append(s.b, '}')
	return ws.TextFrame(s.b)
}
