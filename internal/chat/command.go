package chat

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says what a command asks and what an event tells.
type Kind uint8

// The kinds, numbered as they are stored.
const (
	KindMessage  Kind = 1
	KindEdit     Kind = 2
	KindDelete   Kind = 3
	KindReaction Kind = 4
	KindMember   Kind = 5
	KindRoom     Kind = 6
)

var kindNames = [...]string{
	KindMessage: "message", KindEdit: "edit", KindDelete: "delete",
	KindReaction: "reaction", KindMember: "member", KindRoom: "room",
}

func (k Kind) String() string {
	if k.Known() {
		return kindNames[k]
	}
	return "unknown"
}

// Known says whether this version has rules for the kind.
func (k Kind) Known() bool { return k >= KindMessage && int(k) < len(kindNames) }

// Op is what a reaction, member or room command does.
type Op string

// The ops by kind.
const (
	OpAdd    Op = "add" // reaction and member
	OpRemove Op = "remove"

	OpJoin  Op = "join" // member
	OpLeave Op = "leave"
	OpRole  Op = "role"

	OpCreate   Op = "create" // room
	OpRename   Op = "rename"
	OpTopic    Op = "topic"
	OpSettings Op = "settings"
	OpArchive  Op = "archive"
)

// Limits of what a command may carry, in bytes unless it says otherwise.
const (
	MaxText        = 32 << 10
	MaxMeta        = 4 << 10
	MaxNonce       = 128
	MaxName        = 120
	MaxTopic       = 1000
	MaxEmoji       = 64
	MaxEmojis      = 100  // different ones under a message
	MaxReactions   = 20   // of one person to a message
	MaxAttachments = 10   // pieces
	MaxMentions    = 100  // people
	MaxFirst       = 1000 // people a room can be created with
)

// Body is what a command or event says, by kind:
//
//	message   Text, ReplyTo, Thread, Attachments, Mentions, MentionAll, Meta
//	edit      Text
//	reaction  Emoji, Op (add, remove)
//	member    User, Op (join, leave, add, remove, role), Role
//	room      Op, RoomKind, Name, Handle, Topic, ReadOnly, Members
//
// Deleted marks a body that a delete has cleared.
type Body struct {
	Text        string          `json:"text,omitempty"`
	ReplyTo     uint64          `json:"reply_to,omitempty"`
	Thread      uint64          `json:"thread,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"` // a JSON array
	Mentions    []UserID        `json:"mentions,omitempty"`
	MentionAll  bool            `json:"mention_all,omitempty"`
	Meta        json.RawMessage `json:"meta,omitempty"` // a JSON object

	Emoji string `json:"emoji,omitempty"`
	Op    Op     `json:"op,omitempty"`

	User UserID `json:"user,omitzero"`
	Role Role   `json:"role,omitempty"`

	RoomKind RoomKind `json:"kind,omitempty"`
	Name     *string  `json:"name,omitempty"`
	Handle   string   `json:"handle,omitempty"`
	Topic    *string  `json:"topic,omitempty"`
	ReadOnly *bool    `json:"read_only,omitempty"`
	Members  []UserID `json:"members,omitempty"`

	Deleted bool `json:"deleted,omitempty"`
}

// Alias ties a door's foreign id to what a command makes; it is committed with
// the event.
type Alias struct {
	Door    string `json:"door"`
	Kind    string `json:"kind"`
	Foreign string `json:"foreign"`
}

// Command asks for one change of one room. (Room, By, Nonce) names it for ever:
// however often it is appended, it takes effect at most once.
type Command struct {
	ID     ID // becomes the event's
	Room   RoomID
	By     UserID
	As     OrgRole // By's role when the command was taken
	Nonce  string
	Kind   Kind
	Target uint64 // edit, delete, reaction: the message's number
	Body   Body
	Asked  int64 // when the gateway took it, Unix milliseconds
	Alias  *Alias
}

// Check says what is wrong with the command on its own, before any room is
// known. Doors and the sequencer both ask it: what it refuses changes nothing.
func (c *Command) Check() *Error {
	b := &c.Body
	switch {
	case !c.Kind.Known():
		return Errorf(Invalid, "unknown kind %d", c.Kind)
	case c.Room.IsZero() || c.By.IsZero() || c.ID.IsZero():
		return Errorf(Invalid, "a command names its room, its author and itself")
	case c.Nonce == "" || len(c.Nonce) > MaxNonce:
		return Errorf(Invalid, "a nonce has 1 to %d bytes", MaxNonce)
	case len(b.Text) > MaxText:
		return Errorf(TooLarge, "a text has at most %d bytes", MaxText)
	case len(b.Meta) > MaxMeta:
		return Errorf(TooLarge, "meta has at most %d bytes", MaxMeta)
	case len(b.Attachments) > MaxText:
		return Errorf(TooLarge, "attachments have at most %d bytes", MaxText)
	case len(b.Members) > MaxFirst:
		return Errorf(TooLarge, "a room starts with at most %d people; add the others later", MaxFirst)
	case len(b.Mentions) > MaxMentions:
		return Errorf(TooLarge, "a message mentions at most %d people", MaxMentions)
	case slices.Contains(b.Members, UserID{}):
		return Errorf(Invalid, "the zero id is nobody")
	}
	if !c.clean() {
		return Errorf(Invalid, "text is UTF-8 without U+0000")
	}
	return c.checkKind()
}

// clean says whether every text of the command is UTF-8 without U+0000. It is
// asked twice of every message, so it makes nothing.
func (c *Command) clean() bool {
	b := &c.Body
	if !cleanText(c.Nonce) || !cleanText(b.Text) || !cleanText(b.Emoji) || !cleanText(b.Handle) {
		return false
	}
	if !cleanText(string(b.Attachments)) || !cleanText(string(b.Meta)) {
		return false
	}
	if b.Name != nil && !cleanText(*b.Name) || b.Topic != nil && !cleanText(*b.Topic) {
		return false
	}
	return c.Alias == nil || cleanText(c.Alias.Door) && cleanText(c.Alias.Kind) && cleanText(c.Alias.Foreign)
}

func cleanText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func (c *Command) checkKind() *Error {
	b := &c.Body
	switch c.Kind {
	case KindMessage:
		return c.checkMessage()
	case KindEdit:
		if strings.TrimSpace(b.Text) == "" {
			return Errorf(Invalid, "an edit needs a text; to take a message back, delete it")
		}
	case KindReaction:
		if b.Emoji == "" || len(b.Emoji) > MaxEmoji {
			return Errorf(Invalid, "an emoji has 1 to %d bytes", MaxEmoji)
		}
		if b.Op != OpAdd && b.Op != OpRemove {
			return Errorf(Invalid, "a reaction's op is add or remove")
		}
	case KindMember:
		return c.checkMember()
	case KindRoom:
		return c.checkRoom()
	}
	if c.Kind != KindMember && c.Kind != KindRoom && c.Target == 0 {
		return Errorf(Invalid, "a %s names the message it is about", c.Kind)
	}
	return nil
}

func (c *Command) checkMessage() *Error {
	b := &c.Body
	if b.Text == "" && b.Attachments == nil && b.Meta == nil {
		return Errorf(Invalid, "a message has a text, attachments or meta")
	}
	if b.Meta != nil && !isJSON(b.Meta, '{') {
		return Errorf(Invalid, "meta is a JSON object")
	}
	if b.Attachments != nil {
		var list []json.RawMessage
		if !isJSON(b.Attachments, '[') || json.Unmarshal(b.Attachments, &list) != nil || len(list) > MaxAttachments {
			return Errorf(Invalid, "attachments are a JSON array of at most %d", MaxAttachments)
		}
	}
	return nil
}

func isJSON(raw json.RawMessage, opens byte) bool {
	s := strings.TrimLeft(string(raw), " \t\r\n")
	return s != "" && s[0] == opens && json.Valid(raw)
}

func (c *Command) checkMember() *Error {
	b := &c.Body
	if b.User.IsZero() {
		return Errorf(Invalid, "whose membership?")
	}
	switch b.Op {
	case OpJoin, OpLeave:
		if b.User != c.By {
			return Errorf(Invalid, "people join and leave for themselves; others are added and removed")
		}
	case OpAdd:
		if b.Role != "" && !b.Role.Valid() {
			return Errorf(Invalid, "a role is owner, moderator or member")
		}
	case OpRole:
		if !b.Role.Valid() {
			return Errorf(Invalid, "a role is owner, moderator or member")
		}
	case OpRemove:
	default:
		return Errorf(Invalid, "unknown member op %.20q", b.Op)
	}
	return nil
}

func (c *Command) checkRoom() *Error {
	b := &c.Body
	if b.Name != nil && len(*b.Name) > MaxName {
		return Errorf(TooLarge, "a name has at most %d bytes", MaxName)
	}
	if b.Topic != nil && len(*b.Topic) > MaxTopic {
		return Errorf(TooLarge, "a topic has at most %d bytes", MaxTopic)
	}
	switch b.Op {
	case OpCreate:
		return c.checkCreate()
	case OpRename:
		if b.Name == nil || strings.TrimSpace(*b.Name) == "" {
			return Errorf(Invalid, "a rename needs a name")
		}
	case OpTopic:
		if b.Topic == nil {
			return Errorf(Invalid, "which topic?")
		}
	case OpSettings:
		if b.Name == nil && b.Topic == nil && b.ReadOnly == nil {
			return Errorf(Invalid, "nothing to set")
		}
		if b.Name != nil && strings.TrimSpace(*b.Name) == "" {
			return Errorf(Invalid, "a room keeps a name")
		}
	case OpArchive:
	default:
		return Errorf(Invalid, "unknown room op %.20q", b.Op)
	}
	return nil
}

func (c *Command) checkCreate() *Error {
	b := &c.Body
	switch b.RoomKind {
	case Channel, Group:
		if b.Name == nil || strings.TrimSpace(*b.Name) == "" {
			return Errorf(Invalid, "a %s needs a name", b.RoomKind)
		}
		if b.Handle != "" && (b.RoomKind != Channel || !username.MatchString(b.Handle)) {
			return Errorf(Invalid, "a handle is a channel's, 1 to 32 of a-z, 0-9, dot, underscore and hyphen")
		}
		if c.Room != CreatedRoomID(c.By, c.Nonce) {
			return Errorf(Invalid, "a room's id comes from who creates it and the nonce")
		}
	case Direct:
		people := SortIDs(append([]UserID{c.By}, b.Members...))
		if len(people) > 2 {
			return Errorf(Invalid, "a direct room is for one or two people; make a group")
		}
		if c.Room != DirectRoomID(people...) {
			return Errorf(Invalid, "a direct room's id comes from its people")
		}
	default:
		return Errorf(Invalid, "a room is a channel, a group or direct")
	}
	return nil
}

// said is what the command's kind and op can say of its body. Whatever else a
// careless gateway put in has not been checked, and must not become an event.
func (c *Command) said() Body {
	b := &c.Body
	switch c.Kind {
	case KindMessage:
		return Body{Text: b.Text, ReplyTo: b.ReplyTo, Thread: b.Thread, Attachments: b.Attachments,
			Mentions: b.Mentions, MentionAll: b.MentionAll, Meta: b.Meta}
	case KindEdit:
		return Body{Text: b.Text}
	case KindReaction:
		return Body{Emoji: b.Emoji, Op: b.Op}
	case KindMember:
		said := Body{User: b.User, Op: b.Op}
		if b.Op == OpAdd || b.Op == OpRole {
			said.Role = b.Role
		}
		return said
	case KindRoom:
		return c.saidOfRoom()
	}
	return Body{}
}

func (c *Command) saidOfRoom() Body {
	b := &c.Body
	said := Body{Op: b.Op}
	switch {
	case b.Op == OpCreate && b.RoomKind == Direct:
		said.RoomKind, said.Members = Direct, b.Members
	case b.Op == OpCreate:
		said.RoomKind, said.Members, said.Handle = b.RoomKind, b.Members, b.Handle
		said.Name, said.Topic, said.ReadOnly = b.Name, b.Topic, b.ReadOnly
	case b.Op == OpRename:
		said.Name = b.Name
	case b.Op == OpTopic:
		said.Topic = b.Topic
	case b.Op == OpSettings:
		said.Name, said.Topic, said.ReadOnly = b.Name, b.Topic, b.ReadOnly
	}
	return said
}

// about is the message that the command is about, for the kinds that are about one.
func (c *Command) about() uint64 {
	if c.Kind == KindEdit || c.Kind == KindDelete || c.Kind == KindReaction {
		return c.Target
	}
	return 0
}
