package chat

import "fmt"

// Apply makes the event true in memory. Events are applied in order, each once:
// anything but the next number is a mistake of the caller, and panics.
func (r *Room) Apply(e *Event) {
	if e.Seq != r.Head+1 {
		panic(fmt.Sprintf("chat: event %d applied to room %s, which stands at %d", e.Seq, r.ID, r.Head))
	}
	r.Head, r.LastAt, r.Messages = e.Seq, e.At, e.Messages
	r.nonces.add(e.By, e.Nonce, e.Seq)
	switch e.Kind {
	case KindMessage:
		r.targets[e.Seq] = Target{By: e.By, Message: true, Deleted: e.Body.Deleted, Thread: e.Body.Thread}
	case KindDelete:
		r.applyDelete(e.Target)
	case KindReaction:
		if !e.Body.Deleted {
			r.applyReaction(e)
		}
	case KindMember:
		r.applyMember(e.Body)
	case KindRoom:
		r.applySettings(e)
	}
}

// applyReaction counts only where the count is known: it is learned before it is
// needed, and then has this reaction in it.
func (r *Room) applyReaction(e *Event) {
	key, step := ReactionKey{e.Target, e.By, e.Body.Emoji}, 1
	if e.Body.Op != OpAdd {
		step = -1
	}
	r.reactions[key] = e.Body.Op == OpAdd
	if people, known := r.emojis[key.Seq]; known {
		if people[key.Emoji] += step; people[key.Emoji] <= 0 {
			delete(people, key.Emoji)
		}
	}
	if _, known := r.reactors[Reactor{key.Seq, key.User}]; known {
		r.reactors[Reactor{key.Seq, key.User}] += step
	}
}

func (r *Room) applyDelete(seq uint64) {
	t := r.targets[seq]
	t.Deleted = true
	r.targets[seq] = t
	for key := range r.reactions {
		if key.Seq == seq {
			delete(r.reactions, key)
		}
	}
	delete(r.emojis, seq)
	for key := range r.reactors {
		if key.Seq == seq {
			delete(r.reactors, key)
		}
	}
}

func (r *Room) applyMember(b Body) {
	role := b.Role
	if b.Op == OpLeave || b.Op == OpRemove {
		role = ""
	}
	r.setMember(b.User, role)
}

func (r *Room) setMember(id UserID, role Role) {
	was := r.members[id]
	r.members[id] = role
	r.MemberCount += count(role != "") - count(was != "")
	r.Owners += count(role == RoleOwner) - count(was == RoleOwner)
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (r *Room) applySettings(e *Event) {
	b := &e.Body
	switch b.Op {
	case OpCreate:
		r.ID, r.Kind, r.Handle, r.CreatedAt, r.CreatedBy = e.Room, b.RoomKind, b.Handle, e.At, e.By
		for _, id := range b.Members {
			r.setMember(id, FirstRole(e, id))
		}
	case OpArchive:
		r.Archived = true
	}
	if b.Name != nil {
		r.Name = *b.Name
	}
	if b.Topic != nil {
		r.Topic = *b.Topic
	}
	if b.ReadOnly != nil {
		r.ReadOnly = *b.ReadOnly
	}
}

// FirstRole is the role that the event which created a room gives to one of its
// first members: its creator owns it, and a direct room belongs to both.
func FirstRole(create *Event, id UserID) Role {
	if id == create.By || create.Body.RoomKind == Direct {
		return RoleOwner
	}
	return RoleMember
}
