package nodetest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// resident signs somebody up at a process and connects them.
func (p *Process) resident(name string) *Person {
	p.t.Helper()
	login, err := client.New(p.URL()).SignUp(p.t.Context(), name, name+"'s password", "")
	if err != nil {
		p.t.Fatalf("%s could not sign up: %v", name, err)
	}
	return (&Town{t: p.t}).connectAt(p.URL(), name, login)
}

// tries runs another command of the binary, which may fail.
func (p *Process) tries(args ...string) (out string, ok bool) {
	p.t.Helper()
	said, err := exec.Command(Binary(p.t), args...).CombinedOutput()
	return string(said), err == nil
}

// TestPeopleMoveIntoPostgreSQL: the real binary serves a folder, is stopped, its
// data migrated by a command that is killed several times, and the binary serves
// from PostgreSQL. Those who stayed connected, with a message on its way, and
// those who come later with what they had before, miss nothing and get nothing
// twice.
func TestPeopleMoveIntoPostgreSQL(t *testing.T) {
	p := NewProcess(t, "", "--no-limits")
	alice, bob := p.resident("alice"), p.resident("bob")
	room := alice.Creates(client.Group, "plans", bob)
	for i := range 40 {
		alice.Says(room, fmt.Sprint("before ", i))
	}
	first := bob.Says(room, "bob's first")
	if _, err := bob.REST().Edit(t.Context(), room, first.Seq, "bob's first, edited"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.REST().React(t.Context(), room, first.Seq, "👍"); err != nil {
		t.Fatal(err)
	}
	if err := bob.REST().MarkRead(t.Context(), room, first.Seq); err != nil {
		t.Fatal(err)
	}
	tokens := alice.Login.Tokens()
	target := pgtest.Empty(t)
	move := []string{"migrate", "--from", "sqlite:" + p.Dir, "--to", target, "--partitions", "3"}
	if out, ok := p.tries(move...); ok || !strings.Contains(out, "another parley is running on this folder") {
		t.Fatalf("beside the server migrate says: %s", out)
	}
	if code := p.Stop(); code != 0 {
		t.Fatalf("the server ended with %d", code)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := alice.Tries(room, "into the dark")
		waiting <- err
	}()

	stopped := exec.Command(Binary(t), move...)
	said, err := stopped.StdoutPipe()
	if err == nil {
		err = stopped.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(said)
	if _, err := lines.ReadString('\n'); err != nil { // its first step
		t.Fatal(err)
	}
	_ = stopped.Process.Signal(os.Interrupt)
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Fatal(err)
	}
	if err := stopped.Wait(); err == nil || stopped.ProcessState.ExitCode() != 130 {
		t.Errorf("an interrupted migration ends with %v", err)
	}

	killed := 0
	for wait := 60 * time.Millisecond; ; wait += wait / 3 {
		c := exec.Command(Binary(t), move...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(wait, func() { _ = c.Process.Kill() })
		err := c.Wait()
		kill.Stop()
		if err == nil {
			break
		}
		if killed++; c.ProcessState.ExitCode() != -1 || killed > 100 {
			t.Fatalf("the migration ended by itself: %v", err)
		}
	}
	if killed < 2 {
		t.Errorf("it was killed %d times only", killed)
	}
	out, ok := p.tries("verify", "--store", target)
	if !ok || !strings.Contains(out, "everything is as it must be") {
		t.Fatalf("verify says: %s", out)
	}
	if out, ok := p.tries(move...); !ok || !strings.Contains(out, "had finished before") {
		t.Fatalf("a second migration says: %s", out)
	}

	p.args, p.Dir = []string{"--no-limits", "--store", target}, filepath.Join(t.TempDir(), "intake only")
	p.Start()
	if err := <-waiting; err != nil {
		t.Errorf("what alice said meanwhile: %v", err)
	}
	bob.Hears(room, "into the dark")
	for i := range 5 {
		bob.Says(room, fmt.Sprint("after ", i))
	}
	alice.Hears(room, "after 4")
	Same(t, room, alice, bob)

	if me, err := client.New(p.URL()).As(client.StaticToken(tokens.AccessToken)).Me(t.Context()); err != nil || me.Username != "alice" {
		t.Errorf("alice's access token of before: %+v, %v", me, err)
	}
	if again, err := client.New(p.URL()).Resume(t.Context(), tokens.RefreshToken, tokens.RefreshKey); err != nil || again.User.ID != alice.ID {
		t.Errorf("alice's refresh token of before: %v", err)
	}
	h, err := bob.REST().History(t.Context(), room, client.Span{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range h.Messages {
		if m.Seq == first.Seq && (m.Text != "bob's first, edited" || len(m.Reactions) != 1) {
			t.Errorf("bob's first is %+v", m)
		}
	}
	if len(h.Messages) != 47 {
		t.Errorf("%d messages", len(h.Messages))
	}
	eventually(t, "search finds what was said before", func() bool {
		found, _, err := bob.REST().Search(t.Context(), client.Query{Text: "before 17"}, client.Page{})
		return err == nil && len(found) == 1
	})
	if mine, err := bob.REST().Room(t.Context(), room); err != nil || mine.Read < first.Seq {
		t.Errorf("bob has read up to %d, %v", mine.Read, err)
	}
}

// TestCommandsThatWereNotDecidedAreNotLeftBehind: a folder whose intake log goes
// on behind its database is refused, until a server has decided what is there.
func TestCommandsThatWereNotDecidedAreNotLeftBehind(t *testing.T) {
	p := NewProcess(t, "", "--no-limits")
	alice := p.resident("alice")
	room := alice.Creates(client.Group, "plans")
	alice.Says(room, "decided")
	if code := p.Stop(); code != 0 {
		t.Fatal(code)
	}
	alice.Goes()
	id, err := chat.ParseID(room)
	if err != nil {
		t.Fatal(err)
	}
	by, err := chat.ParseID(alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Embed(t.Context(), bus.EmbedConfig{Dir: filepath.Join(p.Dir, "intake"), Log: bustest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Log(0).Append(t.Context(), &bus.Envelope{ID: chat.NewID(), Gateway: 1, Commands: []chat.Command{{ID: chat.NewID(), Room: id, By: by,
		As: chat.OrgMember, Nonce: "late", Kind: chat.KindMessage, Body: chat.Body{Text: "nobody has decided this"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	target := pgtest.Empty(t)
	move := []string{"migrate", "--from", "sqlite:" + p.Dir, "--to", target}
	if out, ok := p.tries(move...); ok || !strings.Contains(out, "not decided yet") {
		t.Fatalf("migrate says: %s", out)
	}
	p.Start()
	if code := p.Stop(); code != 0 {
		t.Fatal(code)
	}
	out := p.Run(move...)
	for _, line := range []string{"checking the source: everything is as it must be", "events: ", "every row is as it was", "checking the target: everything is as it must be", "moved 2 rooms with"} {
		if !strings.Contains(out, line) {
			t.Errorf("migrate does not say %q:\n%s", line, out)
		}
	}
	if strings.Contains(out, "\r") || strings.Contains(out, "parley:"+target[len("postgres://parley:"):strings.Index(target, "@")]) {
		t.Errorf("there are control characters or a password in:\n%q", out)
	}
	p.args = []string{"--no-limits", "--store", target} // on the same folder: its log of before is in the way of nothing
	p.Start()
	back := (&Town{t: t}).connectAt(p.URL(), "alice", alice.Login)
	if said := back.History(room); len(said) != 2 || said[1] != "nobody has decided this" {
		t.Errorf("the history is %q", said)
	}
	if e := back.Says(room, "on it goes"); e.Seq != 4 {
		t.Errorf("the next number is %d", e.Seq)
	}
}
