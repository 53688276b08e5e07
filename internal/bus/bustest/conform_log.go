package bustest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
)

// Envelope is one with so many small messages.
func Envelope(n int) *bus.Envelope {
	e := &bus.Envelope{ID: chat.NewID(), Gateway: 7, Commands: make([]chat.Command, n)}
	for i := range e.Commands {
		e.Commands[i] = *Message(fmt.Sprintf("message %d", i))
	}
	return e
}

// Message is a command that says text.
func Message(text string) *chat.Command {
	return &chat.Command{
		ID: chat.NewID(), Room: chat.NewID(), By: chat.NewID(), As: chat.OrgMember, Nonce: text, Kind: chat.KindMessage,
		Asked: 1_760_000_000_000, Body: chat.Body{Text: text},
	}
}

func makeLog(t *testing.T, b *bus.Bus, cfg bus.LogConfig) *bus.Log {
	t.Helper()
	l, err := b.MakeLog(within(t), 3, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// appendTo appends, as a lane does: again while the log is not known yet to all
// servers of a cluster, which it is a moment after it was made.
func appendTo(t *testing.T, l *bus.Log, e *bus.Envelope) uint64 {
	t.Helper()
	for ctx := within(t); ; {
		seq, err := l.Append(ctx, e)
		if err == nil {
			return seq
		}
		if !errors.Is(err, bus.ErrNoLog) || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// Read reads n records behind from.
func Read(t testing.TB, l *bus.Log, from chat.Position, n int) (records []bus.Record, restarted string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := Open(ctx, t, l, from)
	defer r.Close()
	for len(records) < n {
		more, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("after %d of %d records: %v", len(records), n, err)
		}
		records = append(records, more...)
	}
	return records, r.Restarted()
}

// Open opens a reader, trying again until ctx ends, as a sequencer does: servers
// that have just come back may not answer in the time of one try.
func Open(ctx context.Context, t testing.TB, l *bus.Log, from chat.Position) *bus.Reader {
	t.Helper()
	for {
		r, err := l.Read(ctx, from)
		if err == nil {
			return r
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func logged(t *testing.T, b *bus.Bus) {
	l := makeLog(t, b, bus.LogConfig{})
	before := time.Now().UnixMilli()
	var sent []*bus.Envelope
	for i := range 20 {
		sent = append(sent, Envelope(i))
		if seq := appendTo(t, l, sent[i]); seq != uint64(i+1) {
			t.Fatalf("record %d got number %d", i+1, seq)
		}
	}
	records, restarted := Read(t, l, chat.Position{}, 20)
	if restarted != "" {
		t.Errorf("restarted: %s", restarted)
	}
	for i, r := range records {
		if r.Seq != uint64(i+1) || r.Err != nil || r.Envelope.ID != sent[i].ID || len(r.Envelope.Commands) != i || r.Envelope.Gateway != 7 {
			t.Fatalf("record %d is %+v", i+1, r)
		}
		if r.At < before || r.At > time.Now().UnixMilli() {
			t.Errorf("record %d is from %d", i+1, r.At)
		}
	}
	records, restarted = Read(t, b.Log(3), chat.Position{Seq: 12, Envelope: sent[11].ID}, 8)
	if restarted != "" || records[0].Seq != 13 {
		t.Errorf("behind 12 comes %d, %s", records[0].Seq, restarted)
	}
}

func once(t *testing.T, b *bus.Bus) {
	l := makeLog(t, b, bus.LogConfig{})
	e := Envelope(1)
	first, again := appendTo(t, l, e), appendTo(t, l, e)
	_, last, _, err := l.Info(within(t))
	if first != 1 || again != 1 || last != 1 || err != nil {
		t.Errorf("numbers %d and %d, last %d, %v", first, again, last, err)
	}
}

func filled(t *testing.T, b *bus.Bus) {
	l := makeLog(t, b, bus.LogConfig{MaxBytes: 64 << 10})
	e := Envelope(1)
	e.Commands[0].Body.Text = strings.Repeat("x", 20<<10)
	stored := appendTo(t, l, e)
	for range 4 {
		e.ID = chat.NewID()
		if _, err := l.Append(within(t), e); errors.Is(err, bus.ErrLogFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		stored++
	}
	first, last, bytes, err := l.Info(within(t))
	if stored != 3 || first != 1 || last != 3 || bytes > 64<<10 || err != nil {
		t.Errorf("stored %d, holds %d…%d, %d bytes, %v", stored, first, last, bytes, err)
	}
	lane := l.Appender(bus.AppenderConfig{Gateway: 1})
	told := make(chan error, 1)
	if err := lane.Add(&e.Commands[0], func(_ uint64, err error) { told <- err }); err != nil {
		t.Fatal(err)
	}
	unavailable(t, <-told)
	if err := lane.Close(within(t)); err != nil {
		t.Error(err)
	}
}

func unmade(t *testing.T, b *bus.Bus) {
	l := b.Log(3)
	if _, err := l.Append(within(t), Envelope(1)); !errors.Is(err, bus.ErrNoLog) {
		t.Errorf("append: %v", err)
	}
	if _, err := l.Read(within(t), chat.Position{}); !errors.Is(err, bus.ErrNoLog) {
		t.Errorf("read: %v", err)
	}
	if _, _, _, err := l.Info(within(t)); !errors.Is(err, bus.ErrNoLog) {
		t.Errorf("info: %v", err)
	}
	if err := l.Trim(within(t), chat.Position{Seq: 1}, 0, time.Now(), bus.NewTally(bus.LogConfig{})); !errors.Is(err, bus.ErrNoLog) {
		t.Errorf("trim: %v", err)
	}
	lane := l.Appender(bus.AppenderConfig{})
	told := make(chan uint64, 1)
	if err := lane.Add(Message("early"), func(seq uint64, err error) { told <- seq }); err != nil {
		t.Fatal(err)
	}
	makeLog(t, b, bus.LogConfig{})
	if seq := <-told; seq != 1 {
		t.Errorf("what waited for the log got number %d", seq)
	}
	if err := lane.Close(within(t)); err != nil {
		t.Error(err)
	}
}

func trimmed(t *testing.T, b *bus.Bus) {
	l := makeLog(t, b, bus.LogConfig{})
	var ids []chat.ID
	for range 12 {
		e := Envelope(1)
		appendTo(t, l, e)
		ids = append(ids, e.ID)
	}
	for _, c := range []struct {
		behind uint64
		is     chat.ID // the record there
		later  time.Duration
		first  uint64
	}{
		{0, chat.ID{}, 2 * time.Hour, 1}, {10, ids[9], 0, 1}, {5, ids[4], 2 * time.Hour, 5},
		{10, ids[8], 2 * time.Hour, 5}, {13, ids[11], 2 * time.Hour, 5}, // of another log
		{10, ids[9], 2 * time.Hour, 10}, {10, ids[9], 2 * time.Hour, 10},
	} {
		at := chat.Position{Seq: c.behind, Envelope: c.is}
		if err := l.Trim(within(t), at, time.Hour, time.Now().Add(c.later), bus.NewTally(bus.LogConfig{})); err != nil {
			t.Fatal(err)
		}
		if first, last, _, err := l.Info(within(t)); first != c.first || last != 12 || err != nil {
			t.Errorf("behind %d, %v later: %d…%d, %v", c.behind, c.later, first, last, err)
		}
	}
	if records, restarted := Read(t, l, chat.Position{Seq: 10, Envelope: ids[9]}, 2); records[0].Seq != 11 || restarted != "" {
		t.Errorf("then comes %d, %s", records[0].Seq, restarted)
	}
	if records, _ := Read(t, l, chat.Position{}, 3); records[0].Seq != 10 {
		t.Errorf("a fresh start begins at %d", records[0].Seq)
	}
}

// crowded: a log that is full of what was consumed within the hour makes room. Its
// older records are long and its newer ones short, which the tally knows.
func crowded(t *testing.T, b *bus.Bus) {
	const limit = 256 << 10
	cfg := bus.LogConfig{MaxBytes: limit}
	l := makeLog(t, b, cfg)
	long, short := Envelope(1), Envelope(1)
	long.Commands[0].Body.Text, short.Commands[0].Body.Text = strings.Repeat("x", 16<<10), strings.Repeat("x", 1<<10)
	for _, kind := range []struct {
		e *bus.Envelope
		n int
	}{{long, 10}, {short, 1000}} {
		for range kind.n {
			kind.e.ID = chat.NewID()
			if _, err := l.Append(within(t), kind.e); errors.Is(err, bus.ErrLogFull) {
				break
			} else if err != nil && !errors.Is(err, bus.ErrNoLog) {
				t.Fatal(err)
			}
		}
	}
	first, last, before, err := l.Info(within(t))
	if first != 1 || before < limit*9/10 || err != nil {
		t.Fatalf("it holds %d…%d, %d bytes, %v", first, last, before, err)
	}
	tally := bus.NewTally(cfg)
	records, _ := Read(t, l, chat.Position{}, int(last))
	if !tally.Count(records) {
		t.Error("a full log was read, and no trim is due")
	}
	sum := uint64(0)
	for _, r := range records {
		sum += uint64(r.Bytes)
	}
	if sum != before {
		t.Errorf("its records say that they take %d bytes, the log %d", sum, before)
	}
	at := func(seq uint64) chat.Position {
		return chat.Position{Seq: seq, Envelope: records[seq-1].Envelope.ID}
	}

	trim := func(seq uint64) (first, bytes uint64) {
		t.Helper()
		if err := l.Trim(within(t), at(seq), time.Hour, time.Now(), tally); err != nil {
			t.Fatal(err)
		}
		first, end, bytes, err := l.Info(within(t))
		if end != last || err != nil {
			t.Errorf("it ends at %d, %v", end, err)
		}
		return first, bytes
	}
	if first, _ := trim(3); first != 3 {
		t.Errorf("only two records are consumed, and it begins at %d", first)
	}
	first, bytes := trim(last)
	if bytes > limit/2 || bytes < limit*3/8 {
		t.Errorf("it begins at %d and holds %d bytes of %d", first, bytes, limit)
	}
	if again, _ := trim(last); again != first {
		t.Errorf("less than half is in it, and it was cut from %d to %d", first, again)
	}
	if seq := appendTo(t, l, Envelope(1)); seq != last+1 {
		t.Errorf("then comes %d behind %d", seq, last)
	}
	if more, restarted := Read(t, l, at(last), 1); more[0].Seq != last+1 || restarted != "" {
		t.Errorf("a reader goes on with %d, %s", more[0].Seq, restarted)
	}
}

// lanes: many add at once, each in its own order; what is refused is said so,
// what is taken is told exactly once, in the log's order.
func lanes(t *testing.T, b *bus.Bus) {
	const adders, each = 40, 200
	l := makeLog(t, b, bus.LogConfig{})
	lane := l.Appender(bus.AppenderConfig{Gateway: 9})
	seqs := make([][]uint64, adders)
	var adding sync.WaitGroup
	for a := range adders {
		adding.Go(func() {
			var told sync.WaitGroup
			for i := range each {
				told.Add(1)
				err := lane.Add(Message(fmt.Sprintf("%d %d", a, i)), func(seq uint64, err error) {
					defer told.Done()
					if err != nil {
						t.Error(err)
					}
					seqs[a] = append(seqs[a], seq)
				})
				if err != nil {
					t.Error(err)
					told.Done()
				}
				if i%50 == 0 {
					told.Wait()
				}
			}
			told.Wait()
		})
	}
	adding.Wait()
	if err := lane.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := lane.Add(Message("late"), nil); chat.CodeOf(err) != chat.Unavailable {
		t.Errorf("a closed lane said %v", err)
	}
	_, last, _, err := l.Info(within(t))
	if err != nil {
		t.Fatal(err)
	}
	next := make([]int, adders)
	records, _ := Read(t, l, chat.Position{}, int(last))
	for _, r := range records {
		if n := len(r.Envelope.Commands); n == 0 || n > bus.MaxCommands {
			t.Errorf("record %d has %d commands", r.Seq, n)
		}
		for _, c := range r.Envelope.Commands {
			var a, i int
			if _, err := fmt.Sscan(c.Nonce, &a, &i); err != nil {
				t.Fatal(err)
			}
			if i != next[a] || seqs[a][i] != r.Seq {
				t.Fatalf("adder %d: command %d in record %d came where %d was due, told %d", a, i, r.Seq, next[a], seqs[a][i])
			}
			next[a]++
		}
	}
	for a, n := range next {
		if n != each {
			t.Errorf("adder %d: %d of %d are in the log", a, n, each)
		}
	}
}
