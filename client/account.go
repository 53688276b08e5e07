package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// credentials is the body of sign-up and sign-in.
type credentials struct {
	Username    string `json:"username"`
	Password    string `json:"password"`
	DisplayName string `json:"display_name,omitempty"`
	Device      string `json:"device,omitempty"`
	Invite      string `json:"invite,omitempty"`
}

// grant is what sign-up, sign-in and refresh answer.
type grant struct {
	User    User   `json:"user"`
	Session Tokens `json:"session"`
}

// SignUp makes an account and signs it in. displayName may be empty. A taken
// username is a conflict, a bad one or a bad password is invalid.
func (c *Client) SignUp(ctx context.Context, username, password, displayName string) (*Login, error) {
	return c.login(ctx, path("accounts"), credentials{Username: username, Password: password, DisplayName: displayName})
}

// SignUpByInvite is SignUp with the code of an invite. One that is no good, and
// none where one is needed, is forbidden.
func (c *Client) SignUpByInvite(ctx context.Context, username, password, displayName, code string) (*Login, error) {
	return c.login(ctx, path("accounts"), credentials{Username: username, Password: password, DisplayName: displayName, Invite: code})
}

// SignIn signs in with a password. device names this sign-in in the user's
// list of sessions and may be empty.
func (c *Client) SignIn(ctx context.Context, username, password, device string) (*Login, error) {
	return c.login(ctx, path("sessions"), credentials{Username: username, Password: password, Device: device})
}

// Resume signs in with a refresh token and its key that were kept. They are used
// up: keep those in the Login's Tokens instead. A key that is "" is drawn.
func (c *Client) Resume(ctx context.Context, refreshToken, key string) (*Login, error) {
	if key == "" {
		key = newNonce()
	}
	user, tokens, err := c.refresh(ctx, refreshToken, key)
	if err != nil {
		return nil, err
	}
	return newLogin(user, c.As(nil), tokens), nil
}

func (c *Client) login(ctx context.Context, path string, in credentials) (*Login, error) {
	anyone := c.As(nil)
	var out grant
	if _, err := anyone.do(ctx, call{method: http.MethodPost, path: path, in: in, out: &out}); err != nil {
		return nil, err
	}
	return newLogin(out.User, anyone, out.Session.withKey()), nil
}

// refresh exchanges a refresh token. One that was exchanged before ends the
// session, unless the key is the one with which that was done.
func (c *Client) refresh(ctx context.Context, refreshToken, key string) (User, Tokens, error) {
	in := struct {
		RefreshToken string `json:"refresh_token"`
	}{refreshToken}
	var out grant
	_, err := c.As(nil).do(ctx, call{
		method: http.MethodPost, path: path("sessions", "refresh"), in: in, out: &out,
		header: http.Header{"Idempotency-Key": {key}},
	})
	return out.User, out.Session.withKey(), err
}

// Devices lists my sign-ins.
func (c *Client) Devices(ctx context.Context) ([]Device, error) {
	var out struct {
		Sessions []Device `json:"sessions"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("sessions"), out: &out})
	return out.Sessions, err
}

// Revoke ends one of my sign-ins; its live connections close within a second.
func (c *Client) Revoke(ctx context.Context, deviceID string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: path("sessions", deviceID)})
	return err
}

// SignOut ends the sign-in that c speaks with.
func (c *Client) SignOut(ctx context.Context) error { return c.Revoke(ctx, "current") }

// Me returns who c speaks for. With a token of the customer's own backend the
// first call makes the user.
func (c *Client) Me(ctx context.Context) (User, error) { return c.User(ctx, "me") }

// PasswordChange proves the old password and sets a new one.
type PasswordChange struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// ProfileChange changes what is not nil.
type ProfileChange struct {
	DisplayName *string         `json:"display_name,omitempty"`
	Password    *PasswordChange `json:"password,omitempty"`
	StatusText  *string         `json:"status_text,omitempty"`
}

// UpdateMe changes my profile.
func (c *Client) UpdateMe(ctx context.Context, change ProfileChange) (User, error) {
	var out User
	_, err := c.do(ctx, call{method: http.MethodPatch, path: path("users", "me"), in: change, out: &out})
	return out, err
}

// DeleteMe deletes my account; what I said stays under a tombstone name.
func (c *Client) DeleteMe(ctx context.Context) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: path("users", "me")})
	return err
}

// User returns a user by id or, with a leading @, by username.
func (c *Client) User(ctx context.Context, idOrName string) (User, error) {
	var out User
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("users", idOrName), out: &out})
	return out, err
}

// Users searches the directory. The second result is the next page's cursor,
// "" at the end.
func (c *Client) Users(ctx context.Context, query string, page Page) ([]User, string, error) {
	q := page.query()
	q.Set("query", query)
	var out struct {
		Users      []User `json:"users"`
		NextCursor string `json:"next_cursor"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("users"), query: q, out: &out})
	return out.Users, out.NextCursor, err
}

// Lookup finds users by username and by id, at most 1 000 of each. Who does
// not exist is missing from the answer.
func (c *Client) Lookup(ctx context.Context, usernames, ids []string) ([]User, error) {
	in := struct {
		Usernames []string `json:"usernames,omitempty"`
		IDs       []string `json:"ids,omitempty"`
	}{usernames, ids}
	var out struct {
		Users []User `json:"users"`
	}
	_, err := c.do(ctx, call{method: http.MethodPost, path: path("users", "lookup"), in: in, out: &out})
	return out.Users, err
}

// Status is what is known of a user's presence: online, away, busy or offline.
type Status struct {
	User       string     `json:"user"`
	Status     string     `json:"status"`
	StatusText string     `json:"status_text,omitempty"`
	LastActive *time.Time `json:"last_active,omitempty"`
}

// Presence asks for the presence of users by id.
func (c *Client) Presence(ctx context.Context, ids ...string) ([]Status, error) {
	var out struct {
		Presence []Status `json:"presence"`
	}
	q := url.Values{"ids": {strings.Join(ids, ",")}}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("users", "presence"), query: q, out: &out})
	return out.Presence, err
}
