package chat

// Account is a user as role/accounts keeps them.
type Account struct {
	User
	Issuer  string // of a foreign token's user, else empty
	Subject string
	Scheme  string // how Secret was made: "argon2id", "bcrypt"; empty: no password
	Secret  string // the encoded hash with its parameters and salt
}

// Refresh is a refresh token as it is kept: only its SHA-256.
type Refresh struct {
	Hash    [32]byte
	Expires int64 // Unix milliseconds
}

// SigningKey signs access tokens: an Ed25519 seed and its name.
type SigningKey struct {
	ID        string
	Seed      []byte
	CreatedAt int64
}

// DoorToken is an opaque token that a door's own contract needs.
type DoorToken struct {
	Door    string   `json:"door"`
	Hash    [32]byte `json:"hash"` // SHA-256 of the token
	User    UserID   `json:"user"`
	Expires int64    `json:"expires"` // Unix milliseconds; 0: never
}

// Invite lets people sign up, and brings them into a room.
type Invite struct {
	ID        ID     `json:"id"`
	CreatedBy UserID `json:"created_by"`
	CreatedAt int64  `json:"created_at"` // Unix milliseconds
	ExpiresAt int64  `json:"expires_at"`
	MaxUses   int    `json:"max_uses"`
	Uses      int    `json:"uses"`
	Room      RoomID `json:"room,omitzero"`
}

// BadInvite is the refusal of a code that lets nobody in.
func BadInvite() *Error {
	return Errorf(Forbidden, "this invite is used up, has expired or was withdrawn: ask for a new one")
}

// NeedsInvite is the refusal of somebody who shows none.
func NeedsInvite() *Error {
	return Errorf(Forbidden, "signing up takes an invite here: ask an owner or admin for a link")
}

// InvitePath is where the app takes a code, behind the address of the installation
// and before the code: browsers tell no server what is behind a #.
const InvitePath = "/#/invite/"

// Limits of an invite.
const (
	MaxInviteUses    = 10_000
	MaxInviteSeconds = 366 * 24 * 60 * 60
)

// Admission is what an account must show to be made, checked with the making of
// it: of two who come at once with the last use of an invite, one is refused.
type Admission struct {
	FirstOwns bool      // the first account that has a password becomes the owner, and shows nothing
	ByInvite  bool      // all others show an invite
	Invite    *[32]byte // SHA-256 of the code that was shown; one that is no good is refused also where none is needed
	At        int64     // Unix milliseconds
}
