package pgtest_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// child says that this process is the one that is killed below.
const child = "PGTEST_CHILD"

// A server ends with the process that started it, and leaves nothing, also when
// that process has no chance to clean up.
func TestAServerEndsWithItsProcess(t *testing.T) {
	if os.Getenv(child) != "" {
		server := pgtest.Shared(t)
		_, _ = os.Stdout.WriteString(server.Dir() + "\n")
		select {} // until we are killed
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestAServerEndsWithItsProcess$")
	c.Env = append(os.Environ(), child+"=1")
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir = dir[:len(dir)-1]
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("its folder: %v", err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return // it is removed after the server's last process has ended
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there: %v", dir, err)
		}
	}
}

func TestEachDatabaseIsAFreshOne(t *testing.T) {
	for range 2 {
		s := pgtest.Open(t, pgtest.Fresh(t, 3), store.Options{})
		n, err := s.Partitions(t.Context())
		if err != nil || n != 3 {
			t.Fatalf("%d partitions, %v", n, err)
		}
		at, err := s.Readers().Position(t.Context(), "r", 0)
		if err != nil || at != 0 {
			t.Fatalf("a reader stands at %d, %v", at, err)
		}
		if err := s.Readers().SetPosition(t.Context(), "r", 0, 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAServerKeepsWhatItHasWhenItIsStartedAgain(t *testing.T) {
	server := pgtest.New(t)
	dsn := server.Fresh(t, 1)
	s := pgtest.Open(t, dsn, store.Options{})
	if err := s.Readers().SetPosition(t.Context(), "r", 0, 7); err != nil {
		t.Fatal(err)
	}
	server.Kill(t)
	server.Start(t)
	s = pgtest.Open(t, dsn, store.Options{})
	if n, err := s.Readers().Position(t.Context(), "r", 0); n != 7 || err != nil {
		t.Fatalf("a reader stands at %d, %v", n, err)
	}
}
