package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

// disk is one that a test can fill up and make empty again.
type disk struct {
	dir         string
	fill, clear func(t *testing.T)
	free        func(string) (int64, error) // nil: ask the system
}

// pretended is a disk that only says that it is full: every write still works.
func pretended(t *testing.T) *disk {
	var free atomic.Int64
	free.Store(math.MaxInt64)
	return &disk{
		dir:   t.TempDir(),
		fill:  func(*testing.T) { free.Store(1 << 20) },
		clear: func(*testing.T) { free.Store(math.MaxInt64) },
		free:  func(string) (int64, error) { return free.Load(), nil },
	}
}

// embed starts a bus on the disk, and listens.
func (d *disk) embed(t *testing.T) (*bus.Bus, *listener) {
	t.Helper()
	const enough = 100
	words := &listener{
		Handler: bustest.Log(t).Handler(),
		began:   make(chan string, enough), ended: make(chan string, enough), stuck: make(chan string, enough),
	}
	cfg := bus.EmbedConfig{Dir: d.dir, Log: slog.New(words)}
	cfg.Pretend(d.free)
	b, err := bus.Embed(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b, words
}

// listener hears when the log cannot be written, when it can again and when it
// cannot be opened.
type listener struct {
	slog.Handler
	began, ended, stuck chan string
}

func (l *listener) Enabled(context.Context, slog.Level) bool { return true }

func (l *listener) Handle(ctx context.Context, r slog.Record) error {
	switch {
	case strings.Contains(r.Message, "commands are refused"):
		l.began <- r.Message
	case strings.Contains(r.Message, "commands are taken"):
		l.ended <- r.Message
	case strings.Contains(r.Message, "cannot be opened"):
		l.stuck <- r.Message
	}
	if l.Handler.Enabled(ctx, r.Level) {
		return l.Handler.Handle(ctx, r)
	}
	return nil
}

const promptly = 2 * time.Second

// crowd adds one numbered command after the other and keeps what became of them.
type crowd struct {
	t       *testing.T
	lane    *bus.Appender
	n       int
	stored  map[string]uint64 // text → sequence
	refused int
}

func gather(t *testing.T, l *bus.Log) *crowd {
	lane := l.Appender(bus.AppenderConfig{Gateway: 1})
	t.Cleanup(func() {
		if err := lane.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &crowd{t: t, lane: lane, stored: map[string]uint64{}}
}

// all adds n, which are all to be stored.
func (c *crowd) all(n int) {
	c.t.Helper()
	for range n {
		if !c.say() {
			c.t.Error("refused, although there is space")
		}
	}
}

// say adds one and waits for its fate, which is to be known promptly.
func (c *crowd) say() (stored bool) {
	c.t.Helper()
	c.n++
	text := fmt.Sprintf("%06d%s", c.n, strings.Repeat("x", chat.MaxText/2))
	type fate struct {
		seq uint64
		err error
	}
	told := make(chan fate, 1)
	began := time.Now()
	err := c.lane.Add(bustest.Message(text), func(seq uint64, err error) { told <- fate{seq, err} })
	if err == nil {
		f := <-told
		if err = f.err; err == nil {
			c.stored[text] = f.seq
			return true
		}
	}
	if took := time.Since(began); took > promptly {
		c.t.Errorf("command %d was refused after %v", c.n, took)
	}
	var e *chat.Error
	if !errors.As(err, &e) || e.Code != chat.Unavailable || e.RetryAfter <= 0 || !errors.Is(err, bus.ErrDiskFull) {
		c.t.Fatalf("command %d: %v", c.n, err)
	}
	c.refused++
	return false
}

func TestDiskFull(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(*testing.T) *disk
	}{
		{"said to be full", pretended},
		{"full to the last byte", func(t *testing.T) *disk { return small(t, 0) }},
		{"nearly full", func(t *testing.T) *disk { return small(t, 1<<20) }},
	} {
		t.Run(c.name, func(t *testing.T) { goOn(t, c.make(t), "the disk under ") })
	}
}

// goOn fills and clears the disk: who appends is refused at once while it is
// full, and then everything goes on by itself, with nothing lost.
func goOn(t *testing.T, d *disk, what string) {
	b, heard := d.embed(t)
	l := mustMake(t, b)
	told := gossip(t, b)
	reader := follow(t, l)
	crowd := gather(t, l)
	crowd.all(20)
	for range 2 {
		d.fill(t)
		for crowd.say() {
		}
		if said := <-heard.began; !strings.HasPrefix(said, what) {
			t.Errorf("the bus says %q", said)
		}
		for range 10 {
			if crowd.say() {
				t.Error("stored on a full disk")
			}
		}
		told("while it is full")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, err := b.MakeLog(ctx, 1, bus.LogConfig{}); !errors.Is(err, bus.ErrDiskFull) {
			t.Errorf("made a log on a full disk: %v", err)
		}
		cancel()

		d.clear(t)
		space := time.Now()
		<-heard.ended
		crowd.all(1)
		if took := time.Since(space); took > 5*time.Second {
			t.Errorf("it took %v to go on", took)
		}
		told("then")
		crowd.all(20)
		if len(heard.began) > 0 || len(heard.ended) > 0 {
			t.Errorf("the bus says %d and %d times more that it is full and that it is not", len(heard.began), len(heard.ended))
		}
	}
	t.Logf("%d said, %d stored, %d refused", crowd.n, len(crowd.stored), crowd.refused)
	_, last, _, err := l.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	records, _ := bustest.Read(t, l, chat.Position{}, int(last))
	crowd.check(records)
	crowd.check(reader(last))
}

// gossip listens to a topic and gives what publishes to it and waits to hear it.
func gossip(t *testing.T, b *bus.Bus) func(text string) {
	heard := make(chan string, 1)
	if _, err := rumour.Subscribe(b, func(_ context.Context, n *note) { heard <- n.Text }); err != nil {
		t.Fatal(err)
	}
	return func(text string) {
		t.Helper()
		if err := rumour.Publish(t.Context(), b, &note{text}); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got != text {
			t.Errorf("heard %s", got)
		}
	}
}

// check finds all that was stored in the records, in order.
func (c *crowd) check(records []bus.Record) {
	c.t.Helper()
	before, found := "", 0
	for i, r := range records {
		if r.Seq != uint64(i+1) {
			c.t.Errorf("record %d is at %d", r.Seq, i+1)
		}
		for _, cmd := range r.Envelope.Commands {
			text := cmd.Body.Text
			if text <= before {
				c.t.Errorf("%.6s comes behind %.6s", text, before)
			}
			before = text
			if seq, ok := c.stored[text]; ok {
				found++
				if seq != r.Seq {
					c.t.Errorf("%.6s is in record %d, not in %d", text, r.Seq, seq)
				}
			}
		}
	}
	if found != len(c.stored) {
		c.t.Errorf("%d of %d are in the log", found, len(c.stored))
	}
}

// follow reads the log as a sequencer does: when a Reader ends, another one goes
// on behind the last record. The function returned waits for the record with a
// number and gives all up to it.
func follow(t *testing.T, l *bus.Log) func(last uint64) []bus.Record {
	arrived := make(chan bus.Record, 10_000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var at chat.Position
		for ctx.Err() == nil {
			r, err := l.Read(ctx, at)
			if err != nil {
				continue
			}
			if why := r.Restarted(); why != "" {
				t.Errorf("the reader starts over: %s", why)
			}
			for err == nil {
				var records []bus.Record
				records, err = r.Next(ctx)
				for _, rec := range records {
					at = chat.Position{Seq: rec.Seq, Envelope: rec.Envelope.ID}
					arrived <- rec
				}
			}
			r.Close()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return func(last uint64) (records []bus.Record) {
		for len(records) == 0 || records[len(records)-1].Seq < last {
			records = append(records, <-arrived)
		}
		return records
	}
}

// TestDiskFullAtStart: the bus is there, its log only when there is space.
func TestDiskFullAtStart(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(*testing.T) *disk
	}{
		{"said to be full", pretended},
		{"full to the last byte", func(t *testing.T) *disk { return small(t, 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := c.make(t)
			b, _ := d.embed(t)
			fill(t, mustMake(t, b), 10)
			if err := b.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.fill(t)
			b, heard := d.embed(t)
			<-heard.began
			crowd := gather(t, b.Log(0))
			if crowd.say() {
				t.Error("stored on a full disk")
			}
			if texts := spread(t, b, "a"); len(texts) != 1 {
				t.Errorf("heard %v", texts)
			}
			made := make(chan error, 1)
			go func() {
				_, err := b.MakeLog(t.Context(), 0, bus.LogConfig{})
				made <- err
			}()
			d.clear(t)
			<-heard.ended
			if err := <-made; err != nil {
				t.Error(err)
			}
			crowd.all(1)
			if records, _ := bustest.Read(t, b.Log(0), chat.Position{}, 11); records[10].Seq != 11 {
				t.Errorf("the last record is %d", records[10].Seq)
			}
		})
	}
}

// TestLogNotOpened: a log that cannot be opened again does not take the bus with
// it, and is tried again.
func TestLogNotOpened(t *testing.T) {
	d := pretended(t)
	b, heard := d.embed(t)
	l := mustMake(t, b)
	told := gossip(t, b)
	crowd := gather(t, l)
	crowd.all(5)
	d.fill(t)
	<-heard.began
	restore := occupy(t, d.dir)
	d.clear(t)
	<-heard.stuck
	if crowd.say() {
		t.Error("stored in a log that is not open")
	}
	told("without a log")
	restore()
	<-heard.ended
	told("with a log")
	crowd.all(5)
	records, _ := bustest.Read(t, l, chat.Position{}, 10)
	crowd.check(records)
}
