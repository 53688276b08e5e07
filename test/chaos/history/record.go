// Package history is what happened in a run, a line per fact, and decides
// whether Parley kept its promises: a checker in the manner of Jepsen.
//
// A history is written by the tester alone, on the tester's clock. It does not
// know how the server works. What clients sent and were told, and what is
// stored at the end, is all that [Check] looks at; so a server of any make can be
// held to it, also one that lies.
package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"
)

// What says what kind of fact a line is.
type What string

// The facts. Those of one connection stand in the order in which they were read
// from it.
const (
	// Invoke: a user hands in the command Nonce; a repeat is another Invoke.
	Invoke What = "invoke"
	// Ack: it happened, as Event (nil: nothing needed changing). With a Conn the
	// answer stands at its place among the events of that connection.
	Ack What = "ack"
	// Refuse: the command was answered with Code.
	Refuse What = "refuse"
	// Queued: it was taken and will be done later (202).
	Queued What = "queued"

	// Open: a connection said hello with cursors in Heads.
	Open What = "open"
	// Welcome: the server named the user's rooms and, in Heads, their heads.
	Welcome What = "welcome"
	// Given: the connection was given an event.
	Given What = "event"
	// Entered: the connection was shown a room; its events follow behind Head.
	Entered What = "room"
	// Gone: the user is no longer in the room.
	Gone What = "gone"
	// Cut: the replay was cut short; events follow behind Head.
	Cut What = "truncated"
	// Reset: the server has less of the room than the client.
	Reset What = "reset"
	// Bye: the server asked the client to come back; it is to be welcome again
	// somewhere Within.
	Bye What = "bye"
	// Close: the connection ended, with Code; Code "dropped" is our own doing.
	Close What = "close"
	// End: the connection is still open at the end and was given time to catch up.
	End What = "end"

	// Stored: the room has this event at the end.
	Stored What = "stored"
	// Head: the room's last number at the end.
	Head What = "head"

	// Strike: a fault strikes while InFlight commands have no answer.
	Strike What = "strike"
	// Over: the fault has ended.
	Over What = "over"
)

// Record is one fact.
type Record struct {
	T     time.Duration     `json:"t"` // nanoseconds since the run began
	What  What              `json:"what"`
	User  string            `json:"user,omitempty"`
	Conn  string            `json:"conn,omitempty"`
	Gate  string            `json:"gate,omitempty"` // through which address
	Room  string            `json:"room,omitempty"`
	Nonce string            `json:"nonce,omitempty"`
	Do    string            `json:"do,omitempty"`   // send, edit, delete, react, join, leave, add, remove …
	Whom  string            `json:"whom,omitempty"` // whom it adds or removes
	Text  string            `json:"text,omitempty"`
	Code  string            `json:"code,omitempty"`
	Head  uint64            `json:"head,omitempty"`
	Heads map[string]uint64 `json:"heads,omitempty"`
	Event *Event            `json:"event,omitempty"`

	Fault    string        `json:"fault,omitempty"`
	InFlight int           `json:"in_flight,omitempty"`
	Within   time.Duration `json:"within,omitempty"`
	// LosesLog: what is only in the intake log may be lost by this fault.
	LosesLog bool `json:"loses_log,omitempty"`
	// Restores: the database goes back to an earlier state, and clients that have
	// more may be told to reset.
	Restores bool `json:"restores,omitempty"`
	// Since: what became true after this moment may be gone with the restore, as the
	// log is gone too; 0: nothing is.
	Since time.Duration `json:"since,omitempty"`
	// Back: in every room a command that is invoked after this moment is answered
	// within this time.
	Back time.Duration `json:"back,omitempty"`
	// Spares: until the fault is over messages go on as if nothing had happened,
	// each answered Within. Sockets: connections that are welcome stay.
	Spares  bool `json:"spares,omitempty"`
	Sockets bool `json:"sockets,omitempty"`
}

// Event is an event as somebody saw it.
type Event struct {
	Seq    uint64 `json:"seq"`
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	By     string `json:"by"`
	Nonce  string `json:"nonce,omitempty"` // only its author sees it
	Target uint64 `json:"target,omitempty"`
	// Text of a message or edit. Load texts begin with the command's nonce: see [Mark].
	Text    string   `json:"text,omitempty"`
	Op      string   `json:"op,omitempty"`   // member, reaction, room
	Whom    string   `json:"whom,omitempty"` // member
	Members []string `json:"members,omitempty"`
	Deleted bool     `json:"deleted,omitempty"` // its body was cleared later
}

// Mark is the nonce at the beginning of a text, by which an event is recognised
// by those who are not shown its nonce; "" when there is none.
func Mark(text string) string {
	mark, rest, ok := strings.Cut(text, "|")
	if !ok || rest == "" {
		return ""
	}
	return mark
}

// Text is what a load says: recognisable and different each time.
func Text(nonce, words string) string { return nonce + "|" + words }

// Log collects the facts of a run in the order of their times. Its methods may be
// used from many goroutines.
type Log struct {
	began time.Time
	mu    sync.Mutex
	all   []Record
	count map[What]int
	rooms map[string]int // acknowledgements by room
}

// NewLog begins a history now.
func NewLog() *Log { return &Log{began: time.Now(), count: map[What]int{}, rooms: map[string]int{}} }

// Add appends a fact and stamps it with the time. What is to be invoked is added
// before it is sent, what was received after it was read, so that the order of
// two lines never claims more than is known.
func (l *Log) Add(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.T = time.Since(l.began)
	l.all = append(l.all, r)
	l.count[r.What]++
	if r.What == Ack {
		l.rooms[r.Room]++
	}
}

// Now is the time since the run began.
func (l *Log) Now() time.Duration { return time.Since(l.began) }

// Count is how many facts of a kind there are so far.
func (l *Log) Count(w What) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count[w]
}

// AckedIn is how many commands have been acknowledged in each room.
func (l *Log) AckedIn() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.rooms)
}

// Acked is how many commands have been acknowledged.
func (l *Log) Acked() int { return l.Count(Ack) }

// Records is everything so far.
func (l *Log) Records() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[:len(l.all):len(l.all)]
}

// Write writes a history, one JSON object a line.
func Write(w io.Writer, records []Record) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for i := range records {
		if err := e.Encode(&records[i]); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	return b.Flush()
}

// Read reads what [Write] wrote.
func Read(r io.Reader) (records []Record, err error) {
	d := json.NewDecoder(bufio.NewReader(r))
	d.DisallowUnknownFields()
	for {
		var rec Record
		switch err := d.Decode(&rec); {
		case errors.Is(err, io.EOF):
			return records, nil
		case err != nil:
			return nil, fmt.Errorf("history: line %d: %w", len(records)+1, err)
		}
		records = append(records, rec)
	}
}
