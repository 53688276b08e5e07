package native

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/door/doortest"
	"github.com/parley-chat/parley/internal/role/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newDoor is a door before a gateway that knows nobody.
func newDoor(t *testing.T, cfg Config) *Door {
	t.Helper()
	return newDoorOf(t, cfg, gateway.Config{})
}

func newDoorOf(t *testing.T, cfg Config, of gateway.Config) *Door {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	d, err := New(cfg, gateway.New(of, nil, log, prometheus.NewRegistry()), log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return d
}

func TestDoor(t *testing.T) { doortest.Test(t, newDoor(t, Config{})) }

// ask asks the door and reads a problem document where the answer is one.
func ask(d *Door, method, path, body string, header ...string) (*httptest.ResponseRecorder, problem) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	var p problem
	if w.Header().Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			p.Detail = err.Error()
		}
	}
	return w, p
}

// The protocol's table, written down a second time.
var table = map[string]bool{ // is a token needed?
	"POST /v1/accounts": false, "POST /v1/sessions": false, "POST /v1/sessions/refresh": false, "GET /v1/capabilities": false,
	"POST /v1/invites": true, "GET /v1/invites": true, "DELETE /v1/invites/{id}": true, "POST /v1/invites/lookup": false,
	"GET /v1/sessions": true, "DELETE /v1/sessions/{id}": true, "DELETE /v1/sessions/current": true,
	"GET /v1/users/me": true, "PATCH /v1/users/me": true, "DELETE /v1/users/me": true, "GET /v1/users": true, "GET /v1/users/{user}": true,
	"POST /v1/users/lookup": true, "GET /v1/users/presence": true,
	"POST /v1/rooms": true, "GET /v1/rooms": true, "GET /v1/rooms/{room}": true, "PATCH /v1/rooms/{room}": true, "DELETE /v1/rooms/{room}": true,
	"PATCH /v1/rooms/{room}/me": true, "POST /v1/rooms/{room}/join": true, "POST /v1/rooms/{room}/leave": true,
	"GET /v1/rooms/{room}/members": true, "PUT /v1/rooms/{room}/members/{user}": true, "DELETE /v1/rooms/{room}/members/{user}": true,
	"GET /v1/rooms/{room}/online": true, "POST /v1/rooms/{room}/messages": true, "PATCH /v1/rooms/{room}/messages/{seq}": true,
	"DELETE /v1/rooms/{room}/messages/{seq}": true, "PUT /v1/rooms/{room}/messages/{seq}/reactions/{emoji}": true,
	"DELETE /v1/rooms/{room}/messages/{seq}/reactions/{emoji}": true, "GET /v1/rooms/{room}/messages": true, "GET /v1/rooms/{room}/events": true,
	"POST /v1/rooms/{room}/read": true, "GET /v1/rooms/{room}/receipts": true, "GET /v1/search": true,
	"GET /v1/admin/users": true, "PATCH /v1/admin/users/{user}": true, "GET /v1/admin/rooms": true, "GET /v1/admin/stats": true,
}

func TestEveryRowOfTheTableIsThereAndDescribed(t *testing.T) {
	d := newDoor(t, Config{Version: "7"})
	w, _ := ask(d, "GET", "/v1/openapi.json", "")
	var spec struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			OperationID string
			Security    []any
			RequestBody any
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &spec); err != nil {
		t.Fatal(err)
	}
	if spec.OpenAPI[:3] != "3.1" || spec.Info.Version != "7" {
		t.Errorf("OpenAPI %s of version %s", spec.OpenAPI, spec.Info.Version)
	}
	described := 0
	for path, methods := range spec.Paths {
		for method, op := range methods {
			described++
			row := strings.ToUpper(method) + " " + path
			closed, there := table[row]
			if !there || closed != (len(op.Security) > 0) {
				t.Errorf("%s: in the table %v, needs a token %v", row, there, len(op.Security) > 0)
			}
			_, malformed := op.Responses["400"]
			_, tooLarge := op.Responses["413"]
			if body := op.RequestBody != nil; body && (!malformed || !tooLarge) || malformed && !body {
				t.Errorf("%s takes a body: %v; described are 400: %v, 413: %v", row, body, malformed, tooLarge)
			}
			concrete := strings.NewReplacer("{id}", chat.NewID().String(), "{room}", chat.NewID().String(), "{user}", "@ann", "{seq}", "1", "{emoji}", "x").Replace(path)
			w, p := ask(d, strings.ToUpper(method), concrete, "{")
			switch {
			case closed && (w.Code != http.StatusUnauthorized || p.Code != chat.Unauthenticated || w.Header().Get("WWW-Authenticate") == ""):
				t.Errorf("%s without a token: %d %s", row, w.Code, w.Body)
			case !closed && method == "post" && (w.Code != http.StatusBadRequest || p.Code != chat.Malformed):
				t.Errorf("%s with half a body: %d %s", row, w.Code, w.Body)
			}
		}
	}
	if described != len(table) {
		t.Errorf("%d operations are described, the table has %d", described, len(table))
	}
}

func TestRefusalsBeforeAnybodyIsAsked(t *testing.T) {
	d := newDoor(t, Config{})
	for _, c := range []struct {
		method, path, body string
		status             int
		code               chat.Code
		detail             string
	}{
		{"GET", "/v1/nothing", "", 404, chat.NotFound, "/v1/nothing"},
		{"GET", "/v1/", "", 404, chat.NotFound, ""},
		{"DELETE", "/v1/accounts", "", 405, chat.Malformed, "POST"},
		{"POST", "/v1/accounts", "", 400, chat.Malformed, "body"},
		{"POST", "/v1/accounts", `{"username":`, 400, chat.Malformed, "JSON"},
		{"POST", "/v1/accounts", "{\"username\":\"\xff\"}", 400, chat.Malformed, "UTF-8"},
		{"POST", "/v1/accounts", `[]`, 422, chat.Invalid, "object"},
		{"POST", "/v1/accounts", `{"username":5,"password":"correct horse"}`, 422, chat.Invalid, "username"},
		{"POST", "/v1/accounts", `{"username":"ann"}`, 422, chat.Invalid, "password"},
		{"POST", "/v1/accounts", `{"username":"Ann Lee","password":"correct horse"}`, 422, chat.Invalid, "username"},
		{"POST", "/v1/accounts", `{"username":"ann","password":"short"}`, 422, chat.Invalid, "8"},
		{"POST", "/v1/accounts", `{"username":"ann","password":"correct horse","display_name":"\u0000"}`, 422, chat.Invalid, "U+0000"},
		{"POST", "/v1/sessions", strings.Repeat(" ", maxBody+1), 413, chat.TooLarge, ""},
	} {
		w, p := ask(d, c.method, c.path, c.body)
		if w.Code != c.status || p.Code != c.code || p.Status != c.status || !strings.Contains(p.Detail, c.detail) {
			t.Errorf("%s %s %.60q: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "correct horse") {
			t.Errorf("%s %s tells the password: %s", c.method, c.path, w.Body)
		}
	}
}

func TestSocketsAreRefusedBeforeTheUpgrade(t *testing.T) {
	d := newDoor(t, Config{PublicURL: "https://chat.example"})
	w, p := ask(d, "GET", "/v1/ws", "", "Origin", "https://evil.example", "Connection", "Upgrade", "Upgrade", "websocket")
	if w.Code != http.StatusForbidden || p.Code != chat.Forbidden {
		t.Errorf("another origin: %d %s", w.Code, w.Body)
	}
	w, p = ask(d, "GET", "/v1/ws", "")
	if w.Code != http.StatusUpgradeRequired || p.Code != chat.Malformed {
		t.Errorf("no handshake: %d %s", w.Code, w.Body)
	}
}

func TestPagesOfConfiguredOriginsMayAsk(t *testing.T) {
	d := newDoor(t, Config{AllowedOrigins: []string{"https://app.example"}})
	w, _ := ask(d, "OPTIONS", "/v1/rooms", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
	if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Origin") != "https://app.example" ||
		!strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w, _ = ask(d, "GET", "/v1/capabilities", "", "Origin", "https://app.example")
	if w.Code != http.StatusOK || w.Header().Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w, _ = ask(d, "GET", "/v1/capabilities", "", "Origin", "https://evil.example")
	if w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page of any origin may ask: %v", w.Header())
	}
}

func TestThePageOfDescriptionsNeedsNothingFromOutside(t *testing.T) {
	d := newDoor(t, Config{})
	for path, kind := range map[string]string{"/v1/docs": "text/html", "/v1/docs/docs.js": "text/javascript", "/v1/docs/docs.css": "text/css"} {
		w, _ := ask(d, "GET", path, "")
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		if strings.Contains(w.Body.String(), "://") {
			t.Errorf("%s names another server", path)
		}
	}
}

// TestEveryFrameIsDescribed: what the socket takes and says is in the AsyncAPI
// description, under its own name.
func TestEveryFrameIsDescribed(t *testing.T) {
	d := newDoor(t, Config{})
	w, _ := ask(d, "GET", "/v1/asyncapi.json", "")
	var spec struct {
		AsyncAPI   string
		Components struct {
			Messages map[string]struct {
				Name    string
				Payload map[string]any
			}
			Schemas map[string]struct{ Properties map[string]any }
		}
		Channels map[string]struct{ Messages map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &spec); err != nil {
		t.Fatal(err)
	}
	if spec.AsyncAPI != "3.0.0" || len(spec.Channels["socket"].Messages) != len(received)+len(told) {
		t.Errorf("AsyncAPI %s with %d messages", spec.AsyncAPI, len(spec.Channels["socket"].Messages))
	}
	for name, m := range spec.Components.Messages {
		ref, _ := m.Payload["$ref"].(string)
		if len(spec.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")].Properties) == 0 {
			t.Errorf("%s has no shape: %v", name, m.Payload)
		}
	}
	for _, f := range received {
		if got := f.shape.Field(0).Tag.Get("enum"); got != f.name {
			t.Errorf("%s is described as %s", f.shape, got)
		}
		if f.name == "ping" {
			continue
		}
		s := &socket{door: d}
		err := s.act(head{Type: f.name}, []byte(`{"type":"`+f.name+`","room":5,"token":5,"status":5,"users":5}`))
		if err == nil || strings.Contains(err.Text, "unknown type") {
			t.Errorf("%s is described and not known: %v", f.name, err)
		}
	}
	if err := (&socket{door: d}).act(head{Type: "made_up"}, nil); err == nil || err.Code != chat.Malformed {
		t.Errorf("an unknown type: %v", err)
	}
}

func TestEveryFrameThatIsToldIsDescribed(t *testing.T) {
	shapes := map[reflect.Type]bool{}
	for _, f := range told {
		shapes[f.shape] = true
		if got := f.shape.Field(0).Tag.Get("enum"); got != f.name {
			t.Errorf("%s is described as %s", f.shape, got)
		}
	}
	for _, n := range []gateway.Note{gateway.Acked{}, gateway.Refused{Err: chat.Errorf(chat.Invalid, "x")}, gateway.Gone{}, gateway.Truncated{},
		gateway.Reset{}, gateway.Receipt{}, gateway.Typing{}, gateway.Here{}, gateway.Profile{}, gateway.Bye{}} {
		f := frameOf(n)
		if !shapes[reflect.TypeOf(f)] {
			t.Errorf("%T is told as %T, which is not described", n, f)
		}
	}
	for _, f := range []any{welcomeFrame{}, roomFrame{}, eventsFrame{}, pongFrame{}} {
		if !shapes[reflect.TypeOf(f)] {
			t.Errorf("%T is not described", f)
		}
	}
}
