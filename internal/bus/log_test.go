package bus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

// manipulate changes what the server holds behind every bus.
func manipulate(t *testing.T, s *bustest.Server, do func(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) error) {
	t.Helper()
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := do(t.Context(), nc, js); err != nil {
		t.Fatal(err)
	}
}

func fill(t *testing.T, l *bus.Log, n int) (ids []chat.ID) {
	t.Helper()
	for range n {
		e := bustest.Envelope(1)
		if _, err := l.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

func mustMake(t *testing.T, b *bus.Bus) *bus.Log {
	t.Helper()
	l, err := b.MakeLog(t.Context(), 0, bus.LogConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestPosition tells what a reader finds whose log was changed while nobody
// looked.
func TestPosition(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) error
		refill int
		why    string // of a position at the 5th of 8 records
		first  uint64
		n      int
	}{
		{"untouched", nil, 0, "", 6, 3},
		{"grown", nil, 2, "", 6, 5},
		{"wiped", func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) error {
			return js.DeleteStream(ctx, "log-0")
		}, 0, "ends at record 0", 1, 0},
		{"made anew, shorter", func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) error {
			return js.DeleteStream(ctx, "log-0")
		}, 3, "ends at record 3", 1, 3},
		{"made anew, longer", func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) error {
			return js.DeleteStream(ctx, "log-0")
		}, 9, "record 5 is envelope", 1, 9},
		{"purged", func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) error {
			s, err := js.Stream(ctx, "log-0")
			return errors.Join(err, s.Purge(ctx))
		}, 2, "begins at record 9", 9, 2},
		{"without the record", func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) error {
			s, err := js.Stream(ctx, "log-0")
			return errors.Join(err, s.DeleteMsg(ctx, 5))
		}, 0, "record 5, the last one consumed, is not in the log", 1, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := bustest.NewServer(t)
			b := s.Dial(nil)
			ids := fill(t, mustMake(t, b), 8)
			if c.change != nil {
				manipulate(t, s, c.change)
			}
			l := mustMake(t, b)
			fill(t, l, c.refill)
			records, why := bustest.Read(t, l, chat.Position{Seq: 5, Envelope: ids[4]}, c.n)
			if c.why == "" && why != "" || !strings.Contains(why, c.why) {
				t.Errorf("restarted: %q; want %q", why, c.why)
			}
			if c.n > 0 && records[0].Seq != c.first {
				t.Errorf("it begins at %d, want %d", records[0].Seq, c.first)
			}
		})
	}
}

// TestRestart: the same folder continues; another's files, put there while the
// server was down, are noticed.
func TestRestart(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	open := func(faults *bustest.Faults) (*bus.Bus, *bus.Log) {
		b := bustest.Reopen(t, dir, faults)
		return b, mustMake(t, b)
	}
	b, l := open(nil)
	ids := fill(t, l, 4)
	closeNow(t, b)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}

	b, l = open(nil)
	ids = append(ids, fill(t, l, 3)...)
	if records, why := bustest.Read(t, l, chat.Position{Seq: 4, Envelope: ids[3]}, 3); why != "" || records[2].Envelope.ID != ids[6] {
		t.Errorf("after a restart: %s, %v", why, records)
	}
	closeNow(t, b)

	restore(t, copied, dir)
	b, l = open(nil)
	if _, why := bustest.Read(t, l, chat.Position{Seq: 7, Envelope: ids[6]}, 4); !strings.Contains(why, "ends at record 4") {
		t.Errorf("an older copy: %q", why)
	}
	fill(t, l, 5)
	if records, why := bustest.Read(t, l, chat.Position{Seq: 7, Envelope: ids[6]}, 9); !strings.Contains(why, "record 7 is envelope") || records[0].Seq != 1 {
		t.Errorf("an older copy, filled up again: %q", why)
	}
	closeNow(t, b)

	restore(t, t.TempDir(), dir)
	b, l = open(nil)
	if _, why := bustest.Read(t, l, chat.Position{Seq: 7, Envelope: ids[6]}, 0); !strings.Contains(why, "ends at record 0") {
		t.Errorf("a wiped folder: %q", why)
	}
	closeNow(t, b)
}

func restore(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(to, "jetstream")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func closeNow(t *testing.T, b *bus.Bus) {
	t.Helper()
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestUndecodableRecord(t *testing.T) {
	s := bustest.NewServer(t)
	l := mustMake(t, s.Dial(nil))
	fill(t, l, 1)
	manipulate(t, s, func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) error {
		_, err1 := js.Publish(ctx, "log.0", []byte("\x63 from the future"))
		_, err2 := js.Publish(ctx, "log.0", nil)
		return errors.Join(err1, err2)
	})
	fill(t, l, 1)
	records, _ := bustest.Read(t, l, chat.Position{}, 4)
	for i, bad := range []bool{false, true, true, false} {
		if r := records[i]; r.Seq != uint64(i+1) || (r.Err != nil) != bad || bad != errors.Is(r.Err, bus.ErrWire) {
			t.Errorf("record %d: %+v", i+1, r)
		}
		if more, why := bustest.Read(t, l, chat.Position{Seq: records[i].Seq, Envelope: records[i].Envelope.ID}, 3-i); why != "" || len(more) != 3-i {
			t.Errorf("behind record %d come %d, %s", i+1, len(more), why)
		}
	}
	if _, why := bustest.Read(t, l, chat.Position{Seq: 4}, 4); !strings.Contains(why, "record 4 is envelope") {
		t.Errorf("a record that can be read is taken for one that cannot: %q", why)
	}
	// Whoever fills the log with such, its owner makes room again.
	if err := l.Trim(t.Context(), chat.Position{Seq: 3}, 0, time.Now().Add(time.Minute), bus.NewTally(bus.LogConfig{})); err != nil {
		t.Error(err)
	}
	if first, _, _, err := l.Info(t.Context()); first != 3 || err != nil {
		t.Errorf("trimmed behind record 3 it begins at %d, %v", first, err)
	}
}

// TestStreamVanishes: a reader whose log is taken away ends, and the log can be
// made again.
func TestStreamVanishes(t *testing.T) {
	s := bustest.NewServer(t)
	b := s.Dial(nil)
	l := mustMake(t, b)
	r, err := l.Read(t.Context(), chat.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	manipulate(t, s, func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) error {
		return js.DeleteStream(ctx, "log-0")
	})
	began := time.Now()
	if _, err := r.Next(t.Context()); !errors.Is(err, bus.ErrLogChanged) {
		t.Errorf("Next: %v", err)
	} else {
		t.Logf("after %v: %v", time.Since(began), err)
	}
	if _, err := l.Append(t.Context(), bustest.Envelope(1)); !errors.Is(err, bus.ErrNoLog) {
		t.Errorf("append: %v", err)
	}
	fill(t, mustMake(t, b), 1)
}

// TestServerRestarts: readers end at once, the status tells, and everything
// works again when the server is back.
func TestServerRestarts(t *testing.T) {
	s := bustest.NewServer(t)
	b := s.Dial(nil)
	l := mustMake(t, b)
	ids := fill(t, l, 2)
	r, err := l.Read(t.Context(), chat.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	up := b.Status()
	s.Stop()
	if _, err := r.Next(t.Context()); !errors.Is(err, bus.ErrLogChanged) {
		t.Errorf("Next: %v", err)
	}
	down := b.Status()
	if !up.Connected || down.Connected || b.Connected() || down.Lost != 1 || !down.Since.After(up.Since) {
		t.Errorf("status was %+v, is %+v", up, down)
	}
	lane := l.Appender(bus.AppenderConfig{})
	told := make(chan uint64, 1)
	if err := lane.Add(bustest.Message("meanwhile"), func(seq uint64, _ error) { told <- seq }); err != nil {
		t.Fatal(err)
	}
	s.Start()
	if seq := <-told; seq != 3 {
		t.Errorf("what was added meanwhile got number %d", seq)
	}
	if err := lane.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if records, why := bustest.Read(t, l, chat.Position{Seq: 2, Envelope: ids[1]}, 1); why != "" || records[0].Seq != 3 {
		t.Errorf("then comes %d, %s", records[0].Seq, why)
	}
}

// TestAReaderThatIsClosedWhileTheBusIsAwayLeavesNothing: it left its subscription,
// which the connection took up again when the server was back, at every loss one
// more.
func TestAReaderThatIsClosedWhileTheBusIsAwayLeavesNothing(t *testing.T) {
	s := bustest.NewServer(t)
	b := s.Dial(nil)
	l := mustMake(t, b)
	before := b.Listens()
	r, err := l.Read(t.Context(), chat.Position{})
	if err != nil {
		t.Fatal(err)
	}
	if n := b.Listens(); n != before+1 {
		t.Errorf("with a reader there are %d subscriptions more", n-before)
	}
	s.Stop()
	if _, err := r.Next(t.Context()); !errors.Is(err, bus.ErrLogChanged) {
		t.Errorf("Next: %v", err)
	}
	r.Close()
	if n := b.Listens(); n != before {
		t.Errorf("a closed reader leaves %d subscriptions", n-before)
	}
}

func TestBatchLimits(t *testing.T) {
	l := mustMake(t, bustest.Embedded(t))
	for _, n := range []int{600, 400, 1, 1000, 1000, 999, 1, 1000, 1000, 1000, 1000} {
		if _, err := l.Append(t.Context(), bustest.Envelope(n)); err != nil {
			t.Fatal(err)
		}
	}
	big := bustest.Envelope(15)
	for i := range big.Commands {
		big.Commands[i].Body.Text = strings.Repeat("x", chat.MaxText)
	}
	for range 5 {
		big.ID = chat.NewID()
		if _, err := l.Append(t.Context(), big); err != nil {
			t.Fatal(err)
		}
	}

	r, err := l.Read(t.Context(), chat.Position{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for read := 0; read < 16; {
		records, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		commands, bytes := 0, 0
		for _, rec := range records {
			read++
			if rec.Seq != uint64(read) {
				t.Errorf("record %d came where %d was due", rec.Seq, read)
			}
			commands += len(rec.Envelope.Commands)
			data, err := rec.Envelope.AppendBinary(nil)
			if err != nil {
				t.Error(err)
			}
			bytes += len(data)
		}
		if commands > bus.BatchCommands || bytes > bus.BatchBytes {
			t.Errorf("%d commands, %d bytes in one batch", commands, bytes)
		}
	}
	over := bustest.Envelope(bus.MaxCommands + 1)
	if _, err := l.Append(t.Context(), over); err == nil {
		t.Error("an envelope of too many commands was taken")
	}
	big.Commands = append(big.Commands, *bustest.Message(strings.Repeat("x", chat.MaxText)))
	if _, err := l.Append(t.Context(), big); err == nil {
		t.Error("an envelope of too many bytes was taken")
	}
}

// TestWindow: a log knows envelopes again for 15 s, also one that was made when
// that was longer.
func TestWindow(t *testing.T) {
	s := bustest.NewServer(t)
	b := s.Dial(nil)
	for _, c := range []struct{ window, want time.Duration }{
		{2 * time.Minute, 2 * time.Minute}, {0, 15 * time.Second},
	} {
		if _, err := b.MakeLog(t.Context(), 0, bus.LogConfig{Window: c.window}); err != nil {
			t.Fatal(err)
		}
		manipulate(t, s, func(ctx context.Context, _ *nats.Conn, js jetstream.JetStream) error {
			stream, err := js.Stream(ctx, "log-0")
			if err == nil && stream.CachedInfo().Config.Duplicates != c.want {
				t.Errorf("asked for %v, it is %v", c.window, stream.CachedInfo().Config.Duplicates)
			}
			return err
		})
	}
}
