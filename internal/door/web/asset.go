package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// asset is a file as it is served.
type asset struct {
	contentType  string
	cacheControl string
	policy       string
	etag         string // without its quotes
	body         []byte
	zipped       []byte // nil: it would hardly be smaller
}

// contentTypes are not left to what the machine's own list says.
var contentTypes = map[string]string{
	".html":        "text/html; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".mjs":         "text/javascript; charset=utf-8",
	".json":        "application/json",
	".webmanifest": "application/manifest+json",
	".txt":         "text/plain; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".ico":         "image/x-icon",
	".woff2":       "font/woff2",
	".wasm":        "application/wasm",
}

// hashed are files that have a hash of what is in them in their name, as Vite gives it to what it builds: another content is
// another name. Pictures are not built, so that an icon-dark-512.png is none of them.
var hashed = regexp.MustCompile(`^/_parley/.+-[A-Za-z0-9_-]{8}\.(js|css|woff2)$`)

// zippable are kinds of content that are not compressed already.
var zippable = regexp.MustCompile(`^(text/|application/(json|manifest\+json|wasm|xml)|image/svg)`)

func newAsset(at string, body []byte, policy string) asset {
	kind := path.Ext(at)
	if strings.HasSuffix(at, "/") {
		kind = ".html"
	}
	sum := sha256.Sum256(body)
	a := asset{contentType: contentTypes[kind], cacheControl: "no-cache", policy: policy, etag: hex.EncodeToString(sum[:12]), body: body}
	if a.contentType == "" {
		a.contentType = mime.TypeByExtension(kind)
	}
	if a.contentType == "" {
		a.contentType = http.DetectContentType(body)
	}
	if hashed.MatchString(at) {
		a.cacheControl = "public, max-age=31536000, immutable"
	}
	if zippable.MatchString(a.contentType) {
		a.zipped = zip(body)
	}
	return a
}

func zip(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil || b.Len() > len(body)*9/10 {
		return nil
	}
	return b.Bytes()
}

// serve answers with the file, compressed for who takes that. A file without a hash in its name is revalidated by its ETag on every
// load, so that a browser never mixes two versions of the server.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", a.cacheControl)
	h.Set("Content-Security-Policy", a.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	body, etag := a.body, a.etag
	if a.zipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Values("Accept-Encoding")) {
			body, etag = a.zipped, etag+"-gzip"
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Length", strconv.Itoa(len(body)))
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// takesGzip reads an Accept-Encoding (RFC 9110 §12.5.3).
func takesGzip(accept []string) bool {
	for coding := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, given := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !given || err == nil && value > 0
	}
	return false
}
