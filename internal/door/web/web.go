// Package web is the door for people with a browser: the first page, served at / by every node with a gateway. It is plain HTML, CSS
// and JavaScript over the native protocol, needs no build step and nothing from outside its own origin.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

//go:embed page/*
var page embed.FS

// policy lets the page load its own files and talk to its own server, and nothing else. Inline code does not run, and a script cannot
// turn a string into markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

type asset struct {
	contentType string
	etag        string
	body        []byte
}

// Handler serves the page at / and its files under /_parley/, to GET and HEAD; every other path is 404. Files are revalidated by ETag
// on every load, so that a browser never mixes two versions of the server.
func Handler() http.Handler {
	assets := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, found := assets[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		a.serve(w, r)
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}

// load reads the embedded files by the path that serves them. It panics when the binary was built without them.
func load() map[string]asset {
	entries, err := page.ReadDir("page")
	if err != nil {
		panic(err)
	}
	assets := make(map[string]asset, len(entries))
	for _, entry := range entries {
		body, err := page.ReadFile("page/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		at := "/_parley/" + entry.Name()
		if entry.Name() == "index.html" {
			at = "/"
		}
		assets[at] = asset{
			contentType: contentTypes[path.Ext(entry.Name())],
			etag:        `"` + hex.EncodeToString(sum[:12]) + `"`,
			body:        body,
		}
	}
	return assets
}
