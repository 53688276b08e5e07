package node

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/store"
)

// health answers whether the node lives, how it is, and whether it is ready: with
// a gateway, that a command sent now would be admitted; without one, that its
// roles can do their work.
type health struct {
	bus      *bus.Bus
	store    *store.Store // nil: no role here needs it
	gateway  bool
	token    string
	metrics  prometheus.Gatherer
	draining atomic.Bool
}

func (h *health) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, state{Status: "ok"}) })
	mux.HandleFunc("GET /readyz", h.readyz)
}

// mountPublic is mount where clients connect: metrics are not for all of them.
func (h *health) mountPublic(mux *http.ServeMux) {
	h.mount(mux)
	mux.Handle("GET /metrics", h.guard(h.scraped()))
}

// mountPrivate is mount where only operators come.
func (h *health) mountPrivate(mux *http.ServeMux) {
	h.mount(mux)
	mux.Handle("GET /metrics", h.scraped())
}

func (h *health) scraped() http.Handler {
	return promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{})
}

type state struct {
	Status  string            `json:"status"`
	Reasons map[string]string `json:"reasons,omitempty"`
}

func say(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what)
}

func (h *health) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	reasons := h.check(ctx)
	if len(reasons) > 0 {
		w.Header().Set("Retry-After", "1")
		say(w, http.StatusServiceUnavailable, state{"unavailable", reasons})
		return
	}
	say(w, http.StatusOK, state{Status: "ok"})
}

// check lists what keeps a command from being admitted, by part.
func (h *health) check(ctx context.Context) map[string]string {
	reasons := map[string]string{}
	note := func(part string, err error) {
		if err != nil {
			reasons[part] = err.Error()
		}
	}
	if h.draining.Load() {
		reasons["node"] = "draining"
	}
	switch at := h.bus.Status(); {
	case !h.bus.Connected():
		reasons["bus"] = "not connected"
		return reasons
	case at.Denied != "":
		reasons["bus"] = at.Denied
	}
	if h.store != nil {
		_, err := h.store.Access().Owners(ctx) // anything that the database itself has to answer
		note("store", err)
	}
	if h.gateway {
		h.ask(ctx, note)
	}
	return reasons
}

// ask asks every part that a command passes through.
func (h *health) ask(ctx context.Context, note func(part string, err error)) {
	_, err := contract.Revocations.Ask(ctx, h.bus, &contract.RevocationsAsk{Since: math.MaxInt64})
	note("accounts", err)
	_, err = contract.PublicRooms.Ask(ctx, h.bus, &contract.FindRoomsAsk{Limit: 1})
	note("rooms", err)
	_, err = contract.ListUsers.Ask(ctx, h.bus, &contract.ListUsersAsk{Limit: 1})
	note("access", err)
	partitions, err := contract.Partitions.Ask(ctx, h.bus, &contract.None{})
	if note("sequencer", err); err != nil {
		return
	}
	for p := range partitions.Partitions {
		_, err := contract.Feed.Ask(ctx, h.bus, &contract.FeedAsk{Partition: p, After: math.MaxInt64, Limit: 1})
		note("archive", err)
		_, err = contract.Watchers.At(contract.Partition(p)).Ask(ctx, h.bus, &contract.WatchersAsk{})
		note(fmt.Sprintf("partition %d", p), err)
	}
}

// guard lets in who asks from this machine, or knows the token.
func (h *health) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		knows := h.token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(h.token)) == 1
		if !knows && !fromHere(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			say(w, http.StatusUnauthorized, state{Status: "metrics are for this machine, or for who has the --metrics-token"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fromHere says whether a request comes from this machine and through no proxy.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	proxied := r.Header.Get("X-Forwarded-For") + r.Header.Get("X-Real-Ip") + r.Header.Get("Forwarded")
	return err == nil && addr.Unmap().IsLoopback() && proxied == ""
}
