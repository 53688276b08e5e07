package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

type note struct{ Text string }

var (
	question = bus.NewCall[note, note]("q")
	rumour   = bus.NewTopic[note]("r")
)

// spread publishes the texts and returns what was heard of them.
func spread(t *testing.T, b *bus.Bus, texts ...string) (heard []string) {
	t.Helper()
	s, err := rumour.Subscribe(b, func(_ context.Context, n *note) { heard = append(heard, n.Text) })
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if err := rumour.Publish(t.Context(), b, &note{text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return heard
}

func TestFaultyTopic(t *testing.T) {
	exactly := func(text string) bustest.Match {
		return bustest.Match{What: bus.PassNotice, If: func(p bus.Passage) bool { return strings.Contains(string(p.Data), text) }}
	}
	for _, way := range []bustest.Way{bustest.Out, bustest.In} {
		m := exactly("b")
		m.Way = way
		for _, c := range []struct {
			name string
			rule func(*bustest.Faults) *bustest.Rule
			want string
		}{
			{"drop", func(f *bustest.Faults) *bustest.Rule { return f.Drop(m) }, "[a c d]"},
			{"repeat", func(f *bustest.Faults) *bustest.Rule { return f.Repeat(m, 2) }, "[a b b b c d]"},
			{"swap", func(f *bustest.Faults) *bustest.Rule { return f.Swap(m) }, "[a c b d]"},
		} {
			f := bustest.NewFaults(1)
			rule := c.rule(f)
			if heard := spread(t, bustest.Faulty(t, f), "a", "b", "c", "d"); fmt.Sprint(heard) != c.want || rule.Struck() != 1 {
				t.Errorf("%s, way %d: heard %v, struck %d", c.name, way, heard, rule.Struck())
			}
		}
	}
}

func TestHeldAndOvertaken(t *testing.T) {
	f := bustest.NewFaults(1)
	b := bustest.Faulty(t, f)
	rule, release := f.Hold(bustest.Match{What: bus.PassNotice, Way: bustest.In})
	rule.Once()
	heard := make(chan string, 2)
	if _, err := rumour.Subscribe(b, func(_ context.Context, n *note) { heard <- n.Text }); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} {
		if err := rumour.Publish(t.Context(), b, &note{text}); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-heard; got != "second" {
		t.Errorf("%s came although it was held", got)
	}
	release()
	if got := <-heard; got != "first" {
		t.Errorf("released: %s", got)
	}
	f.Delay(bustest.Match{What: bus.PassNotice}, time.Millisecond)
	if err := rumour.Publish(t.Context(), b, &note{"late"}); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "late" {
		t.Errorf("delayed: %s", got)
	}
}

func TestFaultyCall(t *testing.T) {
	for _, c := range []struct {
		name     string
		match    bustest.Match
		answered int // how often the answerer was asked, when the answer is lost
	}{
		{"the question is lost", bustest.Match{What: bus.PassQuestion, Way: bustest.Out}, 0},
		{"the question does not arrive", bustest.Match{What: bus.PassQuestion, Way: bustest.In}, 0},
		{"the answer is lost", bustest.Match{What: bus.PassAnswer, Way: bustest.Out}, 1},
		{"the answer does not arrive", bustest.Match{What: bus.PassAnswer, Way: bustest.In}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := bustest.NewFaults(1)
			b := bustest.Faulty(t, f)
			answered := make(chan struct{}, 10)
			s, err := question.Answer(b, func(context.Context, *note) (*note, error) {
				answered <- struct{}{}
				return &note{"yes"}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			f.Drop(c.match).Once()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // in which a busy machine comes to lose it
			defer cancel()
			if _, err := question.Ask(ctx, b, &note{}); chat.CodeOf(err) != chat.Unavailable || !strings.HasPrefix(err.Error(), "ask q: ") {
				t.Errorf("lost: %v", err)
			}
			if len(answered) != c.answered {
				t.Errorf("answered %d times", len(answered))
			}
			f.Repeat(c.match, 1).Once()
			if a, err := question.Ask(t.Context(), b, &note{}); err != nil || a.Text != "yes" {
				t.Errorf("repeated: %v, %v", a, err)
			}
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if want := c.answered + 1 + (1 - c.answered); len(answered) != want {
				t.Errorf("answered %d times, want %d", len(answered), want)
			}
		})
	}
}

func TestCutOff(t *testing.T) {
	f := bustest.NewFaults(1)
	b := bustest.Faulty(t, f)
	f.Cut()
	if heard := spread(t, b, "a", "b"); len(heard) > 0 || f.Lost() != 2 {
		t.Errorf("heard %v, lost %d", heard, f.Lost())
	}
	f.Heal()
	if heard := spread(t, b, "c"); !slices.Equal(heard, []string{"c"}) {
		t.Errorf("heard %v", heard)
	}
}

func TestOdds(t *testing.T) {
	f := bustest.NewFaults(7)
	rule := f.Drop(bustest.Match{What: bus.PassNotice, Subject: "r"}).Odds(0.5)
	for range 1000 {
		f.Fate(bus.Passage{What: bus.PassNotice, Subject: "r.x"})
		f.Fate(bus.Passage{What: bus.PassNotice, Subject: "rx"})
	}
	if n := rule.Struck(); n < 400 || n > 600 {
		t.Errorf("struck %d of 1000", n)
	}
	rule.Off()
	if fate := f.Fate(bus.Passage{What: bus.PassNotice, Subject: "r"}); fate != (bus.Fate{}) {
		t.Errorf("off, but %+v", fate)
	}
}

// TestLostAck: the record is stored, its acknowledgement is not heard, the same
// envelope is sent again and is not stored twice; the next waits meanwhile.
func TestLostAck(t *testing.T) {
	for _, what := range []bus.What{bus.PassAck, bus.PassRecord} {
		f := bustest.NewFaults(1)
		b := bustest.Faulty(t, f)
		l := mustMake(t, b)
		rule := f.Drop(bustest.Match{What: what, If: func(p bus.Passage) bool { return what == bus.PassAck || !p.Inbound }}).Once()
		lane := l.Appender(bus.AppenderConfig{Gateway: 1})
		told := make(chan uint64, 2)
		done := func(seq uint64, err error) {
			if err != nil {
				t.Error(err)
			}
			told <- seq
		}
		for i, text := range []string{"one", "two"} {
			if err := lane.Add(bustest.Message(text), done); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				<-rule.First()
			}
		}
		if a, b := <-told, <-told; a != 1 || b != 2 {
			t.Errorf("told %d and %d", a, b)
		}
		if err := lane.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, last, _, err := l.Info(t.Context()); last != 2 || err != nil {
			t.Errorf("the log ends at %d, %v", last, err)
		}
	}
}

// TestLaneLimits: one in flight, one filling, four waiting; then busy. Closing
// without patience tells the rest that their fate is open.
func TestLaneLimits(t *testing.T) {
	f := bustest.NewFaults(1)
	b := bustest.Faulty(t, f)
	l := mustMake(t, b)
	rule, release := f.Hold(bustest.Match{What: bus.PassRecord, Way: bustest.Out})
	defer release()
	lane := l.Appender(bus.AppenderConfig{})
	var told []error
	add := func(text string) error {
		return lane.Add(bustest.Message(text), func(_ uint64, err error) { told = append(told, err) })
	}
	if err := add("in flight"); err != nil {
		t.Fatal(err)
	}
	<-rule.First()
	taken := 0
	for add("x") == nil {
		taken++
	}
	if want := 5 * bus.MaxCommands; taken != want {
		t.Errorf("%d were taken behind the first, want %d", taken, want)
	}
	if err := add("x"); chat.CodeOf(err) != chat.Unavailable {
		t.Errorf("too much: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := lane.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
	if len(told) != taken+1 {
		t.Errorf("%d of %d were told", len(told), taken+1)
	}
	for _, err := range told {
		if chat.CodeOf(err) != chat.Unavailable {
			t.Fatalf("told %v", err)
		}
	}
}

func TestLaneBytes(t *testing.T) {
	l := mustMake(t, bustest.Embedded(t))
	lane := l.Appender(bus.AppenderConfig{})
	huge := bustest.Message("x")
	huge.Body.Meta = make([]byte, bus.MaxBytes)
	if err := lane.Add(huge, nil); chat.CodeOf(err) != chat.TooLarge {
		t.Errorf("a command of half a megabyte: %v", err)
	}
	for range 40 {
		if err := lane.Add(bustest.Message(strings.Repeat("x", chat.MaxText/2)), func(_ uint64, err error) {
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := lane.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, last, _, err := l.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	records, _ := bustest.Read(t, l, chat.Position{}, int(last))
	for _, r := range records {
		total += len(r.Envelope.Commands)
	}
	if total != 40 {
		t.Errorf("%d of 40 commands in %d records", total, last)
	}
}

// TestLostRecord: a reader that misses a record ends; the next one has it.
func TestLostRecord(t *testing.T) {
	for _, fault := range []func(*bustest.Faults, bustest.Match) *bustest.Rule{
		(*bustest.Faults).Drop, (*bustest.Faults).Swap,
		func(f *bustest.Faults, m bustest.Match) *bustest.Rule { return f.Repeat(m, 1) },
	} {
		f := bustest.NewFaults(1)
		l := mustMake(t, bustest.Faulty(t, f))
		r, err := l.Read(t.Context(), chat.Position{})
		if err != nil {
			t.Fatal(err)
		}
		rule := fault(f, bustest.Match{What: bus.PassRecord, Way: bustest.In}).Once()
		fill(t, l, 3)
		for err == nil {
			_, err = r.Next(t.Context())
		}
		if !errors.Is(err, bus.ErrLogChanged) || rule.Struck() != 1 {
			t.Errorf("Next: %v", err)
		}
		r.Close()
		bustest.Read(t, l, chat.Position{}, 3)
	}
}

// TestLostLastRecord: nothing follows; the heartbeat tells.
func TestLostLastRecord(t *testing.T) {
	f := bustest.NewFaults(1)
	l := mustMake(t, bustest.Faulty(t, f))
	r, err := l.Read(t.Context(), chat.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f.Drop(bustest.Match{What: bus.PassRecord, Way: bustest.In})
	fill(t, l, 1)
	if _, err := r.Next(t.Context()); !errors.Is(err, bus.ErrLogChanged) || !strings.Contains(err.Error(), "1 records were sent, 0 have arrived") {
		t.Errorf("Next: %v", err)
	}
}

func TestSilence(t *testing.T) {
	f := bustest.NewFaults(1)
	l := mustMake(t, bustest.Faulty(t, f))
	r, err := l.Read(t.Context(), chat.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f.Cut()
	if _, err := r.Next(t.Context()); !errors.Is(err, bus.ErrLogChanged) || !strings.Contains(err.Error(), "nothing was heard") {
		t.Errorf("Next: %v", err)
	}
}
