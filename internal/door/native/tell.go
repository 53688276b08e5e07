package native

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
	"github.com/parley-chat/parley/internal/ws"
)

// What the server sends, beside what event.go writes by hand.

type welcomeFrame struct {
	Type       string      `json:"type" enum:"welcome"`
	Session    chat.ID     `json:"session"`
	User       user        `json:"user"`
	Rooms      []room      `json:"rooms" doc:"at most 500; the others follow as room frames"`
	HeartbeatS int         `json:"heartbeat_s"`
	Server     serverFacts `json:"server"`
}

type serverFacts struct {
	Version string `json:"version"`
}

type eventFrameShape struct {
	Type  string `json:"type" enum:"event"`
	Event event  `json:"event"`
}

type ackFrameShape struct {
	Type  string `json:"type" enum:"ack"`
	Ref   string `json:"ref,omitempty"`
	Event *event `json:"event,omitempty" doc:"left out where nothing needed changing"`
}

type errorFrame struct {
	Type         string    `json:"type" enum:"error"`
	Ref          string    `json:"ref,omitempty"`
	Code         chat.Code `json:"code" enum:"invalid,malformed,unauthenticated,forbidden,not_found,conflict,too_large,rate_limited,unavailable,internal"`
	Detail       string    `json:"detail"`
	RetryAfterMS int64     `json:"retry_after_ms,omitempty"`
	Trace        string    `json:"trace,omitempty" doc:"with unavailable and internal: what to look for in the server's logs"`
}

type roomFrame struct {
	Type string `json:"type" enum:"room"`
	Room room   `json:"room"`
}

type roomGoneFrame struct {
	Type string      `json:"type" enum:"room_gone"`
	Room chat.RoomID `json:"room"`
}

type truncatedFrame struct {
	Type string      `json:"type" enum:"truncated"`
	Room chat.RoomID `json:"room"`
	From uint64      `json:"from" doc:"events before it were left out: fetch them"`
}

type resetFrame struct {
	Type string      `json:"type" enum:"reset"`
	Room chat.RoomID `json:"room"`
	Head uint64      `json:"head"`
}

type receiptFrame struct {
	Type      string      `json:"type" enum:"receipt"`
	Room      chat.RoomID `json:"room"`
	User      chat.UserID `json:"user"`
	Read      uint64      `json:"read,omitempty"`
	Delivered uint64      `json:"delivered,omitempty"`
}

type typedFrame struct {
	Type string      `json:"type" enum:"typing"`
	Room chat.RoomID `json:"room"`
	User chat.UserID `json:"user"`
	On   bool        `json:"on"`
}

type presenceFrame struct {
	Type       string          `json:"type" enum:"presence"`
	User       chat.UserID     `json:"user"`
	Status     contract.Status `json:"status" enum:"online,away,busy,offline"`
	StatusText string          `json:"status_text,omitempty"`
	LastActive stamp           `json:"last_active,omitempty"`
}

type userFrame struct {
	Type string `json:"type" enum:"user"`
	User user   `json:"user"`
}

type byeFrame struct {
	Type             string `json:"type" enum:"bye"`
	Reason           string `json:"reason"`
	ReconnectAfterMS int64  `json:"reconnect_after_ms"`
}

type eventsFrame struct {
	Type   string      `json:"type" enum:"events"`
	Ref    string      `json:"ref,omitempty"`
	Room   chat.RoomID `json:"room"`
	Events []event     `json:"events"`
	Head   uint64      `json:"head"`
}

type pongFrame struct {
	Type string `json:"type" enum:"pong"`
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// encode makes a frame of one of the types above.
func encode(frame any) ws.Frame {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(frame); err != nil {
		panic(err) // every field of every frame can be encoded
	}
	return ws.TextFrame(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func errorOf(ref string, err *chat.Error) errorFrame {
	return errorFrame{Type: "error", Ref: ref, Code: err.Code, Detail: err.Text, RetryAfterMS: milliseconds(problemOf(err).retryAfter), Trace: err.Trace}
}

// milliseconds rounds up: who comes back a moment early is refused again.
func milliseconds(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

// frameOf is what a note looks like, except a welcome and rooms, which show
// people; see socket.go.
func frameOf(n gateway.Note) any {
	switch n := n.(type) {
	case gateway.Acked:
		return ackFrameShape{Type: "ack", Ref: n.Ref}
	case gateway.Refused:
		return errorOf(n.Ref, n.Err)
	case gateway.Gone:
		return roomGoneFrame{"room_gone", n.Room}
	case gateway.Truncated:
		return truncatedFrame{"truncated", n.Room, n.From}
	case gateway.Reset:
		return resetFrame{"reset", n.Room, n.Head}
	case gateway.Receipt:
		return receiptFrame{"receipt", n.Mark.Room, n.Mark.User, n.Mark.Read, n.Mark.Delivered}
	case gateway.Typing:
		return typedFrame{"typing", n.Room, n.User, n.On}
	case gateway.Here:
		p := &n.Presence
		return presenceFrame{"presence", p.User, p.Status, p.Text, stamp(p.LastActive)}
	case gateway.Profile:
		return userFrame{"user", userOf(&n.User)}
	case gateway.Bye:
		return byeFrame{"bye", n.Reason, milliseconds(n.After)}
	}
	return nil
}
