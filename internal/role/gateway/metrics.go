package gateway

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	opened    prometheus.Counter
	ended     *prometheus.CounterVec
	refused   *prometheus.CounterVec
	repeated  prometheus.Counter
	repairs   prometheus.Counter
	polls     prometheus.Counter
	overflows prometheus.Counter
	replayed  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, g *Gateway) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "parley", Subsystem: "gateway", Name: name, Help: help}
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(opts(name, help)))
	}
	byLabel := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), []string{label})
	}
	m := &metrics{
		opened:    counter("sessions_opened_total", "Sessions opened."),
		ended:     byLabel("sessions_ended_total", "Sessions that the server ended, by reason.", "end"),
		refused:   byLabel("refused_total", "Commands refused, by code.", "code"),
		repeated:  counter("repeated_total", "Commands appended again because the log passed them unanswered."),
		repairs:   counter("repairs_total", "Gaps between notices that were filled from the feed."),
		polls:     counter("polls_total", "Looks at the feed because no notice came."),
		overflows: counter("overflows_total", "Notices that did not fit in the inbox and were repaired."),
		replayed:  counter("replayed_total", "Events handed to sessions that were catching up."),
	}
	sessions := prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("sessions", "Sessions now.")),
		func() float64 { return float64(g.people.len()) })
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("waiting_commands", "Commands that wait for their answer.")),
		func() float64 { return float64(g.count(func(h *hub) int { return len(h.pending.waiters) })) })
	rooms := prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("watched_rooms", "Rooms that somebody here is in.")),
		func() float64 { return float64(g.count(func(h *hub) int { return len(h.rooms) })) })
	recent := prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("recent_bytes", "Memory of the newest events.")),
		func() float64 { return float64(g.count(func(h *hub) int { return h.recent.bytes })) })
	reg.MustRegister(m.opened, m.ended, m.refused, m.repeated, m.repairs, m.polls, m.overflows, m.replayed,
		sessions, waiting, rooms, recent)
	return m
}

func (g *Gateway) count(of func(*hub) int) (sum int) {
	hubs := g.hubs.Load()
	if hubs == nil {
		return 0
	}
	for _, h := range *hubs {
		h.mu.Lock()
		sum += of(h)
		h.mu.Unlock()
	}
	return sum
}
