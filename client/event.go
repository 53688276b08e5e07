package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kinds of events.
const (
	KindMessage  = "message"
	KindEdit     = "edit"
	KindDelete   = "delete"
	KindReaction = "reaction"
	KindMember   = "member"
	KindRoom     = "room"
)

// Event is something that happened in a room. Seq counts from 1 without holes.
type Event struct {
	Room  string    `json:"room"`
	Seq   uint64    `json:"seq"`
	ID    string    `json:"id"`
	Kind  string    `json:"kind"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
	Nonce string    `json:"nonce,omitempty"`
	// Target is the seq of the message that an edit, deletion or reaction is about.
	Target uint64 `json:"target,omitempty"`
	// Body is a MessageBody, EditBody, DeleteBody, ReactionBody, MemberBody or
	// RoomBody according to Kind, and an UnknownBody for a kind that this
	// version does not know.
	Body Body `json:"body"`
}

// Body is what an event says beyond its frame.
type Body interface{ eventBody() }

// MessageBody is the body of a message event. Deleted means that the message
// was deleted later and its content is gone.
type MessageBody struct {
	Text        string          `json:"text"`
	ReplyTo     uint64          `json:"reply_to,omitempty"`
	Thread      uint64          `json:"thread,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Mentions    []string        `json:"mentions,omitempty"`
	MentionAll  bool            `json:"mention_all,omitempty"`
	Meta        json.RawMessage `json:"meta,omitempty"`
	Deleted     bool            `json:"deleted,omitempty"`
}

// EditBody replaces the target's text. Deleted as in MessageBody.
type EditBody struct {
	Text    string `json:"text"`
	Deleted bool   `json:"deleted,omitempty"`
}

// DeleteBody clears the target.
type DeleteBody struct{}

// ReactionBody adds or removes (Op "add", "remove") an emoji under the target.
type ReactionBody struct {
	Emoji string `json:"emoji"`
	Op    string `json:"op"`
}

// MemberBody says who came or went: Op is "join", "leave", "add", "remove" or "role".
type MemberBody struct {
	User string `json:"user"`
	Op   string `json:"op"`
	Role string `json:"role,omitempty"`
}

// RoomBody says what became of the room: Op is "create", "rename", "topic",
// "settings" or "archive".
type RoomBody struct {
	Op       string   `json:"op"`
	Kind     string   `json:"kind,omitempty"`
	Name     string   `json:"name,omitempty"`
	Topic    string   `json:"topic,omitempty"`
	ReadOnly *bool    `json:"read_only,omitempty"`
	Members  []string `json:"members,omitempty"`
}

// UnknownBody is the JSON of a body whose kind this version does not know.
type UnknownBody struct{ json.RawMessage }

func (MessageBody) eventBody()  {}
func (EditBody) eventBody()     {}
func (DeleteBody) eventBody()   {}
func (ReactionBody) eventBody() {}
func (MemberBody) eventBody()   {}
func (RoomBody) eventBody()     {}
func (UnknownBody) eventBody()  {}

// Text returns what a message or an edit says, "" for every other kind.
func (e Event) Text() string {
	switch b := e.Body.(type) {
	case MessageBody:
		return b.Text
	case EditBody:
		return b.Text
	}
	return ""
}

// UnmarshalJSON decodes an event with the body of its kind.
func (e *Event) UnmarshalJSON(data []byte) error {
	type plain Event
	var wire struct {
		plain
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	body, err := decodeBody(wire.Kind, wire.Body)
	if err != nil {
		return fmt.Errorf("parley: body of %s event %s/%d: %w", wire.Kind, wire.Room, wire.Seq, err)
	}
	*e = Event(wire.plain)
	e.Body = body
	return nil
}

func decodeBody(kind string, data json.RawMessage) (Body, error) {
	switch kind {
	case KindMessage:
		return decodeAs[MessageBody](data)
	case KindEdit:
		return decodeAs[EditBody](data)
	case KindDelete:
		return DeleteBody{}, nil
	case KindReaction:
		return decodeAs[ReactionBody](data)
	case KindMember:
		return decodeAs[MemberBody](data)
	case KindRoom:
		return decodeAs[RoomBody](data)
	}
	return UnknownBody{data}, nil
}

func decodeAs[B Body](data json.RawMessage) (Body, error) {
	var body B
	if len(data) == 0 {
		return body, nil
	}
	err := json.Unmarshal(data, &body)
	return body, err
}
