package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// TokenSource hands out access tokens. Implementations may be called from
// several goroutines at once.
type TokenSource interface {
	// Token returns an access token. refused is "" or the token that the
	// server no longer takes (or soon will not); the source must then answer
	// another one, or an error. An *Error with code unauthenticated is final:
	// whoever asked gives up. Any other error may be tried again.
	Token(ctx context.Context, refused string) (string, error)
}

// TokenFunc makes a function a [TokenSource].
type TokenFunc func(ctx context.Context, refused string) (string, error)

// Token calls f.
func (f TokenFunc) Token(ctx context.Context, refused string) (string, error) { return f(ctx, refused) }

// StaticToken is one token that cannot be renewed.
type StaticToken string

// Token returns t unless the server has refused it.
func (t StaticToken) Token(_ context.Context, refused string) (string, error) {
	if refused == string(t) {
		return "", &Error{Code: CodeUnauthenticated, Detail: "the access token is no longer valid"}
	}
	return string(t), nil
}

// Login is a signed-in account. It is a [TokenSource] that renews its access
// token when needed, one renewal at a time.
type Login struct {
	// User is who signed in.
	User User
	// OnRefresh is told of every renewal before the new access token is used:
	// a program that keeps the refresh token and its key must replace them then,
	// because the old ones are void. Set it before the Login is used.
	OnRefresh func(Tokens)

	client *Client
	mu     sync.Mutex
	tokens Tokens
	until  time.Time // the access token is good, by this machine's clock
}

func newLogin(user User, c *Client, tokens Tokens) *Login {
	l := &Login{User: user, client: c}
	l.take(tokens)
	return l
}

// take keeps tokens that have just been made. How long they are good is measured
// from now: the server's clock may be far from this one.
func (l *Login) take(tokens Tokens) {
	l.tokens, l.until = tokens, tokens.AccessExpiresAt
	if issued, expires := times(tokens.AccessToken); !issued.IsZero() && !expires.IsZero() {
		l.until = time.Now().Add(expires.Sub(issued))
	}
}

// renewBefore is how long before its end an access token counts as used up.
const renewBefore = 30 * time.Second

// Tokens returns the current tokens.
func (l *Login) Tokens() Tokens {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tokens
}

// Token implements [TokenSource].
func (l *Login) Token(ctx context.Context, refused string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tokens.AccessToken != refused && time.Until(l.until) > renewBefore {
		return l.tokens.AccessToken, nil
	}
	_, tokens, err := l.client.refresh(ctx, l.tokens.RefreshToken, l.tokens.RefreshKey)
	if err != nil {
		return "", err
	}
	l.take(tokens)
	if l.OnRefresh != nil {
		l.OnRefresh(tokens)
	}
	return tokens.AccessToken, nil
}

// lifeOf is how long an access token is still good that a server has just
// believed: as long as it was made for at most, whatever this machine's clock says
// of its end. 0 when it does not say, as one of another make.
func lifeOf(token string) time.Duration {
	issued, expires := times(token)
	if expires.IsZero() {
		return 0
	}
	life := time.Until(expires)
	if whole := expires.Sub(issued); !issued.IsZero() && (life <= 0 || life > whole) {
		return whole
	}
	return life
}

// times reads the iat and exp claims of a JWT without judging them; zero where it
// has none.
func times(token string) (issued, expires time.Time) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return issued, expires
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return issued, expires
	}
	var claims struct {
		Issued  float64 `json:"iat"`
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return issued, expires
	}
	if claims.Issued > 0 {
		issued = time.Unix(int64(claims.Issued), 0)
	}
	if claims.Expires > 0 {
		expires = time.Unix(int64(claims.Expires), 0)
	}
	return issued, expires
}
