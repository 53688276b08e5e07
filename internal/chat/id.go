package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/google/uuid"
)

// ID names a user, room, event, session or envelope: a UUID, written as its
// usual 36 characters in text and JSON. The zero ID names nothing.
type ID uuid.UUID

// UserID and RoomID say in a signature which kind of ID is meant.
type (
	UserID = ID
	RoomID = ID
)

// System is the author of what Parley does by itself: the first channel, and
// removing people whose account has gone. It is a bot that cannot sign in.
var System = UserID(uuid.MustParse("00000000-0000-8000-8000-000000000001"))

// Ids are made for every command: their random bits are drawn in blocks.
func init() { uuid.EnableRandPool() }

// NewID makes a UUIDv7: ids made later sort later.
func NewID() ID { return ID(uuid.Must(uuid.NewV7())) }

// ParseID reads the 36-character form and nothing else.
func ParseID(s string) (ID, error) {
	if len(s) != 36 {
		return ID{}, Errorf(Invalid, "%.40q is not an id", s)
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID{}, Errorf(Invalid, "%.40q is not an id", s)
	}
	return ID(u), nil
}

func (id ID) String() string               { return uuid.UUID(id).String() }
func (id ID) IsZero() bool                 { return id == ID{} }
func (id ID) MarshalText() ([]byte, error) { return id.Append(nil), nil }

// UnmarshalText is [ParseID].
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

// Hex is the id without hyphens, as the W3C writes a trace id.
func (id ID) Hex() string { return hex.EncodeToString(id[:]) }

// Append writes the 36-character form behind b.
func (id ID) Append(b []byte) []byte {
	for i, part := range [...][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, id[part[0]:part[1]])
	}
	return b
}

// CreatedRoomID is the id of the room that by creates with nonce, so that
// repeating the command cannot make a second room. It is an on-disk format.
func CreatedRoomID(by UserID, nonce string) RoomID {
	return derive([]byte("room"), by[:], []byte(nonce))
}

// DirectRoomID is the id of the direct room of these people, in whatever order
// they are named; naming somebody twice is naming them once. It is an on-disk
// format.
func DirectRoomID(people ...UserID) RoomID {
	parts := [][]byte{[]byte("direct")}
	for _, id := range SortIDs(people) {
		parts = append(parts, id[:])
	}
	return derive(parts...)
}

// SortIDs returns the ids in byte order, each once; ids itself stays as it is.
func SortIDs(ids []ID) []ID {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(sorted)
}

// derive makes a UUIDv8 (RFC 9562 §5.8) from the SHA-256 of the parts.
func derive(parts ...[]byte) ID {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	id := ID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
