// Package pgtest gives tests a real PostgreSQL: a server of their own, started
// from the installed binaries, that ends when the test process ends, however it
// ends. What is missing fails the test that needs it.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/store/pgtest/installed"
)

// Server is a PostgreSQL server with an empty cluster on a free port of
// 127.0.0.1. It writes with fsync, as one in earnest does.
type Server struct {
	bin, dir string
	port     int
	password string
	as       *syscall.Credential // nil: as we are

	keeper *exec.Cmd
	life   io.WriteCloser // while it is open the server runs; nil when it does not

	databases atomic.Int64 // made so far
	templates sync.Map     // by partitions

	mu     sync.Mutex
	unused []string // databases of tests that have ended
}

// settings leave room for many stores at once, and nothing else is tuned.
const settings = `
listen_addresses = '127.0.0.1'
max_connections = 300
unix_socket_directories = ''
log_min_messages = fatal
log_min_error_statement = panic
`

// keeper runs the server until its standard input ends, as it does with the test
// process, and then leaves nothing behind; or until a line there says how to
// stop. The file named ended says that the server has.
const keeper = `
("$0/postgres" -D "$1/data" -p "$2" >>"$1/log" 2>&1; : >"$1/ended") &
read how || how=gone
case $how in
stop) signal=INT ;;
kill) signal=KILL ;;
*) signal=QUIT ;;
esac
until [ -e "$1/ended" ] || kill -s $signal "$(head -n 1 "$1/data/postmaster.pid")" 2>/dev/null; do sleep 0.02; done
wait
[ "$how" != gone ] || rm -rf "$1"
`

func newServer() (*Server, error) {
	bin, err := installed.Binaries()
	if err != nil {
		return nil, err
	}
	as, err := installed.Owner()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "parley-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, as: as, password: rand.Text()}
	if err := s.initialise(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// initialise makes the cluster. Only that is done without fsync.
func (s *Server) initialise() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return err
	}
	if s.as != nil {
		for _, file := range []string{s.dir, secret} {
			if err := os.Chown(file, int(s.as.Uid), int(s.as.Gid)); err != nil {
				return err
			}
		}
	}
	data := filepath.Join(s.dir, "data")
	c := s.command("initdb", "-D", data, "-U", "parley", "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(settings)
	return errors.Join(err, f.Close())
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return c
}

// start runs the server, on the port that it had before when it runs again, and
// waits until it is ready in the caller's sense.
func (s *Server) start(ready func(context.Context) error) error {
	var err error
	again := s.port != 0
	for range 5 {
		if s.port == 0 {
			if s.port, err = freePort(); err != nil {
				return err
			}
		}
		if err = s.run(ready); err == nil {
			return nil
		}
		err = errors.Join(err, s.end("kill"))
		if !again {
			s.port = 0
		}
	}
	out, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, out)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (s *Server) run(ready func(context.Context) error) error {
	c := exec.Command("/bin/sh", "-c", keeper, s.bin, s.dir, strconv.Itoa(s.port))
	c.Dir = s.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setsid: true} // an interrupt of the test reaches it as the end of its input
	life, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(s.dir, "ended")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	s.keeper, s.life = c, life
	return s.answers(ready)
}

// answers waits until the server is ready.
func (s *Server) answers(ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		if _, gone := os.Stat(filepath.Join(s.dir, "ended")); gone == nil {
			return errors.New("it ended at once")
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// writable says that the server lets somebody in who may write.
func (s *Server) writable(ctx context.Context) error {
	recovering, err := s.recovering(ctx)
	if err == nil && recovering {
		err = errors.New("it is still recovering")
	}
	return err
}

// readable says that it lets somebody in at all.
func (s *Server) readable(ctx context.Context) error {
	_, err := s.recovering(ctx)
	return err
}

func (s *Server) recovering(ctx context.Context) (is bool, err error) {
	k, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return false, err
	}
	err = k.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&is)
	return is, errors.Join(err, k.Close(ctx))
}

// end tells the keeper how the server is to stop, and waits until it has.
func (s *Server) end(how string) error {
	if s.life == nil {
		return nil
	}
	_, err := io.WriteString(s.life, how+"\n")
	err = errors.Join(err, s.life.Close(), s.keeper.Wait())
	s.life = nil
	return err
}

func (s *Server) remove() error { return errors.Join(s.end("stop"), os.RemoveAll(s.dir)) }

// Dir is where the server keeps everything.
func (s *Server) Dir() string { return s.dir }

// DSN is the address of a database of the server.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://parley:%s@127.0.0.1:%d/%s?sslmode=disable", s.password, s.port, database)
}
