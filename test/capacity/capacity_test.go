package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var some = Costs{GatewayMessage: 50, GatewayDelivery: 10, Sequencer: 40, NATS: 100, Postgres: 60,
	Append: 500, CommitBase: 300, CommitEach: 10, MostCommands: 1000, MostEvents: 4000, ConnectionBytes: 4000, EventBytes: 300}

func TestALoneMessageTakesAnAppendAndACommit(t *testing.T) {
	r := Simulate(some, 1, 1, time.Minute, 1)
	want := time.Duration(some.Append+some.CommitBase+some.CommitEach) * time.Microsecond
	if r.P50 != want || r.PerCommit != 1 {
		t.Errorf("%+v, want %v", r, want)
	}
}

func TestThePipelineCommitsUpToItsLimitAndNotBeyond(t *testing.T) {
	limit := some.PartitionLimit()
	below := Simulate(some, 0.95*limit, 4, 10*time.Second, 1)
	if got := float64(below.Done) / 10; math.Abs(got/(0.95*limit)-1) > 0.02 {
		t.Errorf("%.0f of %.0f messages a second were committed", got, 0.95*limit)
	}
	beyond := Simulate(some, 2*limit, 4, 10*time.Second, 1)
	if got := float64(beyond.Done) / 10; math.Abs(got/limit-1) > 0.05 {
		t.Errorf("%.0f messages a second of at most %.0f were committed", got, limit)
	}
	if beyond.P99 < time.Second {
		t.Errorf("with twice what it can do nobody waits: p99 %v", beyond.P99)
	}
}

func TestMoreMessagesAreNeverFasterAndCommitsGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := some
		c.CommitBase = rapid.Float64Range(50, 5000).Draw(t, "commit")
		c.CommitEach = rapid.Float64Range(1, 50).Draw(t, "each")
		seed := rapid.Uint64().Draw(t, "seed")
		slow, fast := 0.1*c.PartitionLimit(), 0.8*c.PartitionLimit()
		few, many := Simulate(c, slow, 2, 300*time.Millisecond, seed), Simulate(c, fast, 2, 300*time.Millisecond, seed)
		if few.PerCommit > many.PerCommit || few.P50 > many.P50+time.Millisecond {
			t.Fatalf("at %.0f/s %+v, at %.0f/s %+v", slow, few, fast, many)
		}
	})
}

func TestWhatIsNeededGrowsWithThePeople(t *testing.T) {
	habits, machine := Habits{Connected: 0.2, PerHour: 20, Audience: 10}, Machine{Cores: 8, Memory: 32, Busy: 0.5}
	before := Size(some, habits, machine, 1000)
	for people := 1e4; people <= 1e8; people *= 10 {
		n := Size(some, habits, machine, people)
		if n.Gateways < before.Gateways || n.Partitions < before.Partitions || n.Databases < before.Databases || n.PostgresCores <= before.PostgresCores {
			t.Errorf("%.0f people need %+v, fewer needed %+v", people, n, before)
		}
		if used := n.PostgresCores / (float64(n.Databases) * machine.Cores); used > machine.Busy {
			t.Errorf("%.0f people: the databases are %.0f %% busy", people, 100*used)
		}
		if used := n.Messages / (float64(n.Partitions) * some.PartitionLimit()); used > machine.Busy {
			t.Errorf("%.0f people: the partitions are %.0f %% busy", people, 100*used)
		}
		before = n
	}
}

func TestTheTablesArePrinted(t *testing.T) {
	for _, what := range []string{"plan", "pipeline"} {
		var out strings.Builder
		if err := run([]string{what}, &out); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(out.String(), "\n"); lines < 6 {
			t.Errorf("%s prints %d lines:\n%s", what, lines, out.String())
		}
	}
	if err := run([]string{"magic"}, &strings.Builder{}); err == nil {
		t.Error("magic was worked out")
	}
}
