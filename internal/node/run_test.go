package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/node/nodetest"
)

// readyWithin is generous: the goal of half a second is for a machine that does
// nothing else, and what it took is logged.
const readyWithin = 5 * time.Second

// story is a log that can be read while it is written.
type story struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *story) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *story) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start runs a node on an empty folder that logs everything.
func start(t *testing.T, cfg node.Config) (url string, told *story, stop func()) {
	t.Helper()
	cfg.Data, cfg.Listen = filepath.Join(t.TempDir(), "data"), []string{"127.0.0.1:0"}
	told = new(story)
	n := node.New(cfg, slog.New(slog.NewTextHandler(told, &slog.HandlerOptions{Level: slog.LevelDebug})))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- n.Run(ctx) }()
	select {
	case <-n.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	if took := time.Since(began); took > readyWithin {
		t.Errorf("ready after %v", took)
	} else {
		t.Logf("ready after %v from an empty folder", took)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return "http://" + n.Addrs()[0].String(), told, stop
}

func TestNoSecretIsLogged(t *testing.T) {
	url, told, stop := start(t, node.Config{Version: "test", MetricsToken: "metrics-secret"})
	a := &account{t: t, url: url}
	status, body := a.ask("POST", "/v1/accounts", object{"username": "ann", "password": "correct horse"})
	if status != http.StatusCreated {
		t.Fatal(status, body)
	}
	session := body["session"].(object)
	a.token = session["access_token"].(string)
	refresh := session["refresh_token"].(string)
	w := a.connects(nil)
	for _, path := range []string{"/v1/users/me", "/v1/search?q=confidential", "/v1/ws?token=" + a.token, "/v1/nothing?token=" + a.token} {
		a.ask("GET", path, nil)
	}
	a.ask("POST", "/v1/sessions", object{"username": "ann", "password": "wrong horse"})
	a.ask("POST", "/v1/sessions", object{"username": 7, "password": "correct horse"})
	if status, rotated := a.ask("POST", "/v1/sessions/refresh", object{"refresh_token": refresh}); status != http.StatusOK {
		t.Fatal(status, rotated)
	}
	a.ask("GET", "/v1/users/me", nil, "Authorization", "Bearer not-"+a.token)
	w.conn.Close()
	stop()
	log := told.String()
	if !strings.Contains(log, "/v1/users/me") {
		t.Fatal("requests are not logged at debug level: this test sees nothing")
	}
	for name, secret := range map[string]string{"an access token": a.token, "a refresh token": refresh, "a password": "correct horse",
		"a wrong password": "wrong horse", "a search": "confidential", "the metrics token": "metrics-secret"} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log", name)
		}
	}
}

func TestHealthAndMetrics(t *testing.T) {
	url, _, _ := start(t, node.Config{MetricsToken: "let me in"})
	get := func(path string, header ...string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if status, body := get(path); status != http.StatusOK || !json.Valid([]byte(body)) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, c := range []struct {
		status int
		header []string
	}{
		{http.StatusOK, nil},
		{http.StatusUnauthorized, []string{"X-Forwarded-For", "203.0.113.9"}}, // a proxy on this machine
		{http.StatusUnauthorized, []string{"X-Forwarded-For", "203.0.113.9", "Authorization", "Bearer guess"}},
		{http.StatusOK, []string{"X-Forwarded-For", "203.0.113.9", "Authorization", "Bearer let me in"}},
	} {
		if status, body := get("/metrics", c.header...); status != c.status {
			t.Errorf("/metrics with %v: %d %.200s", c.header, status, body)
		}
	}
	if status, body := get("/v1/capabilities"); status != http.StatusOK {
		t.Fatal(status, body)
	}
	_, all := get("/metrics")
	for deadline := time.Now().Add(patience); !strings.Contains(all, "/v1/capabilities") && time.Now().Before(deadline); {
		_, all = get("/metrics") // a request is counted when its answer has gone out
	}
	for _, name := range []string{"parley_native_request_seconds", "parley_native_sockets", "parley_gateway_sessions", "go_goroutines"} {
		if !strings.Contains(all, "\n"+name) {
			t.Errorf("there is no metric %s", name)
		}
	}
}

// TestTheAdminPortAsksForNothing: who opened it beside the profiles that are on it
// keeps it private, and what scrapes it comes from another machine.
func TestTheAdminPortAsksForNothing(t *testing.T) {
	_, told, _ := start(t, node.Config{AdminListen: "127.0.0.1:0", MetricsToken: "let me in"})
	_, at, _ := strings.Cut(told.String(), `msg="admin port open" listen=`)
	at, _, _ = strings.Cut(at, "\n")
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/debug/pprof/cmdline"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", "203.0.113.9") // as good as another machine
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, %v", path, resp.StatusCode, err)
		}
	}
}

// TestADataFolderWhosePathIsTooLongIsSaidBeforeAnythingIsMade: a unix socket's path
// has an end. The longest that fits does.
func TestADataFolderWhosePathIsTooLongIsSaidBeforeAnythingIsMade(t *testing.T) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	most := len(syscall.RawSockaddrUnix{}.Path) - len("/admin.sock") - 1
	long := func(n int) string { return filepath.Join(dir, strings.Repeat("d", n-len(dir)-1)) }
	run := func(data string) error {
		n := node.New(node.Config{Data: data, Listen: []string{"127.0.0.1:0"}}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx) }()
		select {
		case <-n.Ready():
			cancel()
			return <-done
		case err := <-done:
			return err
		}
	}
	if err := run(long(most)); err != nil {
		t.Errorf("a path of %d bytes: %v", most, err)
	}
	err = run(long(most + 1))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("has %d bytes, and may have %d", most+1, most)) {
		t.Errorf("a path of %d bytes: %v", most+1, err)
	}
	if _, err := os.Stat(long(most + 1)); !os.IsNotExist(err) {
		t.Error("a folder was made")
	}
}

func TestAPortInUseIsOneSentence(t *testing.T) {
	town := nodetest.New(t)
	taken := strings.TrimPrefix(town.URL(), "http://")
	n := node.New(node.Config{Data: filepath.Join(t.TempDir(), "data"), Listen: []string{taken}}, slog.New(slog.DiscardHandler))
	err := n.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), taken) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// TestAnAdminPortInUseIsSaidBeforeAnythingIsMade: as one for clients is.
func TestAnAdminPortInUseIsSaidBeforeAnythingIsMade(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := filepath.Join(t.TempDir(), "data")
	n := node.New(node.Config{Data: data, Listen: []string{"127.0.0.1:0"}, AdminListen: taken.Addr().String()}, slog.New(slog.DiscardHandler))
	if err := n.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--admin-listen") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Error("a folder was made")
	}
}

// TestAPortIsWaitedFor: a server that was killed a moment ago may still have it.
func TestAPortIsWaitedFor(t *testing.T) {
	before, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(100*time.Millisecond, func() { before.Close() }).Stop()
	n := node.New(node.Config{Data: filepath.Join(t.TempDir(), "data"), Listen: []string{before.Addr().String()}}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	select {
	case <-n.Ready():
		cancel()
		err = <-done
	case err = <-done:
	}
	if err != nil {
		t.Error(err)
	}
	cancel()
}

func TestALockedFolderIsOneSentence(t *testing.T) {
	town := nodetest.New(t)
	n := node.New(node.Config{Data: town.Config.Data, Listen: []string{"127.0.0.1:0"}}, slog.New(slog.DiscardHandler))
	err := n.Run(t.Context())
	if err == nil || !strings.Contains(fmt.Sprint(err), "another parley") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// TestAnotherPageAtTheRoot: the operator's own pages take the place of the app,
// beside every other door.
func TestAnotherPageAtTheRoot(t *testing.T) {
	pages := t.TempDir()
	if err := os.WriteFile(filepath.Join(pages, "index.html"), []byte("<h1>Ours</h1>"), 0o600); err != nil {
		t.Fatal(err)
	}
	url, _, _ := start(t, node.Config{WebRoot: pages})
	for path, want := range map[string]string{"/": "<h1>Ours</h1>", "/livez": "ok", "/v1/capabilities": `"protocol":1`} {
		r, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		if _ = r.Body.Close(); err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s: status %d, %v, %s", path, r.StatusCode, err, text)
		}
	}

	data := filepath.Join(t.TempDir(), "data")
	none := node.New(node.Config{Data: data, Listen: []string{"127.0.0.1:0"}, WebRoot: data + "/none"}, slog.New(slog.DiscardHandler))
	if err := none.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--web-root") {
		t.Errorf("without pages it ends with %v", err)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("without pages a folder was made")
	}
}
