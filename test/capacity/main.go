// Command capacity says what a deployment of a size needs, from costs that were
// measured, and lets a partition's pipeline run on paper to see where it ends.
//
//	capacity plan      what one machine to ten million people need, as in docs/scaling.md
//	capacity pipeline  how long a message takes at more and more messages a second
package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

//go:embed costs.json
var measured []byte

// Costs are what was measured: see docs/benchmarks.md, "PostgreSQL" and "What a
// message costs at each hop". Times are of one core of the machine there.
type Costs struct {
	// Microseconds of a process's CPU.
	GatewayMessage  float64 `json:"gateway_us_per_message"`    // taken in, appended, acknowledged
	GatewayDelivery float64 `json:"gateway_us_per_delivery"`   // to one socket, alone in its write
	GatewayIdle     float64 `json:"gateway_us_per_connection"` // each second, with nothing to say: pings, presence
	Sequencer       float64 `json:"sequencer_us_per_message"`
	Archive         float64 `json:"archive_us_per_message"` // the search index
	NATS            float64 `json:"nats_us_per_message"`    // all servers, three copies of the log
	Postgres        float64 `json:"postgres_us_per_message"`

	// The pipeline of one partition, in microseconds.
	Append       float64 `json:"append_us"`           // an envelope, until its publisher knows
	CommitBase   float64 `json:"commit_us"`           // a commit, whatever is in it
	CommitEach   float64 `json:"commit_us_per_event"` // and each event
	MostCommands int     `json:"most_commands_an_envelope"`
	MostEvents   int     `json:"most_events_a_commit"` // a batch's limit

	ConnectionBytes float64 `json:"gateway_bytes_per_connection"`
	EventBytes      float64 `json:"database_bytes_per_event"` // tables, indexes and search
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	var costs Costs
	if err := json.Unmarshal(measured, &costs); err != nil {
		return fmt.Errorf("costs.json: %w", err)
	}
	if len(args) == 0 {
		return errors.New("say what: plan or pipeline; plan -h lists the assumptions")
	}
	switch args[0] {
	case "plan":
		return plan(costs, args[1:], out)
	case "pipeline":
		return pipeline(costs, args[1:], out)
	}
	return fmt.Errorf("there is no %q; there are plan and pipeline", args[0])
}

func plan(costs Costs, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("plan", flag.ContinueOnError)
	habits := Habits{}
	flags.Float64Var(&habits.Connected, "connected", 0.25, "share of the people who are connected at the busiest hour")
	flags.Float64Var(&habits.PerHour, "messages", 20, "messages that a connected person sends in that hour")
	flags.Float64Var(&habits.Audience, "audience", 15, "connected members who receive a message")
	machine := Machine{}
	flags.Float64Var(&machine.Cores, "cores", 8, "cores of a machine")
	flags.Float64Var(&machine.Memory, "memory", 32, "GiB of a machine")
	flags.Float64Var(&machine.Busy, "busy", 0.5, "how busy a machine may be on average: the rest is for peaks and for the loss of others")
	if err := flags.Parse(args); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "people\tconnected\tmessages/s\tdeliveries/s\tgateways\tpartitions\tsequencer cores\tarchive cores\tNATS cores\tPostgreSQL cores\tdatabases\tTB a year\tnotices/s\t")
	for people := 1e3; people <= 1e7; people *= 10 {
		n := Size(costs, habits, machine, people)
		fmt.Fprintf(w, "%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t%.2f\t%.0f\t\n", people, n.Connections, n.Messages, n.Deliveries,
			n.Gateways, n.Partitions, n.SequencerCores, n.ArchiveCores, n.NATSCores, n.PostgresCores, n.Databases, n.TerabytesAYear, n.Notices)
	}
	return w.Flush()
}

func pipeline(costs Costs, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("pipeline", flag.ContinueOnError)
	gateways := flags.Int("gateways", 2, "gateways that append to the partition")
	length := flags.Duration("length", 20*time.Second, "how long it runs, on paper")
	seed := flags.Uint64("seed", 1, "of the arrivals")
	if err := flags.Parse(args); err != nil {
		return err
	}
	most := costs.PartitionLimit()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "messages/s\tof the limit\tevents a commit\tp50 ms\tp99 ms\t")
	for _, share := range []float64{0.01, 0.05, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99} {
		r := Simulate(costs, share*most, *gateways, *length, *seed)
		fmt.Fprintf(w, "%.0f\t%.0f %%\t%.1f\t%.2f\t%.2f\t\n", share*most, 100*share, r.PerCommit, ms(r.P50), ms(r.P99))
	}
	return w.Flush()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
