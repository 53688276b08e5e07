package bus

import (
	"github.com/parley-chat/parley/internal/chat"
)

// Commands and events are frames: what every one has, then a bitmap of what
// else is there, then that, in the order of the bits. New fields take new bits
// and go to the end. A plain text message has one byte of bitmap.
//
//	command   id room by asked nonce kind as                                 has …
//	event     id room by at nonce kind seq n messages gateway logseq batch committed  has …

// The bits of what else a command or event has.
const (
	hasText = 1 << iota
	hasTarget
	hasReplyTo
	hasThread
	hasMentions
	hasMentionAll
	hasOp
	hasEmoji // the last that fits into one byte
	hasUser
	hasRole
	hasAttachments
	hasMeta
	hasRoomKind
	hasName
	hasHandle
	hasTopic
	hasReadOnly
	readOnly // the value where hasReadOnly is set
	hasMembers
	hasDeleted
	hasAlias
)

// Command writes a command.
func (e *Encoder) Command(c *chat.Command) {
	mark := e.Open()
	e.ID(c.ID)
	e.ID(c.Room)
	e.ID(c.By)
	e.Int(c.Asked)
	e.Text(c.Nonce)
	e.Byte(byte(c.Kind))
	e.Text(string(c.As))
	has := bitsOf(&c.Body, c.Target)
	if c.Alias != nil {
		has |= hasAlias
	}
	e.Uvarint(has)
	e.body(has, &c.Body, c.Target)
	if c.Alias != nil {
		e.Text(c.Alias.Door)
		e.Text(c.Alias.Kind)
		e.Text(c.Alias.Foreign)
	}
	e.Close(mark)
}

// Command takes a command into c, which is to be zero.
func (d *Decoder) Command(c *chat.Command) {
	f := d.Frame()
	c.ID, c.Room, c.By = f.ID(), f.ID(), f.ID()
	c.Asked = f.Int()
	c.Nonce = f.Text()
	c.Kind = chat.Kind(f.Byte())
	c.As = chat.OrgRole(f.word())
	has := f.Uvarint()
	c.Target = f.body(has, &c.Body)
	if has&hasAlias != 0 {
		c.Alias = &chat.Alias{Door: f.word(), Kind: f.word(), Foreign: f.Text()}
	}
	d.adopt(&f)
}

// Event writes an event.
func (e *Encoder) Event(v *chat.Event) {
	mark := e.Open()
	e.ID(v.ID)
	e.ID(v.Room)
	e.ID(v.By)
	e.Int(v.At)
	e.Text(v.Nonce)
	e.Byte(byte(v.Kind))
	e.Uvarint(v.Seq)
	e.Uvarint(v.N)
	e.Uvarint(v.Messages)
	e.Fixed(v.Origin.Gateway)
	e.Uvarint(v.Origin.LogSeq)
	e.Uvarint(v.Origin.Batch)
	e.Int(v.Origin.Committed - v.At)
	has := bitsOf(&v.Body, v.Target)
	e.Uvarint(has)
	e.body(has, &v.Body, v.Target)
	e.Close(mark)
}

// Event takes an event into v, which is to be zero.
func (d *Decoder) Event(v *chat.Event) {
	f := d.Frame()
	v.ID, v.Room, v.By = f.ID(), f.ID(), f.ID()
	v.At = f.Int()
	v.Nonce = f.Text()
	v.Kind = chat.Kind(f.Byte())
	v.Seq, v.N, v.Messages = f.Uvarint(), f.Uvarint(), f.Uvarint()
	v.Origin.Gateway = f.Fixed()
	v.Origin.LogSeq, v.Origin.Batch = f.Uvarint(), f.Uvarint()
	v.Origin.Committed = v.At + f.Int()
	v.Target = f.body(f.Uvarint(), &v.Body)
	d.adopt(&f)
}

// adopt makes a frame's complaint its reader's.
func (d *Decoder) adopt(f *Decoder) {
	if f.err != nil && d.err == nil {
		d.err, d.b = f.err, nil
	}
}

func bitsOf(b *chat.Body, target uint64) (has uint64) {
	set := func(bit uint64, there bool) {
		if there {
			has |= bit
		}
	}
	set(hasText, b.Text != "")
	set(hasTarget, target != 0)
	set(hasReplyTo, b.ReplyTo != 0)
	set(hasThread, b.Thread != 0)
	set(hasMentions, b.Mentions != nil)
	set(hasMentionAll, b.MentionAll)
	set(hasOp, b.Op != "")
	set(hasEmoji, b.Emoji != "")
	set(hasUser, !b.User.IsZero())
	set(hasRole, b.Role != "")
	set(hasAttachments, b.Attachments != nil)
	set(hasMeta, b.Meta != nil)
	set(hasRoomKind, b.RoomKind != "")
	set(hasName, b.Name != nil)
	set(hasHandle, b.Handle != "")
	set(hasTopic, b.Topic != nil)
	set(hasReadOnly, b.ReadOnly != nil)
	set(readOnly, b.ReadOnly != nil && *b.ReadOnly)
	set(hasMembers, b.Members != nil)
	set(hasDeleted, b.Deleted)
	return has
}

func (e *Encoder) body(has uint64, b *chat.Body, target uint64) {
	if has&hasText != 0 {
		e.Text(b.Text)
	}
	if has&^hasText == 0 {
		return
	}
	if has&hasTarget != 0 {
		e.Uvarint(target)
	}
	if has&hasReplyTo != 0 {
		e.Uvarint(b.ReplyTo)
	}
	if has&hasThread != 0 {
		e.Uvarint(b.Thread)
	}
	if has&hasMentions != 0 {
		e.IDs(b.Mentions)
	}
	if has&hasOp != 0 {
		e.Text(string(b.Op))
	}
	if has&hasEmoji != 0 {
		e.Text(b.Emoji)
	}
	if has&hasUser != 0 {
		e.ID(b.User)
	}
	if has&hasRole != 0 {
		e.Text(string(b.Role))
	}
	if has&hasAttachments != 0 {
		e.Bytes(b.Attachments)
	}
	if has&hasMeta != 0 {
		e.Bytes(b.Meta)
	}
	e.room(has, b)
}

// room writes what only room commands have.
func (e *Encoder) room(has uint64, b *chat.Body) {
	if has&hasRoomKind != 0 {
		e.Text(string(b.RoomKind))
	}
	if has&hasName != 0 {
		e.Text(*b.Name)
	}
	if has&hasHandle != 0 {
		e.Text(b.Handle)
	}
	if has&hasTopic != 0 {
		e.Text(*b.Topic)
	}
	if has&hasMembers != 0 {
		e.IDs(b.Members)
	}
}

func (d *Decoder) body(has uint64, b *chat.Body) (target uint64) {
	if has&hasText != 0 {
		b.Text = d.Text()
	}
	if has&^hasText == 0 {
		return 0
	}
	if has&hasTarget != 0 {
		target = d.Uvarint()
	}
	if has&hasReplyTo != 0 {
		b.ReplyTo = d.Uvarint()
	}
	if has&hasThread != 0 {
		b.Thread = d.Uvarint()
	}
	if has&hasMentions != 0 {
		b.Mentions = d.IDs()
	}
	b.MentionAll = has&hasMentionAll != 0
	if has&hasOp != 0 {
		b.Op = chat.Op(d.word())
	}
	if has&hasEmoji != 0 {
		b.Emoji = d.Text()
	}
	if has&hasUser != 0 {
		b.User = d.ID()
	}
	if has&hasRole != 0 {
		b.Role = chat.Role(d.word())
	}
	if has&hasAttachments != 0 {
		b.Attachments = d.Bytes()
	}
	if has&hasMeta != 0 {
		b.Meta = d.Bytes()
	}
	d.room(has, b)
	return target
}

// room takes what only room commands have, and the deletion mark.
func (d *Decoder) room(has uint64, b *chat.Body) {
	if has&hasRoomKind != 0 {
		b.RoomKind = chat.RoomKind(d.word())
	}
	if has&hasName != 0 {
		name := d.Text()
		b.Name = &name
	}
	if has&hasHandle != 0 {
		b.Handle = d.Text()
	}
	if has&hasTopic != 0 {
		topic := d.Text()
		b.Topic = &topic
	}
	if has&hasReadOnly != 0 {
		is := has&readOnly != 0
		b.ReadOnly = &is
	}
	if has&hasMembers != 0 {
		b.Members = d.IDs()
	}
	b.Deleted = has&hasDeleted != 0
}

// word is Text for the few words of the language: those cost no memory.
func (d *Decoder) word() string {
	b := d.take(d.Uvarint())
	switch string(b) {
	case "":
		return ""
	case string(chat.OrgMember):
		return string(chat.OrgMember)
	case string(chat.OrgAdmin):
		return string(chat.OrgAdmin)
	case string(chat.OrgOwner):
		return string(chat.OrgOwner)
	case string(chat.OrgGuest):
		return string(chat.OrgGuest)
	case string(chat.OrgBot):
		return string(chat.OrgBot)
	case string(chat.OpAdd):
		return string(chat.OpAdd)
	case string(chat.OpRemove):
		return string(chat.OpRemove)
	case string(chat.OpJoin):
		return string(chat.OpJoin)
	}
	return string(b)
}

// EventSize is at least as many bytes as the event takes.
func EventSize(v *chat.Event) int {
	const fixed = 256 // the ids, the numbers at their longest, the lengths
	b := &v.Body
	n := fixed + len(v.Nonce) + len(b.Text) + len(b.Attachments) + len(b.Meta) + len(b.Emoji) + len(b.Op) + len(b.Role) +
		len(b.RoomKind) + len(b.Handle) + len(chat.ID{})*(len(b.Mentions)+len(b.Members))
	if b.Name != nil {
		n += len(*b.Name)
	}
	if b.Topic != nil {
		n += len(*b.Topic)
	}
	return n
}
