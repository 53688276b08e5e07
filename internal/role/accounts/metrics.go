package accounts

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
)

type metrics struct {
	seen   bus.AnswerOption
	reused prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		seen: bus.Measure(reg, "accounts"),
		reused: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "accounts",
			Name: "refresh_reused_total", Help: "Used refresh tokens that were presented again; each ended a session."}),
	}
	reg.MustRegister(m.reused)
	return m
}
