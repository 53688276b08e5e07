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

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// Remote asks a node's admin socket on behalf of an operator's command.
type Remote struct {
	http  *http.Client
	close func() error
}

// Reach finds the node that runs on a data folder or, when none does, runs one
// without ports for as long as the command takes.
func Reach(ctx context.Context, cfg Config, log *slog.Logger) (*Remote, error) {
	r := &Remote{http: overSocket(cfg.Data), close: func() error { return nil }}
	if r.alive(ctx) {
		return r, nil
	}
	cfg.Listen, cfg.AdminListen = nil, ""
	n := New(cfg, log)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- n.Run(running) }()
	r.close = func() error {
		r.http.CloseIdleConnections()
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
	resp, err := r.post(ctx, path, q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		e := &chat.Error{}
		if err := json.NewDecoder(resp.Body).Decode(e); err != nil || e.Code == "" {
			return nil, fmt.Errorf("the server answered %s", resp.Status)
		}
		return nil, e
	}
	a := new(A)
	return a, json.NewDecoder(resp.Body).Decode(a)
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

// VerifyFolder checks a data folder on which no node runs, without changing it.
func VerifyFolder(ctx context.Context, data string, said func(string)) (*store.Report, error) {
	s, err := store.OpenReadOnly(ctx, "sqlite:"+data, store.Options{})
	if err != nil {
		return nil, err
	}
	report, err := s.Verify(ctx, said)
	return &report, errors.Join(err, s.Close())
}

// Running says whether a node runs on the folder.
func Running(ctx context.Context, data string) bool {
	return (&Remote{http: overSocket(data)}).alive(ctx)
}

// Restore makes a data folder from a backup.
func Restore(ctx context.Context, file, data string) error { return store.Restore(ctx, file, data) }
