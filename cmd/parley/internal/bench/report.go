package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what one run found. Counts are of the measured time only, without
// preparation and warm-up, except Lost, Doubled, OutOfOrder and Disconnected,
// which are of all that was received.
type Report struct {
	Kind      string    `json:"kind"`
	Date      time.Time `json:"date"`
	Machine   Machine   `json:"machine"`
	Generator string    `json:"generator_version"`
	Server    string    `json:"server_version"`
	URL       []string  `json:"url"`
	Options   any       `json:"options"`

	Connections int     `json:"connections"`
	Rooms       int     `json:"rooms"`
	Seconds     float64 `json:"seconds"`

	Offered      float64           `json:"offered_per_s"`
	Sent         uint64            `json:"sent"`
	Acknowledged uint64            `json:"acknowledged"`
	Refused      map[string]uint64 `json:"refused"`
	Expected     uint64            `json:"expected"`
	Delivered    uint64            `json:"delivered"`
	DeliveredPS  float64           `json:"delivered_per_s"`
	Lost         uint64            `json:"lost"`
	Doubled      uint64            `json:"doubled"`
	OutOfOrder   uint64            `json:"out_of_order"`
	Disconnected int64             `json:"disconnected"`
	Strange      uint64            `json:"strange_frames"`

	Ack     Latency `json:"ack_latency"`
	Receive Latency `json:"receive_latency"`
	Lag     Latency `json:"send_lag"`

	Memory *Memory `json:"server_memory,omitempty"`
	CPU    CPU     `json:"cpu"`
	Steps  []Step  `json:"steps,omitempty"`
	Storm  *Gust   `json:"storm,omitempty"`

	drained time.Duration // how long the last messages took after the last was due
}

// Memory is the server's resident memory in bytes around the connecting.
type Memory struct {
	Before        int64   `json:"before"`
	After         int64   `json:"after"`
	PerConnection float64 `json:"per_connection"`
}

// CPU is the time used while measuring; 100 % is one core.
type CPU struct {
	ServerSeconds    float64 `json:"server_s"`
	ServerPercent    float64 `json:"server_percent"`
	GeneratorSeconds float64 `json:"generator_s"`
	GeneratorPercent float64 `json:"generator_percent"`

	Others []Metered `json:"others,omitempty"`
}

// Metered is what another process and its children used; memory that several of
// them share is counted for each.
type Metered struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"s"`
	Percent float64 `json:"percent"`
	Memory  int64   `json:"rss"`
}

// Step is one rate that a search for the limit has tried.
type Step struct {
	Rate        float64 `json:"rate_per_s"`
	DeliveredPS float64 `json:"delivered_per_s"`
	Receive     Latency `json:"receive_latency"`
	Sustained   bool    `json:"sustained"`
	Why         string  `json:"why,omitempty"`
}

// Gust is what a storm came to. Times are from the moment the connections were
// gone, in milliseconds.
type Gust struct {
	Dropped    int     `json:"dropped"`
	Back       int     `json:"back"`
	Reconnect  Latency `json:"reconnect"`
	CaughtUp   Latency `json:"caught_up"`
	AllBack    float64 `json:"all_back_ms"`
	Tries      int64   `json:"failed_attempts"`
	CommandFor float64 `json:"restart_command_ms,omitempty"`
}

// fill sets what every report has.
func (r *Report) fill(a *arena, count *tally) {
	r.Kind, r.URL, r.Options = a.kind, a.opts.URLs, a.shown
	r.Date, r.Machine = time.Now().UTC().Truncate(time.Millisecond), thisMachine()
	r.Generator, r.Server = a.opts.Version, a.version
	r.Connections, r.Rooms = len(a.conns), len(a.rooms)
	r.Acknowledged, r.Delivered, r.Strange = count.acked, count.delivered, count.strange
	r.Refused = count.refused
	r.Ack, r.Receive = count.ack.latency(), count.receive.latency()
	r.Disconnected = a.away.Load()
	if r.Seconds > 0 {
		r.DeliveredPS = float64(count.delivered) / r.Seconds
	}
}

func (r *Report) judge(v verdict) { r.Lost, r.Doubled, r.OutOfOrder = v.lost, v.doubled, v.outOfOrder }

// Err says what no server may do to its clients, nil if it did not.
func (r *Report) Err() error {
	if r.Lost+r.Doubled+r.OutOfOrder == 0 {
		return nil
	}
	return fmt.Errorf("the server broke its promise: %d lost, %d doubled, %d out of order", r.Lost, r.Doubled, r.OutOfOrder)
}

// redacted keeps the secret and the file of passwords out of reports.
func (c Common) redacted() Common {
	if c.JWTSecret != "" {
		c.JWTSecret = "(given)"
	}
	return c
}

// finish prints r as the options ask and fails when the server did.
func finish(out io.Writer, opts Common, r Report, err error) error {
	if err != nil {
		return err
	}
	if opts.JSON != "-" {
		if err := r.Table(out); err != nil {
			return err
		}
	}
	if err := r.write(out, opts.JSON); err != nil {
		return err
	}
	return r.Err()
}

// write puts the report as JSON to a file, or to out for "-".
func (r *Report) write(out io.Writer, file string) error {
	if file == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	data = append(data, '\n')
	if file == "-" {
		_, err = out.Write(data)
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// Table prints the report for people.
func (r *Report) Table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	row("kind", "%s, %s", r.Kind, r.Date.Format(time.RFC3339))
	row("machine", "%s, %d cores, %s", r.Machine.CPU, r.Machine.Cores, r.Machine.OS)
	row("versions", "server %s, generator %s, %s", or(r.Server, "unknown"), or(r.Generator, "unknown"), r.Machine.Go)
	row("connections", "%d in %d rooms", r.Connections, r.Rooms)
	row("measured", "%.1f s", r.Seconds)
	if r.Storm != nil {
		r.Storm.rows(row)
	}
	if r.Sent > 0 {
		r.traffic(row)
	}
	row("lost / doubled / out of order", "%d / %d / %d", r.Lost, r.Doubled, r.OutOfOrder)
	row("disconnected, strange frames", "%d, %d", r.Disconnected, r.Strange)
	r.costs(row)
	for _, s := range r.Steps {
		row("tried "+fmt.Sprintf("%.0f/s", s.Rate), "%.0f deliveries/s, p50 %.2f ms, p99 %.2f ms: %s",
			s.DeliveredPS, s.Receive.P50, s.Receive.P99, or(s.Why, "sustained"))
	}
	return w.Flush()
}

func (r *Report) traffic(row func(name, format string, values ...any)) {
	row("sent", "%d (%.0f/s offered)", r.Sent, r.Offered)
	row("acknowledged", "%d", r.Acknowledged)
	row("refused", "%s", refusals(r.Refused))
	row("delivered", "%d of %d (%.0f/s)", r.Delivered, r.Expected, r.DeliveredPS)
	row("", "p50\tp99\tp99.9\tmax ms")
	row("acknowledgement", "%s", r.Ack.cells())
	row("receive", "%s", r.Receive.cells())
	row("generator's own lag", "%s", r.Lag.cells())
}

func (l Latency) cells() string {
	if l.Count == 0 {
		return "-\t-\t-\t-"
	}
	return fmt.Sprintf("%.2f\t%.2f\t%.2f\t%.2f", l.P50, l.P99, l.P999, l.Max)
}

func (r *Report) costs(row func(name, format string, values ...any)) {
	if r.Memory != nil {
		row("server memory", "%.1f → %.1f MiB, %.2f kB a connection",
			mib(r.Memory.Before), mib(r.Memory.After), r.Memory.PerConnection/1000)
		row("server CPU", "%.1f s (%.0f %%)", r.CPU.ServerSeconds, r.CPU.ServerPercent)
	}
	row("generator CPU", "%.1f s (%.0f %%)", r.CPU.GeneratorSeconds, r.CPU.GeneratorPercent)
	for _, m := range r.CPU.Others {
		row(m.Name+" CPU", "%.1f s (%.0f %%), %s, %.1f MiB", m.Seconds, m.Percent, perMessage(m.Seconds, r.Sent), mib(m.Memory))
	}
}

// perMessage is what a message cost of so many seconds.
func perMessage(seconds float64, messages uint64) string {
	if messages == 0 {
		return "no messages"
	}
	return fmt.Sprintf("%.1f µs a message", 1e6*seconds/float64(messages))
}

func (g *Gust) rows(row func(name, format string, values ...any)) {
	row("dropped, back", "%d, %d", g.Dropped, g.Back)
	row("all back and caught up", "%.0f ms", g.AllBack)
	row("reconnected", "p50 %.0f ms, p99 %.0f ms, max %.0f ms", g.Reconnect.P50, g.Reconnect.P99, g.Reconnect.Max)
	row("caught up", "p50 %.0f ms, p99 %.0f ms, max %.0f ms", g.CaughtUp.P50, g.CaughtUp.P99, g.CaughtUp.Max)
	row("failed attempts", "%d", g.Tries)
	if g.CommandFor > 0 {
		row("restart command took", "%.0f ms", g.CommandFor)
	}
}

func refusals(codes map[string]uint64) string {
	if len(codes) == 0 {
		return "0"
	}
	var out []string
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		out = append(out, fmt.Sprintf("%d %s", codes[code], or(code, "without a code")))
	}
	return strings.Join(out, ", ")
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// meter measures what a stretch of time costs.
type meter struct {
	server           *process
	others           []*process
	since            time.Time
	serverAt, selfAt usage
	othersAt         []usage
	earlier          time.Duration // of a server that was replaced
}

// meter begins to count what the server and the other processes use.
func (a *arena) meter() meter {
	m := meter{server: a.server, others: a.others, since: time.Now(), serverAt: a.server.usage(), selfAt: self().usage()}
	for _, p := range a.others {
		m.othersAt = append(m.othersAt, p.usage())
	}
	return m
}

// lastOf keeps what a server has used that is about to end.
func (m meter) lastOf() meter {
	m.earlier += m.server.usage().cpu - m.serverAt.cpu
	return m
}

// newServer goes on with another process, which began to count at zero.
func (m meter) newServer(server *process) meter {
	m.server, m.serverAt = server, usage{}
	return m
}

func (m meter) stop() (CPU, time.Duration) {
	took := time.Since(m.since)
	server, own := m.server.usage().cpu-m.serverAt.cpu+m.earlier, self().usage().cpu-m.selfAt.cpu
	cpu := CPU{
		ServerSeconds: server.Seconds(), ServerPercent: 100 * server.Seconds() / took.Seconds(),
		GeneratorSeconds: own.Seconds(), GeneratorPercent: 100 * own.Seconds() / took.Seconds(),
	}
	for i, p := range m.others {
		now := p.usage()
		used := (now.cpu - m.othersAt[i].cpu).Seconds()
		cpu.Others = append(cpu.Others, Metered{Name: p.name, Seconds: used, Percent: 100 * used / took.Seconds(), Memory: now.rss})
	}
	return cpu, took
}
