package native

import (
	"encoding/json"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// What a client may send. The published description is made from these types;
// frames.go of the description lists them.

type helloFrame struct {
	Type        string                 `json:"type" enum:"hello"`
	Token       string                 `json:"token,omitempty" doc:"an access token; a Bearer header makes it optional"`
	Device      string                 `json:"device,omitempty"`
	Cursors     map[chat.RoomID]uint64 `json:"cursors,omitempty" doc:"by room, the last number that the client has"`
	ReplayLimit int                    `json:"replay_limit,omitempty" doc:"events per room that are replayed at most; default 500"`
	More        bool                   `json:"more,omitempty" doc:"cursors frames follow"`
}

type cursorsFrame struct {
	Type    string                 `json:"type" enum:"cursors"`
	Cursors map[chat.RoomID]uint64 `json:"cursors"`
	More    bool                   `json:"more,omitempty"`
}

type sendFrame struct {
	Type        string          `json:"type" enum:"send"`
	Ref         string          `json:"ref"`
	Room        chat.RoomID     `json:"room"`
	Nonce       string          `json:"nonce,omitempty" doc:"repeating a message with it is harmless"`
	Text        string          `json:"text" doc:"at most 32 KiB; may be empty only with attachments or meta"`
	ReplyTo     uint64          `json:"reply_to,omitempty"`
	Thread      uint64          `json:"thread,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Meta        json.RawMessage `json:"meta,omitempty"`
}

type editFrame struct {
	Type  string      `json:"type" enum:"edit"`
	Ref   string      `json:"ref"`
	Room  chat.RoomID `json:"room"`
	Seq   uint64      `json:"seq"`
	Text  string      `json:"text"`
	Nonce string      `json:"nonce,omitempty"`
}

type deleteFrame struct {
	Type  string      `json:"type" enum:"delete"`
	Ref   string      `json:"ref"`
	Room  chat.RoomID `json:"room"`
	Seq   uint64      `json:"seq"`
	Nonce string      `json:"nonce,omitempty"`
}

type reactFrame struct {
	Type  string      `json:"type" enum:"react"`
	Ref   string      `json:"ref"`
	Room  chat.RoomID `json:"room"`
	Seq   uint64      `json:"seq"`
	Emoji string      `json:"emoji"`
	Op    chat.Op     `json:"op" enum:"add,remove"`
	Nonce string      `json:"nonce,omitempty"`
}

type joinFrame struct {
	Type  string      `json:"type" enum:"join"`
	Ref   string      `json:"ref"`
	Room  chat.RoomID `json:"room"`
	Nonce string      `json:"nonce,omitempty"`
}

type leaveFrame struct {
	Type  string      `json:"type" enum:"leave"`
	Ref   string      `json:"ref"`
	Room  chat.RoomID `json:"room"`
	Nonce string      `json:"nonce,omitempty"`
}

type readFrame struct {
	Type string      `json:"type" enum:"read"`
	Room chat.RoomID `json:"room"`
	Seq  uint64      `json:"seq"`
}

type deliveredFrame struct {
	Type string      `json:"type" enum:"delivered"`
	Room chat.RoomID `json:"room"`
	Seq  uint64      `json:"seq"`
}

type typingFrame struct {
	Type string      `json:"type" enum:"typing"`
	Room chat.RoomID `json:"room"`
	On   bool        `json:"on"`
}

type watchPresenceFrame struct {
	Type  string        `json:"type" enum:"watch_presence"`
	Ref   string        `json:"ref"`
	Users []chat.UserID `json:"users" maxItems:"1000"`
}

type statusFrame struct {
	Type   string          `json:"type" enum:"status"`
	Ref    string          `json:"ref,omitempty"`
	Status contract.Status `json:"status" enum:"online,away,busy,offline"`
	Text   string          `json:"text,omitempty"`
}

type authFrame struct {
	Type  string `json:"type" enum:"auth"`
	Ref   string `json:"ref"`
	Token string `json:"token"`
}

type eventsAskFrame struct {
	Type  string      `json:"type" enum:"events"`
	Ref   string      `json:"ref"`
	Room  chat.RoomID `json:"room"`
	After uint64      `json:"after"`
	Limit int         `json:"limit,omitempty" doc:"default 50, at most 200"`
}

type pingFrame struct {
	Type string `json:"type" enum:"ping"`
}

// head is what every frame begins with.
type head struct {
	Type string `json:"type"`
	Ref  string `json:"ref"`
}

// maxRef bounds what we echo.
const maxRef = 128

// readHead says what kind of frame it is. A frame that is not a JSON object is
// malformed beyond repair; one with unsound text is not read any further.
func readHead(msg []byte) (h head, err *chat.Error) {
	if e := json.Unmarshal(msg, &h); e != nil {
		if json.Valid(msg) && len(msg) > 0 && firstByte(msg) == '{' {
			return head{}, chat.Errorf(chat.Malformed, "type and ref are strings")
		}
		return head{}, errNoObject
	}
	if len(h.Ref) > maxRef {
		h.Ref = ""
		return h, chat.Errorf(chat.Invalid, "a ref has at most %d bytes", maxRef)
	}
	if !sound(msg) {
		return h, errUnsound
	}
	return h, nil
}

// errNoObject ends a connection: who sends it does not speak this protocol.
var errNoObject = chat.Errorf(chat.Malformed, "a frame is one JSON object")

func firstByte(msg []byte) byte {
	for _, c := range msg {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

// parse reads the whole of a frame whose head is known.
func parse[F any](msg []byte) (f F, err *chat.Error) {
	if e := json.Unmarshal(msg, &f); e != nil {
		return f, chat.Errorf(chat.Malformed, "%s", explain(e))
	}
	return f, nil
}

func (f *sendFrame) command() *chat.Command {
	return &chat.Command{Kind: chat.KindMessage, Room: f.Room, Nonce: f.Nonce, Body: chat.Body{
		Text: f.Text, ReplyTo: f.ReplyTo, Thread: f.Thread, Attachments: present(f.Attachments), Meta: present(f.Meta)}}
}
