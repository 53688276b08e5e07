package native

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// statuses are the protocol's, written down a second time.
var statuses = map[chat.Code]int{
	chat.Invalid: 422, chat.Malformed: 400, chat.Unauthenticated: 401, chat.Forbidden: 403, chat.NotFound: 404,
	chat.Conflict: 409, chat.TooLarge: 413, chat.RateLimited: 429, chat.Unavailable: 503, chat.Internal: 500,
}

func TestEveryCodeHasAnAnswer(t *testing.T) {
	for _, code := range chat.Codes {
		w := httptest.NewRecorder()
		problemOf(&chat.Error{Code: code, Text: "why", RetryAfter: 1500 * time.Millisecond}).write(w)
		if w.Code != statuses[code] || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", code, w.Code, w.Header().Get("Content-Type"))
		}
		var doc map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"type", "title", "detail"} {
			if s, _ := doc[field].(string); s == "" {
				t.Errorf("%s: no %s", code, field)
			}
		}
		if doc["code"] != string(code) || doc["status"] != float64(w.Code) || len(doc) != 5 {
			t.Errorf("%s: %s", code, w.Body)
		}
		retries := code == chat.RateLimited || code == chat.Unavailable
		if got := w.Header().Get("Retry-After"); (got == "2") != retries {
			t.Errorf("%s: Retry-After %q", code, got)
		}
		if got := w.Header().Get("WWW-Authenticate"); (got != "") != (code == chat.Unauthenticated) {
			t.Errorf("%s: WWW-Authenticate %q", code, got)
		}
		if closes := answers[code].closes; closes < 4400 && closes != 1011 {
			t.Errorf("%s closes with %d", code, closes)
		}
		if f := errorOf("r", &chat.Error{Code: code, RetryAfter: time.Second}); f.Code != code || (f.RetryAfterMS == 1000) != retries {
			t.Errorf("%s on the socket: %+v", code, f)
		}
	}
	if len(answers) != len(chat.Codes) {
		t.Errorf("%d answers for %d codes", len(answers), len(chat.Codes))
	}
}

func TestEveryEndHasACloseCode(t *testing.T) {
	want := map[gateway.End]int{gateway.EndExpired: 4401, gateway.EndRevoked: 4409, gateway.EndDraining: 1001, gateway.EndInternal: 1011}
	for _, end := range gateway.Ends {
		if closings[end] != want[end] || want[end] == 0 {
			t.Errorf("%s closes with %d", end, closings[end])
		}
	}
}

func TestOurFaultTellsNoStory(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := refusal(t.Context(), log, "test", errors.New("pq: password of the database"))
	w := httptest.NewRecorder()
	p.write(w)
	var doc struct{ Code, Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusInternalServerError || doc.Code != "internal" || doc.Detail == "" || doc.Detail == "pq: password of the database" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
