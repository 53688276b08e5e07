package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// DialConfig says which bus to reach, and as whom.
type DialConfig struct {
	URLs   []string // of any servers of the cluster; the others are learned
	Name   string   // how this connection shows up in the server's monitoring
	Inbox  string   // what the subjects of answers to it begin with; _INBOX when empty
	As     Credential
	Log    *slog.Logger
	Faults Faults // nil outside tests
}

// Credential is how a connection proves who it is: a user with a password, which
// may also stand in the URLs, or a seed file, or a credentials file; and what
// TLS is checked with. All of it may be empty. Where CA or Cert are given the
// connection is TLS or none.
type Credential struct {
	User, Password string
	NKeyFile       string // an nkey seed, as `nk -gen user` makes it
	CredsFile      string // a user's JWT with its seed, as nsc makes it
	CA             string // certificates, PEM, that the servers' are checked with
	Cert, Key      string // our own, PEM
}

// How long a try to connect to one server takes at most, and how often a bus
// that is not there is complained of.
const (
	dialTimeout  = 2 * time.Second
	complainEach = 5 * time.Second
)

// Dial connects to a NATS cluster. It keeps trying until ctx ends, unless the
// servers refuse the credential or a file of it cannot be read: then it fails at
// once. A connection that is lost later comes back by itself; until then
// whatever is asked or appended fails at once and whatever is published is lost.
func Dial(ctx context.Context, cfg DialConfig) (*Bus, error) {
	reach, err := cfg.options()
	if err != nil {
		return nil, fmt.Errorf("dial the bus: %w", err)
	}
	for complained := (time.Time{}); ; {
		b, err := open(cfg.Name, cfg.Log, cfg.Faults, reach...)
		switch {
		case err == nil:
			return b, nil
		case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
			return nil, fmt.Errorf("dial the bus: %s refuses these credentials: %w", cfg.where(), err)
		case cfg.Log != nil && time.Since(complained) > complainEach:
			complained = time.Now()
			cfg.Log.Warn("the bus cannot be reached; trying on", "servers", cfg.where(), "err", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("dial the bus at %s: %w", cfg.where(), errors.Join(ctx.Err(), err))
		case <-time.After(reconnectWait):
		}
	}
}

// schemes are what addresses of NATS servers begin with.
var schemes = []string{"nats", "tls", "ws", "wss"}

// options are what the configuration adds to those of every connection.
func (cfg *DialConfig) options() ([]nats.Option, error) {
	if len(cfg.URLs) == 0 {
		return nil, errors.New("no address")
	}
	for _, u := range cfg.URLs {
		if parsed, err := url.Parse(u); err != nil || parsed.Host == "" || !slices.Contains(schemes, parsed.Scheme) {
			return nil, fmt.Errorf("%s is no address of a NATS server: say nats://HOST:4222", Redact(u)) // the error would show all of it
		}
	}
	options := []nats.Option{
		func(o *nats.Options) error { o.Servers = cfg.URLs; return nil },
		nats.Timeout(dialTimeout),
		// A server that is being reconfigured may refuse us for a while.
		nats.IgnoreAuthErrorAbort(),
	}
	if cfg.Inbox != "" {
		options = append(options, nats.CustomInboxPrefix(cfg.Inbox))
	}
	proof, err := cfg.As.options()
	return append(options, proof...), err
}

func (c *Credential) options() (options []nats.Option, err error) {
	for _, file := range []string{c.NKeyFile, c.CredsFile, c.CA, c.Cert, c.Key} {
		if file == "" {
			continue
		}
		if _, err := os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	if c.User != "" {
		options = append(options, nats.UserInfo(c.User, c.Password))
	}
	if c.NKeyFile != "" {
		seed, err := nats.NkeyOptionFromSeed(c.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("%s holds no nkey seed: %w", c.NKeyFile, err)
		}
		options = append(options, seed)
	}
	if c.CredsFile != "" {
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	if c.CA != "" {
		options = append(options, nats.RootCAs(c.CA))
	}
	if c.Cert != "" {
		options = append(options, nats.ClientCert(c.Cert, c.Key))
	}
	return options, nil
}

// where names the servers without what proves who we are.
func (cfg *DialConfig) where() string {
	shown := make([]string, len(cfg.URLs))
	for i, u := range cfg.URLs {
		shown[i] = Redact(u)
	}
	return strings.Join(shown, ",")
}

// Redact shows an address without its passwords, and nothing of what cannot be
// read as one.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return "(unreadable)"
	}
	if _, has := u.User.Password(); u.User != nil && !has && u.Scheme != "postgres" && u.Scheme != "postgresql" {
		u.User = url.User("xxxxx") // a token
	}
	asked := u.Query()
	for key := range asked {
		if strings.HasSuffix(key, "password") {
			asked.Set(key, "xxxxx")
			u.RawQuery = asked.Encode()
		}
	}
	return u.Redacted()
}
