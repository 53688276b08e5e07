package history

import (
	"cmp"
	"maps"
	"slices"
)

// stay is one time that a user was in a room, by the events that are stored.
type stay struct {
	enter *Record
	leave *Record // nil: still there
}

// move is a way into a room or out of it.
type move struct {
	room, user string
	out        bool
}

// indexStays finds out who was in which room when.
func (c *checker) indexStays() {
	at := slices.SortedFunc(maps.Keys(c.stored), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.room, b.room), cmp.Compare(a.seq, b.seq))
	})
	for _, p := range at {
		r := c.stored[p]
		switch e := r.Event; {
		case e.Kind == "room" && e.Op == "create":
			c.enters(p.room, e.By, r)
			for _, user := range e.Members {
				c.enters(p.room, user, r)
			}
		case e.Kind == "member" && (e.Op == "join" || e.Op == "add"):
			c.enters(p.room, e.Whom, r)
		case e.Kind == "member" && (e.Op == "leave" || e.Op == "remove"):
			if stays := c.stays[p.room][e.Whom]; len(stays) > 0 && stays[len(stays)-1].leave == nil {
				stays[len(stays)-1].leave = r
			}
		}
	}
}

func (c *checker) enters(room, user string, r *Record) {
	if c.stays[room] == nil {
		c.stays[room] = map[string][]stay{}
	}
	stays := c.stays[room][user]
	if len(stays) == 0 || stays[len(stays)-1].leave != nil {
		c.stays[room][user] = append(stays, stay{enter: r})
	}
}

// indexMove remembers a command that lets somebody in or out. A load moves one
// user in one room by one command at a time, so that the nth such command is the
// nth such event.
func (c *checker) indexMove(r *Record) {
	m := move{room: r.Room, user: cmp.Or(r.Whom, r.User)}
	switch r.Do {
	case "add", "join":
	case "remove", "leave":
		m.out = true
	default:
		return
	}
	c.moves[m] = append(c.moves[m], r)
}

// askedIn is the command that let the user in for the nth time, when it was
// invoked first; nil when nobody knows. Who was there from the room's first
// event has one less.
func (c *checker) askedIn(room, user string, n int) *Record {
	stays, moves := c.stays[room][user], c.moves[move{room, user, false}]
	i := n
	if stays[0].enter.Event.Kind == "room" {
		i--
	}
	if i < 0 || len(moves) != len(stays)-n+i {
		return nil
	}
	return moves[i]
}

// askedOut is the same for the nth time that the user was put out or left.
func (c *checker) askedOut(room, user string, n int) *Record {
	stays, moves := c.stays[room][user], c.moves[move{room, user, true}]
	outs := len(stays)
	if stays[outs-1].leave == nil {
		outs--
	}
	if n >= len(moves) || len(moves) != outs {
		return nil
	}
	return moves[n]
}
