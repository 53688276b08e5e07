package takeover

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/node/nodetest"
)

// How long nobody may be answered when an owner goes, in each way to go.
const (
	atHandOver = 300 * time.Millisecond
	afterKill  = time.Second
	afterPause = 5 * time.Second
	// 3 s until it lets go by itself or is put out, and what it takes to notice: 0.7 s
	// for one more try, up to 2 s in which the NATS client dials a server that says
	// nothing and answers nobody, and half a second until the other tries.
	afterCut  = 8 * time.Second
	afterLoss = 10 * time.Second
)

// TestOwnersComeAndGo: two sequencers share the partitions. One is stopped as an
// upgrade does, killed, and paused; each time the other takes over in time, and
// the one that comes back gets its share again.
func TestOwnersComeAndGo(t *testing.T) {
	town := newTown(t, nil)
	have := town.evenly(shared)
	one := town.sequencers[0]

	t.Run("it is stopped and hands over", func(t *testing.T) {
		since := time.Now()
		if code := one.Stop(); code != 0 {
			t.Errorf("it ended with %d", code)
		}
		town.speaks(time.Now())
		handedOver(t, town.pauses(since, have[one]))
	})
	t.Run("it comes back and is given its share", func(t *testing.T) {
		since := time.Now()
		one.Launch()
		have = town.evenly(shared)
		handedOver(t, town.pauses(since, have[one]))
	})
	t.Run("it is killed", func(t *testing.T) {
		since := time.Now()
		one.Kill()
		town.takenOver(t, since, have[one], afterKill)
		one.Launch()
		have = town.evenly(shared)
	})
	t.Run("it is paused, and cannot commit when it wakes up", func(t *testing.T) {
		since := time.Now()
		one.Signal(syscall.SIGSTOP)
		town.takenOver(t, since, have[one], afterPause)
		if now := town.owners(); now[have[one][0]] != town.sequencers[1] {
			t.Fatalf("it is paused and owns %v", now)
		}
		told := len(one.Output())
		one.Signal(syscall.SIGCONT)
		finds(t, one, told, "a partition is another's now")
		have = town.evenly(shared)
	})
	town.judge()
}

// handedOver holds the pauses of hand-overs against the promise. The longest one
// may be twice as long: a test shares its machine.
func handedOver(t *testing.T, pauses []time.Duration) {
	t.Helper()
	t.Logf("partitions were not answered for %v while they were handed over (promised: %v)", pauses, atHandOver)
	if pauses[0] == 0 {
		t.Error("nothing was said while it happened")
	}
	if pauses[len(pauses)/2-1] > atHandOver || pauses[len(pauses)-1] > 2*atHandOver {
		t.Errorf("that took too long: %v", pauses)
	}
}

// takenOver waits until the partitions are answered for again, and holds the time
// since the owner went against the promise.
func (town *town) takenOver(t *testing.T, since time.Time, of []int, promise time.Duration) {
	t.Helper()
	town.speaks(since.Add(promise))
	took := town.silences(since, of)
	t.Logf("partitions were answered for %v after it had gone (promised: %v)", took, promise)
	if took[len(took)-1] > promise {
		t.Errorf("that took too long: %v", took)
	}
}

// finds waits until an owner has said something behind what it had told.
func finds(t *testing.T, owner *nodetest.Process, told int, what string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(owner.Output()[told:], what); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not say that %s", what)
		}
	}
}
