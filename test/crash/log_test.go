package crash

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-chat/parley/internal/node/nodetest"
)

// The log comes back from an older copy: it ends before the last record that was
// consumed, as after a crash of the machine that lost its tail.
func TestTrafficGoesOnWhenTheLogLostItsTail(t *testing.T) {
	server := nodetest.NewProcess(t, "", "--no-limits")
	c := gather(t, server.URL())
	c.await(perLife)
	server.Stop()
	intake, copied := filepath.Join(server.Dir, "intake"), filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(intake)); err != nil {
		t.Fatal(err)
	}
	server.Start()
	c.await(perLife)
	server.Kill()
	if err := os.RemoveAll(intake); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(intake, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
	server.Start()
	c.await(perLife)
	c.judge()
	verify(t, server)
	if out := server.Output(); !contains(out, "the log is not the one we knew") {
		t.Error("nothing was said of the log")
	}
}
