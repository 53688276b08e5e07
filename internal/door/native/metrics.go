package native

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/ws"
)

type metrics struct {
	requests *prometheus.HistogramVec
	frames   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, sockets *ws.Server) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "parley", Subsystem: "native", Name: "request_seconds", Help: "Requests by route and status.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
		}, []string{"route", "status"}),
		frames: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "parley", Subsystem: "native", Name: "refused_frames_total", Help: "Frames answered with an error by the door, by code.",
		}, []string{"code"}),
	}
	reg.MustRegister(m.requests, m.frames, socketStats{sockets})
	return m
}

func (m *metrics) request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// socketStats tells what the websocket server counts.
type socketStats struct{ of *ws.Server }

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("parley_native_"+name, help, nil, nil)
}

// Describe and Collect make it a prometheus.Collector. It walks over all
// connections once a scrape.
func (s socketStats) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect tells the numbers as they are now.
func (s socketStats) Collect(to chan<- prometheus.Metric) {
	st := s.of.Stats()
	gauge := func(name, help string, v float64) {
		to <- prometheus.MustNewConstMetric(describe(name, help), prometheus.GaugeValue, v)
	}
	count := func(name, help string, v uint64) {
		to <- prometheus.MustNewConstMetric(describe(name, help), prometheus.CounterValue, float64(v))
	}
	gauge("sockets", "Open sockets.", float64(st.Open))
	gauge("queued_bytes", "Bytes that wait to be written to sockets.", float64(st.Queued))
	count("frames_written_total", "Frames written.", st.Frames)
	count("bytes_written_total", "Bytes written to sockets.", st.Bytes)
	count("writes_total", "System calls that writing took.", st.Writes)
	count("slow_closes_total", "Sockets closed because their client read too slowly.", st.SlowCloses)
}
