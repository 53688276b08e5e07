package contract

import (
	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
)

// Accounts: people, bots and how they prove it.
var (
	SignUp       = bus.NewCall[SignUpAsk, SignedIn]("accounts.sign_up")                // accounts: make a password account and sign it in
	SignIn       = bus.NewCall[SignInAsk, SignedIn]("accounts.sign_in")                // accounts: check a password
	Refresh      = bus.NewCall[RefreshAsk, SignedIn]("accounts.refresh")               // accounts: rotate a refresh token
	Identify     = bus.NewCall[IdentifyAsk, Identity]("accounts.identify")             // accounts: whose access token is this?
	Logins       = bus.NewCall[LoginsAsk, LoginList]("accounts.logins")                // accounts: my sessions
	SignOut      = bus.NewCall[SignOutAsk, None]("accounts.sign_out")                  // accounts: end one of my sessions
	EditProfile  = bus.NewCall[EditProfileAsk, chat.User]("accounts.edit_profile")     // accounts: name, status text, password
	CloseAccount = bus.NewCall[CloseAccountAsk, None]("accounts.close")                // accounts: tombstone a user and have them removed everywhere
	Lookup       = bus.NewCall[LookupAsk, UserList]("accounts.lookup")                 // accounts: users by id and by name
	FindUsers    = bus.NewCall[FindUsersAsk, UserList]("accounts.find")                // accounts: the directory
	Revocations  = bus.NewCall[RevocationsAsk, RevocationList]("accounts.revocations") // accounts: what was revoked since n?
	Revoked      = bus.NewTopic[Number]("accounts.revoked")                            // accounts → gateways: the newest revocation's number, every 500 ms
	UserChanged  = bus.NewTopic[chat.User]("accounts.user_changed")                    // accounts, access → gateways: a profile or role changed
	SetAlias     = bus.NewCall[chat.Named, None]("accounts.set_alias")                 // accounts: tie a door's foreign id to an id
	FindAlias    = bus.NewCall[AliasAsk, AliasList]("accounts.find_alias")             // accounts: by foreign id or by id
	SetToken     = bus.NewCall[chat.DoorToken, None]("accounts.set_token")             // accounts: keep a door's opaque token
	FindToken    = bus.NewCall[TokenAsk, chat.DoorToken]("accounts.find_token")        // accounts: whose opaque token is this?
)

// Access: who may do what outside a room's own state.
var (
	ListUsers = bus.NewCall[ListUsersAsk, UserList]("access.users")   // access: everybody, for admins
	SetUser   = bus.NewCall[SetUserAsk, chat.User]("access.set_user") // access: give an org role, ban, unban
	OrgStats  = bus.NewCall[StatsAsk, chat.Stats]("access.stats")     // access: counts, for admins
	Owners    = bus.NewCall[None, OwnersAnswer]("access.owners")      // access: how many can run everything?
)

// Rooms: the directory.
var (
	MyRooms       = bus.NewCall[MyRoomsAsk, MyRoomsPage]("rooms.mine")   // rooms: a user's rooms, most recently active first
	Room          = bus.NewCall[RoomAsk, chat.Mine]("rooms.one")         // rooms: one room as a user may see it
	PublicRooms   = bus.NewCall[FindRoomsAsk, RoomList]("rooms.public")  // rooms: channels by name
	AllRooms      = bus.NewCall[FindRoomsAsk, RoomList]("rooms.all")     // rooms: every room, for admins
	Members       = bus.NewCall[MembersAsk, MemberList]("rooms.members") // rooms: a page of a room's members
	Receipts      = bus.NewCall[RoomAsk, MarkList]("rooms.receipts")     // rooms: how far everybody has read
	SetMarks      = bus.NewCall[MarkList, None]("rooms.mark")            // rooms: read and delivered marks, coalesced; they only grow
	SetMine       = bus.NewCall[SetMineAsk, chat.Mine]("rooms.set_mine") // rooms: muted, favourite, notify
	ReserveHandle = bus.NewCall[HandleAsk, None]("rooms.reserve_handle") // rooms: a handle for a room about to be created
	ReleaseHandle = bus.NewCall[HandleAsk, None]("rooms.release_handle") // rooms: its creation was refused
	JobsWait      = bus.NewTopic[None]("rooms.jobs")                     // accounts → rooms: jobs were stored
	Marked        = bus.NewTopic[MarkList]("rooms.marked")               // gateways → gateways: receipts for those who watch the room
)

// Archive: what happened.
var (
	History = bus.NewCall[HistoryAsk, HistoryPage]("archive.history") // archive: messages, their newest text
	Events  = bus.NewCall[EventsAsk, EventsPage]("archive.events")    // archive: raw events of several rooms since numbers, members only
	EventOf = bus.NewCall[EventAsk, EventsPage]("archive.event")      // archive: one event by number or by nonce
	Feed    = bus.NewCall[FeedAsk, FeedPage]("archive.feed")          // archive: a partition's events by feed number, for gateways
	Search  = bus.NewCall[SearchAsk, SearchPage]("archive.search")    // archive: in the asker's rooms
)

// Sequencer: the one place where order is made. At(partition) is its owner.
var (
	Partitions = bus.NewCall[None, PartitionsAnswer]("sequencer.partitions") // any sequencer: how many are there?
	Watch      = bus.NewCall[WatchAsk, WatchAnswer]("sequencer.watch")       // owner: change what a gateway is told of
	Noticed    = bus.NewTopic[Notice]("gateway.notice")                      // owner → one gateway, At(run): what was committed
)

// Presence: who is here. It forgets on purpose.
var (
	Here          = bus.NewTopic[HereNotice]("presence.here")             // gateways → presence: sessions come and go, heartbeat
	WhoIsHere     = bus.NewTopic[None]("presence.who")                    // a starting presence → gateways: tell everything
	PresenceOf    = bus.NewCall[PresenceAsk, PresenceList]("presence.of") // presence: status of these users
	WatchPresence = bus.NewTopic[PresenceWatch]("presence.watch")         // gateways → presence: whom my sessions ask about
	PresenceNews  = bus.NewTopic[PresenceList]("presence.news")           // presence → one gateway, At(run): coalesced changes
	OnlineIn      = bus.NewCall[OnlineAsk, OnlineList]("presence.online") // presence: which of a room's members are connected
	Typing        = bus.NewTopic[TypingNotice]("presence.typing")         // gateways → gateways
)

// Gateway: asked by operators' tools about one run.
var (
	Watchers = bus.NewCall[WatchersAsk, WatchersAnswer]("sequencer.watchers") // owner: which gateways watch a room
)

// Partition is the key under which a partition's owner answers.
func Partition(p int) string { return itoa(uint64(p)) }

// Run is the key under which a gateway run answers.
func Run(id uint64) string { return itoa(id) }
