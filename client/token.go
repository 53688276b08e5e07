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
	if l.tokens.AccessToken != refused && time.Until(l.tokens.AccessExpiresAt) > renewBefore {
		return l.tokens.AccessToken, nil
	}
	_, tokens, err := l.client.refresh(ctx, l.tokens.RefreshToken, l.tokens.RefreshKey)
	if err != nil {
		return "", err
	}
	l.tokens = tokens
	if l.OnRefresh != nil {
		l.OnRefresh(tokens)
	}
	return tokens.AccessToken, nil
}

// expiry reads the exp claim of a JWT without judging it; zero when there is
// none, as with tokens of another make.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0)
}
