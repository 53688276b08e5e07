package bus_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

// TestThreeServers: what one server promises, a cluster does. One cluster serves
// all promises; each begins without logs.
func TestThreeServers(t *testing.T) {
	cluster := bustest.NewCluster(t, 3, "")
	bustest.Conform(t, func(t *testing.T) *bus.Bus {
		b := bustest.Dial(t, bus.DialConfig{URLs: cluster.URLs(), Name: t.Name(), Log: bustest.Log(t)})
		t.Cleanup(func() { cluster.Forget(t, 3) })
		return b
	})
}

// traffic appends to log 0 by a lane, one message after the other, and counts
// what is stored.
type traffic struct {
	t    *testing.T
	lane *bus.Appender
	mu   sync.Mutex
	seqs []uint64 // by message
	sent int
}

func (tr *traffic) send(n int) {
	tr.t.Helper()
	for range n {
		tr.mu.Lock()
		i := tr.sent
		tr.sent++
		tr.seqs = append(tr.seqs, 0)
		tr.mu.Unlock()
		for {
			err := tr.lane.Add(bustest.Message(nonce(i)), func(seq uint64, err error) {
				if err != nil {
					tr.t.Errorf("message %d: %v", i, err)
				}
				tr.mu.Lock()
				defer tr.mu.Unlock()
				tr.seqs[i] = seq
			})
			if err == nil {
				break
			}
			if chat.CodeOf(err) != chat.Unavailable {
				tr.t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond) // as a client that is told to come back
		}
	}
}

func nonce(i int) string {
	return "message " + string(rune('a'+i%26)) + "-" + time.Duration(i).String()
}

// stored waits until everything sent is stored, and checks that the log holds it
// once and in order.
func (tr *traffic) stored(b *bus.Bus) {
	tr.t.Helper()
	ctx, cancel := context.WithTimeout(tr.t.Context(), patience)
	defer cancel()
	if err := tr.lane.Close(ctx); err != nil {
		tr.t.Fatal(err)
	}
	last := tr.seqs[len(tr.seqs)-1]
	var heard []string
	for len(heard) < tr.sent {
		records, _ := bustest.Read(tr.t, b.Log(0), chat.Position{}, int(last))
		heard = heard[:0]
		for _, r := range records {
			for _, c := range r.Envelope.Commands {
				heard = append(heard, c.Nonce)
			}
		}
	}
	for i := range tr.sent {
		if heard[i] != nonce(i) {
			tr.t.Fatalf("place %d holds %q", i, heard[i])
		}
	}
	if len(heard) != tr.sent {
		tr.t.Errorf("%d were sent, %d are in the log", tr.sent, len(heard))
	}
}

const patience = 30 * time.Second

func startTraffic(t *testing.T, cluster *bustest.Cluster) (*bus.Bus, *traffic) {
	t.Helper()
	b := bustest.Dial(t, bus.DialConfig{URLs: cluster.URLs(), Name: t.Name(), Log: bustest.Log(t)})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l, err := b.MakeLog(ctx, 0, bus.LogConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return b, &traffic{t: t, lane: l.Appender(bus.AppenderConfig{Gateway: 1})}
}

// TestTheLeaderGoesAway: what is appended while the log's leader dies is stored,
// once and in order.
func TestTheLeaderGoesAway(t *testing.T) {
	cluster := bustest.NewCluster(t, 3, "")
	b, tr := startTraffic(t, cluster)
	tr.send(100)
	leader := cluster.Leader(0)
	if leader < 0 {
		t.Fatal("nobody leads the log")
	}
	cluster.Stop(leader)
	began := time.Now()
	tr.send(100)
	tr.stored(b)
	t.Logf("the log went on %v after its leader had gone", time.Since(began))
}

// TestAllServersGoAway for longer than any deadline; what was added meanwhile is
// stored when they come back.
func TestAllServersGoAway(t *testing.T) {
	cluster := bustest.NewCluster(t, 3, "")
	b, tr := startTraffic(t, cluster)
	tr.send(100)
	cluster.StopAll()
	tr.send(50)
	away, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	if _, err := question.Ask(away, b, &note{}); chat.CodeOf(err) != chat.Unavailable {
		t.Errorf("asking nobody: %v", err)
	}
	<-away.Done()
	if err := cluster.StartAll(); err != nil {
		t.Fatal(err)
	}
	tr.send(50)
	tr.stored(b)
}

// TestAWipedClusterIsMadeAnew: the log that a reader stood in has gone; its
// reader is told, and what waits for it is stored when it is made again.
func TestAWipedClusterIsMadeAnew(t *testing.T) {
	cluster := bustest.NewCluster(t, 3, "")
	b, tr := startTraffic(t, cluster)
	tr.send(10)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	reader := bustest.Open(ctx, t, b.Log(0), chat.Position{})
	defer reader.Close()
	var at chat.Position
	for at.Seq == 0 {
		records, err := reader.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		last := records[len(records)-1]
		at = chat.Position{Seq: last.Seq, Envelope: last.Envelope.ID}
	}
	cluster.StopAll()
	for i := range cluster.Len() {
		if err := cluster.Wipe(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := cluster.StartAll(); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil {
		_, err = reader.Next(ctx)
	}
	if !errors.Is(err, bus.ErrLogChanged) {
		t.Fatalf("the reader: %v", err)
	}
	told := make(chan error, 1)
	if err := tr.lane.Add(bustest.Message("waits"), func(_ uint64, err error) { told <- err }); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err = b.MakeLog(ctx, 0, bus.LogConfig{}); err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if err := <-told; err != nil {
		t.Error(err)
	}
	again := bustest.Open(ctx, t, b.Log(0), at)
	defer again.Close()
	if again.Restarted() == "" {
		t.Error("another log was taken for the one that was read")
	}
	if err := tr.lane.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestCopies(t *testing.T) {
	server := bustest.NewServer(t)
	single := server.Dial(nil)
	if _, err := single.MakeLog(t.Context(), 0, bus.LogConfig{}); err != nil || server.Copies(t, 0) != 1 {
		t.Errorf("one server keeps %d copies (%v)", server.Copies(t, 0), err)
	}
	if _, err := single.MakeLog(t.Context(), 1, bus.LogConfig{Replicas: 3}); err == nil {
		t.Error("one server keeps three copies")
	}
	cluster := bustest.NewCluster(t, 3, "")
	b := bustest.Dial(t, bus.DialConfig{URLs: cluster.URLs(), Log: bustest.Log(t)})
	for _, c := range []struct{ asked, kept int }{{1, 1}, {0, 3}, {3, 3}} {
		if _, err := b.MakeLog(t.Context(), 0, bus.LogConfig{Replicas: c.asked}); err != nil || cluster.Copies(t, 0) != c.kept {
			t.Errorf("asked for %d, three servers keep %d copies (%v)", c.asked, cluster.Copies(t, 0), err)
		}
	}
	if _, err := b.MakeLog(t.Context(), 1, bus.LogConfig{Replicas: 5}); err == nil || !strings.Contains(err.Error(), "--log-replicas") {
		t.Errorf("five copies on three servers: %v", err)
	}
}
