package bus

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/chat"
)

// Measure counts and times what a role answers, by call, in metrics that it
// registers once: parley_ROLE_asks_total and parley_ROLE_ask_seconds.
func Measure(reg prometheus.Registerer, role string) AnswerOption {
	asks := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: role,
		Name: "asks_total", Help: "Questions answered, by call and code; no code: fine."}, []string{"call", "code"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "parley", Subsystem: role,
		Name: "ask_seconds", Help: "How long an answer took.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8)}, []string{"call"})
	reg.MustRegister(asks, seconds)
	return Observe(func(call string, took time.Duration, err error) {
		asks.WithLabelValues(call, string(chat.CodeOf(err))).Inc()
		seconds.WithLabelValues(call).Observe(took.Seconds())
	})
}
