package node

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/accounts"
)

// Config is everything that an operator can choose.
type Config struct {
	Version string
	Roles   []string // those that this process plays; none: all of them
	Data    string   // the folder of what is kept here: an embedded bus, a SQLite database
	Store   string   // "sqlite:FOLDER" or "postgres://…"; empty: SQLite in Data
	Bus     BusConfig

	Listen         []string // host:port, opened by the gateway; none: nobody can connect
	AdminListen    string   // pprof and metrics; empty: off
	PublicURL      string
	AllowedOrigins []string
	TrustedProxies []netip.Prefix
	TLSCert        string
	TLSKey         string
	WebRoot        string // a folder of pages to serve instead of the app
	MetricsToken   string
	DrainGrace     time.Duration
	NoLimits       bool
	Accounts       accounts.Config
	Faults         bus.Faults // a bad day, in tests
	Patience       Patience   // only tests have another
	Clock          chat.Clock // the time of day; only tests have another than the machine's

	questions bool // an operator's are answered, of what is kept: nothing is committed, nobody connects
}

// Patience is how long parts wait, where it is not as the guide says; 0: it is.
type Patience struct {
	Settled time.Duration // until others make room for a sequencer that has come
	Linger  time.Duration // before a room is not watched any more that nobody is in
	CutOff  time.Duration // before a gateway without a bus sends its clients away
}

// BusConfig says where the bus is: at servers that are dialled, or in this
// process when there are none.
type BusConfig struct {
	URLs        []string
	As          bus.Credential
	LogReplicas int // 0: three where the servers are a cluster

	SyncInterval time.Duration // of the embedded bus's log
	SyncAlways   bool
}

// Credential is as what the bus is dialled.
type Credential = bus.Credential

// stored are the roles that need the database.
var stored = []contract.Role{contract.RoleSequencer, contract.RoleArchive, contract.RoleRooms, contract.RoleAccounts, contract.RoleAccess}

// Check says in a sentence what cannot be.
func (c *Config) Check() error {
	playing, err := c.playing()
	if err != nil {
		return err
	}
	if len(c.Bus.URLs) == 0 {
		if missing := without(contract.Roles, playing); len(missing) > 0 {
			return fmt.Errorf("%s would find no %s: give --nats, where the processes of the other roles are, or leave --roles out to run all of them here",
				list(playing, "and"), list(missing, "or"))
		}
	}
	if c.DrainGrace < 0 {
		return errors.New("--drain-grace: no time is shorter than none")
	}
	if err := errors.Join(c.Bus.check(), c.checkOrigins()); err != nil {
		return err
	}
	if !c.needsStore() {
		return c.Accounts.Check()
	}
	dir, is := c.sqlite()
	if scheme, _, _ := strings.Cut(c.dsn(), "://"); !is && scheme != "postgres" && scheme != "postgresql" || is && dir == "" {
		return errors.New("--store: say sqlite:FOLDER or postgres://USER:PASSWORD@HOST/NAME")
	}
	if missing := without(stored, playing); is && len(missing) > 0 {
		return fmt.Errorf("the database in %s is one process's alone, which must play all that need it, also %s: with these --roles give --store postgres://…",
			dir, list(missing, "and"))
	}
	return c.Accounts.Check()
}

// checkOrigins refuses what no browser would send as its Origin: it would be
// taken for no answer to the question of who is let in.
func (c *Config) checkOrigins() error {
	if c.PublicURL != "" && !isOrigin(c.PublicURL) {
		return errors.New("--public-url: say https://HOST, or http://HOST:PORT")
	}
	for _, o := range c.AllowedOrigins {
		if o != "*" && !isOrigin(o) {
			return fmt.Errorf("--allowed-origins %s: say https://HOST, or http://HOST:PORT, or * for all", o)
		}
	}
	return nil
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// playing lists the roles of this process in start order.
func (c *Config) playing() (roles []contract.Role, err error) {
	for _, name := range c.Roles {
		if !slices.Contains(contract.Roles, contract.Role(name)) {
			return nil, fmt.Errorf("--roles: there is no role %q; there are %s", name, list(contract.Roles, "and"))
		}
	}
	for _, r := range contract.Roles {
		if len(c.Roles) == 0 || slices.Contains(c.Roles, string(r)) {
			roles = append(roles, r)
		}
	}
	return roles, nil
}

func (c *Config) plays(role contract.Role) bool {
	return len(c.Roles) == 0 || slices.Contains(c.Roles, string(role))
}

func (c *Config) needsStore() bool { return slices.ContainsFunc(stored, c.plays) }

// dsn is the database as the store takes it.
func (c *Config) dsn() string {
	if c.Store == "" {
		return "sqlite:" + c.Data
	}
	return c.Store
}

// sqlite is the folder of a SQLite database, if it is one.
func (c *Config) sqlite() (dir string, is bool) { return strings.CutPrefix(c.dsn(), "sqlite:") }

// usesData says whether anything is kept in the folder.
func (c *Config) usesData() bool {
	_, sqlite := c.sqlite()
	return len(c.Bus.URLs) == 0 || sqlite && c.needsStore()
}

// intake is the folder of the embedded bus's log; empty where the bus is dialled.
func (c *Config) intake() string {
	if len(c.Bus.URLs) > 0 {
		return ""
	}
	return filepath.Join(c.Data, "intake")
}

// ownFolder says whether the data folder is not already that of the database.
func (c *Config) ownFolder() bool {
	dir, sqlite := c.sqlite()
	return c.usesData() && !(sqlite && dir == c.Data)
}

// asks lists the roles whose questions this process asks: where operators reach
// it by its socket, also theirs.
func (c *Config) asks() ([]contract.Role, error) {
	playing, err := c.playing()
	if c.usesData() {
		playing = append(playing, contract.RoleOperator)
	}
	return playing, err
}

func (b *BusConfig) check() error {
	as := &b.As
	proofs := 0
	for _, given := range []string{as.User, as.NKeyFile, as.CredsFile} {
		if given != "" {
			proofs++
		}
	}
	switch {
	case b.SyncInterval < 0:
		return errors.New("--sync-interval: no time is shorter than none")
	case len(b.URLs) == 0 && (*as != Credential{} || b.LogReplicas != 0):
		return errors.New("--nats-… and --log-replicas are for the servers that --nats names: name them, or leave them out")
	case proofs > 1:
		return errors.New("--nats-user, --nats-nkey and --nats-creds are three ways to say the same: give one")
	case as.User == "" && as.Password != "":
		return errors.New("--nats-password goes with --nats-user")
	case (as.Cert == "") != (as.Key == ""):
		return errors.New("--nats-cert and --nats-key go together")
	case b.LogReplicas < 0 || b.LogReplicas > 5:
		return fmt.Errorf("--log-replicas %d: NATS keeps 1 to 5 copies; 3 survive the loss of a server", b.LogReplicas)
	}
	return nil
}

// without are the roles of all that are not among some.
func without(all, some []contract.Role) (rest []contract.Role) {
	for _, r := range all {
		if !slices.Contains(some, r) {
			rest = append(rest, r)
		}
	}
	return rest
}

// list is "a, b and c".
func list(roles []contract.Role, last string) string {
	var b strings.Builder
	for i, r := range roles {
		switch {
		case i > 0 && i == len(roles)-1:
			b.WriteString(" " + last + " ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(r))
	}
	return b.String()
}

// Reachable says in a sentence when a gateway would have no port that anybody knows.
func (c *Config) Reachable() error {
	if c.plays(contract.RoleGateway) && (len(c.Listen) == 0 || slices.Contains(c.Listen, "")) {
		return errors.New("--listen: say HOST:PORT; nobody finds a gateway without one")
	}
	return nil
}

// checkFolder refuses a data folder in which the socket for operators could not be
// opened: the kernel keeps its path in a field of a fixed size.
func (c *Config) checkFolder() error {
	most := len(syscall.RawSockaddrUnix{}.Path) - len(Socket("/")) - 1
	if n := len(c.Data); c.usesData() && n > most {
		return fmt.Errorf("--data %s: the path has %d bytes, and may have %d, because %s in it is a unix socket: choose a shorter one", c.Data, n, most, filepath.Base(Socket(c.Data)))
	}
	return nil
}

// Socket is where operators' commands reach a running node.
func Socket(data string) string { return filepath.Join(data, "admin.sock") }

// Accounts is how people prove who they are; SignUp, who may make an account.
type (
	Accounts = accounts.Config
	SignUp   = accounts.SignUp
)

// Redact shows the address of a bus or database without its password.
func Redact(address string) string { return bus.Redact(address) }

// RoleNames lists the roles that a process can play.
func RoleNames() string { return list(contract.Roles, "and") }
