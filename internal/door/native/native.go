package native

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/role/gateway"
	"github.com/parley-chat/parley/internal/ws"
)

// Config is what an operator can choose.
type Config struct {
	Version        string
	SignUp         string // "open", "invite" or "closed", told in the capabilities
	PublicURL      string // where browsers find us; empty: where they say
	AllowedOrigins []string
	TrustedProxies []netip.Prefix
	HelloTimeout   time.Duration // how long a socket may be without a hello; 0: 10 s
	Sockets        ws.Config
}

// Door is the native protocol in front of a gateway.
type Door struct {
	cfg     Config
	gateway *gateway.Gateway
	log     *slog.Logger
	metrics *metrics
	sockets *ws.Server
	people  *people
	origins origins
	proxies proxies
	routes  *http.ServeMux
}

// New makes the door. Close ends what it starts.
func New(cfg Config, g *gateway.Gateway, log *slog.Logger, reg prometheus.Registerer) (*Door, error) {
	d := &Door{
		cfg: cfg, gateway: g, log: log.With("door", "native"),
		origins: newOrigins(cfg.PublicURL, cfg.AllowedOrigins), proxies: cfg.TrustedProxies,
		people: newPeople(g), routes: http.NewServeMux(),
	}
	if d.cfg.HelloTimeout == 0 {
		d.cfg.HelloTimeout = helloTimeout
	}
	cfg.Sockets.Subprotocols = []string{"parley.v1"}
	cfg.Sockets.PingEvery = heartbeat
	cfg.Sockets.MaxFrame = maxFrame
	cfg.Sockets.Log = d.log
	var err error
	if d.sockets, err = ws.NewServer(cfg.Sockets); err != nil {
		return nil, err
	}
	d.metrics = newMetrics(reg, d.sockets)
	d.routes.HandleFunc("GET /v1/ws", d.upgrade)
	if err := d.describe(d.register()); err != nil {
		return nil, err
	}
	return d, nil
}

// Name is the door's name.
func (d *Door) Name() string { return "native" }

// Mount puts the door at its place.
func (d *Door) Mount(mux *http.ServeMux) { mux.Handle("/v1/", d) }

// Close closes the sockets that are left, and waits for their ends until ctx
// ends.
func (d *Door) Close(ctx context.Context) error { return d.sockets.Close(ctx) }

// ServeHTTP answers everything under /v1.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, trace := time.Now(), traceOf(r)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if d.origins.cors(w, r) {
		return
	}
	r = r.WithContext(gateway.WithTrace(r.Context(), trace))
	seen := &recorder{ResponseWriter: w, status: http.StatusOK}
	handler, pattern := d.routes.Handler(r)
	if pattern == "" {
		pattern = "unknown"
		refuseRoute(seen, r, handler)
	} else {
		d.routes.ServeHTTP(seen, r)
	}
	took := time.Since(began)
	d.metrics.request(pattern, seen.status, took)
	// The path only: what is searched for, and whatever else somebody writes
	// into a query, stays out of the log.
	d.log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", seen.status, "took", took, "trace", trace)
}

// refuseRoute makes a problem document of what the mux says of an unknown path
// or method.
func refuseRoute(w http.ResponseWriter, r *http.Request, mux http.Handler) {
	said := &silence{header: http.Header{}, status: http.StatusOK}
	mux.ServeHTTP(said, r)
	switch {
	case said.status >= 300 && said.status < 400:
		w.Header().Set("Location", said.header.Get("Location"))
		w.WriteHeader(said.status)
	case said.status == http.StatusMethodNotAllowed:
		allowed := said.header.Get("Allow")
		w.Header().Set("Allow", allowed)
		p := problemOf(chat.Errorf(chat.Malformed, "%s is not for this path; it knows %s", r.Method, allowed))
		p.Status, p.Title = http.StatusMethodNotAllowed, "Wrong method"
		p.write(w)
	default:
		problemOf(chat.Errorf(chat.NotFound, "there is no %.200s", r.URL.Path)).write(w)
	}
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// silence hears an answer that nobody is to get.
type silence struct {
	header http.Header
	status int
}

func (s *silence) Header() http.Header         { return s.header }
func (s *silence) Write(b []byte) (int, error) { return len(b), nil }
func (s *silence) WriteHeader(status int)      { s.status = status }

// bearer is the token of an Authorization header.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// Refuse answers a request with an error.
func (d *Door) Refuse(w http.ResponseWriter, err *chat.Error) { problemOf(err).write(w) }

// CloseCode is how a socket learns of the end of its session.
func (d *Door) CloseCode(e gateway.End) int { return closings[e] }
