package accounts

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	issuer         = "parley"
	accessLasts    = 15 * time.Minute
	reloadKeysWait = 10 * time.Second
)

// claims are what our access tokens say. The role is not among them: it is asked
// for whenever a token is shown.
type claims struct {
	jwt.RegisteredClaims
	Login  chat.ID `json:"sid"`
	Millis int64   `json:"ims"` // iat in milliseconds, as revocations count
}

// keys signs access tokens with the newest key and trusts all that are stored.
type keys struct {
	store proofs
	clock chat.Clock

	mu     sync.Mutex
	newest string
	byID   map[string]ed25519.PrivateKey
	looked time.Time
}

// begin loads the keys, and makes one when there is none.
func (k *keys) begin(ctx context.Context) error {
	if err := k.load(ctx); err != nil {
		return err
	}
	if k.newest != "" {
		return nil
	}
	made := chat.SigningKey{ID: chat.NewID().String(), Seed: drawn(), CreatedAt: k.clock.Now().UnixMilli()}
	if err := k.store.AddSigningKey(ctx, made); err != nil {
		return err
	}
	if err := k.load(ctx); err != nil {
		return err
	}
	if k.newest == "" {
		return errors.New("the key that was made is not there")
	}
	return nil
}

func (k *keys) load(ctx context.Context) error {
	stored, err := k.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID, k.newest, k.looked = map[string]ed25519.PrivateKey{}, "", time.Now()
	for _, key := range stored {
		if len(key.Seed) != ed25519.SeedSize {
			return fmt.Errorf("the key %s has %d bytes", key.ID, len(key.Seed))
		}
		if k.newest == "" {
			k.newest = key.ID
		}
		k.byID[key.ID] = ed25519.NewKeyFromSeed(key.Seed)
	}
	return nil
}

// drawn are 32 random bytes, as many as a key's seed has.
func drawn() []byte {
	b := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return b
}

// secret is drawn, or with a key always the same for it and what it is of, so that
// who has lost an answer can ask again; nobody else can tell it.
func (k *keys) secret(of, key string) []byte {
	if key == "" {
		return drawn()
	}
	k.mu.Lock()
	seed := k.byID[k.newest].Seed()
	k.mu.Unlock()
	mac := hmac.New(sha256.New, seed)
	fmt.Fprintf(mac, "%d %s %s", len(of), of, key)
	return mac.Sum(nil)
}

// sign makes an access token.
func (k *keys) sign(user chat.UserID, login chat.ID, at time.Time) (token string, expires time.Time, err error) {
	expires = at.Add(accessLasts).Truncate(time.Second)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: user.String(), IssuedAt: jwt.NewNumericDate(at), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Login: login, Millis: at.UnixMilli(),
	})
	k.mu.Lock()
	id, key := k.newest, k.byID[k.newest]
	k.mu.Unlock()
	t.Header["kid"] = id
	token, err = t.SignedString(key)
	return token, expires, err
}

// verify reads one of our access tokens.
func (k *keys) verify(ctx context.Context, token string) (*claims, error) {
	c := &claims{}
	_, err := jwt.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		return k.public(ctx, id)
	}, jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired(), jwt.WithTimeFunc(k.clock.Now))
	return c, err
}

// public finds a key, looking again in the store when another instance may have
// made it.
func (k *keys) public(ctx context.Context, id string) (any, error) {
	if key, known := k.get(id); known {
		return key, nil
	}
	k.mu.Lock()
	again := time.Since(k.looked) > reloadKeysWait
	if again {
		k.looked = time.Now()
	}
	k.mu.Unlock()
	if again {
		if err := k.load(ctx); err != nil {
			return nil, err
		}
	}
	if key, known := k.get(id); known {
		return key, nil
	}
	return nil, errors.New("no such key")
}

func (k *keys) get(id string) (ed25519.PublicKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known := k.byID[id]
	if !known {
		return nil, false
	}
	return key.Public().(ed25519.PublicKey), true
}
