package town

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Proc is one process of the town. It does not outlive the program that started
// it, however that ends. Its methods are called by one goroutine at a time.
type Proc struct {
	Name string
	Kind string // what it is one of: a role, nats, postgres, nginx
	Port int    // where it is asked whether it is ready; 0: nowhere

	args  []string
	env   []string
	log   string
	stop  syscall.Signal      // asks it to end; SIGTERM unless set
	as    *syscall.Credential // whom it runs as; nil: us
	ready func(context.Context) error

	mu     sync.Mutex
	cmd    *exec.Cmd
	exit   chan struct{}
	starts int
}

// forker starts processes from one thread that lives as long as the program: the
// kernel kills a child when the thread that made it ends.
var forker = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Launch starts the process and does not wait until it is ready.
func (p *Proc) Launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return fmt.Errorf("%s is running", p.Name)
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	p.starts++
	fmt.Fprintf(log, "--- start %d of %s: %q\n", p.starts, p.Name, p.args)
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append(environment(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: p.as}
	if p.as != nil {
		cmd.Dir = "/"
	}
	started := make(chan error, 1)
	forker() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	exit := make(chan struct{})
	p.cmd, p.exit = cmd, exit
	go func() {
		_ = cmd.Wait() // its exit code is in cmd
		close(exit)
	}()
	return nil
}

// environment is ours without settings of some other Parley.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PARLEY_") })
}

// Upgrade makes the next start of a role one of another binary.
func (p *Proc) Upgrade(binary string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.args[slices.Index(p.args, "serve")-1] = binary
}

// startPatience bounds how long a process may take until it is ready.
const startPatience = 60 * time.Second

// Start starts the process and waits until it is ready.
func (p *Proc) Start(ctx context.Context) error {
	if err := p.Launch(); err != nil {
		return err
	}
	return p.AwaitReady(ctx)
}

// AwaitReady waits until the process answers as one that can work.
func (p *Proc) AwaitReady(ctx context.Context) error {
	if p.ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	_, exit := p.running()
	for {
		look, done := context.WithTimeout(ctx, 2*time.Second)
		err := p.ready(look)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-exit:
			return fmt.Errorf("%s ended before it was ready (%v); its log is %s", p.Name, p.exited(), p.log)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; its log is %s", p.Name, err, p.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *Proc) running() (*exec.Cmd, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd, p.exit
}

func (p *Proc) exited() string {
	cmd, _ := p.running()
	if cmd == nil || cmd.ProcessState == nil {
		return "no exit code"
	}
	return cmd.ProcessState.String()
}

// PID is the process's id, 0 when it does not run.
func (p *Proc) PID() int {
	cmd, exit := p.running()
	if cmd == nil {
		return 0
	}
	select {
	case <-exit:
		return 0
	default:
		return cmd.Process.Pid
	}
}

// Memory is how many bytes of memory the process has taken (proc(5), VmRSS).
func (p *Proc) Memory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10, nil
		}
	}
	return 0, fmt.Errorf("%s has no memory", p.Name)
}

// Signal sends it a signal.
func (p *Proc) Signal(s syscall.Signal) error {
	pid := p.PID()
	if pid == 0 {
		return fmt.Errorf("%s does not run", p.Name)
	}
	return syscall.Kill(pid, s)
}

// Kill ends the process with SIGKILL, running or paused, and waits until it is gone.
func (p *Proc) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	p.gone()
	return nil
}

// gone waits for the process's end and forgets it.
func (p *Proc) gone() {
	_, exit := p.running()
	<-exit
	p.mu.Lock()
	p.cmd = nil
	p.mu.Unlock()
}

// Revive starts the process again if it has ended by itself, as a service manager
// would; it says whether that was so.
func (p *Proc) Revive(ctx context.Context) (bool, error) {
	cmd, exit := p.running()
	if cmd == nil {
		return false, nil
	}
	select {
	case <-exit:
		p.gone()
		return true, p.Start(ctx)
	default:
		return false, nil
	}
}

// Pause stops the process with SIGSTOP; Continue lets it go on.
func (p *Proc) Pause() error { return p.Signal(syscall.SIGSTOP) }

// Continue lets a paused process go on.
func (p *Proc) Continue() error { return p.Signal(syscall.SIGCONT) }

// stopPatience is longer than any drain.
const stopPatience = 40 * time.Second

// Stop asks the process to end and waits until it has. A process that does not is
// killed, and that is an error, as is an exit code that is not 0.
func (p *Proc) Stop() error {
	cmd, exit := p.running()
	if cmd == nil {
		return nil
	}
	stop := p.stop
	if stop == 0 {
		stop = syscall.SIGTERM
	}
	if err := p.Signal(stop); err != nil {
		return err
	}
	select {
	case <-exit:
	case <-time.After(stopPatience):
		return errors.Join(fmt.Errorf("%s did not stop within %v", p.Name, stopPatience), p.Kill())
	}
	code := cmd.ProcessState
	p.gone()
	if !code.Success() && p.Kind != "nats" { // it ends with 1 when it is asked to
		return fmt.Errorf("%s stopped with %v; its log is %s", p.Name, code, p.log)
	}
	return nil
}

// closeAll stops processes, the last one first, and kills those that will not.
func closeAll(procs []*Proc) (err error) {
	for _, p := range slices.Backward(procs) {
		if p.PID() != 0 {
			_ = p.Continue() // a paused one cannot stop
			err = errors.Join(err, p.Stop())
		}
	}
	return err
}
