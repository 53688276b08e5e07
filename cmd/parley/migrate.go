package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/parley-chat/parley/internal/node"
)

type migrate struct {
	From       string `name:"from" required:"" placeholder:"DSN" help:"What is moved: sqlite:FOLDER, or postgres://USER:PASSWORD@HOST/NAME. Nothing may run on it."`
	To         string `name:"to" required:"" placeholder:"DSN" help:"Where to: postgres://USER:PASSWORD@HOST/NAME, an empty database or one with the unfinished migration that is gone on with."`
	Partitions int    `name:"partitions" placeholder:"N" help:"Into how many partitions rooms are divided, once and for all: 1 to 256, 8 unless said. More let more sequencers share the work."`
}

func (c *migrate) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	w := newWatch(out)
	report, err := node.Migrate(ctx, node.Migration{From: c.From, To: c.To, Partitions: c.Partitions}, log, w.hear)
	w.clear()
	if ctx.Err() != nil {
		err = errInterrupted
	}
	if err != nil && report.Begun {
		return fmt.Errorf("%w\nthe migration is not finished: the same command goes on with it", err)
	}
	if err != nil {
		return err
	}
	if report.Before {
		fmt.Fprintln(out, "the migration had finished before: nothing was left to do")
	}
	if report.Replaced > 0 {
		fmt.Fprintf(out, "%d texts had characters that PostgreSQL cannot keep; they have U+FFFD in their place now\n", report.Replaced)
	}
	fmt.Fprintf(out, "moved %d rooms with %d events; serve them with: parley serve --store %s\n", report.Rooms, report.Events, node.Redact(c.To))
	return nil
}

// watch tells people how something long goes: on a terminal with one line that
// changes, otherwise with a line for each step that has ended.
type watch struct {
	out      io.Writer
	terminal bool
	now      func() time.Time

	step  string
	began time.Time
	from  uint64 // done when the step began here: a migration may go on with an earlier one
	told  time.Time
}

// tellEach is how often the line on a terminal changes.
const tellEach = 200 * time.Millisecond

func newWatch(out io.Writer) *watch {
	f, is := out.(*os.File)
	return &watch{out: out, terminal: is && term.IsTerminal(int(f.Fd())), now: time.Now}
}

func (w *watch) hear(p node.MigrationProgress) {
	now := w.now()
	if p.Step != w.step {
		w.step, w.began, w.from, w.told = p.Step, now, p.Done, time.Time{}
	}
	if p.Ended {
		w.clear()
		fmt.Fprintln(w.out, w.line(p, now.Sub(w.began)))
		return
	}
	if w.terminal && now.Sub(w.told) >= tellEach {
		w.told = now
		fmt.Fprint(w.out, "\r\x1b[K", w.line(p, now.Sub(w.began)))
	}
}

// clear removes the line that changes.
func (w *watch) clear() {
	if w.terminal {
		fmt.Fprint(w.out, "\r\x1b[K")
	}
}

func (w *watch) line(p node.MigrationProgress, took time.Duration) string {
	var b strings.Builder
	b.WriteString(p.Step)
	switch {
	case p.Said != "":
		b.WriteString(": " + p.Said)
	case p.Total > 0:
		fmt.Fprintf(&b, ": %d of %d", p.Done, p.Total)
	}
	if rate := float64(p.Done-min(w.from, p.Done)) / took.Seconds(); rate > 0 && took >= tellEach {
		fmt.Fprintf(&b, ", %.0f a second", rate)
		if left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second)); !p.Ended {
			fmt.Fprintf(&b, ", %s left", left.Round(time.Second))
		}
	}
	if p.Ended {
		fmt.Fprintf(&b, " in %s", took.Round(10*time.Millisecond))
	}
	return b.String()
}
