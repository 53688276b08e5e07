package rooms

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
)

type metrics struct {
	seen    bus.AnswerOption
	done    prometheus.Counter
	refused prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "rooms", Name: name, Help: help})
	}
	m := &metrics{
		seen:    bus.Measure(reg, "rooms"),
		done:    counter("jobs_total", "Stored jobs carried out."),
		refused: counter("jobs_refused_total", "Stored jobs without an effect."),
	}
	reg.MustRegister(m.done, m.refused)
	return m
}
