package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/store"
)

// New starts a server of the test's own, to be stopped and started at will. It
// is gone when the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := newServer()
	if err == nil {
		err = s.start(s.writable)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Errorf("the PostgreSQL of this test was not removed: %v", err)
		}
	})
	return s
}

// Stop ends the server at once, and what it was told was safe is.
func (s *Server) Stop(t testing.TB) { s.must(t, s.end("stop")) }

// Kill ends it as kill -9 does.
func (s *Server) Kill(t testing.TB) { s.must(t, s.end("kill")) }

// Start runs a stopped server again, under the same address.
func (s *Server) Start(t testing.TB) { s.must(t, s.start(s.writable)) }

// StartRecovering runs it as one that is not done with recovering, and can only be
// read until it is promoted.
func (s *Server) StartRecovering(t testing.TB) {
	s.must(t, os.WriteFile(filepath.Join(s.dir, "data", "standby.signal"), nil, 0o644))
	s.must(t, s.start(s.readable))
}

// Promote ends the recovery.
func (s *Server) Promote(t testing.TB) { s.must(t, s.do(t.Context(), `SELECT pg_promote()`)) }

func (s *Server) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Empty makes a database without anything in it, and returns its address. It is
// the test's own, and is dropped some time after its end.
func (s *Server) Empty(t testing.TB) string { return s.database(t, "template0") }

// Encoded is like Empty, in another encoding than UTF-8.
func (s *Server) Encoded(t testing.TB, encoding string) string {
	return s.database(t, "template0 ENCODING '"+encoding+"' LOCALE 'C'")
}

// Fresh makes a database as Parley founds it, with so many partitions (0: as
// many as usual), and returns its address. It is the test's own.
func (s *Server) Fresh(t testing.TB, partitions int) string {
	t.Helper()
	template := fmt.Sprintf("founded_%d", partitions)
	found, _ := s.templates.LoadOrStore(partitions, sync.OnceValue(func() error { return s.found(template, partitions) }))
	s.must(t, found.(func() error)())
	return s.database(t, template)
}

// found makes a template, so that the many databases after it are only copied.
func (s *Server) found(name string, partitions int) error {
	ctx := context.Background()
	if err := s.do(ctx, "CREATE DATABASE "+name); err != nil {
		return err
	}
	founded, err := store.Open(ctx, s.DSN(name), store.Options{Partitions: partitions})
	if err != nil {
		return err
	}
	return founded.Close()
}

func (s *Server) database(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	s.must(t, s.do(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template))
	t.Cleanup(func() {
		if err := s.discard(name); err != nil {
			t.Errorf("databases of tests were not dropped: %v", err)
		}
	})
	return s.DSN(name)
}

// dropAtOnce is how many databases nobody needs any more are dropped together:
// the first makes PostgreSQL write everything to disk, the others cost little.
const dropAtOnce = 24

func (s *Server) discard(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unused = append(s.unused, name)
	if len(s.unused) < dropAtOnce || s.life == nil {
		return nil
	}
	var errs []error
	for _, name := range s.unused {
		errs = append(errs, s.do(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"))
	}
	s.unused = nil
	return errors.Join(errs...)
}

// Tool runs one of PostgreSQL's own programs.
func (s *Server) Tool(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := s.command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// do runs a statement of the administrator.
func (s *Server) do(ctx context.Context, sql string) error {
	k, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer k.Close(ctx)
	_, err = k.Exec(ctx, sql)
	return err
}

// shared is the server of this test process, started when a test first needs it.
var shared = sync.OnceValues(func() (*Server, error) {
	s, err := newServer()
	if err == nil {
		err = s.start(s.writable)
	}
	return s, err
})

// Shared is a server for all tests of this process, which nobody stops. It ends
// with the process.
func Shared(t testing.TB) *Server {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Fresh is a database of the shared server: see [Server.Fresh].
func Fresh(t testing.TB, partitions int) string { return Shared(t).Fresh(t, partitions) }

// Empty is a database of the shared server: see [Server.Empty].
func Empty(t testing.TB) string { return Shared(t).Empty(t) }

// Open opens a database, and closes it when the test ends.
func Open(t testing.TB, dsn string, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
