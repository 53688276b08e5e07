package terminal

import (
	"slices"

	"github.com/parley-chat/parley/client"
)

// names is what to call users, by id.
type names map[string]string

func (n names) of(id string) string {
	if name := n[id]; name != "" {
		return name
	}
	return "user " + id[max(0, len(id)-6):]
}

// unknown are those of ids that are not known, each once.
func (n names) unknown(ids []string) (unknown []string) {
	for _, id := range ids {
		if _, known := n[id]; !known && id != "" && !slices.Contains(unknown, id) {
			unknown = append(unknown, id)
		}
	}
	return unknown
}

func (n names) learn(users []client.User) {
	for _, u := range users {
		n[u.ID] = u.Name()
	}
}

// people are those whose names showing ev needs.
func people(ev client.Event) []string {
	if b, ok := ev.Body.(client.MemberBody); ok {
		return []string{ev.By, b.User}
	}
	return []string{ev.By}
}

// authors are those whose names showing messages needs.
func authors(messages []client.Posted) []string {
	ids := make([]string, len(messages))
	for i, m := range messages {
		ids[i] = m.By
	}
	return ids
}

// sentence says in words what happened; "" for what messages themselves show.
func (n names) sentence(ev client.Event) string {
	who := n.of(ev.By)
	switch b := ev.Body.(type) {
	case client.DeleteBody:
		return who + " deleted a message"
	case client.ReactionBody:
		if b.Op == "remove" {
			return who + " takes back " + b.Emoji
		}
		return who + " reacts with " + b.Emoji
	case client.MemberBody:
		return membership(who, n.of(b.User), ev.By, b)
	case client.RoomBody:
		return roomChange(who, b)
	}
	return ""
}

func membership(who, whom, by string, b client.MemberBody) string {
	switch {
	case b.Op == "join":
		return whom + " joined"
	case b.Op == "leave" || b.Op == "remove" && by == b.User:
		return whom + " left"
	case b.Op == "add":
		return who + " added " + whom
	case b.Op == "remove":
		return who + " removed " + whom
	}
	return who + " made " + whom + " " + b.Role
}

func roomChange(who string, b client.RoomBody) string {
	switch b.Op {
	case "rename":
		return who + " renamed the room to " + b.Name
	case "topic":
		return who + " set the topic: " + b.Topic
	case "create":
		return who + " made the room"
	case "archive":
		return who + " archived the room"
	}
	return who + " changed the room's settings"
}
