package client

import "time"

// Notice is what a [Session] tells the program: an [Event] or one of the types
// in this file.
type Notice interface{ notice() }

// Welcome says that the session is connected, at first and after each loss.
// Events that were missed follow.
type Welcome struct {
	Session string
	User    User
	// Rooms are my rooms, most recently active first, at most 500; the others
	// follow as RoomChanged.
	Rooms []Room
	// Version is the server's.
	Version string
}

// Offline says that the connection was lost or could not be made, and when the
// next attempt is due. Sending goes on: it waits in the outbox.
type Offline struct {
	Err     error
	RetryIn time.Duration
}

// RoomChanged says that I am now in a room, or that my own settings of it changed,
// on whatever device.
type RoomChanged struct{ Room Room }

// RoomGone says that I am no longer in a room. Nothing of it follows.
type RoomGone struct{ Room string }

// Truncated says that the events between After and From, both exclusive, will
// not be delivered. It comes with [ReportGaps], and otherwise only when the
// server cannot produce them.
type Truncated struct {
	Room  string
	After uint64
	From  uint64
}

// Reset says that the server lost the end of a room (it was restored from a
// backup): forget what you have of it; what follows starts anew.
type Reset struct {
	Room string
	Head uint64
}

// Typing says that a user started or stopped typing. It may get lost.
type Typing struct {
	Room string `json:"room"`
	User string `json:"user"`
	On   bool   `json:"on"`
}

// Presence says how a watched user is: online, away, busy or offline. It may
// get lost; the next one tells the whole truth.
type Presence struct {
	User       string `json:"user"`
	Status     string `json:"status"`
	StatusText string `json:"status_text,omitempty"`
}

// Receipt says how far a member has read a room or been given it; 0 where it
// says nothing. It may be merged with later ones.
type Receipt struct {
	Room      string `json:"room"`
	User      string `json:"user"`
	Read      uint64 `json:"read,omitempty"`
	Delivered uint64 `json:"delivered,omitempty"`
}

// UserChanged says that a user's profile changed.
type UserChanged struct{ User User }

// Refused says that the server refused something that has no answer of its
// own, such as a read mark.
type Refused struct{ Err *Error }

func (Event) notice()       {}
func (Welcome) notice()     {}
func (Offline) notice()     {}
func (RoomChanged) notice() {}
func (RoomGone) notice()    {}
func (Truncated) notice()   {}
func (Reset) notice()       {}
func (Typing) notice()      {}
func (Presence) notice()    {}
func (Receipt) notice()     {}
func (UserChanged) notice() {}
func (Refused) notice()     {}
