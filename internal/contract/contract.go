package contract

import "github.com/parley-chat/parley/internal/chat"

// Every line says its subject, who asks or tells whom, and what for. A subject
// that ends in * is used At a key: of a partition, of its owner, of a gateway run.
// What a role's credential may do on the bus follows from here (permission.go).

// Accounts: people, bots and how they prove it.
var (
	SignUp       = call[SignUpAsk, SignedIn]("accounts.sign_up", "gateway, operator → accounts")            // make a password account and sign it in
	MakeInvite   = call[MakeInviteAsk, MadeInvite]("accounts.make_invite", "gateway, operator → accounts")  // let somebody sign up
	Invites      = call[InvitesAsk, InviteList]("accounts.invites", "gateway → accounts")                   // all invites, for admins
	EndInvite    = call[EndInviteAsk, None]("accounts.end_invite", "gateway → accounts")                    // withdraw an invite
	FindInvite   = call[InviteAsk, chat.Invite]("accounts.find_invite", "gateway → accounts")               // what is this code good for?
	SignIn       = call[SignInAsk, SignedIn]("accounts.sign_in", "gateway → accounts")                      // check a password
	Refresh      = call[RefreshAsk, SignedIn]("accounts.refresh", "gateway → accounts")                     // rotate a refresh token
	Identify     = call[IdentifyAsk, Identity]("accounts.identify", "gateway → accounts")                   // whose access token is this?
	Logins       = call[LoginsAsk, LoginList]("accounts.logins", "gateway → accounts")                      // my sessions
	SignOut      = call[SignOutAsk, None]("accounts.sign_out", "gateway → accounts")                        // end one of my sessions
	EditProfile  = call[EditProfileAsk, chat.User]("accounts.edit_profile", "gateway, operator → accounts") // name, status text, password
	CloseAccount = call[CloseAccountAsk, None]("accounts.close", "gateway → accounts")                      // tombstone a user and have them removed everywhere
	Lookup       = call[LookupAsk, UserList]("accounts.lookup", "gateway, operator → accounts")             // users by id and by name
	FindUsers    = call[FindUsersAsk, UserList]("accounts.find", "gateway → accounts")                      // the directory
	Revocations  = call[RevocationsAsk, RevocationList]("accounts.revocations", "gateway → accounts")       // what was revoked since n?
	Revoked      = topic[Number]("accounts.revoked", "accounts → accounts, gateway")                        // the newest revocation's number, every 500 ms
	UserChanged  = topic[chat.User]("accounts.user_changed", "accounts, access → accounts, gateway")        // a profile or role changed
	SetAlias     = call[chat.Named, None]("accounts.set_alias", "gateway → accounts")                       // tie a door's foreign id to an id
	FindAlias    = call[AliasAsk, AliasList]("accounts.find_alias", "gateway → accounts")                   // by foreign id or by id
	SetToken     = call[chat.DoorToken, None]("accounts.set_token", "gateway → accounts")                   // keep a door's opaque token
	FindToken    = call[TokenAsk, chat.DoorToken]("accounts.find_token", "gateway → accounts")              // whose opaque token is this?
)

// Access: who may do what outside a room's own state.
var (
	ListUsers = call[ListUsersAsk, UserList]("access.users", "gateway, operator → access")   // everybody, for admins
	SetUser   = call[SetUserAsk, chat.User]("access.set_user", "gateway, operator → access") // give an org role, ban, unban
	OrgStats  = call[StatsAsk, chat.Stats]("access.stats", "gateway → access")               // counts, for admins
	Owners    = call[None, OwnersAnswer]("access.owners", "accounts, operator → access")     // how many can run everything?
)

// Rooms: the directory.
var (
	MyRooms       = call[MyRoomsAsk, MyRoomsPage]("rooms.mine", "gateway → rooms")             // a user's rooms, most recently active first
	Room          = call[RoomAsk, chat.Mine]("rooms.one", "gateway, operator → rooms")         // one room as a user may see it
	PublicRooms   = call[FindRoomsAsk, RoomList]("rooms.public", "gateway → rooms")            // channels by name
	AllRooms      = call[FindRoomsAsk, RoomList]("rooms.all", "gateway, operator → rooms")     // every room, for admins
	Members       = call[MembersAsk, MemberList]("rooms.members", "gateway, presence → rooms") // a page of a room's members
	Receipts      = call[ReceiptsAsk, MarkList]("rooms.receipts", "gateway → rooms")           // how far everybody has read, a page
	SetMarks      = call[MarkList, None]("rooms.mark", "gateway → rooms")                      // read and delivered marks, coalesced; they only grow
	SetMine       = call[SetMineAsk, chat.Mine]("rooms.set_mine", "gateway → rooms")           // muted, favourite, notify
	ReserveHandle = call[HandleAsk, None]("rooms.reserve_handle", "gateway → rooms")           // a handle for a room about to be created
	ReleaseHandle = call[HandleAsk, None]("rooms.release_handle", "gateway → rooms")           // its creation was refused
	JobsWait      = topic[None]("rooms.jobs", "accounts → rooms")                              // jobs were stored
	Marked        = topic[MarkList]("rooms.marked", "rooms → gateway")                         // receipts, for those who watch the room
	MineChanged   = topic[RoomAsk]("rooms.mine_changed", "rooms → gateway")                    // a member's own settings of a room changed
)

// Archive: what happened.
var (
	History = call[HistoryAsk, HistoryPage]("archive.history", "gateway → archive") // messages, their newest text
	Events  = call[EventsAsk, EventsPage]("archive.events", "gateway → archive")    // raw events of several rooms since numbers, members only
	EventOf = call[EventAsk, EventsPage]("archive.event", "gateway → archive")      // one event by number or by nonce
	Feed    = call[FeedAsk, FeedPage]("archive.feed", "gateway → archive")          // a partition's events by feed number, for gateways
	Search  = call[SearchAsk, SearchPage]("archive.search", "gateway → archive")    // in the asker's rooms
)

// Sequencer: the one place where order is made.
var (
	Partitions = call[None, PartitionsAnswer]("sequencer.partitions", "gateway, rooms, operator → sequencer")       // how many are there?
	Watch      = keyed[WatchAsk, WatchAnswer]("sequencer.watch.*", "gateway → sequencer")                           // at an owner: change what a gateway is told of
	Watchers   = keyed[WatchersAsk, WatchersAnswer]("sequencer.watchers.*", "gateway, rooms, operator → sequencer") // at a partition: who watches a room, and how far the log is decided
	Noticed    = topic[Notice]("gateway.notice.*", "sequencer → gateway")                                           // to one run: what was committed
	Taken      = topic[TakenNotice]("sequencer.taken", "sequencer → gateway")                                       // a partition has a new owner
	Owning     = topic[OwningNotice]("sequencer.owning", "sequencer → sequencer")                                   // each second: who has how many partitions; at once: which are free
)

// Presence: who is here. It forgets on purpose.
var (
	Here          = topic[HereNotice]("presence.here", "gateway → presence")             // sessions come and go, heartbeat
	WhoIsHere     = topic[None]("presence.who", "presence → gateway")                    // tell everything
	PresenceOf    = call[PresenceAsk, PresenceList]("presence.of", "gateway → presence") // status of these users
	WatchPresence = topic[PresenceWatch]("presence.watch", "gateway → presence")         // whom my sessions ask about
	PresenceNews  = topic[PresenceList]("presence.news.*", "presence → gateway")         // to one run: coalesced changes of whom it asked about
	OnlineIn      = call[OnlineAsk, OnlineList]("presence.online", "gateway → presence") // which of a room's members are connected
	Typing        = topic[TypingNotice]("presence.typing", "gateway → gateway")          // somebody types
)

// Gateways: what they tell each other.
var (
	Limited = topic[LimitNotice]("gateway.limits", "gateway → gateway") // each second: who uses much of a limit
)

// Node: the processes themselves.
var (
	WhoRuns = roll[None, Process]("node.who_runs", "operator → everybody") // every process: what runs there, since when
)

// Intake: commands on their way to the sequencer.
var (
	Intake = intake("log.*", "gateway, rooms → sequencer") // envelopes for a partition
)

// OneOwnerStays names what several instances of accounts and access do in turn, so
// that of two last owners who go at the same time one stays.
const OneOwnerStays = "one owner stays"

// Partition is the key under which a partition's owner answers.
func Partition(p int) string { return itoa(uint64(p)) }

// Owner is the key of one particular owner of a partition: one that was replaced
// and has not noticed yet is not asked.
func Owner(p int, epoch uint64) string { return itoa(uint64(p)) + "-" + itoa(epoch) }

// Run is the key under which a gateway run answers.
func Run(id uint64) string { return itoa(id) }
