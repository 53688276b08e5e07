package nodetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
)

// TestAFirstStartThatIsKilledIsGoneOnWith: whatever was made by then, the folder
// is no used one whose database is lost.
func TestAFirstStartThatIsKilledIsGoneOnWith(t *testing.T) {
	for _, made := range []string{"lock", "parley.db", "parley.db-wal", "search.db", "intake", "intake/jetstream", "admin.sock"} {
		t.Run(strings.ReplaceAll(made, "/", "-"), func(t *testing.T) {
			t.Parallel()
			p := &Process{t: t, Dir: filepath.Join(t.TempDir(), "data"), Port: freePort(t)}
			p.Launch()
			t.Cleanup(func() { p.Kill() })
			look := time.NewTicker(100 * time.Microsecond)
			defer look.Stop()
			for late := time.Now().Add(patience); ; <-look.C {
				if _, err := os.Lstat(filepath.Join(p.Dir, made)); err == nil {
					break
				}
				if time.Now().After(late) {
					t.Fatalf("%s was not made\n%s", made, p.Output())
				}
			}
			p.Kill()
			p.Start()
		})
	}
}

// TestALostDatabaseHasNoNewOwner: an emptied database beside the log of the one
// that was is refused, for serving as for operators.
func TestALostDatabaseHasNoNewOwner(t *testing.T) {
	p := NewProcess(t, "", "--no-limits")
	p.resident("alice")
	p.Kill()
	if err := os.Truncate(filepath.Join(p.Dir, "parley.db"), 0); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"serve", "--data", p.Dir, "--listen", fmt.Sprint("127.0.0.1:", p.Port)},
		{"user", "add", "mallory", "--data", p.Dir},
		{"user", "list", "--data", p.Dir},
	} {
		if out, ok := p.tries(args...); ok || !strings.Contains(out, "parley restore") {
			t.Errorf("parley %v: %s", args, out)
		}
	}
	if err := os.Remove(filepath.Join(p.Dir, "parley.db-wal")); err != nil {
		t.Fatal("its write-ahead log was not kept:", err)
	}
}

// TestAnInviteLeadsToTheRunningServer: not to where one would be by default.
func TestAnInviteLeadsToTheRunningServer(t *testing.T) {
	p := NewProcess(t, "", "--no-limits")
	p.resident("alice")
	if link := p.Run("user", "invite", "--data", p.Dir); !strings.HasPrefix(link, p.URL()+"/#/invite/") {
		t.Errorf("the link is %s", link)
	}
	if link := p.Run("user", "invite", "--data", p.Dir, "--public-url", "https://chat.example/"); !strings.HasPrefix(link, "https://chat.example/#/invite/") {
		t.Errorf("the link that was asked for is %s", link)
	}
	if p.Stop() != 0 {
		t.Fatal("it has not stopped")
	}
	if link := p.Run("user", "invite", "--data", p.Dir); !strings.HasPrefix(link, "http://127.0.0.1:8080/#/invite/") {
		t.Errorf("without a server the link is %s", link)
	}
}

// TestABackupIsWrittenByItsCommand: the server may have another /tmp, and the
// right to write into its own folder only. One that stands still shows that it is
// not asked.
func TestABackupIsWrittenByItsCommand(t *testing.T) {
	p := NewProcess(t, "", "--no-limits")
	alice := p.resident("alice")
	room := alice.Creates(client.Group, "plans")
	alice.Says(room, "in the backup")
	p.Signal(syscall.SIGSTOP)
	defer p.Signal(syscall.SIGCONT)
	file := filepath.Join(t.TempDir(), "backup.db")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, Binary(t), "backup", "--data", p.Dir, file).CombinedOutput(); err != nil {
		t.Fatalf("beside a server that stands still: %v\n%s", err, out)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v", info, err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	p.Run("restore", "--data", copied, file)
	p.Run("verify", "--data", copied)
	if list := p.Run("room", "list", "--data", copied, "--json"); !strings.Contains(list, room) {
		t.Errorf("the rooms of the backup are %s", list)
	}
}
