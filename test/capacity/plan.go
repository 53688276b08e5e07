package main

import "math"

// Habits are what people do at the busiest hour.
type Habits struct {
	Connected float64 // share of them
	PerHour   float64 // messages each of those sends
	Audience  float64 // connected members who receive one
}

// Machine is what a process runs on.
type Machine struct {
	Cores  float64
	Memory float64 // GiB
	Busy   float64 // how much of it may be used on average
}

// Need is what a number of people take.
type Need struct {
	Connections, Messages, Deliveries                      float64
	Gateways, Partitions, Databases                        int
	SequencerCores, ArchiveCores, NATSCores, PostgresCores float64
	TerabytesAYear                                         float64
	Notices                                                float64 // bus messages from sequencers to gateways a second
}

// busiestHoursADay is how many busiest hours the traffic of a day is worth.
const busiestHoursADay = 6

// Size works out what people need. Gateways and databases count in machines, at
// least one of each; two are wise.
func Size(c Costs, h Habits, m Machine, people float64) Need {
	n := Need{Connections: people * h.Connected}
	n.Messages = n.Connections * h.PerHour / 3600
	n.Deliveries = n.Messages * h.Audience
	cores := func(us float64) float64 { return n.Messages * us / 1e6 }
	n.SequencerCores, n.ArchiveCores = cores(c.Sequencer), cores(c.Archive)
	n.NATSCores, n.PostgresCores = cores(c.NATS), cores(c.Postgres)

	gatewayCores := cores(c.GatewayMessage) + n.Deliveries*c.GatewayDelivery/1e6 + n.Connections*c.GatewayIdle/1e6
	gatewayMemory := n.Connections * c.ConnectionBytes / (1 << 30)
	n.Gateways = machines(max(gatewayCores/m.Cores, gatewayMemory/m.Memory), m)
	n.Databases = machines(n.PostgresCores/m.Cores, m)
	n.Partitions = max(8, nextPower(n.Messages/(c.PartitionLimit()*m.Busy)))

	// Each partition commits as often as its messages come, up to as often as it
	// can; a commit is one notice to each gateway that has a member of its rooms.
	perPartition := n.Messages / float64(n.Partitions)
	commits := float64(n.Partitions) * min(perPartition, 1e6/(c.CommitBase+c.CommitEach*c.perCommit(perPartition)))
	n.Notices = commits * min(float64(n.Gateways), h.Audience*max(1, n.Messages/max(commits, 1)))
	n.TerabytesAYear = n.Messages * 3600 * busiestHoursADay * 365 * c.EventBytes / 1e12
	return n
}

// PartitionLimit is how many events a second one partition commits at most.
func (c Costs) PartitionLimit() float64 {
	n := float64(c.MostEvents)
	return n * 1e6 / (c.CommitBase + n*c.CommitEach)
}

// perCommit is how many events a commit gathers while the one before it runs.
func (c Costs) perCommit(rate float64) float64 {
	busy := rate * c.CommitEach / 1e6
	if busy >= 1 {
		return float64(c.MostEvents)
	}
	return max(1, rate*c.CommitBase/1e6/(1-busy))
}

func machines(whole float64, m Machine) int { return max(1, int(math.Ceil(whole/m.Busy))) }

func nextPower(n float64) int {
	p := 1
	for float64(p) < n {
		p *= 2
	}
	return p
}
