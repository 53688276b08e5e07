package rooms

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/chat"
)

type metrics struct {
	asks    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	done    prometheus.Counter
	refused prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "rooms", Name: name, Help: help})
	}
	m := &metrics{
		asks: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: "rooms",
			Name: "asks_total", Help: "Questions answered, by call and code; no code: fine."}, []string{"call", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "parley", Subsystem: "rooms",
			Name: "ask_seconds", Help: "How long an answer took.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8)}, []string{"call"}),
		done:    counter("jobs_total", "Stored jobs carried out."),
		refused: counter("jobs_refused_total", "Stored jobs without an effect."),
	}
	reg.MustRegister(m.asks, m.seconds, m.done, m.refused)
	return m
}

func (m *metrics) seen(call string, took time.Duration, err error) {
	m.asks.WithLabelValues(call, string(chat.CodeOf(err))).Inc()
	m.seconds.WithLabelValues(call).Observe(took.Seconds())
}
