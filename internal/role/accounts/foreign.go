package accounts

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/time/rate"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const (
	clocksDiffer  = 5 * time.Second // between us and whoever signs
	keysTimeout   = 5 * time.Second
	keysRefresh   = time.Hour
	unknownKeys   = time.Minute // at most one look for a key we do not know
	maxSubject    = 255
	minRSA        = 2048 // bits, says RFC 7518 §3.3
	noIssuer      = "-"  // stands for the issuer of tokens that name none
	slugLength    = 24
	numberedSlugs = 8
)

// foreign trusts tokens that the customer's own backend signs. Each kind of key
// goes with its own algorithms and no others.
type foreign struct {
	secret []byte
	set    keyfunc.Keyfunc // nil: no JWKS
	hmac   *jwt.Parser
	public *jwt.Parser
}

type foreignClaims struct {
	jwt.RegisteredClaims
	Name     string `json:"name"`
	Username string `json:"preferred_username"`
}

func newForeign(ctx context.Context, cfg Config, log *slog.Logger) (*foreign, error) {
	if !cfg.trusts() {
		return nil, nil
	}
	options := []jwt.ParserOption{jwt.WithExpirationRequired(), jwt.WithLeeway(clocksDiffer), jwt.WithTimeFunc(cfg.Clock.Now)}
	if cfg.Issuer != "" {
		options = append(options, jwt.WithIssuer(cfg.Issuer))
	}
	if cfg.Audience != "" {
		options = append(options, jwt.WithAudience(cfg.Audience))
	}
	parser := func(methods ...string) *jwt.Parser {
		return jwt.NewParser(append(options, jwt.WithValidMethods(methods))...)
	}
	f := &foreign{secret: cfg.JWTSecret, hmac: parser("HS256"), public: parser("RS256", "ES256", "EdDSA")}
	if cfg.JWKSURL == "" {
		return f, nil
	}
	var err error
	f.set, err = keySet(ctx, cfg.JWKSURL, log)
	return f, err
}

// keySet follows the keys at the URL until ctx ends. It starts also while they
// cannot be fetched.
func keySet(ctx context.Context, url string, log *slog.Logger) (keyfunc.Keyfunc, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // one look an hour
	carryOn := true
	return keyfunc.NewDefaultOverrideCtx(ctx, []string{url}, keyfunc.Override{
		Client:                    &http.Client{Timeout: keysTimeout, Transport: transport},
		HTTPTimeout:               keysTimeout,
		NoErrorReturnFirstHTTPReq: &carryOn,
		RefreshInterval:           keysRefresh,
		RefreshUnknownKID:         rate.NewLimiter(rate.Every(unknownKeys), 1),
		RateLimitWaitMax:          keysTimeout,
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(_ context.Context, err error) { log.Warn("the JWKS cannot be fetched", "err", err) }
		},
	})
}

// verify reads a foreign token. Whatever names a key or a place to find one in
// the token itself is ignored, except for kid.
func (f *foreign) verify(ctx context.Context, token string) (*foreignClaims, error) {
	c := &foreignClaims{}
	head, _, err := f.public.ParseUnverified(token, c)
	if err != nil {
		return nil, err
	}
	c = &foreignClaims{}
	switch {
	case head.Method.Alg() == "HS256" && len(f.secret) > 0:
		_, err = f.hmac.ParseWithClaims(token, c, func(*jwt.Token) (any, error) { return f.secret, nil })
	case f.set != nil:
		_, err = f.public.ParseWithClaims(token, c, f.key(ctx))
	default:
		err = errors.New("no key for this algorithm")
	}
	if err != nil {
		return nil, err
	}
	if c.Subject == "" || len(c.Subject) > maxSubject || !clean(c.Subject) || !clean(c.Issuer) || len(c.Issuer) > maxSubject || c.Issuer == issuer {
		return nil, errors.New("no usable subject and issuer")
	}
	return c, nil
}

// key finds the key that the token names, and refuses those too weak to trust.
func (f *foreign) key(ctx context.Context) jwt.Keyfunc {
	find := f.set.KeyfuncCtx(ctx)
	return func(t *jwt.Token) (any, error) {
		if _, named := t.Header["kid"].(string); !named {
			return nil, errors.New("the token names no key")
		}
		key, err := find(t)
		if k, is := key.(*rsa.PublicKey); is && k.N.BitLen() < minRSA {
			return nil, errors.New("the key is too short")
		}
		return key, err
	}
}

func clean(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func (a *Accounts) verifyForeign(ctx context.Context, token string) (*contract.Identity, error) {
	c, err := a.foreign.verify(ctx, token)
	if err != nil {
		a.log.Debug("a foreign token was refused", "err", err)
		return nil, unproven()
	}
	iss := c.Issuer
	if iss == "" {
		iss = noIssuer
	}
	account, found, err := a.store.Foreign(ctx, iss, c.Subject)
	if err != nil {
		return nil, err
	}
	if !found {
		if account.User, err = a.firstSight(ctx, iss, c); err != nil {
			return nil, err
		}
	}
	id := &contract.Identity{User: account.User, Expires: c.ExpiresAt.UnixMilli(), Foreign: true}
	if c.IssuedAt != nil {
		id.Issued = c.IssuedAt.UnixMilli()
	}
	return a.admit(id)
}

// firstSight makes the user of a foreign subject, under a name that nobody has.
// They are never the owner, and whoever has their name already is somebody else.
func (a *Accounts) firstSight(ctx context.Context, iss string, c *foreignClaims) (chat.User, error) {
	account := chat.Account{Issuer: iss, Subject: c.Subject, User: chat.User{
		ID: chat.NewID(), Kind: chat.Person, Role: chat.OrgMember, CreatedAt: a.now(),
	}}
	slug := slugOf(c.Username, c.Name, c.Subject)
	account.DisplayName = displayName(c.Name, c.Username, slug)
	for try := 1; ; try++ {
		account.Username = numbered(slug, try)
		u, err := a.store.Create(ctx, account, nil, chat.Admission{})
		if err == nil {
			a.log.Info("a foreign user was seen for the first time", "user", u.ID, "issuer", iss)
			return u, nil
		}
		if chat.CodeOf(err) != chat.Conflict || try > numberedSlugs+3 {
			return chat.User{}, err
		}
		// Somebody has the name, or another request has just made this very user.
		if made, found, err := a.store.Foreign(ctx, iss, c.Subject); found || err != nil {
			return made.User, err
		}
	}
}

// slugOf makes a username of the first candidate that has a usable letter; letters
// lose their diacritics.
func slugOf(candidates ...string) string {
	for _, s := range candidates {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
				return r
			case unicode.Is(unicode.Mn, r):
				return -1
			}
			return '-'
		}, strings.ToLower(norm.NFKD.String(s)))
		slug = strings.Join(strings.FieldsFunc(slug, func(r rune) bool { return r == '-' }), "-")
		slug = strings.Trim(slug[:min(len(slug), slugLength)], "-._")
		if slug != "" {
			return slug
		}
	}
	return "user"
}

// numbered is the try'th name for a slug: the slug, slug-2, slug-3 …, and after
// some tries one that is drawn. A name that addresses a whole room is nobody's.
func numbered(slug string, try int) string {
	switch {
	case try > numberedSlugs:
		var drawn [3]byte
		_, _ = rand.Read(drawn[:]) // never fails, says crypto/rand
		return slug + "-" + hex.EncodeToString(drawn[:])
	case try > 1:
		return slug + "-" + strconv.Itoa(try)
	case chat.CheckUsername(slug) != nil:
		return slug + "-1"
	}
	return slug
}

// displayName is the first candidate that can be shown.
func displayName(candidates ...string) string {
	for _, s := range candidates {
		s = strings.TrimSpace(s)
		if s != "" && len(s) <= chat.MaxName && clean(s) {
			return s
		}
	}
	return ""
}
