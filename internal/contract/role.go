package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/bus"
)

// Role is a part of Parley that talks over the bus.
type Role string

// The roles, and the operator: who runs commands like `parley user add`.
const (
	RoleSequencer Role = "sequencer"
	RoleArchive   Role = "archive"
	RoleRooms     Role = "rooms"
	RoleAccounts  Role = "accounts"
	RoleAccess    Role = "access"
	RolePresence  Role = "presence"
	RoleGateway   Role = "gateway"
	RoleOperator  Role = "operator"
)

// Roles are all that serve, in the order in which they start.
var Roles = []Role{RoleSequencer, RoleArchive, RoleRooms, RoleAccounts, RoleAccess, RolePresence, RoleGateway}

// everybody stands in the switchboard for all roles that serve.
const everybody = "everybody"

// Line is one line of the switchboard.
type Line struct {
	Subject  string // as permissions name it: a key is *
	Kind     Kind
	From, To roleList // who asks or tells, who answers or hears
}

// Kind is how a line is used.
type Kind string

// The kinds. Of those who can answer a call one does; a keyed call is answered by
// who answers at its key; a roll call is answered by all of them; a topic is told
// to whoever listens; a log keeps what is appended for the one who reads it.
const (
	KindCall  Kind = "call"
	KindKeyed Kind = "keyed call"
	KindRoll  Kind = "roll call"
	KindTopic Kind = "topic"
	KindLog   Kind = "log"
)

var lines []Line

// Lines is the switchboard.
func Lines() []Line { return slices.Clone(lines) }

func call[Q, A any](subject, who string) bus.Call[Q, A] {
	return bus.NewCall[Q, A](draw(subject, KindCall, who))
}

func keyed[Q, A any](subject, who string) bus.Call[Q, A] {
	return bus.NewKeyedCall[Q, A](draw(subject, KindKeyed, who))
}

func roll[Q, A any](subject, who string) bus.Roll[Q, A] {
	return bus.NewRoll[Q, A](draw(subject, KindRoll, who))
}

func topic[M any](subject, who string) bus.Topic[M] {
	return bus.NewTopic[M](draw(subject, KindTopic, who))
}

func intake(subject, who string) (name string) { return draw(subject, KindLog, who) }

// draw puts a line into the switchboard and answers its subject without the key.
func draw(subject string, kind Kind, who string) string {
	from, to, ok := strings.Cut(who, " → ")
	if !ok {
		panic(fmt.Sprintf("%s: %q says not who asks whom", subject, who))
	}
	lines = append(lines, Line{subject, kind, roles(from), roles(to)})
	return strings.TrimSuffix(subject, ".*")
}

// roles reads a list of roles. It is the program's own: a wrong one is a panic at
// its start.
func roles(list string) (named []Role) {
	for name := range strings.SplitSeq(list, ", ") {
		switch role := Role(name); {
		case name == everybody:
			named = append(named, Roles...)
		case role == RoleOperator || slices.Contains(Roles, role):
			named = append(named, role)
		default:
			panic(fmt.Sprintf("the switchboard knows no role %q", name))
		}
	}
	return named
}
