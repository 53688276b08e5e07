package chat

// RoomKind says who finds a room and how people come in.
type RoomKind string

// The kinds of room.
const (
	Channel RoomKind = "channel" // public: anybody may read and join
	Group   RoomKind = "group"   // private: people are added
	Direct  RoomKind = "direct"  // one or two people, for ever
)

// Role is what somebody is in one room. The empty role is no member.
type Role string

// Room roles, from most to least trusted.
const (
	RoleOwner     Role = "owner"
	RoleModerator Role = "moderator"
	RoleMember    Role = "member"
)

// Valid says whether a member can have the role.
func (r Role) Valid() bool { return r == RoleOwner || r == RoleModerator || r == RoleMember }

func (r Role) rank() int {
	switch r {
	case RoleOwner:
		return 3
	case RoleModerator:
		return 2
	case RoleMember:
		return 1
	}
	return 0
}

// Info is what a room is, as its members and, for channels, everybody may see.
type Info struct {
	ID          RoomID   `json:"id"`
	Kind        RoomKind `json:"kind"`
	Name        string   `json:"name"`
	Handle      string   `json:"handle,omitempty"`
	Topic       string   `json:"topic"`
	CreatedAt   int64    `json:"created_at"` // Unix milliseconds
	CreatedBy   UserID   `json:"created_by"`
	MemberCount int      `json:"member_count"`
	Owners      int      `json:"owners"`
	Head        uint64   `json:"head"`     // the newest event's number
	Messages    uint64   `json:"messages"` // messages among them
	LastAt      int64    `json:"last_at"`  // the newest event's time
	ReadOnly    bool     `json:"read_only"`
	Archived    bool     `json:"archived"`
}

// Target is what the rules ask about a message that a command is about.
type Target struct {
	By      UserID
	Message bool // there is such a number, and it is a message
	Deleted bool
	Thread  uint64
}

// ReactionKey names one person's one reaction to one message.
type ReactionKey struct {
	Seq   uint64
	User  UserID
	Emoji string
}

// Reactor is somebody's reactions to one message, all together.
type Reactor struct {
	Seq  uint64
	User UserID
}

// Room is a room's state while its partition's worker orders commands: all of
// its settings, and of its members, messages and reactions those that commands
// have needed. A room with Head 0 does not exist yet. It is not safe for
// concurrent use.
type Room struct {
	Info

	members   map[UserID]Role // the empty role: known to be no member
	targets   map[uint64]Target
	reactions map[ReactionKey]bool
	emojis    map[uint64]map[string]int // by message: how many people have put each
	reactors  map[Reactor]int           // how many emojis they have put
	nonces    nonces
}

// NewRoom is the state of a room of which only the settings are known.
func NewRoom(info Info) *Room {
	return &Room{
		Info:      info,
		members:   map[UserID]Role{},
		targets:   map[uint64]Target{},
		reactions: map[ReactionKey]bool{},
		emojis:    map[uint64]map[string]int{},
		reactors:  map[Reactor]int{},
	}
}

// Facts are what a command needs the room to know before [Room.Admit].
type Facts struct {
	Members   []UserID
	Targets   []uint64
	Reactions []ReactionKey
	Emojis    []uint64 // messages: which emojis, by how many people
	Reactors  []Reactor
}

// Empty says that there is nothing to look up.
func (f *Facts) Empty() bool {
	return len(f.Members) == 0 && len(f.Targets) == 0 && len(f.Reactions) == 0 && len(f.Emojis) == 0 && len(f.Reactors) == 0
}

// Missing lists what the room does not know yet and needs for the command. A
// room that does not exist needs nothing.
func (r *Room) Missing(c *Command) Facts {
	var f Facts
	if r.Head == 0 {
		return f
	}
	member := func(id UserID) {
		if _, known := r.members[id]; !known && !id.IsZero() {
			f.Members = append(f.Members, id)
		}
	}
	target := func(seq uint64) {
		if _, known := r.targets[seq]; !known && seq != 0 && seq <= r.Head {
			f.Targets = append(f.Targets, seq)
		}
	}
	member(c.By)
	member(c.Body.User)
	for _, id := range c.Body.Mentions {
		member(id)
	}
	target(c.Target)
	target(c.Body.ReplyTo)
	target(c.Body.Thread)
	if c.Kind == KindReaction {
		key := ReactionKey{c.Target, c.By, c.Body.Emoji}
		if _, known := r.reactions[key]; !known {
			f.Reactions = append(f.Reactions, key)
		}
	}
	if c.Kind == KindReaction && c.Body.Op == OpAdd {
		if _, known := r.emojis[c.Target]; !known {
			f.Emojis = append(f.Emojis, c.Target)
		}
		if _, known := r.reactors[Reactor{c.Target, c.By}]; !known {
			f.Reactors = append(f.Reactors, Reactor{c.Target, c.By})
		}
	}
	return f
}

// LearnMember tells the room a member's role; the empty role is no member.
func (r *Room) LearnMember(id UserID, role Role) { r.members[id] = role }

// LearnTarget tells the room about a message.
func (r *Room) LearnTarget(seq uint64, t Target) { r.targets[seq] = t }

// LearnReaction tells the room whether a reaction stands.
func (r *Room) LearnReaction(key ReactionKey, stands bool) { r.reactions[key] = stands }

// LearnEmojis tells the room how many people have put each emoji under a message.
func (r *Room) LearnEmojis(seq uint64, people map[string]int) { r.emojis[seq] = people }

// LearnReactor tells the room how many emojis somebody has put under a message.
func (r *Room) LearnReactor(key Reactor, emojis int) { r.reactors[key] = emojis }

// Size is about how many bytes of memory the room takes: what an LRU counts.
func (r *Room) Size() int {
	const base, member, target, reaction, emoji, reactor, nonce = 600, 64, 64, 112, 64, 64, 120
	emojis := len(r.emojis)
	for _, people := range r.emojis {
		emojis += len(people)
	}
	return base + len(r.Name) + len(r.Topic) + member*len(r.members) + target*len(r.targets) +
		reaction*len(r.reactions) + emoji*emojis + reactor*len(r.reactors) + nonce*len(r.nonces.ring)
}

// rememberedNonces is how many of a room's last nonces stay in memory, so that
// clients that repeat themselves cannot force a commit to be done again.
const rememberedNonces = 100

type nonceKey struct {
	by    UserID
	nonce string
}

// nonces is a ring of the newest nonces with the numbers of their events.
type nonces struct {
	seqs map[nonceKey]uint64
	ring []nonceKey
	next int
}

func (n *nonces) add(by UserID, nonce string, seq uint64) {
	if n.seqs == nil {
		n.seqs = map[nonceKey]uint64{}
	}
	key := nonceKey{by, nonce}
	if len(n.ring) < rememberedNonces {
		n.ring = append(n.ring, key)
	} else {
		delete(n.seqs, n.ring[n.next])
		n.ring[n.next] = key
		n.next = (n.next + 1) % rememberedNonces
	}
	n.seqs[key] = seq
}
