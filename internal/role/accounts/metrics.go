package accounts

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
)

type metrics struct {
	seen   bus.AnswerOption
	reused prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, h *hasher) *metrics {
	m := &metrics{
		seen: bus.Measure(reg, "accounts"),
		reused: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "accounts",
			Name: "refresh_reused_total", Help: "Used refresh tokens that were presented again; each ended a session."}),
	}
	reg.MustRegister(m.reused,
		prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "parley", Subsystem: "accounts",
			Name: "hashes_total", Help: "Passwords that were hashed, to keep or to check them."},
			func() float64 { return float64(h.turns.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "accounts",
			Name: "hashes_waiting", Help: "Passwords that are hashed, or wait for their turn."},
			func() float64 { return float64(h.waiting.Load()) }))
	return m
}
