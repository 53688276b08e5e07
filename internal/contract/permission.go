package contract

import (
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/bus"
)

// Permission is what a credential must be allowed on the bus, and all that it
// should be: subjects as NATS writes them, those to subscribe to with their queue
// group behind a space.
type Permission struct {
	Publish   []string
	Subscribe []string
	Answers   bool // it may publish to where an answer to it was asked for
}

// PermissionOf follows from the switchboard what a process needs that plays the
// roles.
func PermissionOf(playing ...Role) Permission {
	p := Permission{Subscribe: []string{Inbox(playing...) + ".>"}}
	for _, l := range lines {
		if l.From.any(playing) {
			p.Publish = append(p.Publish, l.Subject)
		}
		if !l.To.any(playing) {
			continue
		}
		switch l.Kind {
		case KindCall:
			p.Answers = true
			p.Subscribe = append(p.Subscribe, l.Subject+" "+bus.Answerers)
		case KindKeyed, KindRoll:
			p.Answers = true
			p.Subscribe = append(p.Subscribe, l.Subject)
		case KindTopic:
			p.Subscribe = append(p.Subscribe, l.Subject)
		case KindLog: // its records come to the inbox
			p.Publish = append(p.Publish, bus.KeepLogs()...)
		}
	}
	return p
}

// Inbox is what the subjects of answers to a process begin with that plays the
// roles. Nobody with other roles may listen there.
func Inbox(playing ...Role) string {
	return bus.DefaultInbox + "." + Named(playing...)
}

// Named is one name for roles that one process plays.
func Named(playing ...Role) string {
	var names []string
	for _, r := range slices.Concat(Roles, []Role{RoleOperator}) {
		if slices.Contains(playing, r) {
			names = append(names, string(r))
		}
	}
	if len(names) >= len(Roles) {
		return "all"
	}
	return strings.Join(names, "-")
}

type roleList []Role

func (l roleList) any(of []Role) bool {
	return slices.ContainsFunc(l, func(r Role) bool { return slices.Contains(of, r) })
}
