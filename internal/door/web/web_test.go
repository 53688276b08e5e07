package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, path string, header http.Header) *http.Response {
	t.Helper()
	request := httptest.NewRequest(method, path, http.NoBody)
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	Handler().ServeHTTP(recorder, request)
	return recorder.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFilesAndTheirHeaders(t *testing.T) {
	for path, contentType := range map[string]string{
		"/":                  "text/html; charset=utf-8",
		"/_parley/app.js":    "text/javascript; charset=utf-8",
		"/_parley/net.js":    "text/javascript; charset=utf-8",
		"/_parley/style.css": "text/css; charset=utf-8",
		"/_parley/icon.svg":  "image/svg+xml",
	} {
		t.Run(path, func(t *testing.T) {
			r := get(t, http.MethodGet, path, nil)
			if r.StatusCode != http.StatusOK || body(t, r) == "" {
				t.Fatalf("status %d", r.StatusCode)
			}
			for name, want := range map[string]string{
				"Content-Type":               contentType,
				"X-Content-Type-Options":     "nosniff",
				"Referrer-Policy":            "no-referrer",
				"Cache-Control":              "no-cache",
				"Content-Security-Policy":    policy,
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}

			head := get(t, http.MethodHead, path, nil)
			if head.StatusCode != http.StatusOK || body(t, head) != "" {
				t.Errorf("HEAD: status %d, or a body", head.StatusCode)
			}
			again := get(t, http.MethodGet, path, http.Header{"If-None-Match": {r.Header.Get("ETag")}})
			if again.StatusCode != http.StatusNotModified {
				t.Errorf("with its ETag %s: status %d, want 304", r.Header.Get("ETag"), again.StatusCode)
			}
		})
	}
}

func TestEverythingElseIsRefused(t *testing.T) {
	for _, path := range []string{
		"/index.html", "/_parley/index.html", "/_parley/", "/_parley", "/_parley/page/app.js", "/favicon.ico", "/v1/rooms", "/_parley/../web.go", "//",
	} {
		if r := get(t, http.MethodGet, path, nil); r.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", path, r.StatusCode)
		}
	}
	r := get(t, http.MethodPost, "/", nil)
	if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /: status %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
}

func TestPolicyLeavesNoWayForInlineCode(t *testing.T) {
	for _, loophole := range []string{"unsafe", "data:", "blob:", "http:", "https:", "*"} {
		if strings.Contains(policy, loophole) {
			t.Errorf("the policy holds %q", loophole)
		}
	}
	// The page must work under it: no inline script, style or handler, and no call that turns text into markup.
	forbidden := map[string]*regexp.Regexp{
		"index.html": regexp.MustCompile(`(?i)<style|style=|\son[a-z]+=|<script(?: type="module")?>|https?://`),
		"app.js":     regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|srcdoc`),
		"net.js":     regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|srcdoc`),
	}
	for name, pattern := range forbidden {
		text, err := page.ReadFile("page/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if found := pattern.Find(text); found != nil {
			t.Errorf("%s holds %q", name, found)
		}
	}
}

// The page is the first thing a newcomer reads and will be replaced by the web app; it must not grow into one.
func TestPageStaysSmall(t *testing.T) {
	entries, err := page.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, entry := range entries {
		if path.Ext(entry.Name()) == ".svg" {
			continue
		}
		text, err := page.ReadFile("page/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(text, []byte("\n"))
	}
	if lines >= 300 {
		t.Errorf("the page has %d lines, the limit is 299", lines)
	}
}
