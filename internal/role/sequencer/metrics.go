package sequencer

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	events   prometheus.Counter
	refused  *prometheus.CounterVec
	repeats  prometheus.Counter
	dead     prometheus.Counter
	batch    prometheus.Histogram
	commit   prometheus.Histogram
	redone   *prometheus.CounterVec
	notices  prometheus.Counter
	gateways *prometheus.GaugeVec
	watched  *prometheus.GaugeVec
	rooms    *prometheus.GaugeVec
	position *prometheus.GaugeVec
	restarts prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	partition := []string{"partition"}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "parley", Subsystem: "sequencer", Name: name, Help: help})
	}
	gauges := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "sequencer", Name: name, Help: help}, partition)
	}
	m := &metrics{
		events: counter("events_total", "Events committed."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: "sequencer",
			Name: "refused_total", Help: "Commands refused, by code."}, []string{"code"}),
		repeats: counter("repeats_total", "Commands whose nonce had been committed before."),
		dead:    counter("dead_commands_total", "Commands kept as dead: they failed for a reason that is not the asker's."),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "parley", Subsystem: "sequencer",
			Name: "batch_commands", Help: "Commands in a commit.", Buckets: prometheus.ExponentialBuckets(1, 4, 6)}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "parley", Subsystem: "sequencer",
			Name: "commit_seconds", Help: "How long a commit took.", Buckets: prometheus.ExponentialBuckets(0.0001, 3, 10)}),
		redone: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "parley", Subsystem: "sequencer",
			Name: "redone_total", Help: "Batches done again, by reason."}, []string{"reason"}),
		notices:  counter("notices_total", "Notices sent to gateways."),
		gateways: gauges("gateways", "Gateway runs registered."),
		watched:  gauges("watched_rooms", "Rooms that some gateway watches."),
		rooms:    gauges("rooms_in_memory", "Rooms whose state is in memory."),
		position: gauges("feed_number", "The newest feed number."),
		restarts: counter("log_restarts_total", "Times the log was found not to be the one we knew."),
	}
	reg.MustRegister(m.events, m.refused, m.repeats, m.dead, m.batch, m.commit, m.redone, m.notices,
		m.gateways, m.watched, m.rooms, m.position, m.restarts)
	return m
}

// forget takes away what is said of a partition that is owned here no more: its
// next owner says it.
func (m *metrics) forget(partition int) {
	for _, g := range []*prometheus.GaugeVec{m.gateways, m.watched, m.rooms, m.position} {
		g.DeleteLabelValues(strconv.Itoa(partition))
	}
}
