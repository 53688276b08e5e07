package accounts

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// SignUp says who may make an account.
type SignUp string

// Who may. The empty one is Open.
const (
	Open     SignUp = "open"   // whoever reaches a door
	ByInvite SignUp = "invite" // the first of all, and whoever shows an invite
	Closed   SignUp = "closed" // operators
)

// Config is what an operator can choose.
type Config struct {
	SignUp SignUp
	// DefaultRooms are the names of channels that exist from the first start and
	// that everybody who signs up with a password joins.
	DefaultRooms []string

	// Foreign tokens are trusted when there is a secret or a URL.
	JWTSecret []byte // HS256, at least 32 bytes
	JWKSURL   string // RS256, ES256 and EdDSA keys, fetched from here and nowhere else
	Issuer    string // what iss must be; empty: anything but ours
	Audience  string // what aud must name; empty: anything

	Clock chat.Clock // tells what has expired
}

// minSecret is what RFC 7518 §3.2 asks of an HS256 key.
const minSecret = 32

// Check says what is wrong with the configuration.
func (c *Config) Check() error {
	if c.SignUp != "" && c.SignUp != Open && c.SignUp != ByInvite && c.SignUp != Closed {
		return fmt.Errorf("sign-up is %q, %q or %q, not %q", Open, ByInvite, Closed, c.SignUp)
	}
	for _, name := range c.DefaultRooms {
		if strings.TrimSpace(name) == "" || len(name) > chat.MaxName {
			return fmt.Errorf("a default room's name has 1 to %d bytes: %q has not", chat.MaxName, name)
		}
	}
	if n := len(c.JWTSecret); n > 0 && n < minSecret {
		return fmt.Errorf("the JWT secret has %d bytes; HS256 needs at least %d", n, minSecret)
	}
	if c.Issuer == issuer {
		return fmt.Errorf("foreign tokens cannot have the issuer %q: it is ours", issuer)
	}
	if c.JWKSURL == "" {
		return nil
	}
	u, err := url.Parse(c.JWKSURL)
	if err != nil {
		return fmt.Errorf("the JWKS URL: %w", err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return errors.New("the JWKS URL is not an http or https URL")
	}
	return nil
}

func (c *Config) trusts() bool { return len(c.JWTSecret) > 0 || c.JWKSURL != "" }
