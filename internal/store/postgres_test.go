package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
	"github.com/parley-chat/parley/internal/store/storetest"
)

var alice = storetest.ID(1)

// eventually tries until the try has no complaint.
func eventually(t *testing.T, within time.Duration, try func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s still: %v", within, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A session that PostgreSQL has ended has lost its partition: it cannot commit,
// says so when asked where it stands, and another can claim.
func TestWhoLosesTheSessionLosesThePartition(t *testing.T) {
	s := pgtest.Open(t, pgtest.Fresh(t, 1), store.Options{})
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	before := w.Shard.Position()
	c, _ := w.Decide(storetest.Say(alice, room, "too late"))
	if n, err := store.EndSessions(t.Context(), s); err != nil || n != 1 {
		t.Fatalf("%d sessions were ended, %v", n, err)
	}
	if err := w.Shard.Commit(t.Context(), c); !errors.Is(err, chat.ErrUnreachable) {
		t.Fatalf("the commit gives %v", err)
	}
	if _, err := w.Shard.Reload(t.Context()); !errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("to reload gives %v", err)
	}
	if err := w.Shard.Ping(t.Context()); !errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("to ping gives %v", err)
	}
	if err := w.Shard.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := storetest.NewWorker(t, s)
	if p := next.Shard.Position(); p.Epoch != before.Epoch+1 || p.N != before.N {
		t.Fatalf("the next stands at %+v after %+v", p, before)
	}
	next.Event(storetest.Say(alice, room, "I go on"))
}

// An owner that is stopped says nothing any more, and is put out.
func TestASilentOwnerIsPutOut(t *testing.T) {
	dsn := pgtest.Fresh(t, 1)
	s, other := pgtest.Open(t, dsn, store.Options{}), pgtest.Open(t, dsn, store.Options{})
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	c, _ := w.Decide(storetest.Say(alice, room, "I was asleep"))
	silent := time.Now()
	if _, err := other.Claim(t.Context(), 0); !errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("while it has an owner it is claimed with %v", err)
	}
	var next *store.Shard
	eventually(t, 5*time.Second, func() (err error) {
		next, err = other.Claim(t.Context(), 0)
		return err
	})
	t.Logf("taken over after %s of silence", time.Since(silent).Round(10*time.Millisecond))
	if err := w.Shard.Commit(t.Context(), c); !chat.Transient(err) {
		t.Fatalf("the one that was asleep commits with %v", err)
	}
	if p, err := next.Reload(t.Context()); err != nil || p.N != 1 {
		t.Fatalf("the feed stands at %d, %v", p.N, err)
	}
}

// Should a session live on whose partition another has claimed, its commits fail
// by themselves.
func TestACommitChecksTheEpoch(t *testing.T) {
	s := pgtest.Open(t, pgtest.Fresh(t, 1), store.Options{})
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	c, _ := w.Decide(storetest.Say(alice, room, "too late"))
	if _, err := store.Tamper(t.Context(), s, `UPDATE partitions SET epoch = epoch + 1`); err != nil {
		t.Fatal(err)
	}
	if err := w.Shard.Commit(t.Context(), c); !errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("the commit gives %v", err)
	}
	if err := w.Shard.Ping(t.Context()); !errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("to ping gives %v", err)
	}
	if _, n, _, err := s.Archive().Feed(t.Context(), 0, 0, 10, 1<<20); err != nil || n != 1 {
		t.Fatalf("the feed stands at %d, %v", n, err)
	}
}

// An owner that is stopped while it sends a large batch leaves PostgreSQL waiting
// for the rest. No timeout of PostgreSQL counts there.
func TestAnOwnerThatIsStoppedAmidABatchIsPutOut(t *testing.T) {
	dsn := pgtest.Fresh(t, 1)
	s := pgtest.Open(t, dsn, store.Options{})
	w := storetest.NewWorker(t, s)
	if err := w.Shard.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	owner, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	if err := store.HoldPartition(t.Context(), owner, 0); err != nil {
		t.Fatal(err)
	}
	half := owner.PgConn().Frontend() // and never a Sync
	half.SendParse(&pgproto3.Parse{Query: "BEGIN"})
	half.SendBind(&pgproto3.Bind{})
	half.SendExecute(&pgproto3.Execute{})
	if err := half.Flush(); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	if _, err := s.Claim(t.Context(), 0); !errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("at once it is claimed with %v", err)
	}
	eventually(t, 5*time.Second, func() error {
		_, err := s.Claim(t.Context(), 0)
		return err
	})
	t.Logf("taken over %s after it was stopped", time.Since(stopped).Round(10*time.Millisecond))
}

func TestAnOwnerThatPingsStays(t *testing.T) {
	dsn := pgtest.Fresh(t, 1)
	s, other := pgtest.Open(t, dsn, store.Options{}), pgtest.Open(t, dsn, store.Options{})
	w := storetest.NewWorker(t, s)
	for range 4 {
		time.Sleep(time.Second) // longer than a silent one may stay, and no longer than it takes to be heard
		if err := w.Shard.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Claim(t.Context(), 0); !errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("got %v", err)
	}
	w.Event(storetest.Create(chat.Group, "Team", alice))
}

// The answer to a commit is lost on its way: nobody knows whether it happened.
// Whoever claims the partition then finds out, and a repetition is recognised.
func TestTheAnswerToACommitIsLost(t *testing.T) {
	dsn := pgtest.Fresh(t, 1)
	p := pgtest.NewProxy(t, dsn)
	s := pgtest.Open(t, p.DSN(), store.Options{})
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	c, _ := w.Decide(storetest.Say(alice, room, "did I say this?"))
	p.SwallowAnswers()
	err := w.Shard.Commit(t.Context(), c)
	if !errors.Is(err, chat.ErrUnreachable) || errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("the commit gives %v", err)
	}
	if p.Swallowed() == 0 {
		t.Fatal("no answer was swallowed")
	}
	p.Heal()
	if _, err := w.Shard.Reload(t.Context()); !errors.Is(err, chat.ErrNotOwner) {
		t.Fatalf("to reload gives %v", err)
	}
	if err := w.Shard.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	var next *storetest.Worker
	eventually(t, 5*time.Second, func() error {
		shard, err := s.Claim(t.Context(), 0)
		if err == nil {
			err = shard.Release(t.Context())
		}
		return err
	})
	next = storetest.NewWorker(t, s)
	if n := next.Shard.Position().N; n != 2 {
		t.Fatalf("the feed stands at %d: the commit did not happen", n)
	}
	again, _ := next.Decide(storetest.Say(alice, room, "did I say this?"))
	again.Events[0].Nonce = c.Events[0].Nonce
	if err := next.Shard.Commit(t.Context(), again); !errors.Is(err, chat.ErrRepeat) {
		t.Fatalf("a repetition gives %v", err)
	}
	key := chat.NonceKey{Room: room, By: alice, Nonce: c.Events[0].Nonce}
	if known, err := next.Shard.Repeats(t.Context(), []chat.NonceKey{key}); err != nil || known[key] != 2 {
		t.Fatalf("it is known as %v, %v", known, err)
	}
}

// A text that PostgreSQL cannot keep is the command's own fault: it would fail
// for ever.
func TestWhatCannotBeKeptIsNotTransient(t *testing.T) {
	s := pgtest.Open(t, pgtest.Fresh(t, 1), store.Options{})
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	for _, text := range []string{"a\x00b", "\xff"} {
		w.Forget()
		c, _ := w.Decide(storetest.Say(alice, room, "x"))
		c.Events[0].Body.Text = text
		if err := w.Shard.Commit(t.Context(), c); err == nil || chat.Transient(err) || errors.Is(err, chat.ErrRepeat) {
			t.Fatalf("%q gives %v", text, err)
		}
	}
	w.Forget()
	w.Event(storetest.Say(alice, room, "and on we go"))
}

func TestSeveralOpenAnEmptyDatabaseAtOnce(t *testing.T) {
	dsn := pgtest.Empty(t)
	const several = 6
	stores, keys := make([]*store.Store, several), make([][]chat.SigningKey, several)
	atOnce(several, func(i int) {
		var err error
		if stores[i], err = store.Open(context.Background(), dsn, store.Options{Readers: 2}); err != nil {
			t.Error(err)
			return
		}
		a := stores[i].Accounts()
		err = a.AddSigningKey(context.Background(), chat.SigningKey{ID: fmt.Sprint("key", i), Seed: []byte{byte(i)}, CreatedAt: 1})
		if err == nil {
			keys[i], err = a.SigningKeys(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	for i, s := range stores {
		if s == nil {
			continue
		}
		if n, err := s.Partitions(t.Context()); n != 8 || err != nil {
			t.Errorf("there are %d partitions, %v", n, err)
		}
		if len(keys[i]) != 1 || !reflect.DeepEqual(keys[i], keys[0]) {
			t.Errorf("one has the keys %v, another %v", keys[i], keys[0])
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if s, err := store.Open(t.Context(), dsn, store.Options{Partitions: 3}); err != nil {
		t.Error(err)
	} else {
		if n, _ := s.Partitions(t.Context()); n != 8 {
			t.Errorf("an existing database was divided anew, into %d", n)
		}
		_ = s.Close()
	}
}

// A schema one migration newer is for the binaries of this version too, when the
// migration says so.
func TestANewerSchemaOfPostgres(t *testing.T) {
	steps, err := store.PostgresSteps()
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(steps, "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	ours := len(files)
	for _, c := range []struct {
		name           string
		version, since int
		want           error
	}{
		{"the next, made for both", ours + 1, ours, nil},
		{"the next, made for itself", ours + 1, ours + 1, store.ErrNewer},
		{"one after the next", ours + 2, ours + 1, store.ErrNewer},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := pgtest.Fresh(t, 1)
			s := pgtest.Open(t, dsn, store.Options{})
			for sql, arg := range map[string]any{
				`INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true)`: c.version,
				`UPDATE meta SET value = $1 WHERE key = 'usable_since'`:                   strconv.Itoa(c.since),
			} {
				if n, err := store.Tamper(t.Context(), s, sql, arg); err != nil || n != 1 {
					t.Fatalf("%d, %v", n, err)
				}
			}
			for name, open := range map[string]func(context.Context, string, store.Options) (*store.Store, error){
				"open": store.Open, "for reading": store.OpenReadOnly,
			} {
				again, err := open(t.Context(), dsn, store.Options{})
				if !errors.Is(err, c.want) {
					t.Fatalf("%s gives %v", name, err)
				}
				if err == nil {
					_ = again.Close()
				}
			}
		})
	}
}

func TestAPostgresThatWillNotDo(t *testing.T) {
	if _, err := store.OpenReadOnly(t.Context(), pgtest.Empty(t), store.Options{}); err == nil || !strings.Contains(err.Error(), "no parley in this database") {
		t.Errorf("an empty database opens for reading with %v", err)
	}
	if _, err := store.Open(t.Context(), pgtest.Shared(t).Encoded(t, "LATIN1"), store.Options{}); err == nil || !strings.Contains(err.Error(), "UTF8") {
		t.Errorf("a database in another encoding gives %v", err)
	}
	for _, dsn := range []string{
		"postgres://me:secret@127.0.0.1:notaport/x", "postgres://me:secret@127.0.0.1:1/x?default_query_exec_mode=exec",
		"postgres://me:secret@127.0.0.1:1/x?pool_max_conns=none", "postgres://me:secret@127.0.0.1:1/x",
	} {
		s, err := store.Open(t.Context(), dsn, store.Options{})
		if err == nil {
			_ = s.Close()
		}
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s gives %v", dsn, err)
		}
	}
	if _, err := store.Open(t.Context(), pgtest.Empty(t), store.Options{Partitions: 1000}); err == nil {
		t.Error("a thousand partitions are founded")
	}
}

func TestWhatAStoreForReadingRefuses(t *testing.T) {
	dsn := pgtest.Fresh(t, 1)
	s := pgtest.Open(t, dsn, store.Options{})
	storetest.Everything(t, storetest.NewWorker(t, s))
	r, err := store.OpenReadOnly(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if report, err := r.Verify(t.Context(), nil); err != nil || len(report.Findings) > 0 || report.Rooms != 2 {
		t.Errorf("verify says %+v, %v", report, err)
	}
	if _, err := r.Claim(t.Context(), 0); err == nil {
		t.Error("it claims")
	}
	if err := r.Readers().SetPosition(t.Context(), "r", 0, 1); err == nil {
		t.Error("it writes")
	}
	err = s.Backup(t.Context(), filepath.Join(t.TempDir(), "b"), nil)
	if err == nil || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("a backup gives %v", err)
	}
}

// spread makes a room in each of the partitions.
func spread(t *testing.T, s *store.Store, partitions int) (workers []*storetest.Worker, rooms []chat.RoomID) {
	t.Helper()
	for part := range partitions {
		w := storetest.NewWorkerOf(t, s, part)
		create := storetest.Create(chat.Group, fmt.Sprint("room", part), alice)
		for chat.PartitionOf(create.Room, partitions) != part {
			create = storetest.Create(chat.Group, fmt.Sprint("room", part), alice)
		}
		workers, rooms = append(workers, w), append(rooms, w.Event(create).Room)
	}
	return workers, rooms
}

func TestPartitionsCommitBesideEachOther(t *testing.T) {
	const partitions, each = 8, 20
	dsn := pgtest.Fresh(t, 0)
	s := pgtest.Open(t, dsn, store.Options{})
	workers, rooms := spread(t, s, partitions)
	atOnce(partitions, func(i int) {
		for n := range each {
			c, _ := workers[i].Decide(storetest.Say(alice, rooms[i], fmt.Sprintf("needle %d %d", i, n)))
			if err := workers[i].Shard.Commit(context.Background(), c); err != nil {
				t.Error(err)
			}
		}
	})
	told := 0
	err := s.Archive().Events(t.Context(), alice, false, rooms, make([]uint64, partitions), 1000, 1<<20,
		func(room chat.RoomID, gone bool, head, n uint64, more bool, events []chat.Event) {
			if room != rooms[told] || gone || head != each+1 || n != each+1 || more || len(events) != each+1 {
				t.Errorf("room %d: gone %v, head %d, feed %d, more %v, %d events", told, gone, head, n, more, len(events))
			}
			told++
		})
	if err != nil || told != partitions {
		t.Fatalf("%d rooms were told, %v", told, err)
	}
	// Two processes fill the index; each event gets there once.
	other := pgtest.Open(t, dsn, store.Options{})
	atOnce(4, func(i int) {
		for moved := 1; moved > 0; {
			var err error
			if moved, err = []*store.Store{s, other}[i%2].Search().Catch(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	search(t, s, alice, "needle", 10)
	found := 0
	for next := ""; ; {
		hits, more, err := other.Search().Query(t.Context(), alice, "need", chat.RoomID{}, chat.UserID{}, 0, next, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			if found > 0 && h.Message.Text == "" {
				t.Errorf("hit %d is empty", found)
			}
			found++
		}
		if next = more; next == "" {
			break
		}
	}
	if found != partitions*each {
		t.Errorf("%d were found", found)
	}
	if report, err := s.Verify(t.Context(), nil); err != nil || len(report.Findings) > 0 || report.Rooms != partitions {
		t.Fatalf("%+v, %v", report, err)
	}
}

// A server that stops and starts again loses nothing, and who holds a store goes
// on with it.
func TestTheServerStopsAndStarts(t *testing.T) {
	server := pgtest.New(t)
	s := pgtest.Open(t, server.Fresh(t, 1), store.Options{})
	for name, end := range map[string]func(testing.TB){"it is stopped": server.Stop, "it is killed": server.Kill} {
		t.Run(name, func(t *testing.T) {
			w := storetest.NewWorker(t, s)
			room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
			c, _ := w.Decide(storetest.Say(alice, room, "is anybody there?"))
			began, ended := make(chan struct{}), make(chan error, 1)
			go func() {
				ended <- s.Exclusive(context.Background(), "a job", func(ctx context.Context) error {
					close(began)
					<-ctx.Done()
					return nil
				})
			}()
			<-began
			end(t)
			if err := w.Shard.Commit(t.Context(), c); !errors.Is(err, chat.ErrUnreachable) {
				t.Errorf("a commit gives %v", err)
			}
			if _, err := s.Access().Stats(t.Context()); !errors.Is(err, chat.ErrUnreachable) {
				t.Errorf("a read gives %v", err)
			}
			if err := s.Readers().SetPosition(t.Context(), "r", 0, 1); !errors.Is(err, chat.ErrUnreachable) {
				t.Errorf("a write gives %v", err)
			}
			if _, err := s.Claim(t.Context(), 0); !errors.Is(err, chat.ErrUnreachable) {
				t.Errorf("a claim gives %v", err)
			}
			if err := <-ended; !errors.Is(err, chat.ErrNotOwner) {
				t.Errorf("exclusive work ends with %v", err)
			}
			server.Start(t)
			if err := w.Shard.Release(t.Context()); err != nil {
				t.Error(err)
			}
			next := storetest.NewWorker(t, s)
			next.Event(storetest.Say(alice, room, "yes"))
			if err := next.Shard.Release(t.Context()); err != nil {
				t.Error(err)
			}
			if report, err := s.Verify(t.Context(), nil); err != nil || len(report.Findings) > 0 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}

// docs/operations.md names pg_dump as a backup: what it makes must open, and be
// sound.
func TestADumpIsABackup(t *testing.T) {
	server := pgtest.Shared(t)
	dsn := server.Fresh(t, 1)
	s := pgtest.Open(t, dsn, store.Options{})
	w := storetest.NewWorker(t, s)
	room := storetest.Everything(t, w)
	dump := filepath.Join(server.Dir(), t.Name())
	server.Tool(t, "pg_dump", "--format=custom", "--file="+dump, dsn)
	w.Event(storetest.Say(alice, room, "too late for the dump"))
	into := server.Empty(t)
	server.Tool(t, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+into, dump)
	restored := pgtest.Open(t, into, store.Options{})
	if report, err := restored.Verify(t.Context(), nil); err != nil || len(report.Findings) > 0 || report.Rooms != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	next := storetest.NewWorker(t, restored)
	if n := next.Shard.Position().N; n != w.Shard.Position().N-1 {
		t.Fatalf("the feed stands at %d", n)
	}
	next.Event(storetest.Say(alice, room, "and on we go"))
	search(t, restored, alice, "on we go", 1)
}

func FuzzSearch(f *testing.F) {
	s := pgtest.Open(f, pgtest.Fresh(f, 1), store.Options{})
	if _, err := store.Tamper(f.Context(), s, `INSERT INTO members (room, user_id, role, joined_at) VALUES ($1, $1, 'member', 1)`, alice); err != nil {
		f.Fatal(err)
	}
	for _, q := range []string{"two words", `"quo"ted`, `it's \ "`, "a & b | !c", "x:*", "日本語", "é́", "½ ² Ⅷ", "a\x00b", "\xff", strings.Repeat("long", 1000)} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		if _, _, err := s.Search().Query(t.Context(), alice, q, chat.RoomID{}, alice, 0, "", 1); err != nil {
			t.Fatalf("%q: %v", q, err)
		}
	})
}
