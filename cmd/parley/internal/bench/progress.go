package bench

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// progress tells once a second how far a run is: over itself on a terminal, a
// line each elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
}

func newProgress(out io.Writer) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// step is one part of the preparation.
type step struct {
	p     *progress
	name  string
	total int
	done  atomic.Int64
	since time.Time
	quit  func()
}

func (p *progress) step(name string, total int) *step {
	s := &step{p: p, name: name, total: total, since: time.Now()}
	s.quit = p.every(time.Second, s.line)
	return s
}

func (s *step) add(n int) { s.done.Add(int64(n)) }

func (s *step) line() string { return fmt.Sprintf("%s: %d of %d", s.name, s.done.Load(), s.total) }

func (s *step) end() {
	s.quit()
	s.p.print(fmt.Sprintf("%s in %.1f s", s.line(), time.Since(s.since).Seconds()), true)
}

// every prints line() each period until the returned function is called,
// which returns when nothing more is printed.
func (p *progress) every(period time.Duration, line func() string) (quit func()) {
	stop := make(chan struct{})
	var printer sync.WaitGroup
	printer.Go(func() {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.print(line(), false)
			case <-stop:
				return
			}
		}
	})
	return func() { close(stop); printer.Wait() }
}

func (p *progress) print(line string, last bool) {
	switch {
	case !p.terminal:
		fmt.Fprintln(p.out, line)
	case last:
		fmt.Fprintf(p.out, "\r\x1b[K%s\n", line)
	default:
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
	}
}
