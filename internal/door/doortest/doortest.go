// Package doortest holds every door to the same promises. A door's contract is
// tiny: a name, and a place on a mux. What else it can do are optional
// interfaces; what it has of them is tested here.
package doortest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// Door is what every door is.
type Door interface {
	Name() string
	Mount(mux *http.ServeMux)
}

// The abilities.
type (
	// Refuser answers requests, and so has an answer for every code.
	Refuser interface {
		Refuse(w http.ResponseWriter, err *chat.Error)
	}
	// Ender holds sessions, and so has a close code for every end.
	Ender interface {
		CloseCode(e gateway.End) int
	}
	// Closer holds connections that have to be closed at the end.
	Closer interface {
		Close(ctx context.Context) error
	}
)

var name = regexp.MustCompile(`^[a-z]+$`)

// Test holds the door to what it promises by its abilities. It closes a door
// that can be closed.
func Test(t *testing.T, door Door) {
	t.Helper()
	t.Run("name", func(t *testing.T) {
		if !name.MatchString(door.Name()) {
			t.Errorf("%q is no name for a door", door.Name())
		}
	})
	t.Run("mounts beside others", func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
		door.Mount(mux)
	})
	if d, can := door.(Refuser); can {
		t.Run("every code has an answer", func(t *testing.T) { codes(t, d) })
	}
	if d, can := door.(Ender); can {
		t.Run("every end has a close code", func(t *testing.T) { ends(t, d) })
	}
	if d, can := door.(Closer); can {
		t.Run("closes, also twice", func(t *testing.T) { closes(t, d) })
	}
}

// codes: an answer is a failure, differs from code to code, tells the text, and
// says when to come back where that helps.
func codes(t *testing.T, door Refuser) {
	seen := map[string]chat.Code{}
	for _, code := range chat.Codes {
		w := httptest.NewRecorder()
		door.Refuse(w, &chat.Error{Code: code, Text: "the reason", RetryAfter: 3 * time.Second})
		answer := fmt.Sprint(w.Code, w.Body)
		if w.Code < 400 || w.Code > 599 {
			t.Errorf("%s is answered with %d", code, w.Code)
		}
		if other, twice := seen[answer]; twice {
			t.Errorf("%s and %s have the same answer %s", code, other, answer)
		}
		seen[answer] = code
		if !strings.Contains(w.Body.String(), "the reason") {
			t.Errorf("%s does not tell its reason: %s", code, w.Body)
		}
		waits := code == chat.RateLimited || code == chat.Unavailable
		if got := w.Header().Get("Retry-After"); waits && got != "3" {
			t.Errorf("%s: Retry-After is %q", code, got)
		}
	}
}

func ends(t *testing.T, door Ender) {
	for _, end := range gateway.Ends {
		code := door.CloseCode(end)
		// RFC 6455 §7.4: what an application may send.
		if code != 1001 && code != 1011 && (code < 3000 || code > 4999) {
			t.Errorf("%s closes with %d", end, code)
		}
	}
}

func closes(t *testing.T, door Closer) {
	for range 2 {
		if err := door.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Table is door × ability in Markdown.
func Table(doors ...Door) string {
	var b strings.Builder
	b.WriteString("| door | answers requests | holds sessions | is closed at the end |\n|---|---|---|---|\n")
	for _, d := range doors {
		_, refuses := d.(Refuser)
		_, ends := d.(Ender)
		_, closes := d.(Closer)
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.Name(), mark(refuses), mark(ends), mark(closes))
	}
	return b.String()
}

func mark(has bool) string {
	if has {
		return "yes"
	}
	return "–"
}
