package native

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// origins says which pages in browsers may speak to us.
type origins struct {
	own     string // of the public URL; empty: whatever Host the browser asked for
	allowed map[string]bool
}

func newOrigins(publicURL string, allowed []string) origins {
	o := origins{own: canonicalOrigin(publicURL), allowed: map[string]bool{}}
	for _, a := range allowed {
		if a != "*" {
			a = canonicalOrigin(a)
		}
		o.allowed[a] = true
	}
	return o
}

// canonicalOrigin is scheme://host:port in lower case, or "" when it is none.
func canonicalOrigin(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// configured says whether a page of another origin was let in by the operator.
func (o *origins) configured(origin string) bool {
	return o.allowed["*"] || o.allowed[canonicalOrigin(origin)] && origin != "null"
}

// allows says whether the request may become a socket. Programs send no Origin.
func (o *origins) allows(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || o.configured(origin) {
		return true
	}
	canonical := canonicalOrigin(origin)
	if o.own != "" && canonical == o.own {
		return true
	}
	if o.own != "" || canonical == "" {
		return false
	}
	scheme, _, _ := strings.Cut(canonical, ":")
	return canonical == canonicalOrigin(scheme+"://"+r.Host)
}

// cors lets pages of configured origins use REST, and answers their browsers'
// questions before it. It is true when the request is answered.
func (o *origins) cors(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || !o.configured(origin) {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Prefer, Traceparent")
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// base is the address of the installation: the public URL or, where none is
// configured, what the client asked for.
func (d *Door) base(r *http.Request) string {
	if d.cfg.PublicURL != "" {
		return strings.TrimRight(d.cfg.PublicURL, "/")
	}
	if r.TLS != nil || d.proxies.forward(r) && r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// proxies are who may say for whom they ask.
type proxies []netip.Prefix

// client is the address that a request comes from: the peer, or, behind trusted
// proxies, the nearest address that is none of them. What stands further left in
// X-Forwarded-For anybody can write there.
func (p proxies) client(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := peer.Addr().Unmap().WithZone("")
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(list) - 1; i >= 0 && p.trusts(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(list[i]))
		if err != nil {
			break
		}
		addr = next.Unmap().WithZone("")
	}
	return addr.String()
}

// forward says whether the request comes from one of them.
func (p proxies) forward(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && p.trusts(peer.Addr().Unmap().WithZone(""))
}

func (p proxies) trusts(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
