package bus_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
)

// written is a file of the test.
func written(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// works asks itself something over the bus.
func works(t *testing.T, b *bus.Bus) {
	t.Helper()
	sub, err := question.Answer(b, func(context.Context, *note) (*note, error) { return &note{"yes"}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if a, err := question.Ask(t.Context(), b, &note{}); err != nil || a.Text != "yes" {
		t.Errorf("%v, %v", a, err)
	}
	if err := sub.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// refusedAt checks that dialling fails at once, in words without the secret.
func refusedAt(t *testing.T, cfg bus.DialConfig, says string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := bus.Dial(ctx, cfg)
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "swordfish") {
		t.Errorf("expected %q: %v", says, err)
	}
}

func TestPasswords(t *testing.T) {
	server := bustest.NewCluster(t, 1, "authorization { user: parley, password: swordfish }")
	address := server.URLs()[0]
	within := strings.Replace(address, "nats://", "nats://parley:swordfish@", 1)
	works(t, bustest.Dial(t, bus.DialConfig{URLs: []string{within}}))
	works(t, bustest.Dial(t, bus.DialConfig{URLs: []string{address}, As: bus.Credential{User: "parley", Password: "swordfish"}}))
	refusedAt(t, bus.DialConfig{URLs: []string{address}}, "refuses these credentials")
	refusedAt(t, bus.DialConfig{URLs: []string{strings.Replace(within, "parley", "somebody", 1)}}, "refuses these credentials")
	refusedAt(t, bus.DialConfig{URLs: []string{"nats://parley:swordfish@:not a port"}}, "no address")
	refusedAt(t, bus.DialConfig{URLs: []string{strings.Replace(address, "nats:", "natz:", 1)}}, "no address")
	refusedAt(t, bus.DialConfig{URLs: []string{address}, As: bus.Credential{NKeyFile: "/nowhere"}}, "/nowhere")
}

func TestKeysAndCredentialFiles(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	server := bustest.NewCluster(t, 1, "authorization { users: [ { nkey: "+public+" } ] }")
	works(t, bustest.Dial(t, bus.DialConfig{URLs: server.URLs(), As: bus.Credential{NKeyFile: written(t, "seed", seed)}}))
	refusedAt(t, bus.DialConfig{URLs: server.URLs(), As: bus.Credential{NKeyFile: written(t, "seed", []byte("no seed"))}}, "nkey seed")

	conf, creds := operated(t, user)
	server = bustest.NewCluster(t, 1, conf)
	works(t, bustest.Dial(t, bus.DialConfig{URLs: server.URLs(), As: bus.Credential{CredsFile: written(t, "creds", creds)}}))
	refusedAt(t, bus.DialConfig{URLs: server.URLs()}, "refuses these credentials")
}

// operated is the configuration of a server with an operator and one account, and
// the credentials file of a user in it.
func operated(t *testing.T, user nkeys.KeyPair) (conf string, creds []byte) {
	t.Helper()
	fresh := func(kind func() (nkeys.KeyPair, error)) (key nkeys.KeyPair, name string) {
		key, err := kind()
		if err != nil {
			t.Fatal(err)
		}
		if name, err = key.PublicKey(); err != nil {
			t.Fatal(err)
		}
		return key, name
	}
	encoded := func(claims jwt.Claims, by nkeys.KeyPair) string {
		token, err := claims.Encode(by)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	operator, operatorName := fresh(nkeys.CreateOperator)
	_, systemName := fresh(nkeys.CreateAccount)
	account, accountName := fresh(nkeys.CreateAccount)
	claims := jwt.NewOperatorClaims(operatorName)
	claims.SystemAccount = systemName
	userName, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	conf = fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }\n", encoded(claims, operator),
		systemName, encoded(jwt.NewAccountClaims(systemName), operator), accountName, encoded(jwt.NewAccountClaims(accountName), operator))
	creds, err = jwt.FormatUserConfig(encoded(jwt.NewUserClaims(userName), account), seed)
	if err != nil {
		t.Fatal(err)
	}
	return conf, creds
}

func TestCertificates(t *testing.T) {
	cert, key := certificate(t)
	server := bustest.NewCluster(t, 1, fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }", cert, key, cert))
	works(t, bustest.Dial(t, bus.DialConfig{URLs: server.URLs(), As: bus.Credential{CA: cert, Cert: cert, Key: key}}))
	var told bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	b, err := bus.Dial(ctx, bus.DialConfig{URLs: server.URLs(), As: bus.Credential{Cert: cert, Key: key}, Log: slog.New(slog.NewTextHandler(&told, nil))})
	if err == nil {
		t.Error("a server whose certificate nobody knows was trusted")
		_ = b.Close(t.Context())
	}
	if !strings.Contains(told.String(), "certificate") {
		t.Errorf("nobody is told why it does not connect: %s", told.String())
	}
}

// certificate makes one that is its own authority, for client and server.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		written(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestWhatIsForbiddenIsSeen: a credential that may not do what its process needs
// must not look healthy.
func TestWhatIsForbiddenIsSeen(t *testing.T) {
	server := bustest.NewCluster(t, 1, `authorization { users: [ { user: u, password: p, permissions: { publish: "q", subscribe: "_INBOX.mine.>" } } ] }`)
	b := bustest.Dial(t, bus.DialConfig{URLs: server.URLs(), Inbox: "_INBOX.mine", As: bus.Credential{User: "u", Password: "p"}})
	if _, err := question.Ask(t.Context(), b, &note{}); err == nil || b.Status().Denied != "" {
		t.Errorf("nobody answers, and nothing is forbidden: %v, %q", err, b.Status().Denied)
	}
	if _, err := question.Answer(b, func(context.Context, *note) (*note, error) { return &note{}, nil }); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); b.Status().Denied == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not show")
		}
	}
}

func TestRedact(t *testing.T) {
	for address, shown := range map[string]string{
		"nats://127.0.0.1:4222":              "nats://127.0.0.1:4222",
		"nats://ann:swordfish@host:4222":     "nats://ann:xxxxx@host:4222",
		"nats://token@host":                  "nats://xxxxx@host",
		"postgres://ann@host/db":             "postgres://ann@host/db",
		"postgres://ann:swordfish@host/db":   "postgres://ann:xxxxx@host/db",
		"postgres://h/db?password=swordfish": "postgres://h/db?password=xxxxx",
		"host=h password=swordfish":          "(unreadable)",
		"postgres://ann:sword fish@:x/":      "(unreadable)",
		"sqlite:./data":                      "sqlite:./data",
	} {
		if got := bus.Redact(address); got != shown {
			t.Errorf("%s is shown as %s", address, got)
		}
	}
}
