package native

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// stamp is Unix milliseconds, shown as RFC 3339 in UTC with milliseconds.
type stamp int64

// MarshalJSON writes the time.
func (t stamp) MarshalJSON() ([]byte, error) { return appendTime(nil, int64(t)), nil }

// Schema describes what MarshalJSON writes.
func (stamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

type user struct {
	ID          chat.UserID   `json:"id"`
	Username    string        `json:"username"`
	DisplayName string        `json:"display_name"`
	Kind        chat.UserKind `json:"kind" enum:"person,bot"`
	Role        chat.OrgRole  `json:"role" enum:"owner,admin,member,guest,bot,system" doc:"system: Parley itself, where it acts by itself"`
	CreatedAt   stamp         `json:"created_at"`
	StatusText  string        `json:"status_text,omitempty"`
	Deleted     bool          `json:"deleted,omitempty"`
	Banned      *bool         `json:"banned,omitempty" doc:"for admins only"`
}

func userOf(u *chat.User) user {
	return user{ID: u.ID, Username: u.Username, DisplayName: u.DisplayName, Kind: u.Kind, Role: u.Role,
		CreatedAt: stamp(u.CreatedAt), StatusText: u.StatusText, Deleted: u.Deleted}
}

// adminUserOf also tells what only admins may know.
func adminUserOf(u *chat.User) user {
	v := userOf(u)
	v.Banned = &u.Banned
	return v
}

// each makes views of a list; the answer is never null.
func each[T, V any](list []T, view func(*T) V) []V {
	views := make([]V, len(list))
	for i := range list {
		views[i] = view(&list[i])
	}
	return views
}

// room is a room, and, for its members, what is theirs.
type room struct {
	ID          chat.RoomID   `json:"id"`
	Kind        chat.RoomKind `json:"kind" enum:"channel,group,direct"`
	Name        string        `json:"name"`
	Handle      string        `json:"handle,omitempty"`
	Topic       string        `json:"topic"`
	CreatedAt   stamp         `json:"created_at"`
	CreatedBy   chat.UserID   `json:"created_by"`
	MemberCount int           `json:"member_count"`
	Head        uint64        `json:"head" doc:"the newest event's number"`
	ReadOnly    bool          `json:"read_only"`
	Archived    bool          `json:"archived"`
	Peer        *user         `json:"peer,omitempty" doc:"direct rooms: the other one"`

	Role      chat.Role   `json:"role,omitempty" enum:"owner,moderator,member" doc:"mine; this and what follows is for members"`
	Read      *uint64     `json:"read,omitempty" doc:"the number up to which I have read"`
	Delivered *uint64     `json:"delivered,omitempty"`
	Unread    *uint64     `json:"unread,omitempty" doc:"messages after it"`
	Mentions  *uint64     `json:"mentions,omitempty" doc:"of me or of all, after it"`
	Muted     *bool       `json:"muted,omitempty"`
	Favourite *bool       `json:"favourite,omitempty"`
	Notify    chat.Notify `json:"notify,omitempty" enum:"all,mentions,none"`
	Last      *event      `json:"last,omitempty" doc:"the newest event"`
}

func roomOf(r *chat.Info) room {
	return room{ID: r.ID, Kind: r.Kind, Name: r.Name, Handle: r.Handle, Topic: r.Topic, CreatedAt: stamp(r.CreatedAt),
		CreatedBy: r.CreatedBy, MemberCount: r.MemberCount, Head: r.Head, ReadOnly: r.ReadOnly, Archived: r.Archived}
}

// myRoomOf is the room as the asker sees it; peers are the people that direct
// rooms are with.
func myRoomOf(r *chat.Mine, peers map[chat.UserID]chat.User, asker chat.UserID) room {
	v := roomOf(&r.Info)
	if u, known := peers[r.Peer]; known {
		v.Peer = new(user)
		*v.Peer = userOf(&u)
	}
	if r.Role == "" {
		return v
	}
	v.Role, v.Notify = r.Role, r.Notify
	v.Read, v.Delivered, v.Unread, v.Mentions = &r.Read, &r.Delivered, &r.Unread, &r.Mentions
	v.Muted, v.Favourite = &r.Muted, &r.Favourite
	if r.Last != nil {
		v.Last = &event{r.Last, r.Last.By == asker}
	}
	return v
}

type member struct {
	User     chat.UserID `json:"user"`
	Role     chat.Role   `json:"role" enum:"owner,moderator,member"`
	JoinedAt stamp       `json:"joined_at"`
}

func memberOf(m *chat.Member) member { return member{m.User, m.Role, stamp(m.JoinedAt)} }

type receipt struct {
	User      chat.UserID `json:"user"`
	Read      uint64      `json:"read"`
	Delivered uint64      `json:"delivered"`
}

func receiptOf(m *chat.Mark) receipt { return receipt{m.User, m.Read, m.Delivered} }

type reaction struct {
	Emoji string        `json:"emoji"`
	Count int           `json:"count"`
	Users []chat.UserID `json:"users" doc:"the first 20 of them"`
	Me    bool          `json:"me"`
}

func reactionOf(r *chat.Reaction) reaction {
	return reaction{r.Emoji, r.Count, append([]chat.UserID{}, r.Users...), r.Me}
}

// message is a message in history: its newest text, its reactions folded in.
type message struct {
	Room        chat.RoomID   `json:"room"`
	Seq         uint64        `json:"seq"`
	ID          chat.ID       `json:"id"`
	By          chat.UserID   `json:"by"`
	At          stamp         `json:"at"`
	Text        string        `json:"text"`
	EditedAt    stamp         `json:"edited_at,omitempty"`
	Deleted     bool          `json:"deleted,omitempty"`
	ReplyTo     uint64        `json:"reply_to,omitempty"`
	Thread      uint64        `json:"thread,omitempty"`
	ReplyCount  int           `json:"reply_count,omitempty"`
	Reactions   []reaction    `json:"reactions"`
	Attachments rawList       `json:"attachments,omitempty"`
	Mentions    []chat.UserID `json:"mentions,omitempty"`
	MentionAll  bool          `json:"mention_all,omitempty"`
	Meta        rawObject     `json:"meta,omitempty"`
}

// rawList and rawObject are JSON that is handed on as it came; what it is was
// checked when it did.
type (
	rawList   json.RawMessage
	rawObject json.RawMessage
)

// MarshalJSON is the JSON itself.
func (l rawList) MarshalJSON() ([]byte, error) { return json.RawMessage(l).MarshalJSON() }

// MarshalJSON is the JSON itself.
func (o rawObject) MarshalJSON() ([]byte, error) { return json.RawMessage(o).MarshalJSON() }

// Schema describes a list of anything.
func (rawList) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[[]any](), true, "")
}

// Schema describes an object of anything.
func (rawObject) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[map[string]any](), true, "")
}

func messageOf(m *chat.Message) message {
	return message{Room: m.Room, Seq: m.Seq, ID: m.ID, By: m.By, At: stamp(m.At), Text: m.Text, EditedAt: stamp(m.EditedAt),
		Deleted: m.Deleted, ReplyTo: m.ReplyTo, Thread: m.Thread, ReplyCount: m.ReplyCount, Reactions: each(m.Reactions, reactionOf),
		Attachments: rawList(m.Attachments), Mentions: m.Mentions, MentionAll: m.MentionAll, Meta: rawObject(m.Meta)}
}

type hit struct {
	Message    message     `json:"message"`
	Room       chat.RoomID `json:"room"`
	Highlights [][2]int    `json:"highlights" doc:"[start, end) in bytes of the text's UTF-8"`
}

func hitOf(h *chat.Hit) hit {
	return hit{messageOf(&h.Message), h.Room, slices.Concat([][2]int{}, h.Highlights)}
}

type presence struct {
	User       chat.UserID     `json:"user"`
	Status     contract.Status `json:"status" enum:"online,away,busy,offline"`
	StatusText string          `json:"status_text,omitempty"`
	LastActive stamp           `json:"last_active,omitempty"`
}

func presenceOf(p *contract.Presence) presence {
	return presence{p.User, p.Status, p.Text, stamp(p.LastActive)}
}

type login struct {
	ID         chat.ID `json:"id"`
	Device     string  `json:"device"`
	CreatedAt  stamp   `json:"created_at"`
	LastUsedAt stamp   `json:"last_used_at"`
	Address    string  `json:"address"`
	Current    bool    `json:"current"`
}

// tokens is one sign-in.
type tokens struct {
	ID            chat.ID `json:"id"`
	AccessToken   string  `json:"access_token"`
	AccessExpires stamp   `json:"access_expires_at"`
	RefreshToken  string  `json:"refresh_token" doc:"good for one refresh"`
}

type signedIn struct {
	User    user   `json:"user"`
	Session tokens `json:"session"`
}

func signedInOf(s *contract.SignedIn) signedIn {
	return signedIn{userOf(&s.User), tokens{s.Login, s.AccessToken, stamp(s.AccessExpires), s.RefreshToken}}
}
