package history

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Kind names a way to break a promise. The names are stable: tests and reports
// use them.
type Kind string

// Kinds lists every way that Check knows, with the promise that it breaks and
// what it means.
var Kinds = []struct {
	Kind    Kind
	Promise string
	Means   string
}{
	{Lost, "G1", "an acknowledged command is not stored"},
	{Altered, "G1", "a command happened with another text than was said"},
	{Hole, "G2", "a room's numbers are not 1, 2, 3 … up to its head"},
	{Split, "G2", "two saw different events at the same number"},
	{Unstored, "G2", "somebody was given an event that is not stored"},
	{Backwards, "G2", "a command that was begun after another was acknowledged stands before it"},
	{Doubled, "G3", "one nonce made two events"},
	{TwoAnswers, "G3", "one nonce was acknowledged with two different events"},
	{RefusedDone, "G3", "a command that was refused for good happened"},
	{Gap, "G4", "a connection was given an event and not the one before it"},
	{Again, "G4", "a connection was given an event twice, or late"},
	{Missing, "G4", "a connection that was left in peace was not given everything"},
	{Leak, "G4", "somebody was given an event of a room that they were not in"},
	{Stray, "G4", "an event came for a room that the connection was never shown"},
	{CutShort, "G4", "a replay was cut short or a room reset, and nothing called for it"},
	{Unreset, "G4", "a connection that has more of a room than the server was not told to forget it"},
	{Expelled, "G4", "a member was told that the room is theirs no more"},
	{Dropped, "G5", "a queued command was neither done nor refused"},
	{Away, "G8", "a client that was asked to come back was not welcome in time"},
	{Disturbed, "G9", "a fault that must not touch messages touched them"},
	{Stalled, "G8", "a room did not answer in time after a fault"},
	{Luck, "—", "a fault struck while nothing was happening, so it proves nothing"},
}

// The kinds.
const (
	Lost        Kind = "lost"
	Altered     Kind = "altered"
	Hole        Kind = "hole"
	Split       Kind = "split"
	Unstored    Kind = "unstored"
	Backwards   Kind = "backwards"
	Doubled     Kind = "doubled"
	TwoAnswers  Kind = "two-answers"
	RefusedDone Kind = "refused-yet-done"
	Gap         Kind = "gap"
	Again       Kind = "again"
	Missing     Kind = "missing"
	Leak        Kind = "leak"
	Stray       Kind = "stray"
	CutShort    Kind = "cut-short"
	Unreset     Kind = "unreset"
	Expelled    Kind = "expelled"
	Dropped     Kind = "dropped"
	Away        Kind = "away"
	Disturbed   Kind = "disturbed"
	Stalled     Kind = "stalled"
	Luck        Kind = "luck"
)

// Promise is which promise a kind breaks.
func (k Kind) Promise() string {
	for _, known := range Kinds {
		if known.Kind == k {
			return known.Promise
		}
	}
	return "?"
}

// Violation is a broken promise with the lines that contradict each other: they
// alone, read as a history, break it too.
type Violation struct {
	Kind  Kind
	Says  string
	Lines []Record
}

// Print writes the violation and its counter-example.
func (v Violation) Print(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s %s: %s\n", v.Kind.Promise(), v.Kind, v.Says); err != nil {
		return err
	}
	shown := slices.Clone(v.Lines)
	for i := range shown {
		shown[i].Text = brief(shown[i].Text)
		if e := shown[i].Event; e != nil {
			short := *e
			short.Text = brief(e.Text)
			shown[i].Event = &short
		}
	}
	var lines strings.Builder
	if err := Write(&lines, shown); err != nil {
		return err
	}
	for line := range strings.Lines(lines.String()) {
		if _, err := fmt.Fprint(w, "    ", line); err != nil {
			return err
		}
	}
	return nil
}

// brief keeps the beginning of a text, which makes it different from all others.
func brief(text string) string {
	if len(text) <= 60 {
		return text
	}
	return text[:60] + "…"
}

// place is a number in a room.
type place struct {
	room string
	seq  uint64
}

// command is everything that was said about one nonce.
type command struct {
	invokes []*Record
	acks    []*Record
	refusal *Record // the last for good
	queued  *Record
	asked   *Record // what was answered by that
}

type commandKey struct{ user, room, nonce string }

// checker is a history, indexed.
type checker struct {
	records  []Record
	commands map[commandKey]*command
	stored   map[place]*Record
	heads    map[string]*Record
	seen     map[place]*Record // the first sight of each number, stored or not
	stays    map[string]map[string][]stay
	moves    map[move][]*Record   // the first invokes of what lets somebody into a room or out of it
	byUser   map[string][]*Record // welcomes, in order
	restores bool                 // the database went back to an earlier state
	taken    map[string]taken     // by the ids of events
	noticed  time.Duration        // since when the server has noticed that events were taken back
	found    []Violation
}

// Check lists every promise that the history breaks; of each kind at most ten.
// The lines must stand in the order of their times.
func Check(records []Record) []Violation {
	c := &checker{
		records: records, commands: map[commandKey]*command{}, stored: map[place]*Record{}, heads: map[string]*Record{},
		seen: map[place]*Record{}, stays: map[string]map[string][]stay{}, moves: map[move][]*Record{}, byUser: map[string][]*Record{},
		taken: map[string]taken{},
	}
	c.index()
	c.checkStored()
	c.checkCommands()
	c.checkSights()
	c.checkOrder()
	c.checkConns()
	c.checkFaults()
	c.checkReturns()
	return c.found
}

func (c *checker) index() {
	for i := range c.records {
		if r := &c.records[i]; r.What == Stored {
			c.stored[place{r.Room, r.Event.Seq}] = r
		}
	}
	c.indexTaken()
	for i := range c.records {
		r := &c.records[i]
		switch r.What {
		case Invoke, Ack, Refuse, Queued:
			c.indexCommand(r)
		case Head:
			c.heads[r.Room] = r
		case Strike:
			c.restores = c.restores || r.Restores
		case Welcome:
			c.byUser[r.User] = append(c.byUser[r.User], r)
		}
	}
	c.indexStays()
}

func (c *checker) indexCommand(r *Record) {
	key := commandKey{r.User, r.Room, r.Nonce}
	k := c.commands[key]
	if k == nil {
		k = new(command)
		c.commands[key] = k
	}
	switch r.What {
	case Invoke:
		if len(k.invokes) == 0 {
			c.indexMove(r)
		}
		k.invokes = append(k.invokes, r)
	case Ack:
		if !c.void(r) {
			k.acks = append(k.acks, r)
		}
	case Queued:
		k.queued = r
		if n := len(k.invokes); n > 0 {
			k.asked = k.invokes[n-1]
		}
	case Refuse:
		if !fateOpen(r.Code) {
			k.refusal = r
		}
	}
}

// fateOpen says of a code that the command may still happen.
func fateOpen(code string) bool { return code == "unavailable" || code == "internal" }

// perKind bounds how many violations of one kind are listed.
const perKind = 10

func (c *checker) find(kind Kind, lines []*Record, format string, args ...any) {
	n := 0
	for _, v := range c.found {
		if v.Kind == kind {
			n++
		}
	}
	if n >= perKind {
		return
	}
	v := Violation{Kind: kind, Says: fmt.Sprintf(format, args...)}
	for _, r := range lines {
		if r != nil {
			v.Lines = append(v.Lines, *r)
		}
	}
	slices.SortStableFunc(v.Lines, func(a, b Record) int { return int(a.T - b.T) })
	c.found = append(c.found, v)
}
