package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// moveVariable makes this test binary a process that moves a database, in small
// steps, and says a line at each: "from to".
const moveVariable = "PARLEY_TEST_MOVE"

func moveInThisProcess() bool {
	from, to, asked := strings.Cut(os.Getenv(moveVariable), " ")
	if !asked {
		return false
	}
	_, err := store.Move(context.Background(), from, to, store.MoveOptions{Partitions: 3, Progress: func(p store.MoveProgress) {
		fmt.Println(p.Step, p.Done, p.Said)
	}}.AtOnce(20))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return true
}

// TestAMoveSurvivesKill kills moves with SIGKILL, each a random moment behind one
// of its first words, until one of them comes to its end.
func TestAMoveSurvivesKill(t *testing.T) {
	t.Parallel()
	dir, target := furnished(t, 900), pgtest.Empty(t)
	before := openFolder(t, dir)
	want, order := answers(t, before), feeds(t, before)[0]
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	killed := map[string]int{}
	for run := 0; killAMove(t, "sqlite:"+dir+" "+target, 1+(run*7)%13, killed); run++ {
		if run > 100 {
			t.Fatalf("it does not end; killed while %v", killed)
		}
	}
	t.Logf("killed while %v", killed)
	if killed["events"] < 3 || len(killed) < 4 {
		t.Errorf("that is too few")
	}
	after := pgtest.Open(t, target, store.Options{})
	same(t, want, answers(t, after))
	sameOrder(t, order, feeds(t, after))
}

// killAMove runs a move and kills it behind its word number at; it says whether
// it was killed, or else has ended well.
func killAMove(t *testing.T, what string, at int, killed map[string]int) bool {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), moveVariable+"="+what)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	step, last := "", ""
	words := bufio.NewScanner(out)
	for said := 0; words.Scan(); {
		last = words.Text()
		if said++; said == at {
			step, _, _ = strings.Cut(last, " ")
			time.Sleep(time.Duration(rand.Int64N(int64(4 * time.Millisecond))))
			_ = c.Process.Kill()
		}
	}
	err = c.Wait()
	if err == nil {
		return false
	}
	if c.ProcessState.ExitCode() != -1 {
		t.Fatalf("the move failed: %s", last)
	}
	killed[step]++
	return true
}
