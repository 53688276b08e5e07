package town

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/parley-chat/parley/test/chaos/proxy"
)

// Roles are what the processes of a cluster are, in the order in which they start.
var Roles = []string{"sequencer", "archive", "rooms", "accounts", "access", "presence", "gateway"}

// perRole is how many processes of each role there are.
const perRole = 2

// natsServers is how many of them there are: enough to lose one.
const natsServers = 3

// Cluster starts a town: three NATS servers, PostgreSQL, two processes of every
// role and nginx before the gateways.
//
//	clients ──► nginx ──► gateway-1, -2 ──link nats:gateway-1──► nats-1, -2, -3 ◄──link route:…──► each other
//	                      sequencer-1, … ──link nats:…──►            │
//	                                     ──link db:sequencer-1──► postgres
//
// Clients may also reach the gateways around nginx, gateway-1 by the link
// "clients". Between any two processes is a link, so that it can be made bad.
func Cluster(ctx context.Context, cfg Config) (_ *Town, err error) {
	t := &Town{Config: cfg, Links: map[string]*Link{}, Hosts: map[string]*Host{}, Disks: map[string]*Disk{}, passwords: rand.Text()}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	for _, step := range []func(context.Context) error{
		func(context.Context) error { return t.folders() }, t.startPostgres, t.startNATS, t.startRoles, t.startNginx,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// fill writes a file of deploy/town with what stands in {{ }} filled in.
func (t *Town) fill(name string, with any) ([]byte, error) {
	text, err := template.New(name).Option("missingkey=error").ParseFiles(filepath.Join(t.Deploy, name))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := text.Execute(&b, with); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ports finds so many free ones.
func ports(n int) (found []int, err error) {
	for range n {
		p, err := FreePort()
		if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, nil
}

func here(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// startNATS starts the servers and waits until each knows the leader.
func (t *Town) startNATS(ctx context.Context) error {
	permissions := filepath.Join(t.Dir, "permissions.conf")
	printed, err := exec.CommandContext(ctx, t.Binary, "nats-permissions").Output()
	if err != nil {
		return fmt.Errorf("parley nats-permissions: %w", err)
	}
	if err := os.WriteFile(permissions, printed, 0o600); err != nil {
		return err
	}
	numbers, err := ports(3 * natsServers)
	if err != nil {
		return err
	}
	clients, routes, monitors := numbers[:natsServers], numbers[natsServers:2*natsServers], numbers[2*natsServers:]
	for i := range natsServers {
		if err := t.addNATS(i, clients, routes, monitors[i], permissions); err != nil {
			return err
		}
	}
	for _, p := range t.Kind("nats") {
		if err := p.Launch(); err != nil {
			return err
		}
	}
	for _, p := range t.Kind("nats") {
		if err := p.AwaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (t *Town) addNATS(i int, clients, routes []int, monitor int, permissions string) error {
	name := fmt.Sprintf("nats-%d", i+1)
	if err := t.disk(name, t.NATSData(name), 64); err != nil {
		return err
	}
	var others []string
	for j, port := range routes {
		if j == i {
			continue
		}
		link, err := t.link("route:"+name, "127.0.0.1", here(port))
		if err != nil {
			return err
		}
		// Which of two servers has dialled is not known: either one's link has both ways.
		t.addWay(fmt.Sprintf("route:nats-%d", j+1), link)
		others = append(others, link.Addr())
	}
	conf, err := t.fill("nats.conf", map[string]any{"Name": name, "Listen": here(clients[i]), "Monitor": here(monitor),
		"Data": t.NATSData(name), "Cluster": here(routes[i]), "Routes": others, "Permissions": filepath.Base(permissions)})
	if err != nil {
		return err
	}
	path := filepath.Join(t.Dir, name+".conf")
	if err := os.WriteFile(path, conf, 0o600); err != nil {
		return err
	}
	var env []string
	for _, role := range append([]string{"operator"}, Roles...) {
		env = append(env, fmt.Sprintf("PARLEY_NATS_%s_PASSWORD=%s", strings.ToUpper(role), t.passwords))
	}
	t.add(&Proc{Name: name, Kind: "nats", Port: clients[i], env: env, args: []string{filepath.Join(t.Tools, "nats-server"), "-c", path},
		ready: httpReady("http://" + here(monitor) + "/healthz?js-server-only=true")})
	return nil
}

// NATSData is the folder of a NATS server's JetStream.
func (t *Town) NATSData(name string) string { return filepath.Join(t.Dir, name) }

// startRoles starts two processes of each role, all at once, as after a power cut.
func (t *Town) startRoles(ctx context.Context) error {
	for _, role := range Roles {
		for i := range perRole {
			if err := t.addRole(role, fmt.Sprintf("%s-%d", role, i+1)); err != nil {
				return err
			}
		}
	}
	var started []*Proc
	for _, role := range Roles {
		started = append(started, t.Kind(role)...)
	}
	for _, p := range started {
		if err := p.Launch(); err != nil {
			return err
		}
	}
	for _, p := range started {
		if err := p.AwaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

// addRole makes a process of one role, with networks of its own to the NATS
// servers and, unless it is a gateway, to the database.
func (t *Town) addRole(role, name string) error {
	host, err := t.host(name)
	if err != nil {
		return err
	}
	var servers []string
	for _, p := range t.Kind("nats") {
		link, err := t.link("nats:"+name, host.gate(), here(p.Port))
		if err != nil {
			return err
		}
		servers = append(servers, "nats://"+link.Addr())
	}
	text, err := t.fill("parley.env", map[string]any{"Role": role, "NATS": strings.Join(servers, ","), "Password": t.passwords, "Secret": t.Secret, "Grace": t.Grace})
	if err != nil {
		return err
	}
	env := append(lines(text), "PARLEY_NATS_USER="+role)
	found, err := ports(2)
	if err != nil {
		return err
	}
	ready := host.at(found[0])
	args := []string{cmp.Or(t.Older, t.Binary), "serve", "--roles", role, "--admin-listen", ready}
	switch role {
	case "gateway":
		args = append(args, "--listen", host.at(found[1]))
		if err := t.addGate(host.at(found[1])); err != nil {
			return err
		}
	case "presence": // it keeps nothing
	default:
		link, err := t.link("db:"+name, host.gate(), here(t.Proc("postgres").Port))
		if err != nil {
			return err
		}
		env = append(env, "PARLEY_STORE="+t.dsn(link.Addr()))
	}
	t.add(&Proc{Name: name, Kind: role, Port: found[0], env: env, args: host.within(args), ready: httpReady("http://" + ready + "/readyz")})
	return nil
}

// host is the machine of a process that is apart, nil for all others.
func (t *Town) host(name string) (*Host, error) {
	n := slices.Index(t.Apart, name)
	if n < 0 {
		return nil, nil
	}
	h, err := newHost(context.Background(), n+1)
	if err != nil {
		return nil, err
	}
	t.Hosts[name] = h
	t.closers = append(t.closers, h.close)
	return h, nil
}

// addGate is where clients reach a gateway: the first by the link "clients".
func (t *Town) addGate(address string) error {
	t.gateways = append(t.gateways, address)
	if len(t.gateways) > 1 {
		t.Gates = append(t.Gates, "http://"+address)
		return nil
	}
	link, err := t.link("clients", "127.0.0.1", address)
	if err != nil {
		return err
	}
	t.Gates = append(t.Gates, "http://"+link.Addr())
	return nil
}

// lines are the settings of an env file.
func lines(text []byte) (set []string) {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			set = append(set, line)
		}
	}
	return set
}

func (t *Town) startNginx(ctx context.Context) error {
	port := t.Front
	if port == 0 {
		var err error
		if port, err = FreePort(); err != nil {
			return err
		}
	}
	dir := filepath.Join(t.Dir, "nginx")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	conf, err := t.fill("nginx.conf", map[string]any{"Dir": dir, "Gateways": t.gateways, "Listen": here(port)})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, conf, 0o644); err != nil {
		return err
	}
	t.Gates = append([]string{"http://" + here(port)}, t.Gates...)
	return t.add(&Proc{Name: "nginx", Kind: "nginx", Port: port, args: []string{filepath.Join(t.Tools, "nginx"), "-p", dir, "-c", path},
		ready: httpReady("http://" + here(port) + "/readyz")}).Start(ctx)
}

// Link is the network between one process and one or several others.
type Link struct{ ways []*proxy.Proxy }

// Set makes it bad.
func (l *Link) Set(f proxy.Fault) {
	for _, p := range l.ways {
		p.Set(f)
	}
}

// Heal makes it good and says what the fault was done to.
func (l *Link) Heal() (all proxy.Struck) {
	for _, p := range l.ways {
		s := p.Heal()
		all.Conns += s.Conns
		all.Bytes += s.Bytes
	}
	return all
}

func (l *Link) close() {
	for _, p := range l.ways {
		p.Close()
	}
}
