package archive

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/chat"
)

type metrics struct {
	asks    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	indexed prometheus.Counter
	failed  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "archive", Name: name, Help: help})
	}
	m := &metrics{
		asks: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: "archive",
			Name: "asks_total", Help: "Questions answered, by call and code; no code: fine."}, []string{"call", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "parley", Subsystem: "archive",
			Name: "ask_seconds", Help: "How long an answer took.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8)}, []string{"call"}),
		indexed: counter("indexed_total", "Events taken into the search index."),
		failed:  counter("index_failures_total", "Times the search index could not be brought up to date."),
	}
	reg.MustRegister(m.asks, m.seconds, m.indexed, m.failed)
	return m
}

func (m *metrics) seen(call string, took time.Duration, err error) {
	m.asks.WithLabelValues(call, string(chat.CodeOf(err))).Inc()
	m.seconds.WithLabelValues(call).Observe(took.Seconds())
}
