package client

import (
	"encoding/json"
	"time"
)

// User is a person or a bot.
type User struct {
	ID          string    `json:"id"`
	Username    string    `json:"username"`
	DisplayName string    `json:"display_name"`
	Kind        string    `json:"kind"`
	Role        string    `json:"role"`
	CreatedAt   time.Time `json:"created_at"`
}

// Name is what to show for u: the display name, else the username.
func (u User) Name() string {
	if u.DisplayName != "" {
		return u.DisplayName
	}
	return u.Username
}

// Tokens is one sign-in: a short-lived access token and the refresh token that
// is good for exactly one renewal. RefreshKey is made here and goes with that
// renewal: who asks again with it, because the answer was lost, is no thief.
type Tokens struct {
	ID              string    `json:"id"`
	AccessToken     string    `json:"access_token"`
	AccessExpiresAt time.Time `json:"access_expires_at"`
	RefreshToken    string    `json:"refresh_token"`
	RefreshKey      string    `json:"refresh_key,omitempty"`
}

func (t Tokens) withKey() Tokens {
	t.RefreshKey = newNonce()
	return t
}

// Device is one of my sign-ins, as the server lists them.
type Device struct {
	ID         string    `json:"id"`
	Device     string    `json:"device"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	Address    string    `json:"address"`
	Current    bool      `json:"current"`
}

// Kinds of rooms.
const (
	Channel = "channel"
	Group   = "group"
	Direct  = "direct"
)

// Room is a room; the fields from Role on are mine in it and are set only in
// my own list, in a session's welcome and in its notices.
type Room struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	Name        string    `json:"name"`
	Handle      string    `json:"handle,omitempty"`
	Topic       string    `json:"topic"`
	CreatedAt   time.Time `json:"created_at"`
	CreatedBy   string    `json:"created_by"`
	MemberCount int       `json:"member_count"`
	Head        uint64    `json:"head"`
	ReadOnly    bool      `json:"read_only"`
	Archived    bool      `json:"archived"`
	Peer        *User     `json:"peer,omitempty"`

	Role      string `json:"role,omitempty"`
	Read      uint64 `json:"read,omitempty"`
	Unread    int    `json:"unread,omitempty"`
	Mentions  int    `json:"mentions,omitempty"`
	Last      *Event `json:"last,omitempty"`
	Muted     bool   `json:"muted,omitempty"`
	Favourite bool   `json:"favourite,omitempty"`
	Notify    string `json:"notify,omitempty"`
}

// Member is one user's place in a room.
type Member struct {
	User     string    `json:"user"`
	Role     string    `json:"role"`
	JoinedAt time.Time `json:"joined_at"`
}

// Reaction counts one emoji under a message. Users holds at most 20 of them.
type Reaction struct {
	Emoji string   `json:"emoji"`
	Count int      `json:"count"`
	Users []string `json:"users"`
	Me    bool     `json:"me"`
}

// Posted is a message as history and search show it: with its latest text and
// its reactions folded in. Compare [Event], which is what happened.
type Posted struct {
	Room        string          `json:"room"`
	Seq         uint64          `json:"seq"`
	ID          string          `json:"id"`
	By          string          `json:"by"`
	At          time.Time       `json:"at"`
	Text        string          `json:"text"`
	EditedAt    *time.Time      `json:"edited_at,omitempty"`
	Deleted     bool            `json:"deleted,omitempty"`
	ReplyTo     uint64          `json:"reply_to,omitempty"`
	Thread      uint64          `json:"thread,omitempty"`
	ReplyCount  int             `json:"reply_count,omitempty"`
	Reactions   []Reaction      `json:"reactions"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Mentions    []string        `json:"mentions,omitempty"`
	MentionAll  bool            `json:"mention_all,omitempty"`
	Meta        json.RawMessage `json:"meta,omitempty"`
}

// Mark is how far one member has read and been given a room.
type Mark struct {
	User      string `json:"user"`
	Read      uint64 `json:"read"`
	Delivered uint64 `json:"delivered"`
}

// Message is something to say.
type Message struct {
	Text        string          `json:"text"`
	ReplyTo     uint64          `json:"reply_to,omitempty"`
	Thread      uint64          `json:"thread,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Meta        json.RawMessage `json:"meta,omitempty"`
	// Nonce makes repeats harmless: the server takes one message per room,
	// author and nonce. It is stamped when empty; set it to repeat a message
	// whose fate is unknown.
	Nonce string `json:"nonce,omitempty"`
}
