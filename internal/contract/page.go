package contract

import "github.com/parley-chat/parley/internal/chat"

// EventsAsk asks for the events of several rooms after given numbers. Every room
// is answered, in the order asked, until the page is full.
type EventsAsk struct {
	User    chat.UserID
	Runs    bool // an admin, who sees every room
	Cursors []Cursor
	Limit   int // events per room
	Bytes   int // about how large the whole page may become
}

// Cursor is a room and the last number that somebody has of it.
type Cursor struct {
	Room  chat.RoomID
	After uint64
}

// EventsPage answers for a beginning of the rooms that were asked for; ask again
// for the rest.
type EventsPage struct {
	Rooms []RoomEvents
}

// RoomEvents is what happened in one room, read in one snapshot.
type RoomEvents struct {
	Room   chat.RoomID
	Gone   bool   // the asker is no member and it is not a channel: nothing else is told
	Head   uint64 // the room's newest number
	N      uint64 // the partition's newest feed number: everything of the room up to N is counted in Head
	More   bool   // there are events after the last one of this page
	Events []chat.Event
}

// FeedAsk asks for a partition's events after a feed number.
type FeedAsk struct {
	Partition int
	After     uint64
	Limit     int
	Bytes     int
}

// FeedPage is in order of feed number; N is the newest there is.
type FeedPage struct {
	Events []chat.Event
	N      uint64
	Epoch  uint64
}
