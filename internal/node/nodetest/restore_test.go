package nodetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// TestARestoredPostgreSQLMakesClientsReset: a real process over PostgreSQL, a dump
// beside it, more messages, a kill; then the same process over the dump. Where
// its intake log is gone, what came after the dump is lost: clients are told to
// reset, and go on. Where the log was kept it holds what was lost, and the same
// messages come back under their numbers.
func TestARestoredPostgreSQLMakesClientsReset(t *testing.T) {
	for _, c := range []struct {
		name string
		kept bool
	}{{"the log wiped", false}, {"the log kept", true}} {
		t.Run(c.name, func(t *testing.T) { restored(t, c.kept) })
	}
}

func restored(t *testing.T, logKept bool) {
	server := pgtest.Shared(t)
	database := server.Empty(t)
	p := NewProcess(t, "", "--no-limits", "--store", database)
	alice, bob := p.resident("alice"), p.resident("bob")
	room := alice.Creates(client.Group, "plans", bob)
	for i := range 3 {
		alice.Says(room, fmt.Sprint("in the dump ", i))
	}
	bob.Hears(room, "in the dump 2")
	dump := filepath.Join(server.Dir(), fmt.Sprint("dump-", p.Port))
	server.Tool(t, "pg_dump", "--format=custom", "--file="+dump, database)
	head := alice.Says(room, "after the dump 0").Seq - 1
	for i := range 4 {
		alice.Says(room, fmt.Sprint("after the dump ", i+1))
	}
	bob.Hears(room, "after the dump 4")
	before := bob.Events(room)
	p.Kill()

	into := server.Empty(t)
	server.Tool(t, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+into, dump)
	if !logKept {
		if err := os.RemoveAll(filepath.Join(p.Dir, "intake")); err != nil {
			t.Fatal(err)
		}
	}
	p.args = []string{"--no-limits", "--store", into}
	p.Start()
	if !logKept {
		for _, who := range []*Person{alice, bob} {
			who.Until("the reset", func(n client.Notice) bool {
				r, ok := n.(client.Reset)
				return ok && r.Room == room && r.Head == head
			})
		}
	} else {
		eventually(t, "what was in the log is there again", func() bool { return len(bob.History(room)) == 8 })
	}
	last := alice.Says(room, "from here on")
	bob.Hears(room, "from here on")
	want := []string{"in the dump 0", "in the dump 1", "in the dump 2", "from here on"}
	next := head + 1
	if logKept {
		want = slices.Insert(want, 3, "after the dump 0", "after the dump 1", "after the dump 2", "after the dump 3", "after the dump 4")
		next += 5
	}
	for _, who := range []*Person{alice, bob} {
		if texts := who.History(room); !slices.Equal(texts, want) {
			t.Errorf("%s's history is %q", who.Name, texts)
		}
	}
	if last.Seq != next {
		t.Errorf("the next number is %d instead of %d", last.Seq, next)
	}
	if logKept {
		again, _, err := bob.REST().Events(t.Context(), room, before[0].Seq-1, 100)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range before {
			if i >= len(again) || again[i].ID != e.ID || again[i].Seq != e.Seq {
				t.Fatalf("number %d was %s and is not any more", e.Seq, e.ID)
			}
		}
	}
	p.Run("verify", "--store", into)
}

// TestAPointInTimeOfPostgreSQL restores a base backup and archived logs up to a
// named point, as docs/operations.md says: what was committed by then is there,
// and clients are told to reset what was not.
func TestAPointInTimeOfPostgreSQL(t *testing.T) {
	server := pgtest.New(t)
	in := func(name string) string { return filepath.Join(server.Dir(), name) }
	database := server.Empty(t)
	sql := func(statement string) {
		server.Tool(t, "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--command="+statement, database)
	}
	sql(`ALTER SYSTEM SET archive_mode = on`)
	sql(`ALTER SYSTEM SET archive_command = 'mkdir -p ` + in("archive") + ` && cp %p ` + in("archive") + `/%f'`)
	server.Stop(t)
	server.Start(t)
	p := NewProcess(t, "", "--no-limits", "--store", database)
	alice := p.resident("alice")
	room := alice.Creates(client.Group, "plans")
	alice.Says(room, "in the base backup")
	server.Tool(t, "pg_basebackup", "--dbname="+database, "--pgdata="+in("base"), "--checkpoint=fast", "--wal-method=none")
	head := alice.Says(room, "in the archived log").Seq
	sql(`SELECT pg_create_restore_point('before the accident')`)
	alice.Says(room, "the accident")
	sql(`SELECT pg_switch_wal()`)
	p.Kill()

	server.Stop(t) // which archives what is not archived yet
	settings := "restore_command = 'cp " + in("archive") + "/%f %p'\nrecovery_target_name = 'before the accident'\nrecovery_target_action = 'promote'\narchive_mode = off\n"
	for _, err := range []error{
		os.Rename(in("data"), in("lost")), os.Rename(in("base"), in("data")), os.WriteFile(in("data/recovery.signal"), nil, 0o644),
		appendTo(in("data/postgresql.auto.conf"), settings), os.RemoveAll(filepath.Join(p.Dir, "intake")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server.Start(t)
	p.Start()
	alice.Until("the reset", func(n client.Notice) bool {
		r, ok := n.(client.Reset)
		return ok && r.Room == room && r.Head == head
	})
	if e := alice.Says(room, "from here on"); e.Seq != head+1 {
		t.Errorf("the next number is %d instead of %d", e.Seq, head+1)
	}
	if texts := alice.History(room); !slices.Equal(texts, []string{"in the base backup", "in the archived log", "from here on"}) {
		t.Errorf("the history is %q", texts)
	}
	p.Run("verify", "--store", database)
}

// TestAProcessWaitsForPostgreSQL: a process is started before its database is,
// which then recovers for a while, as after a restore or in a failover.
func TestAProcessWaitsForPostgreSQL(t *testing.T) {
	server := pgtest.New(t)
	database := server.Empty(t)
	server.Stop(t)
	p := &Process{t: t, Dir: filepath.Join(t.TempDir(), "data"), Port: freePort(t), args: []string{"--store", database}}
	says := func(what string) {
		t.Helper()
		eventually(t, "the process says: "+what, func() bool { return strings.Contains(p.Output(), what) })
	}
	p.Launch()
	t.Cleanup(p.Kill)
	says("waiting for the database; it is tried every second")
	server.StartRecovering(t)
	p.Kill() // and another one comes in the middle of it
	p.Launch()
	says("it is a standby, or still being recovered")
	server.Promote(t)
	p.AwaitReady()
	says("the database is there")
	if code := p.Stop(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
