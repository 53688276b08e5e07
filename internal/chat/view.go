package chat

import "encoding/json"

// Member is somebody in a room.
type Member struct {
	User     UserID `json:"user"`
	Role     Role   `json:"role"`
	JoinedAt int64  `json:"joined_at"` // Unix milliseconds
}

// Notify is which of a room's messages call a member who is away.
type Notify string

// What a member can choose.
const (
	NotifyAll      Notify = "all"
	NotifyMentions Notify = "mentions"
	NotifyNone     Notify = "none"
)

// Mine is a room as one of its members sees it.
type Mine struct {
	Info
	Role      Role   `json:"role"`
	Read      uint64 `json:"read"`      // the highest number marked as read
	Delivered uint64 `json:"delivered"` // the highest number marked as delivered
	Unread    uint64 `json:"unread"`    // messages after Read
	Mentions  uint64 `json:"mentions"`  // of me or of all, after Read
	Muted     bool   `json:"muted"`
	Favourite bool   `json:"favourite"`
	Notify    Notify `json:"notify"`
	Peer      UserID `json:"peer,omitzero"` // direct rooms: the other one
	Last      *Event `json:"last,omitempty"`
}

// Settings are a member's own, for one room; nil leaves one as it is.
type Settings struct {
	Muted     *bool   `json:"muted,omitempty"`
	Favourite *bool   `json:"favourite,omitempty"`
	Notify    *Notify `json:"notify,omitempty"`
}

// Mark says how far somebody has read a room or been given it; marks only grow.
type Mark struct {
	Room      RoomID `json:"room"`
	User      UserID `json:"user"`
	Read      uint64 `json:"read,omitempty"`
	Delivered uint64 `json:"delivered,omitempty"`
}

// Message is a message in history: its newest text, its reactions folded in.
type Message struct {
	Room        RoomID          `json:"room"`
	Seq         uint64          `json:"seq"`
	ID          ID              `json:"id"`
	By          UserID          `json:"by"`
	At          int64           `json:"at"`
	Text        string          `json:"text"`
	EditedAt    int64           `json:"edited_at,omitempty"`
	Deleted     bool            `json:"deleted,omitempty"`
	ReplyTo     uint64          `json:"reply_to,omitempty"`
	Thread      uint64          `json:"thread,omitempty"`
	ReplyCount  int             `json:"reply_count,omitempty"`
	Reactions   []Reaction      `json:"reactions,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Mentions    []UserID        `json:"mentions,omitempty"`
	MentionAll  bool            `json:"mention_all,omitempty"`
	Meta        json.RawMessage `json:"meta,omitempty"`
}

// Reaction is one emoji under a message.
type Reaction struct {
	Emoji string   `json:"emoji"`
	Count int      `json:"count"`
	Users []UserID `json:"users"` // the first 20 of them
	Me    bool     `json:"me"`
}

// MaxReactors is how many users a [Reaction] names.
const MaxReactors = 20

// Hit is a message that a search found.
type Hit struct {
	Message    Message  `json:"message"`
	Room       RoomID   `json:"room"`
	Highlights [][2]int `json:"highlights"` // [start, end) in bytes of Message.Text
}

// Login is one signed-in device of somebody.
type Login struct {
	ID        ID     `json:"id"`
	User      UserID `json:"user"`
	Device    string `json:"device"`
	Address   string `json:"address"`
	CreatedAt int64  `json:"created_at"` // Unix milliseconds
	LastUsed  int64  `json:"last_used_at"`
}

// Revocation is a numbered row: sessions of User that it covers get nothing any
// more. With a Login it covers that one; without, all whose tokens were made
// before NotBefore, and, when Banned, those made after as well. With none of the
// three it covers no session: the user's org role is another since.
type Revocation struct {
	Number    uint64 `json:"number"`
	User      UserID `json:"user"`
	Login     ID     `json:"login,omitzero"`
	NotBefore int64  `json:"not_before,omitempty"` // Unix milliseconds
	Banned    bool   `json:"banned,omitempty"`
	At        int64  `json:"at"`
}

// Job is a command that a role wants carried out however often it is
// interrupted: stored first, repeated with its nonce until the room has an
// event or a refusal for it.
type Job struct {
	ID      uint64
	Command Command
}

// Stats are counts over the whole installation.
type Stats struct {
	Users    int64 `json:"users"`
	Rooms    int64 `json:"rooms"`
	Messages int64 `json:"messages"`
	Events   int64 `json:"events"`
	Dead     int64 `json:"dead_commands"`
}
