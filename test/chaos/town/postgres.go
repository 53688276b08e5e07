package town

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/parley-chat/parley/internal/store/pgtest/installed"
)

// pgSettings are what differs from how PostgreSQL comes. Its promises (fsync,
// synchronous_commit) stay as they are.
const pgSettings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
`

// startPostgres makes an empty database cluster and serves it.
func (t *Town) startPostgres(ctx context.Context) error {
	bin, err := installed.Binaries()
	if err != nil {
		return err
	}
	as, err := installed.Owner()
	if err != nil {
		return err
	}
	dir, err := t.pgFolder(as)
	if err != nil {
		return err
	}
	data, secret := filepath.Join(dir, "data"), filepath.Join(dir, "password")
	t.database = data
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "parley", "--pwfile", secret, "-A", "scram-sha-256",
		"-E", "UTF8", "--locale", "C.UTF-8")
	initdb.Dir, initdb.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(pgSettings)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	port, err := FreePort()
	if err != nil {
		return err
	}
	return t.add(&Proc{Name: "postgres", Kind: "postgres", Port: port, as: as, stop: syscall.SIGINT, ready: pgReady(port),
		args: []string{filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port)}}).Start(ctx)
}

// Database is the folder of PostgreSQL's data.
func (t *Town) Database() string { return t.database }

// pgFolder is outside of our own, which its user may not be allowed to enter.
func (t *Town) pgFolder(as *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", "parley-town-")
	if err != nil {
		return "", err
	}
	t.closers = append(t.closers, func() error { return os.RemoveAll(dir) })
	if err := t.disk("postgres", dir, 320); err != nil {
		return "", err
	}
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(t.passwords), 0o600); err != nil {
		return "", err
	}
	if as != nil {
		for _, path := range []string{dir, secret} {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				return "", err
			}
		}
	}
	return dir, nil
}

// pgReady says hello and looks whether the server asks for a password; one that
// is still recovering answers with an error (PostgreSQL's manual, "Message Flow").
func pgReady(port int) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", here(port))
		if err != nil {
			return err
		}
		defer c.Close()
		if deadline, ok := ctx.Deadline(); ok {
			_ = c.SetDeadline(deadline)
		}
		hello := append(binary.BigEndian.AppendUint32(nil, 3<<16), "user\x00parley\x00database\x00postgres\x00\x00"...)
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(4+len(hello))), hello...)); err != nil {
			return err
		}
		var answer [1]byte
		if _, err := c.Read(answer[:]); err != nil {
			return err
		}
		if answer[0] != 'R' {
			return fmt.Errorf("PostgreSQL answers %q", answer[0])
		}
		return nil
	}
}

// SQL runs statements on the database, in one transaction, and returns what they
// print.
func (t *Town) SQL(ctx context.Context, statements string) (string, error) {
	bin, err := installed.Binaries()
	if err != nil {
		return "", err
	}
	psql := exec.CommandContext(ctx, filepath.Join(bin, "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--single-transaction",
		"--set=ON_ERROR_STOP=1", "--command="+statements, t.dsn(here(t.Proc("postgres").Port)))
	out, err := psql.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// dsn is the database by an address.
func (t *Town) dsn(address string) string {
	host, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf("postgres://parley:%s@%s:%s/postgres?sslmode=disable", t.passwords, host, port)
}
