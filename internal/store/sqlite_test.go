package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if moveInThisProcess() {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestAFolderIsOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := openFolder(t, dir)
	if _, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{}); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("a second one gets %v", err)
	}
	closed := make(chan error, 1)
	time.AfterFunc(100*time.Millisecond, func() { closed <- s.Close() })
	openFolder(t, dir) // waits for one that is about to end
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestADamagedDatabaseIsSaidAtOnce(t *testing.T) {
	damages := map[string]func(t *testing.T, file string){
		"it is something else": func(t *testing.T, file string) { write(t, file, bytes.Repeat([]byte("no database "), 1000)) },
		"its pages are overwritten": func(t *testing.T, file string) {
			b := read(t, file)
			copy(b[4096:], bytes.Repeat([]byte{0xee}, len(b)-4096))
			write(t, file, b)
		},
		"some of its pages are overwritten": func(t *testing.T, file string) {
			b := read(t, file)
			copy(b[4096:12000], bytes.Repeat([]byte{0xee}, 8000))
			write(t, file, b)
		},
		"most of it is cut off": func(t *testing.T, file string) { write(t, file, read(t, file)[:8192]) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openFolder(t, dir)
			storetest.Everything(t, storetest.NewWorker(t, s))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, filepath.Join(dir, "parley.db"))
			if _, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{}); !errors.Is(err, store.ErrDamaged) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openFolder(t, dir)
	if _, err := store.Tamper(t.Context(), s, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{}); !errors.Is(err, store.ErrNewer) {
		t.Fatalf("got %v", err)
	}
}

func TestOtherNamesAreNoDatabase(t *testing.T) {
	for _, dsn := range []string{"", "sqlite:", "/data", "mysql:/data"} {
		if _, err := store.Open(t.Context(), dsn, store.Options{}); err == nil {
			t.Errorf("%q opens", dsn)
		}
		if _, err := store.OpenReadOnly(t.Context(), dsn, store.Options{}); err == nil {
			t.Errorf("%q opens for reading", dsn)
		}
	}
	if _, err := store.OpenReadOnly(t.Context(), "sqlite:"+t.TempDir(), store.Options{}); err == nil {
		t.Error("an empty folder opens for reading")
	}
}

func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	s := openFolder(t, t.TempDir())
	w := storetest.NewWorker(t, s)
	alice := storetest.ID(1)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	if err := store.Pragma(t.Context(), s, "PRAGMA max_page_count = 80"); err != nil {
		t.Fatal(err)
	}
	var err error
	before, tries := uint64(0), 0
	for ; err == nil && tries < 1000; tries++ {
		before = w.Shard.Position().N
		c, _ := w.Decide(storetest.Say(alice, room, strings.Repeat("x", 10_000)))
		err = w.Shard.Commit(t.Context(), c)
	}
	if !errors.Is(err, chat.ErrUnreachable) {
		t.Fatalf("after %d commits: %v", tries, err)
	}
	if p, err := w.Shard.Reload(t.Context()); err != nil || p.N != before {
		t.Fatalf("the feed stands at %d after %d, %v", p.N, before, err)
	}
	if err := store.Pragma(t.Context(), s, "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	w.Forget()
	for range 10 {
		w.Event(storetest.Say(alice, room, strings.Repeat("x", 10_000)))
	}
	if report, err := s.Verify(t.Context(), nil); err != nil || len(report.Findings) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
}

func TestCommitsGoBeforeOtherWrites(t *testing.T) {
	s := openFolder(t, t.TempDir())
	w := storetest.NewWorker(t, s)
	alice := storetest.ID(1)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	release, err := store.HoldWriter(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	order := make(chan string, 3)
	var group sync.WaitGroup
	other := func() {
		if err := s.Readers().SetPosition(context.Background(), "r", 0, 1); err != nil {
			t.Error(err)
		}
		order <- "other"
	}
	group.Go(other)
	group.Go(other)
	until(func() bool { _, others := store.Waiting(s); return others == 2 })
	c, _ := w.Decide(storetest.Say(alice, room, "first"))
	group.Go(func() {
		if err := w.Shard.Commit(context.Background(), c); err != nil {
			t.Error(err)
		}
		order <- "commit"
	})
	until(func() bool { commits, _ := store.Waiting(s); return commits == 1 })
	gone, cancel := context.WithCancel(t.Context())
	group.Go(func() {
		if err := s.Readers().SetPosition(gone, "r", 0, 9); !errors.Is(err, context.Canceled) || !errors.Is(err, chat.ErrUnreachable) {
			t.Errorf("who gives up gets %v", err)
		}
	})
	until(func() bool { _, others := store.Waiting(s); return others == 3 })
	cancel()
	until(func() bool { _, others := store.Waiting(s); return others == 2 })
	release()
	group.Wait()
	if first := <-order; first != "commit" {
		t.Errorf("%s came first", first)
	}
	if n, err := s.Readers().Position(t.Context(), "r", 0); err != nil || n != 1 {
		t.Errorf("the reader is at %d, %v", n, err)
	}
}

// until yields until the others have come so far.
func until(done func() bool) {
	for !done() {
		runtime.Gosched()
	}
}

func TestWhoNoLongerWaitsIsNotServed(t *testing.T) { onEach(t, whoNoLongerWaitsIsNotServed) }

func whoNoLongerWaitsIsNotServed(t *testing.T, open storetest.Open) {
	s := open(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Accounts().Users(gone, []chat.UserID{storetest.ID(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("a read gives %v", err)
	}
	if err := s.Readers().SetPosition(gone, "r", 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a write gives %v", err)
	}
	if _, err := s.Verify(gone, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("verify gives %v", err)
	}
}

func TestABackupThatNobodyWaitsForIsNotMade(t *testing.T) {
	s := openFolder(t, t.TempDir())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(t.TempDir(), "b")
	if err := s.Backup(gone, file, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a backup gives %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("its beginning is left")
	}
}

// interrupted ends when it has been looked at so often.
type interrupted struct {
	context.Context
	looks int
}

func (i *interrupted) Err() error {
	if i.looks--; i.looks < 0 {
		return context.Canceled
	}
	return nil
}

// TestWhatIsInterruptedInTheMiddleLeavesNothing: neither a part of a backup, nor a
// folder in which a server would begin anew.
func TestWhatIsInterruptedInTheMiddleLeavesNothing(t *testing.T) {
	s := openFolder(t, t.TempDir())
	w := storetest.NewWorker(t, s)
	alice := storetest.ID(1)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	for range 200 { // more than is copied between two looks
		w.Event(storetest.Say(alice, room, strings.Repeat("long ", 6000)))
	}
	in := t.TempDir()
	left := func() (names []string) {
		entries, err := os.ReadDir(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	copied := 0
	err := s.Backup(&interrupted{t.Context(), 1}, filepath.Join(in, "backup"), func(done, _ int) { copied = done })
	if !errors.Is(err, context.Canceled) || copied == 0 || len(left()) > 0 {
		t.Errorf("a backup gives %v after %d pages and leaves %v", err, copied, left())
	}
	file := filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(t.Context(), file, nil); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(&interrupted{t.Context(), 1}, file, filepath.Join(in, "data")); !errors.Is(err, context.Canceled) || len(left()) > 0 {
		t.Errorf("a restore gives %v and leaves %v", err, left())
	}
}

// TestNoDatabaseIsBegunWhereARestoreWasKilled: who restores does not want a new
// one, and it can be repeated.
func TestNoDatabaseIsBegunWhereARestoreWasKilled(t *testing.T) {
	s := openFolder(t, t.TempDir())
	file, dir := filepath.Join(t.TempDir(), "backup"), t.TempDir()
	if err := s.Backup(t.Context(), file, nil); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "parley.db.part"), []byte("half of it"))
	if began, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{}); !errors.Is(err, store.ErrHalf) {
		t.Errorf("opening it gives %v", err)
		if err == nil {
			began.Close()
		}
	}
	if err := store.Founded(dir); !errors.Is(err, store.ErrHalf) {
		t.Errorf("looking at it gives %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, "parley.db.part"), 0); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(t.Context(), file, dir); err != nil {
		t.Fatal(err)
	}
	openFolder(t, dir)
}

func TestABackupIsWhatWasThereWhenItBegan(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s := openFolder(t, dir)
	w := storetest.NewWorker(t, s)
	room := storetest.Everything(t, w)
	head, wrote := w.Rooms[room].Head, false
	err := s.Backup(t.Context(), file, func(done, total int) {
		if !wrote {
			w.Event(storetest.Say(storetest.ID(1), room, "meanwhile"))
			wrote = true
		}
		if done > total || total == 0 {
			t.Errorf("%d of %d pages", done, total)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), file, nil); err == nil {
		t.Error("a backup overwrites a file")
	}
	if err := store.Restore(t.Context(), file, dir); !errors.Is(err, store.ErrLocked) {
		t.Errorf("restoring into a running folder gives %v", err)
	}
	fresh := filepath.Join(t.TempDir(), "new", "folder")
	if err := store.Restore(t.Context(), file, fresh); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(t.Context(), file, fresh); err == nil {
		t.Error("a restore overwrites a database")
	}
	restored := openFolder(t, fresh)
	shard, err := restored.Claim(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	infos, err := shard.Rooms(t.Context(), []chat.RoomID{room})
	if err != nil || infos[0].Head != head {
		t.Errorf("restored is %+v, %v; it stood at %d", infos, err, head)
	}
	if report, err := restored.Verify(t.Context(), nil); err != nil || len(report.Findings) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	other := filepath.Join(t.TempDir(), "other")
	write(t, other, []byte("this is a letter"))
	for _, bad := range []string{other, filepath.Join(t.TempDir(), "missing")} {
		into := filepath.Join(t.TempDir(), "folder")
		if err := store.Restore(t.Context(), bad, into); err == nil {
			t.Errorf("%s is restored", bad)
		}
		if _, err := os.Stat(into); err == nil {
			t.Error("a refused restore leaves something behind")
		}
	}
}

// A database that was put back to an earlier time goes on with other events
// under the same feed numbers: an index of the old ones would find what never
// happened.
func TestTheIndexNoticesAnotherPast(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	alice := storetest.ID(1)
	s := openFolder(t, dir)
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	if err := s.Backup(t.Context(), file, nil); err != nil {
		t.Fatal(err)
	}
	w.Event(storetest.Say(alice, room, "old past"))
	search(t, s, alice, "old", 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(dir, "parley.db"+end)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := store.Restore(t.Context(), file, dir); err != nil {
		t.Fatal(err)
	}
	s = openFolder(t, dir)
	storetest.NewWorker(t, s).Event(storetest.Say(alice, room, "new past"))
	search(t, s, alice, "new", 1)
	search(t, s, alice, "old", 0)
}

func TestADamagedIndexIsBuiltAgain(t *testing.T) {
	dir := t.TempDir()
	alice := storetest.ID(1)
	s := openFolder(t, dir)
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	w.Event(storetest.Say(alice, room, "needle"))
	search(t, s, alice, "needle", 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "search.db"), bytes.Repeat([]byte("garbage "), 10_000))
	search(t, openFolder(t, dir), alice, "needle", 1)
}

func search(t *testing.T, s *store.Store, user chat.UserID, query string, want int) {
	t.Helper()
	for moved := 1; moved > 0; {
		var err error
		if moved, err = s.Search().Catch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	hits, _, err := s.Search().Query(t.Context(), user, query, chat.RoomID{}, chat.UserID{}, 0, "", 10)
	if err != nil || len(hits) != want {
		t.Fatalf("%q finds %+v, %v", query, hits, err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
