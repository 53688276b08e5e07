package chat

// Decision is what became of a command: an event, a repeat of one, a refusal,
// or, when all are empty, nothing, because nothing needed changing.
type Decision struct {
	Event  *Event
	Repeat uint64 // the number of the event that this nonce made before
	Err    *Error
}

// Admit decides about a command: may they, is it a repeat, and what happens?
// It changes nothing; [Room.Apply] does. now is the time of the record that
// brought the command, in Unix milliseconds: the same log gives the same events.
// What [Room.Missing] listed must have been learned before.
func (r *Room) Admit(c *Command, now int64) Decision {
	if seq, seen := r.nonces.seqs[nonceKey{c.By, c.Nonce}]; seen {
		return Decision{Repeat: seq}
	}
	if err := c.Check(); err != nil {
		return Decision{Err: err}
	}
	body, changes, err := r.judge(c)
	if err != nil {
		return Decision{Err: err}
	}
	if !changes {
		return Decision{}
	}
	ev := &Event{
		Room: r.orNew(c.Room), Seq: r.Head + 1, ID: c.ID, Kind: c.Kind, By: c.By,
		At: max(now, r.LastAt), Nonce: c.Nonce, Target: c.about(), Body: body, Messages: r.Messages,
	}
	if c.Kind == KindMessage {
		ev.Messages++
	}
	return Decision{Event: ev}
}

func (r *Room) orNew(id RoomID) RoomID {
	if r.Head == 0 {
		return id
	}
	return r.ID
}

// judge says what the event's body will be and whether anything changes.
func (r *Room) judge(c *Command) (body Body, changes bool, err *Error) {
	if c.Kind == KindRoom && c.Body.Op == OpCreate {
		return r.judgeCreate(c)
	}
	if r.Head == 0 {
		return body, false, Errorf(NotFound, "there is no such room")
	}
	mine := r.members[c.By]
	if mine == "" && !c.As.Runs() && !(c.Kind == KindMember && c.Body.Op == OpJoin) {
		return body, false, r.unseen()
	}
	if r.Archived && !(c.Kind == KindMember && (c.Body.Op == OpLeave || c.Body.Op == OpRemove)) {
		return body, false, Errorf(Conflict, "this room is archived")
	}
	switch c.Kind {
	case KindMessage:
		return r.judgeMessage(c, mine)
	case KindEdit, KindDelete, KindReaction:
		return r.judgeTargeted(c, mine)
	case KindMember:
		return r.judgeMember(c, mine)
	default:
		return r.judgeSettings(c, mine)
	}
}

// unseen is the refusal for somebody who is no member: a channel they may see,
// any other room they may not.
func (r *Room) unseen() *Error {
	if r.Kind == Channel {
		return Errorf(Forbidden, "join the channel first")
	}
	return Errorf(NotFound, "there is no such room")
}

func (r *Room) judgeCreate(c *Command) (Body, bool, *Error) {
	b := c.said()
	if r.Head > 0 {
		if r.Kind == Direct {
			return b, false, nil
		}
		return b, false, Errorf(Conflict, "this room exists")
	}
	if c.As == OrgGuest && b.RoomKind != Direct {
		return b, false, Errorf(Forbidden, "guests do not create rooms")
	}
	if c.By != System {
		b.Members = append([]UserID{c.By}, b.Members...)
	}
	b.Members = SortIDs(b.Members)
	return b, true, nil
}

func (r *Room) judgeMessage(c *Command, mine Role) (Body, bool, *Error) {
	b := c.said()
	if mine == "" {
		return b, false, r.unseen()
	}
	if r.ReadOnly && mine.rank() < RoleModerator.rank() {
		return b, false, Errorf(Forbidden, "only moderators write here")
	}
	if b.ReplyTo != 0 && !r.targets[b.ReplyTo].Message {
		return b, false, Errorf(NotFound, "there is no message %d to reply to", b.ReplyTo)
	}
	if root := r.targets[b.Thread]; b.Thread != 0 {
		if !root.Message {
			return b, false, Errorf(NotFound, "there is no message %d to start a thread at", b.Thread)
		}
		if root.Thread != 0 {
			return b, false, Errorf(Invalid, "message %d is in a thread itself: name its root, %d", b.Thread, root.Thread)
		}
	}
	var mentioned []UserID
	for _, id := range SortIDs(b.Mentions) {
		if r.members[id] != "" {
			mentioned = append(mentioned, id)
		}
	}
	b.Mentions = mentioned
	b.MentionAll = b.MentionAll && (r.Kind != Channel || mine.rank() >= RoleModerator.rank())
	return b, true, nil
}

func (r *Room) judgeTargeted(c *Command, mine Role) (Body, bool, *Error) {
	b := c.said()
	t := r.targets[c.Target]
	if !t.Message {
		return b, false, Errorf(NotFound, "there is no message %d", c.Target)
	}
	if t.Deleted {
		if c.Kind == KindDelete {
			return b, false, nil
		}
		return b, false, Errorf(NotFound, "message %d was deleted", c.Target)
	}
	switch c.Kind {
	case KindEdit:
		if t.By != c.By || mine == "" {
			return b, false, Errorf(Forbidden, "people edit their own messages")
		}
	case KindDelete:
		if (t.By != c.By || mine == "") && mine.rank() < RoleModerator.rank() && !c.As.Runs() {
			return b, false, Errorf(Forbidden, "people delete their own messages; moderators any")
		}
	case KindReaction:
		if mine == "" {
			return b, false, r.unseen()
		}
		return r.judgeReaction(c, b)
	}
	return b, true, nil
}

// judgeReaction bounds what hangs under a message: whoever reads it gets all of
// its emojis. One that is there already takes no more room.
func (r *Room) judgeReaction(c *Command, b Body) (Body, bool, *Error) {
	stands := r.reactions[ReactionKey{c.Target, c.By, b.Emoji}]
	if b.Op != OpAdd || stands {
		return b, stands != (b.Op == OpAdd), nil
	}
	if r.reactors[Reactor{c.Target, c.By}] >= MaxReactions {
		return b, false, Errorf(TooLarge, "one person puts at most %d emojis under a message", MaxReactions)
	}
	if people := r.emojis[c.Target]; people[b.Emoji] == 0 && len(people) >= MaxEmojis {
		return b, false, Errorf(TooLarge, "a message has at most %d different emojis under it", MaxEmojis)
	}
	return b, true, nil
}

func (r *Room) judgeMember(c *Command, mine Role) (Body, bool, *Error) {
	b := c.said()
	theirs := r.members[b.User]
	runs := c.As.Runs()
	if r.Kind == Direct && b.Op != OpRemove {
		return b, false, Errorf(Forbidden, "a direct room has the people it has")
	}
	switch b.Op {
	case OpJoin:
		if r.Kind != Channel && mine == "" {
			return b, false, r.unseen()
		}
		b.Role = RoleMember
		return b, theirs == "", nil
	case OpLeave:
		return b, mine != "", nil
	case OpAdd:
		if b.Role == "" {
			b.Role = RoleMember
		}
		if r.ReadOnly && mine.rank() < RoleModerator.rank() && !runs {
			return b, false, Errorf(Forbidden, "only moderators add people here")
		}
		if b.Role.rank() > RoleMember.rank() && mine != RoleOwner && !runs {
			return b, false, Errorf(Forbidden, "only owners give roles")
		}
		return b, theirs == "", nil
	case OpRemove:
		return r.judgeRemove(c, b, mine, theirs)
	default:
		return r.judgeRole(b, mine, theirs, runs)
	}
}

func (r *Room) judgeRemove(c *Command, b Body, mine, theirs Role) (Body, bool, *Error) {
	if c.As == OrgSystem {
		return b, theirs != "", nil
	}
	if r.Kind == Direct {
		return b, false, Errorf(Forbidden, "a direct room has the people it has")
	}
	if !c.As.Runs() && b.User != c.By && (mine.rank() < RoleModerator.rank() || mine != RoleOwner && theirs.rank() >= mine.rank()) {
		return b, false, Errorf(Forbidden, "moderators remove members, owners anybody")
	}
	return b, theirs != "", nil
}

func (r *Room) judgeRole(b Body, mine, theirs Role, runs bool) (Body, bool, *Error) {
	switch {
	case mine != RoleOwner && !runs:
		return b, false, Errorf(Forbidden, "only owners give roles")
	case theirs == "":
		return b, false, Errorf(NotFound, "they are no member of this room")
	case theirs == RoleOwner && b.Role != RoleOwner && r.Owners == 1:
		return b, false, Errorf(Conflict, "a room keeps one owner: name another first")
	}
	return b, theirs != b.Role, nil
}

func (r *Room) judgeSettings(c *Command, mine Role) (Body, bool, *Error) {
	b := c.said()
	least := RoleModerator
	if b.Op == OpArchive {
		least = RoleOwner
	}
	if r.Kind == Direct {
		return b, false, Errorf(Forbidden, "a direct room has no settings")
	}
	if mine.rank() < least.rank() && !c.As.Runs() {
		return b, false, Errorf(Forbidden, "that takes a room %s", least)
	}
	if b.Op == OpArchive {
		return b, true, nil
	}
	changes := b.Name != nil && *b.Name != r.Name || b.Topic != nil && *b.Topic != r.Topic ||
		b.ReadOnly != nil && *b.ReadOnly != r.ReadOnly
	return b, changes, nil
}
