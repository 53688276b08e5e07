// Package node puts a Parley together: the roles in start order, the doors in
// front of them, health, metrics and drain. It is the only place where all of it
// is known.
package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/door/native"
	"github.com/parley-chat/parley/internal/door/web"
	"github.com/parley-chat/parley/internal/role/gateway"
	"github.com/parley-chat/parley/internal/role/sequencer"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/ws"
)

// Role is one of the parts that talk over the bus: a name, and a life.
type Role interface {
	Name() string
	// Run serves until ctx ends. It calls ready once, when it does.
	Run(ctx context.Context, ready func()) error
}

// Door is a protocol that clients speak.
type Door interface {
	Name() string
	Mount(mux *http.ServeMux)
	// Close ends the connections that are left.
	Close(ctx context.Context) error
}

// stopTime is how long a part may take to stop.
const stopTime = 10 * time.Second

// Node is one process's share of a Parley: all of it, or the roles that it was
// told to play.
type Node struct {
	cfg   Config
	log   *slog.Logger
	ready chan struct{}
	addrs []net.Addr
	began time.Time

	certificates []tls.Certificate // none: the ports speak without TLS

	// What Run builds; the roles that are not played are nil, and so is the
	// store where none of them needs it.
	store     *store.Store
	bus       *bus.Bus
	sequencer *sequencer.Sequencer
	gate      *gateway.Gateway
}

// New makes a node; it does no I/O.
func New(cfg Config, log *slog.Logger) *Node {
	return &Node{cfg: cfg, log: log, ready: make(chan struct{}), began: time.Now()}
}

// Ready is closed when the node serves.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Addrs are the addresses that the node listens on, once it is ready.
func (n *Node) Addrs() []net.Addr { return n.addrs }

// url is what people open, as far as it is known here.
func (n *Node) url() string {
	switch {
	case n.cfg.PublicURL != "":
		return n.cfg.PublicURL
	case len(n.addrs) == 0:
		return ""
	}
	return n.URL(n.addrs[0])
}

// URL is what a person on this machine opens for one of the addresses.
func (n *Node) URL(a net.Addr) string {
	if n.cfg.PublicURL != "" {
		return n.cfg.PublicURL
	}
	scheme := "http"
	if n.cfg.TLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return scheme + "://" + a.String() + "/"
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/"
}

// Run builds everything in start order, serves until ctx ends or a part fails,
// drains, and stops everything in the opposite order. What is made registers its
// end at once.
func (n *Node) Run(ctx context.Context) (err error) {
	var ends ends
	defer func() {
		err = errors.Join(err, ends.run(n.log))
		if ctx.Err() != nil {
			n.log.Info("stopped")
		}
	}()
	failed := make(chan error, 16)

	playing, err := n.cfg.playing()
	if err := errors.Join(err, n.cfg.Check(), n.cfg.checkFolder()); err != nil {
		return err
	}
	if n.cfg.questions {
		playing = without(stored, []contract.Role{contract.RoleSequencer})
	}
	listeners, err := n.listen(ctx, &ends)
	if err != nil {
		return err
	}
	operators, err := n.listenAdmin(ctx, &ends)
	if err != nil {
		return err
	}
	pages, err := n.pages()
	if err != nil {
		return err
	}
	if err := n.takeFolder(&ends); err != nil {
		return err
	}
	if err := n.openStore(ctx, &ends); err != nil {
		return err
	}
	if err := n.openBus(ctx, &ends); err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, name := range playing {
		if err := start(ctx, n.makeRole(name, reg), &ends, failed); err != nil {
			return err
		}
	}
	if err := n.answerRoll(&ends); err != nil {
		return err
	}

	health := &health{bus: n.bus, store: n.store, gateway: n.gate != nil, token: n.cfg.MetricsToken, metrics: reg}
	if n.gate != nil {
		doors, err := n.doors(pages, reg, &ends)
		if err != nil {
			return err
		}
		n.serve(listeners, public(doors, health), &ends, failed)
	}
	if err := n.serveAdmin(&admin{bus: n.bus, store: n.store, health: health, url: n.url()}, operators, &ends, failed); err != nil {
		return err
	}

	close(n.ready)
	n.log.Info("ready", "took", time.Since(n.began).Round(time.Millisecond).String(), "roles", contract.Named(playing...), "listen", fmt.Sprint(n.addrs))
	select {
	case <-ctx.Done():
		n.log.Info("stopping")
	case err = <-failed:
		n.log.Error("a part has failed; stopping", "err", err)
	}
	health.draining.Store(true)
	n.drain(ctx, listeners)
	return err
}

// drain lets nobody new in and tells those who are here when to come back.
func (n *Node) drain(ctx context.Context, listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
	if n.gate == nil {
		return
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.DrainGrace+stopTime)
	defer cancel()
	n.gate.Drain(draining)
}

// start runs a role and waits until it is ready.
func start(ctx context.Context, role Role, ends *ends, failed chan<- error) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it ends in its turn
	ready, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var outcome error
	go func() {
		defer close(done)
		outcome = role.Run(running, func() { once.Do(func() { close(ready) }) })
		if running.Err() == nil {
			failed <- fmt.Errorf("role %s ended: %w", role.Name(), cmpErr(outcome))
		}
	}()
	ends.add(role.Name(), func(ctx context.Context) error {
		cancel()
		select {
		case <-done:
			if errors.Is(outcome, context.Canceled) {
				return nil
			}
			return outcome
		case <-ctx.Done():
			return fmt.Errorf("role %s did not stop: %w", role.Name(), ctx.Err())
		}
	})
	select {
	case <-ready:
		return nil
	case <-done:
		return fmt.Errorf("role %s did not start: %w", role.Name(), cmpErr(outcome))
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errEnded = errors.New("it returned")

func cmpErr(err error) error {
	if err == nil {
		return errEnded
	}
	return err
}

// doors makes everything that clients speak.
func (n *Node) doors(pages *web.Door, reg prometheus.Registerer, ends *ends) ([]Door, error) {
	mode := ws.Auto
	if n.cfg.TLSCert != "" {
		mode = ws.Goroutine // the kernel does not see the frames
	}
	door, err := native.New(native.Config{
		Version: n.cfg.Version, SignUp: string(n.cfg.Accounts.SignUp), PublicURL: n.cfg.PublicURL, AllowedOrigins: n.cfg.AllowedOrigins,
		TrustedProxies: n.cfg.TrustedProxies, Sockets: ws.Config{Mode: mode},
	}, n.gate, n.log, reg)
	if err != nil {
		return nil, err
	}
	doors := []Door{door, pages}
	for _, d := range doors {
		ends.add(d.Name()+" door", d.Close)
	}
	return doors, nil
}

// pages is the gateway's door at /: the app, or the operator's own pages, read
// before anything is made.
func (n *Node) pages() (*web.Door, error) {
	if !n.cfg.plays(contract.RoleGateway) {
		return nil, nil
	}
	if n.cfg.WebRoot == "" {
		return web.App(), nil
	}
	pages, err := web.Root(n.cfg.WebRoot)
	if err != nil {
		return nil, fmt.Errorf("--web-root: %w", err)
	}
	return pages, nil
}

// listen reads the certificate and opens the ports before anything else: one that
// is in use is told before anything is made.
func (n *Node) listen(ctx context.Context, ends *ends) (listeners []net.Listener, err error) {
	if !n.cfg.plays(contract.RoleGateway) {
		return nil, nil
	}
	if n.cfg.TLSCert != "" {
		c, err := tls.LoadX509KeyPair(n.cfg.TLSCert, n.cfg.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert and --tls-key cannot be used: %w", err)
		}
		n.certificates = []tls.Certificate{c}
	}
	for _, address := range n.cfg.Listen {
		l, err := listen(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("cannot listen on %s: %w; choose another with --listen", address, rootCause(err))
		}
		ends.add("listener", closing(l))
		listeners = append(listeners, l)
		n.addrs = append(n.addrs, l.Addr())
	}
	return listeners, nil
}

// listenAdmin opens the operators' port, if there is one: also before anything else.
func (n *Node) listenAdmin(ctx context.Context, ends *ends) (net.Listener, error) {
	if n.cfg.AdminListen == "" {
		return nil, nil
	}
	l, err := listen(ctx, n.cfg.AdminListen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another with --admin-listen", n.cfg.AdminListen, rootCause(err))
	}
	ends.add("admin listener", closing(l))
	return l, nil
}

// closing closes what may be closed already.
func closing(l net.Listener) func(context.Context) error {
	return func(context.Context) error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

// departing is how long a server that was killed may still hold its ports: the
// kernel closes its sockets some time after kill has returned.
const departing = time.Second

// listen opens a port, and waits for one that is about to be free.
func listen(ctx context.Context, address string) (l net.Listener, err error) {
	for late := time.Now().Add(departing); ; {
		l, err = net.Listen("tcp", address)
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(late) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// serve answers on the listeners until they are closed.
func (n *Node) serve(listeners []net.Listener, handler http.Handler, ends *ends, failed chan<- error) {
	for _, l := range listeners {
		server := &http.Server{
			Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
			IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
			ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
		}
		ends.add("http", func(ctx context.Context) error {
			if err := server.Shutdown(ctx); !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil // the drain has closed the listener already
		})
		go func() {
			err := n.serveOn(server, l)
			if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				failed <- fmt.Errorf("serving on %s: %w", l.Addr(), err)
			}
		}()
	}
}

func (n *Node) serveOn(s *http.Server, l net.Listener) error {
	if len(n.certificates) > 0 {
		s.TLSConfig = &tls.Config{Certificates: n.certificates}
		return s.ServeTLS(l, "", "")
	}
	return s.Serve(l)
}

// public is what the world sees.
func public(doors []Door, health *health) http.Handler {
	mux := http.NewServeMux()
	for _, d := range doors {
		d.Mount(mux)
	}
	health.mountPublic(mux)
	return mux
}

// ends is how what was made is ended: in the opposite order, each within a
// bound, whatever the others say.
type ends []end

type end struct {
	name string
	run  func(context.Context) error
}

func (e *ends) add(name string, run func(context.Context) error) { *e = append(*e, end{name, run}) }

func (e *ends) run(log *slog.Logger) (err error) {
	for i := len(*e) - 1; i >= 0; i-- {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		if failed := (*e)[i].run(ctx); failed != nil {
			log.Warn("not stopped cleanly", "part", (*e)[i].name, "err", failed)
			err = errors.Join(err, fmt.Errorf("stopping %s: %w", (*e)[i].name, failed))
		}
		cancel()
	}
	return err
}
