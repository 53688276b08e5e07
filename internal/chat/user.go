package chat

import (
	"regexp"
	"strings"
)

// UserKind tells people from programs.
type UserKind string

// The kinds of user.
const (
	Person UserKind = "person"
	Bot    UserKind = "bot"
)

// OrgRole is what somebody is in the whole installation, beside their role in
// each room.
type OrgRole string

// Org roles, from most to least trusted. OrgSystem is [System]'s alone.
const (
	OrgSystem OrgRole = "system"
	OrgOwner  OrgRole = "owner"
	OrgAdmin  OrgRole = "admin"
	OrgMember OrgRole = "member"
	OrgGuest  OrgRole = "guest"
	OrgBot    OrgRole = "bot"
)

// Runs says whether the role may act in every room and on every account.
func (r OrgRole) Runs() bool { return r == OrgSystem || r == OrgOwner || r == OrgAdmin }

// Valid says whether the role can be given to somebody.
func (r OrgRole) Valid() bool {
	return r == OrgOwner || r == OrgAdmin || r == OrgMember || r == OrgGuest || r == OrgBot
}

// User is somebody as everybody may see them.
type User struct {
	ID          UserID   `json:"id"`
	Username    string   `json:"username"`
	DisplayName string   `json:"display_name"`
	Kind        UserKind `json:"kind"`
	Role        OrgRole  `json:"role"`
	CreatedAt   int64    `json:"created_at"` // Unix milliseconds
	StatusText  string   `json:"status_text,omitempty"`
	Banned      bool     `json:"banned,omitempty"`
	Deleted     bool     `json:"deleted,omitempty"` // the account is gone, the name a tombstone
}

var username = regexp.MustCompile(`^[a-z0-9._-]{1,32}$`)

// FoldUsername is the form in which usernames are kept and compared.
func FoldUsername(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// CheckUsername is the native door's rule for a folded username.
func CheckUsername(s string) *Error {
	if !username.MatchString(s) {
		return Errorf(Invalid, "a username is 1 to 32 of a-z, 0-9, dot, underscore and hyphen")
	}
	if s == "all" {
		return Errorf(Invalid, "%q is taken: it addresses a whole room", s)
	}
	return nil
}

// CheckPassword is the native door's rule for a password.
func CheckPassword(s string) *Error {
	if n := len(s); n < 8 || n > 128 {
		return Errorf(Invalid, "a password has 8 to 128 bytes")
	}
	return nil
}
