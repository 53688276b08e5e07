package load

import (
	"encoding/json"
	"fmt"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/test/chaos/history"
)

// wireEvent is an event as the protocol writes it. The load reads it with its own
// eyes, not with those of a library that may forgive something.
type wireEvent struct {
	Room   string `json:"room"`
	Seq    uint64 `json:"seq"`
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	By     string `json:"by"`
	Nonce  string `json:"nonce"`
	Target uint64 `json:"target"`
	Body   struct {
		Text    string   `json:"text"`
		Op      string   `json:"op"`
		User    string   `json:"user"`
		Members []string `json:"members"`
		Deleted bool     `json:"deleted"`
	} `json:"body"`
}

func (e *wireEvent) seen() *history.Event {
	return &history.Event{Seq: e.Seq, ID: e.ID, Kind: e.Kind, By: e.By, Nonce: e.Nonce, Target: e.Target,
		Text: e.Body.Text, Op: e.Body.Op, Whom: e.Body.User, Members: e.Body.Members, Deleted: e.Body.Deleted}
}

// seen is the same for what the client library hands out.
func seen(e client.Event) *history.Event {
	s := &history.Event{Seq: e.Seq, ID: e.ID, Kind: e.Kind, By: e.By, Nonce: e.Nonce, Target: e.Target, Text: e.Text()}
	switch b := e.Body.(type) {
	case client.MessageBody:
		s.Deleted = b.Deleted
	case client.EditBody:
		s.Deleted = b.Deleted
	case client.ReactionBody:
		s.Op, s.Deleted = b.Op, b.Op == ""
	case client.MemberBody:
		s.Op, s.Whom = b.Op, b.User
	case client.RoomBody:
		s.Op, s.Members = b.Op, b.Members
	}
	return s
}

type wireRoom struct {
	ID   string `json:"id"`
	Head uint64 `json:"head"`
}

// frame is any frame from the server.
type frame struct {
	Type             string          `json:"type"`
	Ref              string          `json:"ref"`
	Event            *wireEvent      `json:"event"`
	Room             json.RawMessage `json:"room"` // an id, or in room frames the room
	Rooms            []wireRoom      `json:"rooms"`
	Head             uint64          `json:"head"`
	From             uint64          `json:"from"`
	Code             string          `json:"code"`
	RetryAfterMS     int64           `json:"retry_after_ms"`
	ReconnectAfterMS int64           `json:"reconnect_after_ms"`
}

func (f *frame) room() string {
	var id string
	_ = json.Unmarshal(f.Room, &id)
	return id
}

func (f *frame) wholeRoom() (r wireRoom, err error) {
	if err := json.Unmarshal(f.Room, &r); err != nil {
		return r, fmt.Errorf("a room frame: %w", err)
	}
	return r, nil
}
