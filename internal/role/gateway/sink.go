package gateway

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Sink is where a door hears what its client must be told. Calls may come from
// any goroutine, and must not block: a door queues and returns. Only for [Welcome]
// and [Entered], which name people, it may ask who they are first; those are told
// without a lock.
type Sink interface {
	// Deliver hands over an event of one of the client's rooms: each exactly
	// once and in the room's order. With acks it answers the command that the
	// client called ref, and takes the place of the event.
	Deliver(d *Delivery, ref string, acks bool)
	// Tell hands over everything that has no number.
	Tell(Note)
	// Wait returns when the client has read most of what was delivered. Replay
	// asks before each page, so that catching up never counts as slow reading.
	Wait(ctx context.Context) error
	// Close ends the connection for a reason; nothing is told after it.
	Close(End)
}

// Note is one of the types below.
type Note interface{ note() }

// The notes.
type (
	// Welcome opens a session.
	Welcome struct {
		Session chat.ID
		User    chat.User
		Rooms   []chat.Mine // at most 500, of bounded size; more follow as Entered
	}
	// Acked answers a command that changed nothing, or a request of the session.
	Acked struct{ Ref string }
	// Refused answers a command or request that failed; without Ref, something
	// that expects no answer.
	Refused struct {
		Ref string
		Err *chat.Error
	}
	// Entered says that the client is in a room now, or that its user's settings of
	// the room changed.
	Entered struct{ Room chat.Mine }
	// Gone says that the client is in a room no more.
	Gone struct{ Room chat.RoomID }
	// Truncated says that the replay of a room leaves out what is before From.
	Truncated struct {
		Room chat.RoomID
		From uint64
	}
	// Reset says that the client's number is beyond the room's head: forget the
	// room; what follows starts anew.
	Reset struct {
		Room chat.RoomID
		Head uint64
	}
	// Receipt says how far somebody else has read or been given a room.
	Receipt struct{ Mark chat.Mark }
	// Typing says that somebody else types, or stops.
	Typing struct {
		Room chat.RoomID
		User chat.UserID
		On   bool
	}
	// Here is somebody's presence.
	Here struct{ Presence contract.Presence }
	// Profile says that a user's profile changed.
	Profile struct{ User chat.User }
	// Bye says that this gateway is going: come back after that time.
	Bye struct {
		Reason string
		After  time.Duration
	}
)

func (Welcome) note()   {}
func (Acked) note()     {}
func (Refused) note()   {}
func (Entered) note()   {}
func (Gone) note()      {}
func (Truncated) note() {}
func (Reset) note()     {}
func (Receipt) note()   {}
func (Typing) note()    {}
func (Here) note()      {}
func (Profile) note()   {}
func (Bye) note()       {}

// End is why a session ends: data, so that every door has an answer for each.
type End string

// The ends, all of them.
const (
	EndExpired  End = "expired"  // the token ran out and was not renewed
	EndRevoked  End = "revoked"  // the session was revoked, or the user banned
	EndDraining End = "draining" // this gateway is going
	EndInternal End = "internal" // we lost the thread; come back
)

// Ends lists every end; each door has an answer for each.
var Ends = []End{EndExpired, EndRevoked, EndDraining, EndInternal}

// Delivery is an event on its way to many sessions: each door encodes it once.
type Delivery struct {
	Event   *chat.Event
	encoded []encoding
}

type encoding struct {
	door  string
	bytes []byte
}

// Encoded is what encode makes of the event, made once for each door. It is
// called in [Sink.Deliver] only.
func (d *Delivery) Encoded(door string, encode func(*chat.Event) []byte) []byte {
	for _, e := range d.encoded {
		if e.door == door {
			return e.bytes
		}
	}
	b := encode(d.Event)
	d.encoded = append(d.encoded, encoding{door, b})
	return b
}
