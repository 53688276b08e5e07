package nodetest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus/bustest"
)

var built struct {
	once sync.Once
	path string
	err  error
}

// Binary builds `parley` once for all tests of a package and says where it is.
func Binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		var dir string
		if dir, built.err = os.MkdirTemp("", "parley-test-"); built.err != nil {
			return
		}
		built.path = filepath.Join(dir, "parley")
		build := exec.Command("go", "build", "-o", built.path, "github.com/parley-chat/parley/cmd/parley")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatalf("building parley: %v", built.err)
	}
	return built.path
}

// Process is a real `parley serve` on a data folder, which can be killed and
// started again.
type Process struct {
	t    testing.TB
	Dir  string
	Port int
	args []string
	env  []string
	in   []string // a command that the process is run by
	cmd  *exec.Cmd
	out  *lockedBuffer
	exit chan error
}

// NewProcess starts `parley serve` with more flags on a fresh folder, or on dir
// when it is not empty, and ends it with the test.
func NewProcess(t testing.TB, dir string, flags ...string) *Process {
	t.Helper()
	if dir == "" {
		dir = filepath.Join(t.TempDir(), "data")
	}
	p := &Process{t: t, Dir: dir, Port: freePort(t), args: flags}
	p.Start()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the server said:\n%s", p.Output())
		}
	})
	return p
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := bustest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// URL is where the process serves.
func (p *Process) URL() string { return fmt.Sprintf("http://127.0.0.1:%d", p.Port) }

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what the process has written, over all its starts.
func (p *Process) Output() string { return p.out.String() }

// NewRole starts `parley serve` for some roles, with more flags and environment,
// without a folder, and ends it with the test. It does not wait: what the role
// needs may not be there yet.
func NewRole(t testing.TB, roles string, env []string, flags ...string) *Process {
	t.Helper()
	return NewRoleIn(t, nil, roles, env, flags...)
}

// NewRoleIn is NewRole by another command that runs it, like one that puts it
// into a network of its own.
func NewRoleIn(t testing.TB, command []string, roles string, env []string, flags ...string) *Process {
	t.Helper()
	p := &Process{t: t, Port: freePort(t), args: append([]string{"--roles", roles}, flags...), env: env, in: command}
	p.Launch()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", roles, p.Output())
		}
	})
	return p
}

// Launch starts the process without waiting until it is ready.
func (p *Process) Launch() {
	p.t.Helper()
	if p.out == nil {
		p.out = &lockedBuffer{}
	}
	args := append([]string{"serve", "--listen", fmt.Sprintf("127.0.0.1:%d", p.Port)}, p.args...)
	if p.Dir != "" {
		args = append(args, "--data", p.Dir)
	}
	line := append(append(p.in[:len(p.in):len(p.in)], Binary(p.t)), args...)
	p.cmd = exec.Command(line[0], line[1:]...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exit := make(chan error, 1)
	p.exit = exit
	go func(cmd *exec.Cmd) { exit <- cmd.Wait() }(p.cmd)
}

// Start starts the process and waits until it is ready.
func (p *Process) Start() {
	p.t.Helper()
	p.Launch()
	p.AwaitReady()
}

// AwaitReady waits until the process would admit a command.
func (p *Process) AwaitReady() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL()+"/readyz", nil)
		if err != nil {
			p.t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-p.exit:
			p.exit <- err
			p.t.Fatalf("the server ended before it was ready: %v\n%s", err, p.Output())
		case <-ctx.Done():
			p.t.Fatalf("the server did not become ready\n%s", p.Output())
		case <-poll.C:
		}
	}
}

// Kill kills the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	err := <-p.exit
	p.exit <- err
}

// Signal sends the process a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Stop asks the process to end and waits until it has, for its exit code.
func (p *Process) Stop() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.exit:
		p.exit <- err
	case <-time.After(patience):
		p.t.Fatalf("the server did not stop\n%s", p.Output())
	}
	return p.cmd.ProcessState.ExitCode()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// NewOperator is somebody who runs commands of the binary in an environment.
func NewOperator(t testing.TB, env []string) *Process { return &Process{t: t, env: env} }

// Run runs another command of the same binary, in the same environment, and
// returns what it printed; the test fails when the command does.
func (p *Process) Run(args ...string) string {
	p.t.Helper()
	run := exec.Command(Binary(p.t), args...)
	run.Env = append(os.Environ(), p.env...)
	out, err := run.CombinedOutput()
	if err != nil {
		p.t.Fatalf("parley %v: %v\n%s", args, err, out)
	}
	return string(out)
}
