package contract

import (
	"strconv"

	"github.com/parley-chat/parley/internal/chat"
)

func itoa(n uint64) string { return strconv.FormatUint(n, 36) }

// None is an empty question or answer.
type None struct{}

// Number is a revocation's number.
type Number struct {
	Number uint64 `json:"number"`
}

// Client says where a request came from; it is kept with the session.
type Client struct {
	Device  string `json:"device,omitempty"`
	Address string `json:"address,omitempty"`
}

// SignUpAsk carries a folded username and a password. A door that is handed only
// the lower-case hex SHA-256 of the password gives that as Digest instead. A
// door's own rules were checked by the door.
type SignUpAsk struct {
	Client
	Username    string `json:"username"`
	Password    string `json:"password,omitempty"`
	Digest      string `json:"digest,omitempty"`
	DisplayName string `json:"display_name"`
	Bot         bool   `json:"bot,omitempty"`
	Quiet       bool   `json:"quiet,omitempty"`  // by an operator: sign-up may be closed, nobody is signed in
	Invite      string `json:"invite,omitempty"` // the code of an invite
	Key         string `json:"key,omitempty"`    // as of SignInAsk, for the sign-in that follows
}

// MakeInviteAsk makes an invite for so many people and seconds, into a room or
// none. By must run the installation; the zero ID is an operator at the machine.
type MakeInviteAsk struct {
	By      chat.UserID `json:"by"`
	MaxUses int         `json:"max_uses"`
	Seconds int64       `json:"seconds"`
	Room    chat.RoomID `json:"room,omitzero"`
	Key     string      `json:"key,omitempty"` // asked again with it: the same invite
}

// MadeInvite is an invite with its code, in clear for the last time.
type MadeInvite struct {
	Invite chat.Invite `json:"invite"`
	Code   string      `json:"code"`
}

// InvitesAsk pages through invites, the newest first.
type InvitesAsk struct {
	By     chat.UserID `json:"by"`
	Cursor string      `json:"cursor,omitempty"`
	Limit  int         `json:"limit"`
}

// InviteList is a page of invites.
type InviteList struct {
	Invites []chat.Invite `json:"invites"`
	Next    string        `json:"next,omitempty"`
}

// EndInviteAsk withdraws an invite.
type EndInviteAsk struct {
	By     chat.UserID `json:"by"`
	Invite chat.ID     `json:"invite"`
}

// InviteAsk asks for the invite of a code.
type InviteAsk struct {
	Code string `json:"code"`
}

// SignInAsk is a username with a password or its digest. Asked again with the same
// Key it is the same sign-in, until its first refresh token is used.
type SignInAsk struct {
	Client
	Username string `json:"username"`
	Password string `json:"password,omitempty"`
	Digest   string `json:"digest,omitempty"`
	Key      string `json:"key,omitempty"`
}

// RefreshAsk rotates a refresh token. Asked again with the same Key it is the same
// rotation, until the new token is used.
type RefreshAsk struct {
	Client
	Token string `json:"token"`
	Key   string `json:"key,omitempty"`
}

// SignedIn is a session with its tokens, in clear for the last time.
type SignedIn struct {
	User          chat.User `json:"user"`
	Login         chat.ID   `json:"login"`
	AccessToken   string    `json:"access_token"`
	AccessExpires int64     `json:"access_expires_at"` // Unix milliseconds
	RefreshToken  string    `json:"refresh_token"`
}

// IdentifyAsk asks whose access token this is.
type IdentifyAsk struct {
	Token string `json:"token"`
}

// Identity is who holds a token.
type Identity struct {
	User    chat.User `json:"user"`
	Login   chat.ID   `json:"login"` // zero for foreign tokens
	Issued  int64     `json:"issued"`
	Expires int64     `json:"expires"` // Unix milliseconds
	Foreign bool      `json:"foreign,omitempty"`
	// Revoked is the newest revocation that was considered.
	Revoked uint64 `json:"revoked"`
}

// LoginsAsk lists a user's sessions.
type LoginsAsk struct {
	User chat.UserID `json:"user"`
}

// LoginList is a user's sessions.
type LoginList struct {
	Logins []chat.Login `json:"logins"`
}

// SignOutAsk ends one session of the user.
type SignOutAsk struct {
	User  chat.UserID `json:"user"`
	Login chat.ID     `json:"login"`
}

// EditProfileAsk changes what is not nil. A new password wants the old one,
// unless an operator asks.
type EditProfileAsk struct {
	User        chat.UserID `json:"user"`
	DisplayName *string     `json:"display_name,omitempty"`
	StatusText  *string     `json:"status_text,omitempty"`
	OldPassword string      `json:"old_password,omitempty"`
	NewPassword string      `json:"new_password,omitempty"`
	Keep        chat.ID     `json:"keep,omitzero"` // a new password ends all sessions but this one
	Operator    bool        `json:"operator,omitempty"`
}

// CloseAccountAsk ends an account for ever.
type CloseAccountAsk struct {
	User chat.UserID `json:"user"`
}

// LookupAsk names users by id and by folded name; unknown ones are left out of
// the answer.
type LookupAsk struct {
	IDs   []chat.UserID `json:"ids,omitempty"`
	Names []string      `json:"names,omitempty"`
}

// FindUsersAsk searches the directory by the beginning of a name.
type FindUsersAsk struct {
	Query  string `json:"query"`
	Cursor string `json:"cursor,omitempty"`
	Limit  int    `json:"limit"`
}

// UserList is a page of users.
type UserList struct {
	Users []chat.User `json:"users"`
	Next  string      `json:"next,omitempty"`
}

// RevocationsAsk asks for what was revoked after a number.
type RevocationsAsk struct {
	Since uint64 `json:"since"`
}

// RevocationList is in order of number; Last is the newest there is.
type RevocationList struct {
	Revocations []chat.Revocation `json:"revocations"`
	Last        uint64            `json:"last"`
}

// AliasAsk finds by Foreign or, when that is empty, by ID.
type AliasAsk struct {
	chat.Alias
	ID chat.ID `json:"id,omitzero"`
}

// AliasList is what was found; empty when nothing was.
type AliasList struct {
	Aliases []chat.Named `json:"aliases"`
}

// TokenAsk finds a door's token by its SHA-256.
type TokenAsk struct {
	Door string   `json:"door"`
	Hash [32]byte `json:"hash"`
}

// ListUsersAsk lists everybody, also the banned and the gone. By must run the
// installation; the zero ID is an operator at the machine.
type ListUsersAsk struct {
	By     chat.UserID `json:"by"`
	Query  string      `json:"query,omitempty"`
	Cursor string      `json:"cursor,omitempty"`
	Limit  int         `json:"limit"`
}

// SetUserAsk changes a user's org role or bans them.
type SetUserAsk struct {
	By     chat.UserID   `json:"by"`
	User   chat.UserID   `json:"user"`
	Role   *chat.OrgRole `json:"role,omitempty"`
	Banned *bool         `json:"banned,omitempty"`
}

// StatsAsk asks for counts.
type StatsAsk struct {
	By chat.UserID `json:"by"`
}

// OwnersAnswer is how many own the installation and can sign in.
type OwnersAnswer struct {
	Owners int `json:"owners"`
}

// MyRoomsAsk pages through a user's rooms.
type MyRoomsAsk struct {
	User   chat.UserID `json:"user"`
	Cursor string      `json:"cursor,omitempty"`
	Limit  int         `json:"limit"`
	ByID   bool        `json:"by_id,omitempty"` // in the order of ids: no room is missed that becomes active meanwhile
}

// MyRoomsPage is most recently active first, or by id where that was asked for.
type MyRoomsPage struct {
	Rooms []chat.Mine `json:"rooms"`
	Next  string      `json:"next,omitempty"`
}

// RoomAsk names a room and who asks. Runs lets an admin see every room.
type RoomAsk struct {
	User chat.UserID `json:"user"`
	Room chat.RoomID `json:"room"`
	Runs bool        `json:"runs,omitempty"`
}

// FindRoomsAsk searches rooms by the beginning of name or handle.
type FindRoomsAsk struct {
	By     chat.UserID `json:"by"`
	Query  string      `json:"query,omitempty"`
	Cursor string      `json:"cursor,omitempty"`
	Limit  int         `json:"limit"`
}

// RoomList is a page of rooms.
type RoomList struct {
	Rooms []chat.Info `json:"rooms"`
	Next  string      `json:"next,omitempty"`
}

// MembersAsk pages through a room's members.
type MembersAsk struct {
	RoomAsk
	Only   []chat.UserID `json:"only,omitempty"` // these, if they are members
	Cursor string        `json:"cursor,omitempty"`
	Limit  int           `json:"limit"`
}

// MemberList is a page of members.
type MemberList struct {
	Members []chat.Member `json:"members"`
	Next    string        `json:"next,omitempty"`
}

// ReceiptsAsk pages through the marks of a room's members.
type ReceiptsAsk struct {
	RoomAsk
	Cursor string `json:"cursor,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

// MarkList is read and delivered marks.
type MarkList struct {
	Marks []chat.Mark `json:"marks"`
	From  uint64      `json:"from,omitempty"` // the gateway run that tells them
	Next  string      `json:"next,omitempty"` // of a page of receipts
}

// SetMineAsk changes a member's own settings of a room.
type SetMineAsk struct {
	User     chat.UserID   `json:"user"`
	Room     chat.RoomID   `json:"room"`
	Settings chat.Settings `json:"settings"`
}

// HandleAsk reserves a handle for a room, or releases it.
type HandleAsk struct {
	Handle string      `json:"handle"`
	Room   chat.RoomID `json:"room"`
}

// HistoryAsk asks for messages before, after or around a number; all zero is the
// newest. Thread limits it to one thread.
type HistoryAsk struct {
	RoomAsk
	Before uint64 `json:"before,omitempty"`
	After  uint64 `json:"after,omitempty"`
	Around uint64 `json:"around,omitempty"`
	Thread uint64 `json:"thread,omitempty"`
	Limit  int    `json:"limit"`

	AroundTime int64 `json:"around_time,omitempty"` // Unix milliseconds; instead of Around
}

// HistoryPage is in ascending order.
type HistoryPage struct {
	Messages []chat.Message `json:"messages"`
	Head     uint64         `json:"head"`
	HasMore  bool           `json:"has_more"`
}

// EventAsk asks for one event, by number or by the command's name.
type EventAsk struct {
	RoomAsk
	Seq   uint64      `json:"seq,omitempty"`
	By    chat.UserID `json:"by,omitzero"`
	Nonce string      `json:"nonce,omitempty"`
}

// SearchAsk looks for words in the asker's rooms.
type SearchAsk struct {
	User   chat.UserID `json:"user"`
	Query  string      `json:"query"`
	Room   chat.RoomID `json:"room,omitzero"`
	From   chat.UserID `json:"from,omitzero"`
	Before int64       `json:"before,omitempty"` // Unix milliseconds
	Cursor string      `json:"cursor,omitempty"`
	Limit  int         `json:"limit"`
}

// SearchPage is newest first.
type SearchPage struct {
	Hits []chat.Hit `json:"hits"`
	Next string     `json:"next,omitempty"`
}

// PartitionsAnswer is how many partitions there are.
type PartitionsAnswer struct {
	Partitions int `json:"partitions"`
}

// WatchAsk changes the set of rooms that a gateway run is told of. Asks of one
// registration go one at a time and are numbered from 1; Number 1 begins with an
// empty set. Registrations of a run are numbered from 1 too: an ask of an earlier
// one that comes late changes nothing.
type WatchAsk struct {
	Run          uint64        `json:"run"`
	Partition    int           `json:"partition"`
	Number       uint64        `json:"number"`
	Add          []chat.RoomID `json:"add,omitempty"`
	Remove       []chat.RoomID `json:"remove,omitempty"`
	Registration uint64        `json:"registration,omitempty"`
}

// MaxWatch is how many rooms a [WatchAsk] adds and removes at most.
const MaxWatch = 2000

// WatchAnswer says from where on the set holds: notices from N on tell it.
// Unknown asks the gateway to register anew.
type WatchAnswer struct {
	Epoch   uint64 `json:"epoch"`
	N       uint64 `json:"n"`
	Unknown bool   `json:"unknown,omitempty"`
}

// TakenNotice says that a partition has an owner of a new epoch, which answers.
type TakenNotice struct {
	Partition int    `json:"partition"`
	Epoch     uint64 `json:"epoch"`
}

// OwningNotice is a sequencer's heartbeat.
type OwningNotice struct {
	Run     uint64 `json:"run"`
	Ready   int64  `json:"ready"` // for how long it has been, in milliseconds
	Owns    int    `json:"owns"`  // how many partitions
	Free    []int  `json:"free,omitempty"`
	Leaving bool   `json:"leaving,omitempty"` // it takes no more, and gives up what it has
}

// WatchersAsk asks who watches a room.
type WatchersAsk struct {
	Room chat.RoomID `json:"room"`
}

// WatchersAnswer lists gateway runs, and says where the owner stands.
type WatchersAnswer struct {
	Runs    []uint64 `json:"runs"`
	Decided uint64   `json:"decided"` // every log record up to this one has been decided
}

// Status is whether somebody is here.
type Status string

// The statuses.
const (
	Online  Status = "online"
	Away    Status = "away"
	Busy    Status = "busy"
	Offline Status = "offline"
)

// Sitting is one user's presence on one gateway.
type Sitting struct {
	User     chat.UserID `json:"user"`
	Sessions int         `json:"sessions"` // 0: gone from this gateway
	Status   Status      `json:"status,omitempty"`
	Text     string      `json:"text,omitempty"`
}

// HereNotice is a gateway's heartbeat with what changed since the last. With All
// it lists everybody, and whoever is missing has gone.
type HereNotice struct {
	Run      uint64    `json:"run"`
	All      bool      `json:"all,omitempty"`
	Leaving  bool      `json:"leaving,omitempty"` // this gateway ends
	Sittings []Sitting `json:"sittings,omitempty"`
}

// PresenceAsk asks about users.
type PresenceAsk struct {
	Users []chat.UserID `json:"users"`
}

// PresenceWatch replaces the set of users whom a gateway asks about. A set that is
// too large for a message comes in pieces: all but the first go On, and all but the
// last have More behind them. With the last one the set is the new one. Who does not
// know of pieces has the last one for the set.
type PresenceWatch struct {
	Run   uint64        `json:"run"`
	Users []chat.UserID `json:"users"`
	On    bool          `json:"on,omitempty"`
	More  bool          `json:"more,omitempty"`
}

// Presence is a user's status; several sessions make the most present one.
type Presence struct {
	User       chat.UserID `json:"user"`
	Status     Status      `json:"status"`
	Text       string      `json:"status_text,omitempty"`
	LastActive int64       `json:"last_active,omitempty"` // Unix milliseconds
	Gateways   []uint64    `json:"gateways,omitempty"`    // discovery
}

// PresenceList is some users' presence.
type PresenceList struct {
	Presence []Presence `json:"presence"`
}

// OnlineAsk asks which members of a room are connected.
type OnlineAsk struct {
	RoomAsk
}

// OnlineList is who is connected.
type OnlineList struct {
	Users []chat.UserID `json:"users"`
}

// TypingNotice says that somebody types, or stops.
type TypingNotice struct {
	Room chat.RoomID `json:"room"`
	User chat.UserID `json:"user"`
	On   bool        `json:"on"`
	From uint64      `json:"from"`
}

// LimitNotice tells other gateways who uses a limit here: what was spent since the
// last notice, and what is held now.
type LimitNotice struct {
	From  uint64 `json:"from"`
	Spent []Used `json:"spent,omitempty"`
	Held  []Used `json:"held,omitempty"`
}

// Used is how much of a limit somebody uses: a user's id, or an address.
type Used struct {
	What  int    `json:"what"` // by its number at the gateway
	Who   []byte `json:"who"`
	Times int    `json:"times"`
}

// Process is one running parley.
type Process struct {
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
	Roles   []Role `json:"roles"`
	Since   int64  `json:"since"`            // Unix milliseconds
	Denied  string `json:"denied,omitempty"` // what the NATS servers last forbade it

	Run        uint64     `json:"run,omitempty"` // of its gateway
	Sessions   int        `json:"sessions,omitempty"`
	Partitions []Standing `json:"partitions,omitempty"` // that its sequencer owns
}

// Standing is where a partition stands, as its owner says.
type Standing struct {
	Partition int    `json:"partition"`
	Epoch     uint64 `json:"epoch"`
	N         uint64 `json:"n"`              // the newest feed number
	Decided   uint64 `json:"decided"`        // the log's records up to this one
	Last      uint64 `json:"last"`           // the log's newest record; 0: not known
	Gateways  int    `json:"gateways"`       // that are told of commits
	Watched   int    `json:"watched"`        // rooms
	Busy      bool   `json:"busy,omitempty"` // a commit takes long: only Partition and Last are known
}

// Lag is how many records the partition is behind its log.
func (s *Standing) Lag() uint64 { return max(s.Last, s.Decided) - s.Decided }
