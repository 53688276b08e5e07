package accounts

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

var secret32 = []byte("0123456789abcdef0123456789abcdef")

// claimsOf are good claims, with changes; a nil value leaves one out.
func claimsOf(changes map[string]any) map[string]any {
	c := map[string]any{"iss": "https://shop.example", "aud": "parley", "sub": "user-1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// foreignUser shows a good foreign token and returns whose it is.
func (o *office) foreignUser(changes map[string]any) *chat.User {
	o.t.Helper()
	id, err := o.identify(sign(o.t, jwt.SigningMethodHS256, secret32, nil, claimsOf(changes)))
	if err != nil || !id.Foreign || !id.Login.IsZero() {
		o.t.Fatalf("%+v, %v", id, err)
	}
	return &id.User
}

// unsigned makes a token by hand.
func unsigned(head, claims map[string]any, signature string) string {
	part := func(v any) string { b, _ := json.Marshal(v); return base64.RawURLEncoding.EncodeToString(b) }
	return part(head) + "." + part(claims) + "." + signature
}

func TestForgedTokensOfOurOwnAreRefused(t *testing.T) {
	o := newOffice(t, Config{JWTSecret: secret32})
	ann := o.signUp("ann")
	o.holds(ann.AccessToken, &ann.User)
	k := o.role.keys
	key := k.byID[k.newest]
	public := key.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)
	good := func(changes map[string]any) map[string]any {
		c := map[string]any{"iss": "parley", "sub": ann.User.ID.String(), "sid": ann.Login.String(),
			"iat": time.Now().Unix(), "ims": time.Now().UnixMilli(), "exp": time.Now().Add(time.Minute).Unix()}
		maps.Copy(c, changes)
		maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
		return c
	}
	kid := map[string]any{"kid": k.newest}
	eddsa := func(changes map[string]any) string { return sign(t, jwt.SigningMethodEdDSA, key, kid, good(changes)) }
	o.holds(eddsa(nil), &ann.User)
	parts := strings.Split(ann.AccessToken, ".")
	other := o.signUp("bob")
	for what, token := range map[string]string{
		"nothing":                     "",
		"junk":                        "junk",
		"dots":                        "..",
		"huge":                        strings.Repeat("x", maxTokenSize+1),
		"a huge part":                 parts[0] + "." + strings.Repeat("A", maxTokenSize) + "." + parts[2],
		"no signature":                parts[0] + "." + parts[1] + ".",
		"another's signature":         parts[0] + "." + parts[1] + "." + strings.Split(other.AccessToken, ".")[2],
		"another's claims":            parts[0] + "." + strings.Split(other.AccessToken, ".")[1] + "." + parts[2],
		"alg none":                    unsigned(map[string]any{"alg": "none", "kid": k.newest}, good(nil), ""),
		"alg None":                    unsigned(map[string]any{"alg": "None", "kid": k.newest}, good(nil), "x"),
		"HS256 with the public key":   sign(t, jwt.SigningMethodHS256, []byte(public), kid, good(nil)),
		"HS256 with its PEM":          sign(t, jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), kid, good(nil)),
		"HS256 with the foreign key":  sign(t, jwt.SigningMethodHS256, secret32, kid, good(nil)),
		"a stranger's key":            sign(t, jwt.SigningMethodEdDSA, stranger, kid, good(nil)),
		"a stranger's key and name":   sign(t, jwt.SigningMethodEdDSA, stranger, map[string]any{"kid": "mine"}, good(nil)),
		"a key in the token":          sign(t, jwt.SigningMethodEdDSA, stranger, map[string]any{"jwk": map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(stranger.Public().(ed25519.PublicKey))}}, good(nil)),
		"no key named":                sign(t, jwt.SigningMethodEdDSA, key, nil, good(nil)),
		"another issuer":              eddsa(map[string]any{"iss": "parley.example"}),
		"no issuer":                   eddsa(map[string]any{"iss": nil}),
		"run out":                     eddsa(map[string]any{"exp": time.Now().Add(-time.Second).Unix()}),
		"for ever":                    eddsa(map[string]any{"exp": nil}),
		"not yet":                     eddsa(map[string]any{"nbf": time.Now().Add(time.Minute).Unix()}),
		"no session":                  eddsa(map[string]any{"sid": nil}),
		"another's session":           eddsa(map[string]any{"sid": other.Login.String()}),
		"a session that never was":    eddsa(map[string]any{"sid": chat.NewID().String()}),
		"nobody":                      eddsa(map[string]any{"sub": chat.NewID().String()}),
		"the system":                  eddsa(map[string]any{"sub": chat.System.String()}),
		"no id":                       eddsa(map[string]any{"sub": "ann"}),
		"a refresh token":             ann.RefreshToken,
		"claims that are no object":   unsigned(map[string]any{"alg": "EdDSA"}, nil, "x"),
		"a head that is no object":    "bnVsbA." + parts[1] + "." + parts[2],
		"four parts":                  ann.AccessToken + ".x",
		"the signature of a sentence": parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte("hi"))),
	} {
		_, err := o.identify(token)
		o.refuses(what, err, chat.Unauthenticated)
	}
}

func TestForeignTokensBySecret(t *testing.T) {
	o := newOffice(t, Config{JWTSecret: secret32, Issuer: "https://shop.example", Audience: "parley"})
	good := func(changes map[string]any) string {
		return sign(t, jwt.SigningMethodHS256, secret32, nil, claimsOf(changes))
	}
	o.foreignUser(nil)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{
		"another secret":      sign(t, jwt.SigningMethodHS256, []byte("fedcba9876543210fedcba9876543210"), nil, claimsOf(nil)),
		"no secret":           sign(t, jwt.SigningMethodHS256, []byte{}, nil, claimsOf(nil)),
		"HS512":               sign(t, jwt.SigningMethodHS512, secret32, nil, claimsOf(nil)),
		"alg none":            unsigned(map[string]any{"alg": "none"}, claimsOf(nil), ""),
		"RS256":               sign(t, jwt.SigningMethodRS256, rsaKey, nil, claimsOf(nil)),
		"another issuer":      good(map[string]any{"iss": "https://evil.example"}),
		"our issuer":          good(map[string]any{"iss": "parley"}),
		"no issuer":           good(map[string]any{"iss": nil}),
		"another audience":    good(map[string]any{"aud": "shop"}),
		"no audience":         good(map[string]any{"aud": nil}),
		"run out":             good(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}),
		"for ever":            good(map[string]any{"exp": nil}),
		"not yet":             good(map[string]any{"nbf": time.Now().Add(time.Minute).Unix()}),
		"nobody":              good(map[string]any{"sub": nil}),
		"an empty subject":    good(map[string]any{"sub": ""}),
		"a long subject":      good(map[string]any{"sub": strings.Repeat("s", maxSubject+1)}),
		"a subject with zero": good(map[string]any{"sub": "a\x00b"}),
		"a subject's number":  good(map[string]any{"sub": 7}),
	} {
		_, err := o.identify(token)
		o.refuses(what, err, chat.Unauthenticated)
	}
	audiences := o.foreignUser(map[string]any{"aud": []string{"shop", "parley"}})
	if audiences.ID != o.foreignUser(nil).ID {
		t.Error("the same subject is two users")
	}
}

func TestForeignTokensAreRefusedUnlessConfigured(t *testing.T) {
	o := newOffice(t, Config{})
	_, err := o.identify(sign(t, jwt.SigningMethodHS256, secret32, nil, claimsOf(nil)))
	o.refuses("a foreign token", err, chat.Unauthenticated)
}

// keysAt serves a JWKS on the loopback.
func keysAt(t *testing.T, keys ...map[string]any) (url string, asked *atomic.Int64) {
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func TestForeignTokensByJWKS(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, _ := ed25519.GenerateKey(rand.Reader)
	point, err := ecKey.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	n, e := b64(rsaKey.N.Bytes()), b64(big.NewInt(int64(rsaKey.E)).Bytes())
	url, asked := keysAt(t,
		map[string]any{"kty": "RSA", "kid": "rsa", "n": n, "e": e},
		map[string]any{"kty": "RSA", "kid": "weak", "n": b64(weakKey.N.Bytes()), "e": e},
		map[string]any{"kty": "EC", "kid": "ec", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		map[string]any{"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": b64(edPublic)},
		map[string]any{"kty": "oct", "kid": "oct", "k": b64(secret32)},
	)
	o := newOffice(t, Config{JWKSURL: url})
	kid := func(s string) map[string]any { return map[string]any{"kid": s} }
	for what, token := range map[string]string{
		"RS256": sign(t, jwt.SigningMethodRS256, rsaKey, kid("rsa"), claimsOf(nil)),
		"ES256": sign(t, jwt.SigningMethodES256, ecKey, kid("ec"), claimsOf(nil)),
		"EdDSA": sign(t, jwt.SigningMethodEdDSA, edKey, kid("ed"), claimsOf(nil)),
	} {
		if id, err := o.identify(token); err != nil || !id.Foreign {
			t.Errorf("%s: %+v, %v", what, id, err)
		}
	}
	before := asked.Load()
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	evil, evilAsked := keysAt(t, map[string]any{"kty": "OKP", "kid": "evil", "crv": "Ed25519", "x": b64(edPublic)})
	for what, token := range map[string]string{
		"HS256 with the RSA key's PEM": sign(t, jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), kid("rsa"), claimsOf(nil)),
		"HS256 with the modulus":       sign(t, jwt.SigningMethodHS256, rsaKey.N.Bytes(), kid("rsa"), claimsOf(nil)),
		"HS256 with the oct key":       sign(t, jwt.SigningMethodHS256, secret32, kid("oct"), claimsOf(nil)),
		"RS256 under the EC key":       sign(t, jwt.SigningMethodRS256, rsaKey, kid("ec"), claimsOf(nil)),
		"RS512":                        sign(t, jwt.SigningMethodRS512, rsaKey, kid("rsa"), claimsOf(nil)),
		"PS256":                        sign(t, jwt.SigningMethodPS256, rsaKey, kid("rsa"), claimsOf(nil)),
		"a short key":                  sign(t, jwt.SigningMethodRS256, weakKey, kid("weak"), claimsOf(nil)),
		"no key named":                 sign(t, jwt.SigningMethodRS256, rsaKey, nil, claimsOf(nil)),
		"alg none":                     unsigned(map[string]any{"alg": "none", "kid": "rsa"}, claimsOf(nil), ""),
		"a place to find the key": sign(t, jwt.SigningMethodEdDSA, edKey,
			map[string]any{"kid": "evil", "jku": evil, "x5u": evil}, claimsOf(nil)),
		"our issuer": sign(t, jwt.SigningMethodEdDSA, edKey, kid("ed"), claimsOf(map[string]any{"iss": "parley"})),
		"for ever":   sign(t, jwt.SigningMethodEdDSA, edKey, kid("ed"), claimsOf(map[string]any{"exp": nil})),
	} {
		_, err := o.identify(token)
		o.refuses(what, err, chat.Unauthenticated)
	}
	if evilAsked.Load() != 0 {
		t.Error("a URL from a token was fetched")
	}
	for i := range 20 {
		_, err := o.identify(sign(t, jwt.SigningMethodEdDSA, edKey, kid("unknown"+string(rune('a'+i))), claimsOf(nil)))
		o.refuses("an unknown key", err, chat.Unauthenticated)
	}
	if more := asked.Load() - before; more > 1 {
		t.Errorf("unknown keys had the JWKS fetched %d times", more)
	}
}

func TestItStartsWhileTheJWKSCannotBeFetched(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	o := newOffice(t, Config{JWKSURL: server.URL})
	ann := o.signUp("ann")
	o.holds(ann.AccessToken, &ann.User)
}

func TestForeignUsersAreMadeOnFirstSight(t *testing.T) {
	o := newOffice(t, Config{JWTSecret: secret32})
	ann := o.signUp("ann")
	for _, c := range []struct {
		claims              map[string]any
		username, displayed string
	}{
		{map[string]any{"sub": "1", "preferred_username": "Ann", "name": "Ann Other"}, "ann-2", "Ann Other"},
		{map[string]any{"sub": "2", "preferred_username": "ann"}, "ann-3", "ann"},
		{map[string]any{"sub": "3", "name": "José  Núñez"}, "jose-nunez", "José  Núñez"},
		{map[string]any{"sub": "4@example.org"}, "4-example.org", "4-example.org"},
		{map[string]any{"sub": "5", "preferred_username": "all"}, "all-1", "all"},
		{map[string]any{"sub": "6", "preferred_username": "李"}, "6", "李"},
		{map[string]any{"sub": "7", "preferred_username": "system"}, "system-2", "system"},
		{map[string]any{"sub": "漢"}, "user", "user"},
		{map[string]any{"sub": "8", "iss": nil}, "8", "8"},
		{map[string]any{"sub": "9", "name": strings.Repeat("n", 300)}, strings.Repeat("n", slugLength), strings.Repeat("n", slugLength)},
	} {
		u := o.foreignUser(c.claims)
		if u.Username != c.username || u.DisplayName != c.displayed || u.Role != chat.OrgMember || u.Kind != chat.Person || u.ID == ann.User.ID {
			t.Errorf("%v became %+v", c.claims, u)
		}
		if again := o.foreignUser(c.claims); again.ID != u.ID {
			t.Errorf("%v became two users", c.claims)
		}
		if u.Username != "system-2" && chat.CheckUsername(u.Username) != nil {
			t.Errorf("%q is no username", u.Username)
		}
	}
	elsewhere := o.foreignUser(map[string]any{"sub": "1", "iss": "https://other.example"})
	if elsewhere.ID == o.foreignUser(map[string]any{"sub": "1"}).ID {
		t.Error("two issuers share a user")
	}
	_, err := o.signIn("ann-2", "password of ann")
	o.refuses("a password for a foreign user", err, chat.Unauthenticated)
	_, err = contract.EditProfile.Ask(t.Context(), o.bus, &contract.EditProfileAsk{User: elsewhere.ID, NewPassword: "let me in", Operator: true})
	o.refuses("a foreign user's password", err, chat.Forbidden)
}

func TestABannedForeignUserIsRefusedAlsoWithANewToken(t *testing.T) {
	o := newOffice(t, Config{JWTSecret: secret32})
	old := sign(t, jwt.SigningMethodHS256, secret32, nil, claimsOf(map[string]any{"iat": time.Now().Add(-time.Minute).Unix()}))
	id, err := o.identify(old)
	if err != nil {
		t.Fatal(err)
	}
	o.files.ban(id.User.ID, true)
	o.soon("the token is void", func() bool { _, err := o.identify(old); return err != nil })
	_, err = o.identify(sign(t, jwt.SigningMethodHS256, secret32, nil, claimsOf(map[string]any{"jti": "new"})))
	o.refuses("a new token", err, chat.Unauthenticated)
	o.files.ban(id.User.ID, false)
	after := sign(t, jwt.SigningMethodHS256, secret32, nil, claimsOf(map[string]any{"iat": time.Now().Add(time.Second).Unix()}))
	o.soon("a token made after the ban is good", func() bool { _, err := o.identify(after); return err == nil })
	_, err = o.identify(old)
	o.refuses("the token from before", err, chat.Unauthenticated)
}

// Tokens need not say when they were issued: then a ban that is lifted is over.
func TestAForeignUserWithoutATimeComesBackAfterABan(t *testing.T) {
	o := newOffice(t, Config{JWTSecret: secret32})
	without := func(jti string) string {
		return sign(t, jwt.SigningMethodHS256, secret32, nil, claimsOf(map[string]any{"iat": nil, "jti": jti}))
	}
	id, err := o.identify(without("1"))
	if err != nil || id.Issued != 0 {
		t.Fatalf("%+v, %v", id, err)
	}
	o.files.ban(id.User.ID, true)
	o.soon("the token is void", func() bool { _, err := o.identify(without("1")); return err != nil })
	_, err = o.identify(without("2"))
	o.refuses("a new token", err, chat.Unauthenticated)
	o.files.ban(id.User.ID, false)
	o.soon("they are let in again", func() bool { _, err := o.identify(without("3")); return err == nil })
}

func TestManyPeopleOfOneNameAtOnce(t *testing.T) {
	o := newOffice(t, Config{JWTSecret: secret32})
	const people = 15
	names := make(chan string, 2*people)
	for i := range 2 * people {
		token := sign(t, jwt.SigningMethodHS256, secret32, nil, claimsOf(map[string]any{"sub": "s" + string(rune('a'+i%people)), "preferred_username": "john", "jti": strconv.Itoa(i)}))
		go func() {
			id, err := o.identify(token)
			if err != nil {
				t.Errorf("john number %d: %v", i, err)
				names <- ""
				return
			}
			names <- id.User.Username
		}()
	}
	seen := map[string]int{}
	for range 2 * people {
		seen[<-names]++
	}
	if len(seen) != people {
		t.Errorf("%d people have the names %v", people, seen)
	}
}

func TestConfigCheck(t *testing.T) {
	for what, c := range map[string]struct {
		cfg Config
		say string
	}{
		"nothing":          {Config{}, ""},
		"everything":       {Config{SignUp: Closed, DefaultRooms: []string{"a"}, JWTSecret: secret32, JWKSURL: "https://x.example/jwks", Issuer: "x", Audience: "y"}, ""},
		"a sign-up":        {Config{SignUp: "sometimes"}, "sign-up"},
		"a blank room":     {Config{DefaultRooms: []string{" "}}, "default room"},
		"a short secret":   {Config{JWTSecret: secret32[:31]}, "31 bytes; HS256 needs at least 32"},
		"our own issuer":   {Config{JWTSecret: secret32, Issuer: "parley"}, "ours"},
		"a file":           {Config{JWKSURL: "file:///etc/passwd"}, "http"},
		"no host":          {Config{JWKSURL: "https:///jwks"}, "http"},
		"no URL":           {Config{JWKSURL: "https://[::1"}, "JWKS"},
		"an endless room":  {Config{DefaultRooms: []string{strings.Repeat("x", chat.MaxName+1)}}, "default room"},
		"a relative place": {Config{JWKSURL: "/jwks"}, "http"},
	} {
		err := c.cfg.Check()
		if (err == nil) != (c.say == "") || err != nil && !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestHoldersAreBounded(t *testing.T) {
	h, at := newHolders(3), time.Unix(1000, 0)
	put := func(n byte, user byte) {
		h.put([32]byte{n}, contract.Identity{User: chat.User{ID: chat.UserID{user}}, Expires: at.Add(time.Minute).UnixMilli()}, at)
	}
	known := func(n byte, at time.Time) bool { _, ok := h.get([32]byte{n}, at); return ok }
	for n := range byte(4) {
		put(n, n)
		known(0, at) // used last, again and again
	}
	if h.len() != 3 || !known(0, at) || known(1, at) {
		t.Error("the one used least was not the one to go")
	}
	put(9, 0)
	h.forget(chat.UserID{0})
	if known(0, at) || known(9, at) || h.len() != 1 {
		t.Error("a user was not forgotten whole")
	}
	put(3, 5)
	if h.len() != 1 || len(h.byUser) != 1 {
		t.Error("the same token is remembered twice")
	}
	if known(3, at.Add(holdersLast)) || h.len() != 0 {
		t.Error("remembered for ever")
	}
	put(1, 1)
	if known(1, at.Add(time.Minute)) {
		t.Error("remembered beyond its end")
	}
}
