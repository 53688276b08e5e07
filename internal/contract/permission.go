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
}

// PermissionOf follows from the switchboard what a process needs that plays the
// roles.
//
// Answers are allowed by where they go, to the inboxes of who may ask, and not by
// what NATS calls allow_responses: with that, who hears a subject that they may
// publish to can ask themselves for an answer anywhere, and so may publish there.
func PermissionOf(playing ...Role) Permission {
	p := Permission{Subscribe: []string{listensTo(playing) + ".>"}}
	var asking roleList
	for _, l := range lines {
		if l.From.any(playing) {
			p.Publish = append(p.Publish, l.Subject)
		}
		if !l.To.any(playing) {
			continue
		}
		switch l.Kind {
		case KindCall:
			asking = append(asking, l.From...)
			p.Subscribe = append(p.Subscribe, l.Subject+" "+bus.Answerers)
		case KindKeyed, KindRoll:
			asking = append(asking, l.From...)
			p.Subscribe = append(p.Subscribe, l.Subject)
		case KindTopic:
			p.Subscribe = append(p.Subscribe, l.Subject)
		case KindLog: // its records come to the inbox
			p.Publish = append(p.Publish, bus.KeepLogs()...)
		}
	}
	for _, role := range everyone {
		if slices.Contains(asking, role) {
			old := bus.DefaultInbox + "." + string(role) + ".*" // of a process of the version before, which plays this role alone
			p.Publish = append(p.Publish, bus.DefaultInbox+".*."+places("*", role)+".>", old, old+".*")
		}
	}
	return p
}

// Inbox is what the subjects of answers to a process begin with that plays the
// roles. Nobody with other roles may listen there.
func Inbox(playing ...Role) string {
	return listensTo(playing) + "." + places("-", playing...)
}

// listensTo is the inbox that is only of processes that play just these roles.
func listensTo(playing []Role) string { return bus.DefaultInbox + "." + Named(playing...) }

// places has one for each role, so that a permission can say: whoever plays this
// one, whatever else.
func places(other string, playing ...Role) string {
	all := make([]string, len(everyone))
	for i, r := range everyone {
		all[i] = other
		if slices.Contains(playing, r) {
			all[i] = string(r)
		}
	}
	return strings.Join(all, ".")
}

// everyone are all who have a credential.
var everyone = append(slices.Clone(Roles), RoleOperator)

// Named is one name for roles that one process plays.
func Named(playing ...Role) string {
	var names []string
	for _, r := range everyone {
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
