package chat

// Event is a command that took effect: the Seq'th thing that happened in its
// room, and the N'th in its partition. It never changes, except that deleting a
// message clears the bodies of what it targets.
type Event struct {
	Room   RoomID
	Seq    uint64 // 1, 2, 3 … in the room, no holes
	ID     ID
	Kind   Kind
	By     UserID
	At     int64 // Unix milliseconds, never going back within a room
	Nonce  string
	Target uint64
	Body   Body

	N        uint64 // feed number: dense within the partition, in commit order
	Messages uint64 // messages in the room up to and including this event
	Origin   Origin
}

// Origin is where an event came from, kept for `parley explain`.
type Origin struct {
	Gateway   uint64 // the gateway run that took the command
	LogSeq    uint64 // the log record that brought it
	Batch     uint64 // N of the first event of its commit
	Committed int64  // when the commit was made, Unix milliseconds
}

// Joins lists the people whom the event makes members. Gateways are told of
// such events whether they watch the room or not.
func (e *Event) Joins() []UserID {
	switch {
	case e.Kind == KindMember && (e.Body.Op == OpJoin || e.Body.Op == OpAdd):
		return []UserID{e.Body.User}
	case e.Kind == KindRoom && e.Body.Op == OpCreate:
		return e.Body.Members
	}
	return nil
}

// Leaves is the member whom the event removes, or the zero ID.
func (e *Event) Leaves() UserID {
	if e.Kind == KindMember && (e.Body.Op == OpLeave || e.Body.Op == OpRemove) {
		return e.Body.User
	}
	return UserID{}
}
