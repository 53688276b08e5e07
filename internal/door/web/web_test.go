package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	app "github.com/parley-chat/parley/web"
)

func get(t *testing.T, d *Door, method, path string, header http.Header) *http.Response {
	t.Helper()
	request := httptest.NewRequest(method, path, http.NoBody)
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	d.ServeHTTP(recorder, request)
	return recorder.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var long = strings.Repeat("a text that is worth compressing\n", 100)

// built is what a build of an app looks like.
func built(t *testing.T) *Door {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{
		"index.html", "sw.js", "manifest.webmanifest", "_parley/index-Dz3_x9-B.js", "_parley/index-a8Kq_Z01.css", "_parley/icon-dark-512.png", "_parley/icon.svg",
	} {
		files[name] = &fstest.MapFile{Data: []byte(name + "\n" + long)}
	}
	assets, err := load(files, appPolicy)
	if err != nil {
		t.Fatal(err)
	}
	return &Door{assets}
}

func TestFilesAndTheirHeaders(t *testing.T) {
	const revalidated, forEver = "no-cache", "public, max-age=31536000, immutable"
	d := built(t)
	for path, want := range map[string]struct{ contentType, cacheControl string }{
		"/":                           {"text/html; charset=utf-8", revalidated},
		"/sw.js":                      {"text/javascript; charset=utf-8", revalidated},
		"/manifest.webmanifest":       {"application/manifest+json", revalidated},
		"/_parley/index-Dz3_x9-B.js":  {"text/javascript; charset=utf-8", forEver},
		"/_parley/index-a8Kq_Z01.css": {"text/css; charset=utf-8", forEver},
		"/_parley/icon-dark-512.png":  {"image/png", revalidated},
		"/_parley/icon.svg":           {"image/svg+xml", revalidated},
	} {
		t.Run(path, func(t *testing.T) {
			r := get(t, d, http.MethodGet, path, nil)
			if r.StatusCode != http.StatusOK || !strings.HasSuffix(body(t, r), long) {
				t.Fatalf("status %d, or not the file", r.StatusCode)
			}
			for name, want := range map[string]string{
				"Content-Type":               want.contentType,
				"Cache-Control":              want.cacheControl,
				"Content-Security-Policy":    appPolicy,
				"X-Content-Type-Options":     "nosniff",
				"Referrer-Policy":            "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if head := get(t, d, http.MethodHead, path, nil); head.StatusCode != http.StatusOK || body(t, head) != "" {
				t.Errorf("HEAD: status %d, or a body", head.StatusCode)
			}
			again := get(t, d, http.MethodGet, path, http.Header{"If-None-Match": {r.Header.Get("ETag")}})
			if again.StatusCode != http.StatusNotModified {
				t.Errorf("with its ETag %s: status %d, want 304", r.Header.Get("ETag"), again.StatusCode)
			}
		})
	}
}

func TestTextsAreCompressedForWhoTakesThat(t *testing.T) {
	d := built(t)
	plain := get(t, d, http.MethodGet, "/", nil)
	zipped := get(t, d, http.MethodGet, "/", http.Header{"Accept-Encoding": {"br, gzip;q=0.8"}})
	if zipped.Header.Get("Content-Encoding") != "gzip" || plain.Header.Get("Content-Encoding") != "" {
		t.Fatalf("encodings %q and %q", zipped.Header.Get("Content-Encoding"), plain.Header.Get("Content-Encoding"))
	}
	if size := zipped.Header.Get("Content-Length"); size == "" || size == plain.Header.Get("Content-Length") {
		t.Errorf("length %q compressed", size)
	}
	if plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
		t.Errorf("both have the ETag %s", plain.Header.Get("ETag"))
	}
	for _, r := range []*http.Response{plain, zipped} {
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Vary: %q", r.Header.Get("Vary"))
		}
	}
	unzipped, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzipped)
	if err != nil || string(text) != body(t, plain) {
		t.Errorf("%v; unpacked it is another text", err)
	}
	again := get(t, d, http.MethodGet, "/", http.Header{"Accept-Encoding": {"gzip"}, "If-None-Match": {zipped.Header.Get("ETag")}})
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("compressed, with its ETag: status %d, want 304", again.StatusCode)
	}
	if picture := get(t, d, http.MethodGet, "/_parley/icon-dark-512.png", http.Header{"Accept-Encoding": {"gzip"}}); picture.Header.Get("Content-Encoding") != "" {
		t.Error("a picture is compressed twice")
	}
}

func TestAcceptEncoding(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZip": true, "br": false, "deflate, gzip": true, "gzip;q=0": false, "gzip ; q=0.0": false, "gzip; q=1.0": true,
		"x-gzip": false, "gzip;q=x": false, "identity;q=1, gzip;q=0.5": true,
	} {
		if got := takesGzip([]string{header}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

func TestEverythingElseIsRefused(t *testing.T) {
	d := App()
	for _, path := range []string{
		"/index.html", "/_parley/index.html", "/_parley/", "/_parley", "/dist/index.html", "/favicon.ico", "/v1/rooms", "/_parley/../web.go", "//",
	} {
		if r := get(t, d, http.MethodGet, path, nil); r.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", path, r.StatusCode)
		}
	}
	r := get(t, d, http.MethodPost, "/", nil)
	if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /: status %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
}

func TestPolicyLeavesNoWayForInlineCode(t *testing.T) {
	for _, loophole := range []string{"unsafe", "http:", "https:", "*", "script-src 'self' ", "style-src 'self' "} {
		if strings.Contains(appPolicy, loophole) {
			t.Errorf("the policy holds %q", loophole)
		}
	}
	page := app.Files()["index.html"]
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:\s+(?:type|crossorigin|defer|async)(?:="[^"]*")?)*\s*>|https?://`)
	if found := inline.Find(page); found != nil {
		t.Errorf("index.html holds %q", found)
	}
}

// TestTheAppKeepsToItsPaths: other doors have others.
func TestTheAppKeepsToItsPaths(t *testing.T) {
	for path := range App().assets {
		if !slices.Contains([]string{"/", "/sw.js", "/manifest.webmanifest"}, path) && !strings.HasPrefix(path, "/_parley/") {
			t.Errorf("the app has %s, which may be another door's", path)
		}
	}
}

// TestTheAppIsSmall: what a browser can load of it, compressed as it is sent.
func TestTheAppIsSmall(t *testing.T) {
	const limit = 120_000
	size := 0
	for _, a := range App().assets {
		if a.zipped != nil {
			size += len(a.zipped)
		} else {
			size += len(a.body)
		}
	}
	if t.Logf("%d bytes", size); size == 0 || size >= limit {
		t.Errorf("the app has %d bytes, compressed; the limit is %d", size, limit)
	}
}

// folder makes files in a folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAnotherPage(t *testing.T) {
	d, err := Root(folder(t, map[string]string{
		"index.html": "<h1>Ours</h1>", "about/index.html": "about us", "_parley/own.js": "own()", "plain": "plain text",
		".git/config": "secret", ".env": "secret", ".well-known/security.txt": "Contact: us",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/": "<h1>Ours</h1>", "/about/": "about us", "/_parley/own.js": "own()", "/plain": "plain text", "/.well-known/security.txt": "Contact: us",
	} {
		r := get(t, d, http.MethodGet, path, nil)
		if got := body(t, r); r.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: status %d, %q, want %q", path, r.StatusCode, got, want)
		}
		if policy := r.Header.Get("Content-Security-Policy"); policy != rootPolicy {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
	for _, path := range []string{"/.git/config", "/.env", "/index.html", "/about"} {
		if r := get(t, d, http.MethodGet, path, nil); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, r.StatusCode)
		}
	}
	if body(t, get(t, App(), http.MethodGet, "/", nil)) == "<h1>Ours</h1>" {
		t.Error("the app is another now, too")
	}
}

func TestWhatCannotBeServed(t *testing.T) {
	empty, outside := t.TempDir(), folder(t, map[string]string{"index.html": "x", "secret": "x"})
	linked := folder(t, map[string]string{"index.html": "x"})
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(linked, "secret")); err != nil {
		t.Fatal(err)
	}
	big := folder(t, map[string]string{"index.html": "x"})
	if err := os.WriteFile(filepath.Join(big, "film"), bytes.Repeat([]byte{1}, maxRoot), 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		empty:                                "there is no index.html in " + empty,
		filepath.Join(empty, "none"):         "no such file or directory",
		filepath.Join(outside, "index.html"): "not a directory",
		linked:                               "escapes",
		big:                                  "more than 64 MiB",
	} {
		if _, err := Root(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
}
