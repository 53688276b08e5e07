// Package town starts and stops the processes of a whole Parley on this machine:
// one process with everything in it, or a cluster, and puts bad networks between
// them.
package town

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/parley-chat/parley/test/chaos/proxy"
)

// Config says what to start.
type Config struct {
	Dir    string // of data and logs; made if it is not there
	Binary string // of parley
	Older  string // the parley that the roles of a cluster begin with; "": Binary
	Secret string // --auth-jwt-secret
	Grace  time.Duration

	// What follows is for a cluster.
	Tools  string // folder with nats-server and nginx
	Deploy string // folder with the configuration of the town
	Front  int    // where nginx listens; 0: on a free port
	// SmallDisks gives the database and each NATS server a disk of its own that can
	// be filled; needs root.
	SmallDisks bool
	// Apart are processes, by name, each on a machine of its own; see [Host].
	Apart []string
}

// Town is what runs.
type Town struct {
	Config
	Gates []string         // where clients connect
	Links map[string]*Link // by name: what stands between whom
	Procs []*Proc          // in the order in which they start
	Hosts map[string]*Host // by the name of the process that is apart
	Disks map[string]*Disk // by the name of the process that writes there
	Data  string           // of one process: its data folder

	passwords string   // of everybody inside the town
	gateways  []string // their addresses
	database  string
	closers   []func() error
}

// One starts a single `parley serve` with everything in it. Clients reach it
// directly and through a link named "clients".
func One(ctx context.Context, cfg Config) (_ *Town, err error) {
	t := &Town{Config: cfg, Links: map[string]*Link{}, Data: filepath.Join(cfg.Dir, "data")}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	if err := t.folders(); err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	p := t.add(&Proc{Name: "parley", Kind: "all", Port: port, ready: httpReady("http://" + address + "/readyz"),
		args: []string{cfg.Binary, "serve", "--data", t.Data, "--listen", address, "--no-limits", "--auth-jwt-secret", cfg.Secret,
			"--drain-grace", cfg.Grace.String()}})
	if err := p.Start(ctx); err != nil {
		return nil, err
	}
	link, err := t.link("clients", "127.0.0.1", address)
	if err != nil {
		return nil, err
	}
	t.Gates = []string{"http://" + address, "http://" + link.Addr()}
	return t, nil
}

func (t *Town) folders() error {
	for _, dir := range []string{t.Dir, t.logs()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (t *Town) logs() string { return filepath.Join(t.Dir, "log") }

// add makes a process part of the town; it is stopped with it.
func (t *Town) add(p *Proc) *Proc {
	p.log = filepath.Join(t.logs(), p.Name+".log")
	t.Procs = append(t.Procs, p)
	return p
}

// link puts a network between a process and target; a name may have several. host
// is where the process finds it.
func (t *Town) link(name, host, target string) (*proxy.Proxy, error) {
	p, err := proxy.New(host, target)
	if err != nil {
		return nil, err
	}
	t.addWay(name, p)
	return p, nil
}

func (t *Town) addWay(name string, p *proxy.Proxy) {
	if t.Links[name] == nil {
		t.Links[name] = &Link{}
	}
	t.Links[name].ways = append(t.Links[name].ways, p)
}

// Proc is a process by its name.
func (t *Town) Proc(name string) *Proc {
	for _, p := range t.Procs {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Kind is the processes of a kind.
func (t *Town) Kind(kind string) (found []*Proc) {
	for _, p := range t.Procs {
		if p.Kind == kind {
			found = append(found, p)
		}
	}
	return found
}

// Close stops everything in order and leaves nothing running.
func (t *Town) Close() error {
	err := closeAll(t.Procs)
	for _, l := range t.Links {
		l.close()
	}
	for _, c := range t.closers {
		err = errors.Join(err, c())
	}
	return err
}

// given are ports that were handed out: one of them may not be listened on yet.
var given struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort is a port of this machine that nobody listens on now. It is below those
// that outgoing connections are given, so that none of them is there first.
func FreePort() (int, error) {
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	for range 100 {
		port := 12_000 + rand.IntN(18_000)
		if given.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", here(port))
		if err != nil {
			continue
		}
		given.ports[port] = true
		return port, l.Close()
	}
	return 0, errors.New("no free port was found on 127.0.0.1")
}

// direct goes to no proxy that the environment names.
var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// httpReady asks an address that answers 200 when the process is ready.
func httpReady(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := direct.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return nil
	}
}

// VerifyFlags say to `parley verify` which database this town has.
func (t *Town) VerifyFlags() []string {
	if db := t.Proc("postgres"); db != nil {
		return []string{"--store", t.dsn(here(db.Port))}
	}
	return []string{"--data", t.Data}
}
