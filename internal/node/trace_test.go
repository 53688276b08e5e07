package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/door/native"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// diary is a log that a test reads while others write.
type diary struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.Write(p)
}

// traces are those of the lines that say something.
func (d *diary) traces(t *testing.T, says string) (traces []string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for line := range strings.Lines(d.b.String()) {
		var l struct{ Msg, Trace string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Msg == says {
			traces = append(traces, l.Trace)
		}
	}
	return traces
}

// What goes wrong in a role is told to the client by a trace id alone, and that
// is in the log of the role and of the door: of a request, and of a hello.
func TestATraceLeadsFromTheAnswerToTheLogs(t *testing.T) {
	role, door := new(diary), new(diary)
	b, err := bus.Embed(t.Context(), bus.EmbedConfig{Dir: t.TempDir(), Name: "test", Log: slog.New(slog.NewJSONHandler(role, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	broken := errors.New("the disk is on fire")
	if _, err = contract.Identify.Answer(b, func(_ context.Context, q *contract.IdentifyAsk) (*contract.Identity, error) {
		if q.Token != "good" {
			return nil, broken
		}
		return &contract.Identity{User: chat.User{ID: chat.NewID(), Username: "ann"}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err = contract.Logins.Answer(b, func(context.Context, *contract.LoginsAsk) (*contract.LoginList, error) { return nil, broken }); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(door, nil))
	d, err := native.New(native.Config{}, gateway.New(gateway.Config{}, b, log, prometheus.NewRegistry()), log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(context.Background()) })
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)

	const given = "4bf92f3577b34da6a3ce929d0e0e4736"
	failed := func(token string, header http.Header) (trace string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/sessions", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		var p struct{ Code, Trace string }
		if err := json.Unmarshal(body, &p); err != nil || p.Code != "internal" || bytes.Contains(body, []byte("fire")) {
			t.Fatalf("%s %s: %v", resp.Status, body, err)
		}
		return p.Trace
	}
	want := []string{
		failed("good", http.Header{"Traceparent": {"00-" + given + "-00f067aa0ba902b7-01"}}),
		failed("bad", http.Header{}), // it fails while it is found out who asks
	}
	if want[0] != given || len(want[1]) != 32 || want[1] == given {
		t.Errorf("the answers' traces are %q", want)
	}

	conn, buffered, _, err := ws.Dial(t.Context(), strings.Replace(s.URL, "http", "ws", 1)+"/v1/ws")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if buffered != nil {
		t.Fatal("the server spoke first")
	}
	if err := wsutil.WriteClientText(conn, []byte(`{"type":"hello","token":"worse"}`)); err != nil {
		t.Fatal(err)
	}
	told, err := wsutil.ReadServerText(conn)
	if err != nil {
		t.Fatal(err)
	}
	var e struct{ Code, Trace string }
	if err := json.Unmarshal(told, &e); err != nil || e.Code != "internal" || len(e.Trace) != 32 {
		t.Fatalf("the hello was told %s: %v", told, err)
	}

	for _, says := range []struct {
		who   string
		in    *diary
		what  string
		about []string
	}{
		{"the role", role, "cannot answer", append(want, e.Trace)},
		{"the door", door, "a request failed", want},
		{"the door", door, "a frame failed", []string{e.Trace}},
	} {
		if got := says.in.traces(t, says.what); strings.Join(got, " ") != strings.Join(says.about, " ") {
			t.Errorf("%s says %q of the traces %q, not %q", says.who, says.what, got, says.about)
		}
	}
}
