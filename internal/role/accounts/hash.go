package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/parley-chat/parley/internal/chat"
)

// The schemes in which passwords are kept. argon2id is over the lower-case hex
// SHA-256 of the password, because some doors are handed only that; bcrypt, which
// is imported and replaced at the first sign-in, is over the password itself.
const (
	schemeArgon2id = "argon2id"
	schemeBcrypt   = "bcrypt"
)

// OWASP's floor for argon2id.
const (
	memoryKiB = 19 << 10
	passes    = 2
	lanes     = 1
	saltBytes = 16
	keyBytes  = 32
)

// Limits of what an imported hash may ask for.
const (
	mostMemoryKiB = 256 << 10
	mostPasses    = 16
	mostLanes     = 16
)

// secret is what somebody proves themselves with.
type secret struct {
	password string // empty when a door was handed only the digest
	digest   string
}

// secretOf reads what a door handed in.
func secretOf(password, digest string) (secret, error) {
	if password != "" {
		if len(password) > 1024 {
			return secret{}, chat.Errorf(chat.Invalid, "a password has at most 1024 bytes")
		}
		sum := sha256.Sum256([]byte(password))
		return secret{password, hex.EncodeToString(sum[:])}, nil
	}
	if b, err := hex.DecodeString(digest); err != nil || len(b) != sha256.Size || digest != strings.ToLower(digest) {
		return secret{}, chat.Errorf(chat.Invalid, "a password, or the lower-case hex SHA-256 of one, is needed")
	}
	return secret{digest: digest}, nil
}

// hasher makes and checks hashes, as many at once as there are processors. Each
// takes 19 MiB and tens of milliseconds, so only so many wait.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int64
	turns   atomic.Int64 // that were had so far
}

// waitersPerSlot is a queue of about two seconds.
const waitersPerSlot = 40

func newHasher() *hasher { return &hasher{slots: make(chan struct{}, runtime.GOMAXPROCS(0))} }

// turn waits until it is our turn; done ends it.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	if h.waiting.Add(1) > int64(cap(h.slots)*(waitersPerSlot+1)) {
		h.waiting.Add(-1)
		return nil, chat.Busy(2*time.Second, "too many sign in at once")
	}
	select {
	case h.slots <- struct{}{}:
		h.turns.Add(1)
		return func() { <-h.slots; h.waiting.Add(-1) }, nil
	case <-ctx.Done():
		h.waiting.Add(-1)
		return nil, ctx.Err()
	}
}

// make hashes a secret with a fresh salt.
func (h *hasher) make(ctx context.Context, s secret) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails, says crypto/rand
	return encode(salt, argon2.IDKey([]byte(s.digest), salt, passes, memoryKiB, lanes, keyBytes)), nil
}

// check says whether the secret is the one that was hashed.
func (h *hasher) check(ctx context.Context, scheme, hash string, s secret) (bool, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	switch scheme {
	case schemeArgon2id:
		return checkArgon2id(hash, s)
	case schemeBcrypt:
		// Without the password itself there is nothing that bcrypt could check.
		return s.password != "" && bcrypt.CompareHashAndPassword([]byte(hash), []byte(s.password)) == nil, nil
	}
	return false, fmt.Errorf("a password is kept in the unknown scheme %q", scheme)
}

func checkArgon2id(hash string, s secret) (bool, error) {
	p, err := decode(hash)
	if err != nil {
		return false, err
	}
	got := argon2.IDKey([]byte(s.digest), p.salt, p.passes, p.memory, p.lanes, uint32(len(p.key)))
	return subtle.ConstantTimeCompare(got, p.key) == 1, nil
}

// stale says whether a hash that was just checked should be made anew.
func stale(scheme, hash string) bool {
	p, err := decode(hash)
	return scheme != schemeArgon2id || err != nil || p.memory < memoryKiB || p.passes < passes || len(p.key) < keyBytes
}

type argonParams struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

// encode writes the PHC string format.
func encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// decode reads what encode wrote, and what others did, within bounds.
func decode(hash string) (p argonParams, err error) {
	bad := func() (argonParams, error) { return argonParams{}, fmt.Errorf("not an argon2id hash") }
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return bad()
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); n != 3 || err != nil {
		return bad()
	}
	if p.memory > mostMemoryKiB || p.passes == 0 || p.passes > mostPasses || p.lanes == 0 || p.lanes > mostLanes {
		return bad()
	}
	var saltErr, keyErr error
	p.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	p.key, keyErr = base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(p.salt) < 8 || len(p.key) < 16 || len(p.key) > 128 {
		return bad()
	}
	return p, nil
}
