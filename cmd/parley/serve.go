package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/node"
)

// folder is where everything is; every command that needs it has the flag.
type folder struct {
	Data string `name:"data" type:"path" default:"./parley-data" help:"Folder of what is kept on this machine: with an embedded bus and SQLite, everything. It is made when it is needed and not there."`
}

// cluster is where bus and database are, when they are not in the folder.
type cluster struct {
	Store        string   `name:"store" placeholder:"DSN" help:"The database: postgres://USER:PASSWORD@HOST/NAME, or sqlite:FOLDER (sqlite: and the data folder)."`
	NATS         []string `name:"nats" sep:"," placeholder:"URL" help:"NATS servers, with JetStream, that the parts of Parley talk over; without them the bus is inside this process."`
	NATSUser     string   `name:"nats-user" placeholder:"NAME" help:"User at the NATS servers; parley nats-permissions prints what it must be allowed."`
	NATSPassword string   `name:"nats-password" placeholder:"PASSWORD" help:"Its password."`
	NATSNKey     string   `name:"nats-nkey" type:"path" placeholder:"FILE" help:"Seed of an nkey, instead of a user and password."`
	NATSCreds    string   `name:"nats-creds" type:"path" placeholder:"FILE" help:"Credentials file with a JWT, instead of a user and password."`
	NATSCA       string   `name:"nats-ca" type:"path" placeholder:"FILE" help:"Certificates that the NATS servers' are checked with; the connection is TLS then."`
	NATSCert     string   `name:"nats-cert" type:"path" placeholder:"FILE" help:"Certificate to show the NATS servers."`
	NATSKey      string   `name:"nats-key" type:"path" placeholder:"FILE" help:"Its key."`
}

func (c *cluster) bus() node.BusConfig {
	return node.BusConfig{URLs: c.NATS, As: node.Credential{User: c.NATSUser, Password: c.NATSPassword, NKeyFile: c.NATSNKey,
		CredsFile: c.NATSCreds, CA: c.NATSCA, Cert: c.NATSCert, Key: c.NATSKey}}
}

// serve is the manual of the server: `parley serve --help` prints it.
type serve struct {
	folder

	Roles []string `name:"roles" sep:"," placeholder:"ROLE" help:"Parts that run in this process (all): ${roles}."`
	cluster
	LogReplicas int `name:"log-replicas" placeholder:"N" help:"On how many NATS servers the intake log is kept (three where they are a cluster, otherwise one)."`

	Listen         []string `name:"listen" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where clients connect; may be given more than once (${default})." sep:","`
	PublicURL      string   `name:"public-url" placeholder:"URL" help:"Where browsers find this server, behind a proxy: their Origin must be this, or the host that they asked for."`
	AllowedOrigins []string `name:"allowed-origins" placeholder:"URL" help:"Other origins that may connect, for chats inside other sites."`
	TrustedProxies []string `name:"trusted-proxies" placeholder:"CIDR" help:"Proxies whose X-Forwarded-For is believed."`
	TLSCert        string   `name:"tls-cert" type:"path" placeholder:"FILE" help:"Certificate, to serve TLS without a proxy."`
	TLSKey         string   `name:"tls-key" type:"path" placeholder:"FILE" help:"Its key."`

	WebRoot string `name:"web-root" type:"path" placeholder:"DIR" help:"Serve the pages in this folder at /, instead of the app. They are read at the start."`

	AdminListen  string `name:"admin-listen" placeholder:"HOST:PORT" help:"Where to serve pprof and metrics to operators; off unless given. It asks nobody who they are: keep it private."`
	MetricsToken string `name:"metrics-token" placeholder:"TOKEN" help:"Bearer token with which /metrics, where clients connect, answers others than this machine."`

	SignUp       string   `name:"signup" enum:"open,invite,closed" default:"open" help:"Who may make an account: ${enum}. With invite the first one needs none, all others a link that an owner or admin makes; with closed, parley user add does."`
	DefaultRooms []string `name:"default-rooms" default:"general" help:"Channels made at the first start; who signs up with a password joins them (${default})."`

	AuthJWTSecret string `name:"auth-jwt-secret" placeholder:"SECRET" help:"Trust tokens that your own backend signs with this (HS256, at least 32 bytes)."`
	AuthJWKSURL   string `name:"auth-jwks-url" placeholder:"URL" help:"Trust tokens that your identity provider signs with the keys at this address."`
	AuthIssuer    string `name:"auth-issuer" help:"What their iss must be."`
	AuthAudience  string `name:"auth-audience" help:"What their aud must name."`

	DrainGrace   time.Duration `name:"drain-grace" default:"10s" help:"Over how long clients are told to come back when the server stops (${default})."`
	NoLimits     bool          `name:"no-limits" help:"No rate limits. For load tests only."`
	SyncInterval time.Duration `name:"sync-interval" default:"100ms" help:"How often the intake log is synced; what is acknowledged is in the database and does not depend on it (${default})."`
	SyncAlways   bool          `name:"sync-always" help:"Sync the intake log at every append."`
}

func (s *serve) config() (node.Config, error) {
	data, err := filepath.Abs(s.Data)
	if err != nil {
		return node.Config{}, err
	}
	c := node.Config{
		Version: version, Roles: s.Roles, Data: data, Store: s.Store, Bus: s.bus(), Listen: s.Listen, AdminListen: s.AdminListen, PublicURL: s.PublicURL,
		AllowedOrigins: s.AllowedOrigins, TLSCert: s.TLSCert, TLSKey: s.TLSKey, WebRoot: s.WebRoot, MetricsToken: s.MetricsToken,
		DrainGrace: s.DrainGrace, NoLimits: s.NoLimits,
		Accounts: node.Accounts{SignUp: node.SignUp(s.SignUp), DefaultRooms: s.DefaultRooms, JWTSecret: []byte(s.AuthJWTSecret),
			JWKSURL: s.AuthJWKSURL, Issuer: s.AuthIssuer, Audience: s.AuthAudience},
	}
	c.Bus.LogReplicas, c.Bus.SyncInterval, c.Bus.SyncAlways = s.LogReplicas, s.SyncInterval, s.SyncAlways
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return c, fmt.Errorf("--tls-cert and --tls-key go together")
	}
	for _, p := range s.TrustedProxies {
		prefix, err := parsePrefix(p)
		if err != nil {
			return c, fmt.Errorf("--trusted-proxies: %w", err)
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix)
	}
	err = c.Check()
	return c, err
}

// serving is config, for what serves and not only asks.
func (s *serve) serving() (node.Config, error) {
	c, err := s.config()
	if err == nil {
		err = c.Reachable()
	}
	return c, err
}

// parsePrefix reads a network, or an address as the network of itself.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Prefix(a.BitLen())
}

// Run serves until it is told to stop.
func (s *serve) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	cfg, err := s.serving()
	if err != nil {
		return err
	}
	n := node.New(cfg, log)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	select {
	case <-n.Ready():
		for _, a := range n.Addrs() {
			fmt.Fprintf(out, "Parley is ready: open %s\n", n.URL(a))
		}
		if len(n.Addrs()) == 0 {
			fmt.Fprintln(out, "Parley is ready:", strings.Join(s.Roles, ", "))
		}
	case err := <-done:
		return err
	}
	return <-done
}
