package history

import (
	"slices"
	"time"
)

// checkFaults holds every fault to having struck, and what went on to going on.
func (c *checker) checkFaults() {
	strikes := map[string]*Record{}
	for i := range c.records {
		r := &c.records[i]
		switch r.What {
		case Strike:
			if r.InFlight == 0 {
				c.find(Luck, []*Record{r}, "%s struck with no command in flight", r.Fault)
			}
			strikes[r.Fault] = r
			c.checkBack(r)
		case Over:
			if s := strikes[r.Fault]; s != nil && (s.Spares || s.Sockets) {
				c.checkSpared(s, r)
			}
			c.checkBack(r)
		}
	}
}

// checkSpared looks at everything that clients met between strike and over.
func (c *checker) checkSpared(strike, over *Record) {
	welcome := map[string]bool{}
	for i := range c.records {
		r := &c.records[i]
		if r.T < strike.T || r.T > over.T {
			welcome[r.Conn] = welcome[r.Conn] || r.What == Welcome && r.T < strike.T
			continue
		}
		switch {
		case r.What == Close && (r.Code == OwnDoing || !strike.Spares && !welcome[r.Conn]):
		case r.What == Close:
			c.find(Disturbed, []*Record{c.welcomeOf(r), strike, r, over}, "%s, and a connection of %s was closed with %s", strike.Fault, r.User, r.Code)
		case !strike.Spares:
		case r.What == Refuse && fateOpen(r.Code):
			c.find(Disturbed, []*Record{strike, r, over}, "%s, and command %s was answered %s", strike.Fault, r.Nonce, r.Code)
		case r.What == Invoke && strike.Within > 0:
			c.checkQuick(strike, over, r)
		}
	}
}

// welcomeOf is the first welcome of a record's connection.
func (c *checker) welcomeOf(r *Record) *Record {
	for _, w := range c.byUser[r.User] {
		if w.Conn == r.Conn {
			return w
		}
	}
	return nil
}

// OwnDoing is the code of a connection that the tester ended itself.
const OwnDoing = "dropped"

// checkQuick holds one command to the time in which it is answered, unless its
// sender dropped the connection.
func (c *checker) checkQuick(strike, over, invoke *Record) {
	k := c.commands[commandKey{invoke.User, invoke.Room, invoke.Nonce}]
	if len(k.invokes) != 1 || invoke.T+strike.Within > over.T {
		return
	}
	for _, ack := range k.acks {
		if ack.T-invoke.T > strike.Within {
			c.find(Disturbed, []*Record{strike, invoke, ack, over}, "%s, and command %s took %v", strike.Fault, invoke.Nonce, (ack.T - invoke.T).Round(time.Millisecond))
		}
	}
}

func (c *checker) checkBack(r *Record) {
	if r.Back == 0 {
		return
	}
	for _, b := range backs(c.records, r.T) {
		switch {
		case b.answered == nil && c.records[len(c.records)-1].T-b.asked.T > r.Back:
			c.find(Stalled, []*Record{r, b.asked, &c.records[len(c.records)-1]}, "%s: %s; in room %s nothing was answered any more", r.What, r.Fault, b.asked.Room)
		case b.answered != nil && b.took() > r.Back:
			c.find(Stalled, []*Record{r, b.asked, b.answered}, "%s: %s; in room %s the first command was answered after %v", r.What, r.Fault,
				b.asked.Room, b.took().Round(time.Millisecond))
		}
	}
}

// back is how a room came back after a moment: the first command that was invoked
// after it and the first of such that was answered.
type back struct{ asked, answered *Record }

func (b *back) took() time.Duration { return b.answered.T - b.asked.T }

func backs(records []Record, since time.Duration) map[string]*back {
	rooms := map[string]*back{}
	begun := map[commandKey]bool{}
	from, _ := slices.BinarySearchFunc(records, since, func(r Record, t time.Duration) int { return int(r.T - t) })
	for i := from; i < len(records); i++ {
		r := &records[i]
		key := commandKey{r.User, r.Room, r.Nonce}
		switch b := rooms[r.Room]; {
		case r.What == Invoke && r.T > since:
			begun[key] = true
			if b == nil {
				rooms[r.Room] = &back{asked: r}
			}
		case b == nil || b.answered != nil || !begun[key]:
		case r.What == Ack, r.What == Refuse && !fateOpen(r.Code):
			b.answered = r
		}
	}
	return rooms
}

// Struck is a fault as it was met: how many commands were in flight, and how long
// it took at most until a room answered again, counted from the strike and from the
// fault's end.
type Struck struct {
	Fault    string
	InFlight int
	Back     time.Duration
	After    time.Duration            // the same, from its end
	Rooms    map[string]time.Duration // Back for each room that answered
}

// Strikes lists the faults of a history.
func Strikes(records []Record) (all []Struck) {
	for i := range records {
		r := &records[i]
		if r.What != Strike {
			continue
		}
		s := Struck{Fault: r.Fault, InFlight: r.InFlight, Rooms: map[string]time.Duration{}}
		rooms := backs(records, r.T)
		for room, b := range rooms {
			if b.answered != nil {
				s.Rooms[room] = b.took()
			}
		}
		s.Back = longest(rooms)
		for j := i; j < len(records); j++ {
			if records[j].What == Over && records[j].Fault == r.Fault {
				s.After = longest(backs(records, records[j].T))
				break
			}
		}
		all = append(all, s)
	}
	return all
}

func longest(rooms map[string]*back) (took time.Duration) {
	for _, b := range rooms {
		if b.answered != nil {
			took = max(took, b.took())
		}
	}
	return took
}

// checkReturns holds a server that asks its clients to come back to taking them.
func (c *checker) checkReturns() {
	for i := range c.records {
		bye := &c.records[i]
		if bye.What != Bye || bye.Within == 0 {
			continue
		}
		var back *Record
		for _, w := range c.byUser[bye.User] {
			if w.T > bye.T {
				back = w
				break
			}
		}
		switch {
		case back == nil:
			c.find(Away, []*Record{bye}, "%s was asked to come back and never was welcome again", bye.User)
		case back.T-bye.T > bye.Within:
			c.find(Away, []*Record{bye, back}, "%s was asked to come back and was welcome after %v, not %v", bye.User,
				(back.T - bye.T).Round(time.Millisecond), bye.Within)
		}
	}
}
