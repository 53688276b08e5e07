package history

import (
	"maps"
	"slices"
)

// stream is what one connection was given.
type stream struct {
	c    *checker
	open *Record
	user string
	held map[string]uint64   // cursors of hello for rooms that were not shown yet
	rows map[string]*follows // rooms that it follows
	ever map[string]bool     // rooms that it followed at some time
	more bool                // the welcome was full: the other rooms come behind it
}

// welcomeRooms is how many rooms a welcome holds.
const welcomeRooms = 500

// follows is where a connection stands in a room.
type follows struct {
	pos  uint64
	or   uint64    // it may also begin behind this number; 0: it may not
	by   *Record   // the line that says so
	seen []*Record // its last events, the newest at the end
	over *Record   // the welcome that named an earlier head, until the reset
}

func (c *checker) checkConns() {
	streams := map[string]*stream{}
	for i := range c.records {
		r := &c.records[i]
		if r.Conn == "" {
			continue
		}
		s := streams[r.Conn]
		if s == nil {
			s = &stream{c: c, user: r.User, held: map[string]uint64{}, rows: map[string]*follows{}, ever: map[string]bool{}}
			streams[r.Conn] = s
		}
		s.take(r)
	}
}

func (s *stream) take(r *Record) {
	switch r.What {
	case Open:
		s.open = r
		maps.Copy(s.held, r.Heads)
	case Welcome:
		s.more = len(r.Heads) >= welcomeRooms
		for _, room := range slices.Sorted(maps.Keys(r.Heads)) {
			s.enter(r, room, r.Heads[room])
		}
	case Entered:
		s.enter(r, r.Room, r.Head)
	case Given:
		s.event(r)
	case Ack:
		s.ack(r)
	case Gone:
		s.gone(r)
	case Cut, Reset:
		s.find(CutShort, []*Record{s.open, r}, "%s was told %s in room %s", s.user, r.What, r.Room)
		s.rows[r.Room] = &follows{pos: r.Head, by: r}
	case End:
		s.end(r)
	}
}

// find notes what the connection met. Where the database went back, who is in a
// room and what they have goes back with it for a while; only what is missing in
// the end still counts, and the order of what connections are given that begin when
// the server has noticed.
func (s *stream) find(kind Kind, lines []*Record, format string, args ...any) {
	anew := s.open != nil && s.c.noticed > 0 && s.open.T > s.c.noticed && (kind == Gap || kind == Again)
	if kind == Missing || anew || !s.c.restores {
		s.c.find(kind, lines, format, args...)
	}
}

// enter begins to follow a room: behind the cursor if the client had one, else
// behind the head that the server names.
func (s *stream) enter(r *Record, room string, head uint64) {
	if s.rows[room] != nil {
		return
	}
	row := &follows{pos: head, by: r}
	if cursor, has := s.held[room]; has {
		row.pos, row.or, row.by = cursor, head, s.open
		if r.What == Welcome || s.more {
			row.or = 0
			if cursor > head && r.What == Welcome {
				row.over = r
			}
		}
		delete(s.held, room)
	}
	s.rows[room] = row
	s.ever[room] = true
}

func (s *stream) event(r *Record) {
	row := s.rows[r.Room]
	if row == nil {
		if s.open != nil {
			s.find(Stray, []*Record{s.open, r}, "%s was given number %d of room %s, which this connection does not follow", s.user, r.Event.Seq, r.Room)
		}
		s.leak(r)
		return
	}
	if row.over != nil {
		s.c.find(Unreset, []*Record{s.open, row.over, r}, "%s had room %s up to %d, its head was %d, and number %d came without a reset", s.user, r.Room,
			s.open.Heads[r.Room], row.over.Heads[r.Room], r.Event.Seq)
		row.over = nil
	}
	if row.or != 0 && r.Event.Seq == row.or+1 {
		row.pos = row.or
	}
	row.or = 0
	switch {
	case r.Event.Seq <= row.pos:
		s.find(Again, s.lines(row, r), "%s was given number %d of room %s and stood at %d", s.user, r.Event.Seq, r.Room, row.pos)
	case r.Event.Seq > row.pos+1:
		s.find(Gap, s.lines(row, r), "%s was given number %d of room %s and stood at %d", s.user, r.Event.Seq, r.Room, row.pos)
	}
	row.pos = max(row.pos, r.Event.Seq)
	row.seen = append(row.seen, r)
	if len(row.seen) > 2 {
		row.seen = row.seen[1:]
	}
	s.leak(r)
}

// lines is what says where a connection stood, and what it was given.
func (s *stream) lines(row *follows, r *Record) []*Record {
	if n := len(row.seen); n > 0 && row.seen[n-1].Event.Seq == row.pos {
		// The line that made it follow the room is needed to be a history by itself.
		return []*Record{s.open, s.start(row), row.seen[n-1], r}
	}
	return []*Record{s.open, s.start(row), r}
}

func (s *stream) start(row *follows) *Record {
	if row.by == s.open {
		return s.welcome()
	}
	return row.by
}

// welcome is the connection's first welcome.
func (s *stream) welcome() *Record {
	if s.open == nil {
		return nil
	}
	return s.c.welcomeOf(s.open)
}

// ack takes the place of the event, unless the connection has had that.
func (s *stream) ack(r *Record) {
	if r.Event == nil {
		return
	}
	row := s.rows[r.Room]
	if row == nil || r.Event.Seq <= row.pos {
		return // a repeat, or the answer to a join, after which the room is shown
	}
	s.event(r)
}

// leak looks whether the user could be in the room at that number. A member reads
// the room from 1; so who was not one then must have become one later, by
// something that had begun when the event was given.
func (s *stream) leak(r *Record) {
	if !s.c.settled(r.Room) {
		return
	}
	lines := []*Record{s.c.heads[r.Room], r}
	for i, stay := range s.c.stays[r.Room][s.user] {
		switch {
		case stay.leave != nil && stay.leave.Event.Seq < r.Event.Seq:
			lines = []*Record{s.c.heads[r.Room], r, stay.enter, stay.leave, s.c.askedIn(r.Room, s.user, i)}
		case stay.enter.Event.Seq <= r.Event.Seq:
			return
		default:
			asked := s.c.askedIn(r.Room, s.user, i)
			if asked == nil || asked.T <= r.T {
				return
			}
			s.find(Leak, append(lines, stay.enter, asked), "%s was given number %d of room %s and was not in it yet", s.user, r.Event.Seq, r.Room)
			return
		}
	}
	s.find(Leak, lines, "%s was given number %d of room %s and was not in it", s.user, r.Event.Seq, r.Room)
}

// gone must have a reason: an event behind where the connection stood that ended
// the user's time in the room, and that had begun.
func (s *stream) gone(r *Record) {
	pos, by := s.held[r.Room], s.open
	if row := s.rows[r.Room]; row != nil {
		pos, by = row.pos, s.start(row)
	}
	delete(s.rows, r.Room)
	delete(s.held, r.Room)
	stays := s.c.stays[r.Room][s.user]
	if !s.c.settled(r.Room) || pos == 0 || len(stays) == 0 {
		return
	}
	lines := []*Record{s.open, by, r, s.c.heads[r.Room], stays[0].enter}
	for i, stay := range stays {
		if stay.leave == nil || stay.leave.Event.Seq < pos {
			continue
		}
		asked := s.c.askedOut(r.Room, s.user, i)
		if asked == nil || asked.T <= r.T {
			return
		}
		lines = append(lines, stay.leave, asked)
		break
	}
	s.find(Expelled, lines, "%s stood at number %d of room %s and was told that it is gone, with nothing that put them out", s.user, pos, r.Room)
}

// end holds a connection that was left in peace to everything that is stored.
func (s *stream) end(r *Record) {
	for _, room := range slices.Sorted(maps.Keys(s.c.stays)) {
		stays := s.c.stays[room][s.user]
		if len(stays) == 0 || stays[len(stays)-1].leave != nil || !s.c.settled(room) {
			continue
		}
		head, enter := s.c.heads[room], stays[len(stays)-1].enter
		row := s.rows[room]
		switch {
		case row == nil:
			s.find(Missing, []*Record{enter, head, s.open, s.welcome(), r}, "%s is in room %s and this connection was never shown it", s.user, room)
		case row.pos < head.Head:
			lines := append([]*Record{enter, head, s.open, s.start(row), r}, row.seen...)
			s.find(Missing, lines, "%s was given room %s up to %d of %d", s.user, room, row.pos, head.Head)
		}
	}
}
