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
	Login   ID
	Expires int64 // Unix milliseconds
	Used    bool  // rotated away; presenting it again revokes the login
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
