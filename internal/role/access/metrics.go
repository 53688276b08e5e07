package access

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/chat"
)

type metrics struct {
	asks    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		asks: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: "access",
			Name: "asks_total", Help: "Questions answered, by call and code; no code: fine."}, []string{"call", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "parley", Subsystem: "access",
			Name: "ask_seconds", Help: "How long an answer took.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8)}, []string{"call"}),
	}
	reg.MustRegister(m.asks, m.seconds)
	return m
}

func (m *metrics) seen(call string, took time.Duration, err error) {
	m.asks.WithLabelValues(call, string(chat.CodeOf(err))).Inc()
	m.seconds.WithLabelValues(call).Observe(took.Seconds())
}
