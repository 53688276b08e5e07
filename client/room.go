package client

import (
	"context"
	"maps"
	"net/http"
	"net/url"
)

// NewRoom describes a room to make. Members are user ids or @usernames, at
// most 1 000.
type NewRoom struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name,omitempty"`
	Handle  string   `json:"handle,omitempty"`
	Topic   string   `json:"topic,omitempty"`
	Members []string `json:"members,omitempty"`
	// Key makes repeats harmless, like a message's nonce. It is stamped when
	// empty; set it to repeat a call whose fate is unknown.
	Key string `json:"-"`
}

// CreateRoom makes a room. A direct room that exists is answered instead.
func (c *Client) CreateRoom(ctx context.Context, room NewRoom) (Room, error) {
	key := room.Key
	if key == "" {
		key = newNonce()
	}
	var out Room
	_, err := c.do(ctx, call{
		method: http.MethodPost, path: path("rooms"), in: room, out: &out,
		header: http.Header{"Idempotency-Key": {key}},
	})
	return out, err
}

// Rooms lists my rooms, most recently active first. The second result is the
// next page's cursor, "" at the end. A room that becomes active between two pages
// may be on neither: see [Client.RoomsByID].
func (c *Client) Rooms(ctx context.Context, page Page) ([]Room, string, error) {
	return c.rooms(ctx, page, url.Values{})
}

// RoomsByID lists my rooms in the order of their ids, so that the pages have each
// once, whatever becomes active meanwhile.
func (c *Client) RoomsByID(ctx context.Context, page Page) ([]Room, string, error) {
	return c.rooms(ctx, page, url.Values{"order": {"id"}})
}

// PublicRooms searches the public channels.
func (c *Client) PublicRooms(ctx context.Context, query string, page Page) ([]Room, string, error) {
	return c.rooms(ctx, page, url.Values{"scope": {"public"}, "query": {query}})
}

func (c *Client) rooms(ctx context.Context, page Page, which url.Values) ([]Room, string, error) {
	q := page.query()
	maps.Copy(q, which)
	var out struct {
		Rooms      []Room `json:"rooms"`
		NextCursor string `json:"next_cursor"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("rooms"), query: q, out: &out})
	return out.Rooms, out.NextCursor, err
}

// Room describes a room.
func (c *Client) Room(ctx context.Context, room string) (Room, error) {
	var out Room
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("rooms", room), out: &out})
	return out, err
}

// RoomChange changes what is not nil.
type RoomChange struct {
	Name     *string `json:"name,omitempty"`
	Topic    *string `json:"topic,omitempty"`
	ReadOnly *bool   `json:"read_only,omitempty"`
}

// UpdateRoom changes a room's name, topic or settings.
func (c *Client) UpdateRoom(ctx context.Context, room string, change RoomChange) (Room, error) {
	var out Room
	_, err := c.do(ctx, call{method: http.MethodPatch, path: path("rooms", room), in: change, out: &out})
	return out, err
}

// ArchiveRoom ends a room; its history stays.
func (c *Client) ArchiveRoom(ctx context.Context, room string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: path("rooms", room)})
	return err
}

// Preferences are mine in one room; what is nil stays as it is. Notify is
// "all", "mentions" or "none".
type Preferences struct {
	Muted     *bool   `json:"muted,omitempty"`
	Favourite *bool   `json:"favourite,omitempty"`
	Notify    *string `json:"notify,omitempty"`
}

// Prefer changes my preferences in a room.
func (c *Client) Prefer(ctx context.Context, room string, p Preferences) (Room, error) {
	var out Room
	_, err := c.do(ctx, call{method: http.MethodPatch, path: path("rooms", room, "me"), in: p, out: &out})
	return out, err
}

// JoinRoom enters a public channel.
func (c *Client) JoinRoom(ctx context.Context, room string) (Room, error) {
	var out Room
	_, err := c.do(ctx, call{method: http.MethodPost, path: path("rooms", room, "join"), out: &out})
	return out, err
}

// LeaveRoom leaves a room.
func (c *Client) LeaveRoom(ctx context.Context, room string) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: path("rooms", room, "leave")})
	return err
}

// Members lists who is in a room. The second result is the next page's
// cursor, "" at the end.
func (c *Client) Members(ctx context.Context, room string, page Page) ([]Member, string, error) {
	var out struct {
		Members    []Member `json:"members"`
		NextCursor string   `json:"next_cursor"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("rooms", room, "members"), query: page.query(), out: &out})
	return out.Members, out.NextCursor, err
}

// SetMember adds a user to a room or changes their role; role "" is the
// default one.
func (c *Client) SetMember(ctx context.Context, room, user, role string) (Member, error) {
	in := struct {
		Role string `json:"role,omitempty"`
	}{role}
	var out Member
	_, err := c.do(ctx, call{method: http.MethodPut, path: path("rooms", room, "members", user), in: in, out: &out})
	return out, err
}

// RemoveMember puts a user out of a room.
func (c *Client) RemoveMember(ctx context.Context, room, user string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: path("rooms", room, "members", user)})
	return err
}

// Online lists who is connected to a room now; only ID and Username are set.
func (c *Client) Online(ctx context.Context, room string) ([]User, error) {
	var out struct {
		Users []User `json:"users"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("rooms", room, "online"), out: &out})
	return out.Users, err
}
