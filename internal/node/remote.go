package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/store"
)

// Remote asks a node's admin socket on behalf of an operator's command.
type Remote struct {
	http  *http.Client
	close func() error
}

// Reach is [ReachOrFound], for commands about what is there: it makes no folder,
// and what it runs on one commits nothing.
func Reach(ctx context.Context, cfg Config, log *slog.Logger) (*Remote, error) {
	if dir, sqlite := cfg.sqlite(); sqlite && len(cfg.Bus.URLs) == 0 && !Running(ctx, cfg.Data) {
		if err := store.Founded(dir); err != nil {
			return nil, err
		}
		cfg.questions = true
	}
	return ReachOrFound(ctx, cfg, log)
}

// ReachOrFound finds who can answer an operator's command: the cluster on the bus
// that cfg names, or the node that runs on its data folder or, when none does, one
// that is run without ports for as long as the command takes. That one makes what
// it does not find.
func ReachOrFound(ctx context.Context, cfg Config, log *slog.Logger) (*Remote, error) {
	if len(cfg.Bus.URLs) > 0 {
		return overBus(ctx, cfg, log)
	}
	r := &Remote{http: overSocket(cfg.Data), close: func() error { return nil }}
	if r.alive(ctx) {
		return r, nil
	}
	if err := ctx.Err(); err != nil { // nobody knows whether one runs
		return nil, err
	}
	if _, sqlite := cfg.sqlite(); !sqlite {
		return nil, fmt.Errorf("no parley answers at %s: give --data as the one that runs has it, or with --nats where the bus of the cluster is", Socket(cfg.Data))
	}
	cfg.Listen, cfg.AdminListen = nil, ""
	n := New(cfg, log)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- n.Run(running) }()
	r.close = func() error {
		r.http.CloseIdleConnections()
		settling, stop := context.WithTimeout(running, stopTime)
		defer stop()
		n.settle(settling)
		cancel()
		return <-done
	}
	select {
	case <-n.Ready():
		return r, nil
	case err := <-done:
		cancel()
		return nil, err
	}
}

// settle waits until the jobs are done that a question has made, as the one that
// brings a new user into the default rooms; those that are left are done at the
// next start.
func (n *Node) settle(ctx context.Context) {
	for !n.cfg.questions {
		jobs, err := n.store.Accounts().Jobs(ctx, 0, 1)
		if err != nil || len(jobs) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// overBus asks the cluster's roles as an operator. Questions to the database are
// answered here, by the one that cfg names.
func overBus(ctx context.Context, cfg Config, log *slog.Logger) (*Remote, error) {
	dialling, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	b, err := bus.Dial(dialling, bus.DialConfig{URLs: cfg.Bus.URLs, As: cfg.Bus.As, Inbox: contract.Inbox(contract.RoleOperator), Log: log, Name: "parley operator"})
	if err != nil {
		return nil, err
	}
	a := &admin{bus: b, health: &health{bus: b, metrics: prometheus.NewRegistry()}}
	var ends ends
	ends.add("bus", b.Close)
	if cfg.Store != "" {
		if a.store, err = store.OpenReadOnly(ctx, cfg.Store, store.Options{Log: log}); err != nil {
			return nil, errors.Join(err, ends.run(log))
		}
		ends.add("store", func(context.Context) error { return a.store.Close() })
	}
	within, transport := inProcess()
	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: stopTime}
	ends.add("admin", server.Shutdown)
	go func() { _ = server.Serve(within) }() // it ends with Shutdown
	r := &Remote{http: &http.Client{Transport: transport}}
	r.close = func() error {
		r.http.CloseIdleConnections()
		return ends.run(log)
	}
	return r, nil
}

// inProcess is a listener, and the one transport that reaches it.
func inProcess() (net.Listener, *http.Transport) {
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	return p, &http.Transport{DialContext: p.dial}
}

type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for the next connection.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close lets nobody connect any more.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is no address that others could dial.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "in process", Net: "pipe"} }

func overSocket(data string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", Socket(data))
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}

func (r *Remote) alive(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://parley/livez", nil)
	if err != nil {
		return false
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// Close ends the node that was run for the command, if there is one.
func (r *Remote) Close() error { return r.close() }

func (r *Remote) post(ctx context.Context, path string, q any) (*http.Response, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://parley/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return r.http.Do(req)
}

// Ask asks one of the questions of admin.go by its path.
func Ask[A any](ctx context.Context, r *Remote, path string, q any) (*A, error) {
	a := new(A)
	return a, r.ask(ctx, path, q, a)
}

func (r *Remote) ask(ctx context.Context, path string, question, answer any) error {
	resp, err := r.post(ctx, path, question)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		e := &chat.Error{}
		if err := json.NewDecoder(resp.Body).Decode(e); err != nil || e.Code == "" {
			return fmt.Errorf("the server answered %s", resp.Status)
		}
		return e
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// Follow asks a question whose answer takes long, and hears how it goes.
func Follow[A any](ctx context.Context, r *Remote, path string, q any, said func(string)) (*A, error) {
	resp, err := r.post(ctx, path, q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	for {
		var p Progress
		switch err := lines.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil, errors.New("the server ended before it had answered")
		case err != nil:
			return nil, err
		case p.Error != nil:
			return nil, p.Error
		case p.Done:
			a := new(A)
			return a, json.Unmarshal(p.Answer, a)
		}
		said(p.Said)
	}
}

// Verify checks the database that cfg names without changing it: one in a folder
// on which no node runs, or one of a cluster at any time.
func Verify(ctx context.Context, cfg Config, said func(string)) (*store.Report, error) {
	s, err := store.OpenReadOnly(ctx, cfg.dsn(), store.Options{})
	if err != nil {
		return nil, err
	}
	report, err := s.Verify(ctx, said)
	return &report, errors.Join(err, s.Close())
}

// Backup writes a consistent copy of the database in the folder that cfg names to
// a new file, whether or not a node runs on it. The file is this process's: a
// server may be kept from writing anywhere but into its folder.
func Backup(ctx context.Context, cfg Config, file string, said func(string)) error {
	s, err := store.OpenReadOnly(ctx, cfg.dsn(), store.Options{})
	if err != nil {
		return err
	}
	told := time.Now()
	err = s.Backup(ctx, file, func(done, total int) {
		if now := time.Now(); now.Sub(told) > time.Second {
			told = now
			said(fmt.Sprintf("%d of %d pages", done, total))
		}
	})
	return errors.Join(err, s.Close())
}

// Shared says whether the database is one that processes share, which is looked
// at directly.
func (c *Config) Shared() bool {
	_, sqlite := c.sqlite()
	return !sqlite
}

// Running says whether a node runs on the folder.
func Running(ctx context.Context, data string) bool {
	return (&Remote{http: overSocket(data)}).alive(ctx)
}

// Restore makes a data folder from a backup.
func Restore(ctx context.Context, file, data string) error { return store.Restore(ctx, file, data) }
