// Package takeover takes the owner of partitions away in every way, under traffic,
// and measures how long nobody was answered. Processes, PostgreSQL and NATS are
// real.
package takeover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/node/nodetest"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

const (
	partitions = 4
	patience   = 30 * time.Second
	// shared is how long it takes at most until a sequencer that has come has its
	// share: 10 s until it counts, then a partition a second.
	shared = 20 * time.Second
)

// town is two sequencers, a process with all other roles, and somebody who talks
// in a room of each partition.
type town struct {
	t          *testing.T
	env        []string
	servers    *bustest.Cluster
	database   string
	sequencers []*nodetest.Process
	rest       *nodetest.Process
	operator   *nodetest.Process

	session *client.Session
	rooms   []string // by partition
	talking sync.WaitGroup
	hush    context.CancelFunc

	mu   sync.Mutex
	acks [partitions][]ack
}

// ack is a message that was acknowledged.
type ack struct {
	text string
	seq  uint64
	at   time.Time
}

// newTown makes a town. first says how the first sequencer is run, by which
// command and in which environment, unless it is like the other.
func newTown(t *testing.T, first func(*town) (command, env []string)) *town {
	t.Helper()
	nodetest.Binary(t)
	town := &town{t: t, servers: bustest.NewCluster(t, 1, ""), database: pgtest.Fresh(t, partitions)}
	town.env = environment(town.servers.URLs()[0], town.database)
	town.operator = nodetest.NewOperator(t, town.env)
	var command []string
	env := town.env
	if first != nil {
		command, env = first(town)
	}
	town.sequencers = append(town.sequencers, nodetest.NewRoleIn(t, command, "sequencer", env), nodetest.NewRole(t, "sequencer", town.env))
	town.rest = nodetest.NewRole(t, "archive,rooms,accounts,access,presence,gateway", town.env, "--no-limits")
	town.rest.AwaitReady()
	town.talk()
	return town
}

func environment(nats, database string) []string {
	return []string{"PARLEY_NATS=" + nats, "PARLEY_STORE=" + database}
}

// talk begins to talk in a room of each partition, one message after the other.
func (town *town) talk() {
	town.t.Helper()
	login, err := client.New(town.rest.URL()).SignUp(town.t.Context(), "ann", "a long password", "")
	if err != nil {
		town.t.Fatal(err)
	}
	town.session, err = client.Connect(town.t.Context(), client.Config{URL: town.rest.URL(), Tokens: login})
	if err != nil {
		town.t.Fatal(err)
	}
	town.rooms = make([]string, partitions)
	for found := 0; found < partitions; {
		room, err := town.session.REST().CreateRoom(town.t.Context(), client.NewRoom{Kind: client.Group, Name: "talk"})
		if err != nil {
			town.t.Fatal(err)
		}
		id, err := chat.ParseID(room.ID)
		if err != nil {
			town.t.Fatal(err)
		}
		if p := chat.PartitionOf(id, partitions); town.rooms[p] == "" {
			town.rooms[p] = room.ID
			found++
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	town.hush = cancel
	for p := range town.rooms {
		town.talking.Go(func() { town.say(ctx, p) })
	}
	town.talking.Go(func() {
		for {
			if _, err := town.session.Next(context.Background()); err != nil {
				return
			}
		}
	})
	town.t.Cleanup(func() {
		cancel()
		_ = town.session.Close()
		town.talking.Wait()
	})
}

func (town *town) say(ctx context.Context, p int) {
	for i := 0; ctx.Err() == nil; i++ {
		text := fmt.Sprintf("%d in %d", i, p)
		sending, cancel := context.WithTimeout(context.Background(), patience)
		e, err := town.session.Send(sending, town.rooms[p], client.Message{Text: text})
		cancel()
		if errors.Is(err, client.ErrClosed) {
			return
		}
		if err != nil {
			town.t.Errorf("%q was not answered: %v", text, err)
			return
		}
		town.mu.Lock()
		town.acks[p] = append(town.acks[p], ack{text, e.Seq, time.Now()})
		town.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond): // a person, not a benchmark
		}
	}
}

// owners says who owns which partition, as operators see it.
func (town *town) owners() (owners map[int]*nodetest.Process) {
	town.t.Helper()
	owners = map[int]*nodetest.Process{}
	_, table, _ := strings.Cut(town.operator.Run("roles"), "PARTITION ")
	for line := range strings.Lines(table) {
		var p, pid int
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if n, _ := fmt.Sscan(fields[0], &p); n == 0 {
			continue
		}
		if _, number, is := strings.Cut(fields[1], ":"); is {
			_, _ = fmt.Sscan(number, &pid)
		}
		for _, s := range town.sequencers {
			if s.PID() == pid {
				owners[p] = s
			}
		}
	}
	return owners
}

// evenly waits until both sequencers own half of the partitions, and names what
// each has.
func (town *town) evenly(within time.Duration) map[*nodetest.Process][]int {
	town.t.Helper()
	began := time.Now()
	for {
		have := map[*nodetest.Process][]int{}
		for p, s := range town.owners() {
			have[s] = append(have[s], p)
		}
		if len(have[town.sequencers[0]]) == partitions/2 && len(have[town.sequencers[1]]) == partitions/2 {
			return have
		}
		if time.Since(began) > within {
			town.t.Fatalf("after %v sequencers own %v", within, have)
		}
	}
}

// speaks waits until each partition has answered again behind a moment.
func (town *town) speaks(since time.Time) {
	town.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		town.mu.Lock()
		silent := slices.ContainsFunc(town.acks[:], func(list []ack) bool { return len(list) == 0 || list[len(list)-1].at.Before(since) })
		town.mu.Unlock()
		if !silent {
			return
		}
		if time.Now().After(deadline) {
			town.t.Fatal("a partition answers no more")
		}
	}
}

// pauses are the longest times between two answers behind a moment, by partition.
func (town *town) pauses(since time.Time, of []int) (pauses []time.Duration) {
	town.mu.Lock()
	defer town.mu.Unlock()
	for _, p := range of {
		longest := time.Duration(0)
		for i, a := range town.acks[p] {
			if i > 0 && a.at.After(since) {
				longest = max(longest, a.at.Sub(town.acks[p][i-1].at))
			}
		}
		pauses = append(pauses, longest)
	}
	slices.Sort(pauses)
	return pauses
}

// silences are how long after a moment each partition answered what was said
// behind it: the second answer, because what the first one is to may have been
// committed before.
func (town *town) silences(since time.Time, of []int) (took []time.Duration) {
	town.mu.Lock()
	defer town.mu.Unlock()
	for _, p := range of {
		first := slices.IndexFunc(town.acks[p], func(a ack) bool { return a.at.After(since) })
		took = append(took, town.acks[p][first+1].at.Sub(since))
	}
	slices.Sort(took)
	return took
}

// judge stops the talk and holds what is stored against what was acknowledged:
// each message once, at the number that was said.
func (town *town) judge() {
	town.t.Helper()
	town.hush()
	total := 0
	for p, room := range town.rooms {
		texts := map[string]uint64{}
		for after, more := uint64(0), true; more; {
			events, _, err := town.session.REST().Events(context.Background(), room, after, 200)
			if err != nil {
				town.t.Fatal(err)
			}
			for _, e := range events {
				if e.Seq != after+1 {
					town.t.Errorf("%d follows %d in partition %d", e.Seq, after, p)
				}
				if after = e.Seq; e.Kind != client.KindMessage {
					continue
				}
				if first, twice := texts[e.Text()]; twice {
					town.t.Errorf("%q is there twice, at %d and %d", e.Text(), first, e.Seq)
				}
				texts[e.Text()] = e.Seq
			}
			more = len(events) > 0
		}
		town.mu.Lock()
		for _, a := range town.acks[p] {
			if texts[a.text] != a.seq {
				town.t.Errorf("%q was acknowledged at %d and is at %d", a.text, a.seq, texts[a.text])
			}
		}
		total += len(town.acks[p])
		town.mu.Unlock()
	}
	town.t.Logf("%d messages were acknowledged", total)
	if told := town.operator.Run("verify"); !strings.Contains(told, "as it must be") {
		town.t.Errorf("%s", told)
	}
}
