package archive

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
)

type metrics struct {
	seen    bus.AnswerOption
	indexed prometheus.Counter
	failed  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "archive", Name: name, Help: help})
	}
	m := &metrics{
		seen:    bus.Measure(reg, "archive"),
		indexed: counter("indexed_total", "Events taken into the search index."),
		failed:  counter("index_failures_total", "Times the search index could not be brought up to date."),
	}
	reg.MustRegister(m.indexed, m.failed)
	return m
}
