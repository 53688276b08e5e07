package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"github.com/parley-chat/parley/client"
)

const testSecret = "0123456789abcdef0123456789abcdef"

func (s *server) common() Common { return Common{URLs: []string{s.url}, JWTSecret: testSecret} }

func TestHistogram(t *testing.T) {
	var h histogram
	for range 1000 {
		h.add(int64(rand.N(10 * time.Second)))
	}
	for _, ns := range []int64{-5, 0, 1, 63, 64, 65, 127, 128, 1000, 999_999, 123_456_789, maxValue, maxValue + 5} {
		b := bucket(ns)
		if b < 0 || b >= buckets {
			t.Fatalf("%d falls into bucket %d of %d", ns, b, buckets)
		}
		if want := min(max(ns, 0), maxValue); upper(b) < want || float64(upper(b)-want) > float64(want)/sub {
			t.Fatalf("%d is reported as %d", ns, upper(b))
		}
		if b > 0 && upper(b-1) >= max(ns, 1) {
			t.Fatalf("%d belongs below bucket %d", ns, b)
		}
	}
	for b := 1; b < buckets; b++ {
		if upper(b) <= upper(b-1) || bucket(upper(b)) != b {
			t.Fatalf("bucket %d ends at %d after %d", b, upper(b), upper(b-1))
		}
	}
}

func TestQuantiles(t *testing.T) {
	var a, b histogram
	for i := range int64(1000) {
		half := &a
		if i%2 == 0 {
			half = &b
		}
		half.add((i + 1) * int64(time.Millisecond))
	}
	a.merge(&b)
	for q, want := range map[float64]float64{0.5: 500, 0.99: 990, 0.999: 999} {
		if got := ms(a.quantile(q)); got < want || got > want*1.02 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if l := a.latency(); l.Max != 1000 || l.Count != 1000 {
		t.Errorf("summed up as %+v", l)
	}
	if l := (&histogram{}).latency(); l != (Latency{}) {
		t.Errorf("nothing sums up to %+v", l)
	}
}

func TestTrackCatchesLies(t *testing.T) {
	for name, c := range map[string]struct {
		seqs                      []uint64
		head                      uint64
		lost, doubled, outOfOrder uint64
		fresh                     int
	}{
		"truth":            {[]uint64{5, 6, 7, 8}, 8, 0, 0, 0, 4},
		"hole":             {[]uint64{5, 8}, 8, 2, 0, 0, 2},
		"missing end":      {[]uint64{5, 6}, 9, 3, 0, 0, 2},
		"double":           {[]uint64{5, 5, 6, 5}, 6, 0, 2, 0, 2},
		"swap":             {[]uint64{6, 5, 7}, 7, 0, 0, 1, 3},
		"late and doubled": {[]uint64{5, 9, 7, 7, 6}, 9, 1, 1, 2, 4},
		"before the start": {[]uint64{4, 5}, 5, 0, 1, 0, 1},
		"hole from behind": {[]uint64{9, 8, 7, 6, 5}, 9, 0, 0, 4, 5},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track{next: 5}
			fresh := 0
			for _, seq := range c.seqs {
				if tr.take(seq) {
					fresh++
				}
			}
			if tr.lost(c.head) != c.lost || tr.doubled != c.doubled || tr.outOfOrder != c.outOfOrder || fresh != c.fresh {
				t.Errorf("lost %d, doubled %d, out of order %d, new %d", tr.lost(c.head), tr.doubled, tr.outOfOrder, fresh)
			}
		})
	}
}

func TestPacerIsAnOpenLoop(t *testing.T) {
	p := newPacer(1_000_000, 2000, time.Second)
	var dues []int64
	take := func(now int64) { p.take(now, func(_, due int64) { dues = append(dues, due) }) }
	take(999_999)
	if len(dues) != 0 {
		t.Fatalf("due too early: %v", dues)
	}
	take(1_000_000)
	if d, done := p.wait(1_000_000); len(dues) != 1 || done || d != 500*time.Microsecond {
		t.Fatalf("%d due, next in %v", len(dues), d)
	}
	take(1_000_000 + int64(300*time.Millisecond)) // a stall: everything due meanwhile, at its own time
	if len(dues) != 601 || dues[600] != 301_000_000 || dues[1] != 1_500_000 {
		t.Fatalf("after the stall %d are due, the last at %d", len(dues), dues[len(dues)-1])
	}
	take(1_000_000 + int64(time.Hour))
	if _, done := p.wait(1_000_000 + int64(time.Hour)); !done || len(dues) != 2000 {
		t.Fatalf("%d in a second, done %v", len(dues), done)
	}
}

func TestPacerKeepsItsRateSmooth(t *testing.T) {
	p := newPacer(clock(), 5000, 200*time.Millisecond)
	flushes, most, since := 0, 0, 0
	p.run(t.Context(), func(_, _ int64) { since++ }, func() {
		if since > 0 {
			flushes++
		}
		most, since = max(most, since), 0
	})
	if p.sent != 1000 || flushes < 20 {
		t.Fatalf("%d messages in %d writes of at most %d", p.sent, flushes, most)
	}
}

func TestTemplate(t *testing.T) {
	nonces := newNonces()
	for _, size := range []int{0, 64, 200, 70_000} {
		tpl := newTemplate(id("bbbbbbbb", 1), nonces, size)
		frame, err := ws.ReadFrame(bytes.NewReader(tpl.append([]byte("before"), 0xabc, 1234567)[len("before"):]))
		if err != nil || !frame.Header.Masked {
			t.Fatalf("%+v %v", frame.Header, err)
		}
		var f struct{ Type, Room, Nonce, Text, Ref string }
		if err := json.Unmarshal(frame.Payload, &f); err != nil {
			t.Fatal(err)
		}
		if f.Nonce != nonces[:24]+"000000000abc" || f.Room != id("bbbbbbbb", 1) || textStamp(f.Text) != 1234567 || len(f.Text) != max(size, stampSize+1) {
			t.Fatalf("message %+v", f)
		}
	}
}

func eventText(prefix, extra string) string {
	return prefix + `"event":{"room":"` + id("bbbbbbbb", 1) + `","seq":42,"id":"` + id("cccccccc", 1) + `","kind":"message","by":"` + id("aaaaaaaa", 1) + `","at":"` + at + `",` + extra + `"body":{"text":"0000000000001234567 x"}}}`
}

func TestParse(t *testing.T) {
	quick := eventText(`{"type":"event",`, "")
	for name, c := range map[string]struct {
		frame string
		want  delivery
		ok    bool
	}{
		"event":           {quick, delivery{seq: 42, stamp: 1234567}, true},
		"ack":             {eventText(`{"type":"ack","ref":"b",`, ""), delivery{ack: true, seq: 42, stamp: 1234567}, true},
		"foreign ref":     {eventText(`{"type":"ack","ref":"zz",`, ""), delivery{ack: true, seq: 42, stamp: 1234567}, true},
		"with nonce":      {eventText(`{"type":"event",`, `"nonce":"n",`), delivery{seq: 42, stamp: 1234567}, true},
		"spaces":          {strings.Replace(quick, `"type":`, `"type": `, 1), delivery{seq: 42, stamp: 1234567}, true},
		"escaped":         {strings.Replace(quick, `"seq":42`, `"\u0073eq":42`, 1), delivery{seq: 42, stamp: 1234567}, true},
		"other text":      {strings.Replace(quick, "0000000000001234567 x", "hello", 1), delivery{seq: 42, stamp: -1}, true},
		"text of digits":  {strings.Replace(quick, "0000000000001234567 x", "000000000000123456x x", 1), delivery{seq: 42, stamp: -1}, true},
		"member event":    {strings.Replace(quick, `"body":{"text":"0000000000001234567 x"}`, `"body":{"op":"join"}`, 1), delivery{seq: 42, stamp: -1}, true},
		"no seq":          {strings.Replace(quick, `"seq":42,`, ``, 1), delivery{seq: 0, stamp: 1234567}, true},
		"ack, no event":   {`{"type":"ack","ref":"b"}`, delivery{}, false},
		"other frame":     {`{"type":"pong"}`, delivery{}, false},
		"cut off":         {quick[:60], delivery{}, false},
		"cut off further": {quick[:76], delivery{}, false},
		"empty":           {``, delivery{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := parse([]byte(c.frame))
			if ok != c.ok || got.ack != c.want.ack || got.seq != c.want.seq || got.stamp != c.want.stamp {
				t.Fatalf("%s: got %+v %v", c.frame, got, ok)
			}
			if ok && string(got.room) != id("bbbbbbbb", 1) {
				t.Fatalf("room %s", got.room)
			}
		})
	}
}

// FuzzParse holds what parse finds to what was put in, and to any bytes at all.
func FuzzParse(f *testing.F) {
	f.Add(uint64(42), "0000000000001234567 x", "", false, []byte(eventText(`{"type":"event",`, "")))
	f.Add(uint64(1), `"body":{"text":"0000000000001234567 x`, "n", true, []byte(eventStart))
	f.Fuzz(func(t *testing.T, seq uint64, text, nonce string, ack bool, raw []byte) {
		parse(raw)
		seq %= 1e18
		ev := client.Event{Room: id("bbbbbbbb", 1), Seq: seq, ID: id("cccccccc", 1), Kind: client.KindMessage,
			By: id("aaaaaaaa", 1), At: time.UnixMilli(1234).UTC(), Nonce: nonce, Body: client.MessageBody{Text: text}}
		data, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		start := `{"type":"event","event":`
		if ack {
			start = `{"type":"ack","ref":"b","event":`
		}
		frame := start + string(data) + "}"
		got, ok := parse([]byte(frame))
		if !ok || got.ack != ack || string(got.room) != ev.Room || got.seq != seq {
			t.Fatalf("%s: got %+v %v", frame, got, ok)
		}
		if want := textStamp(text); len(text) > stampSize && got.stamp != want {
			t.Fatalf("%s: stamp %d, want %d", frame, got.stamp, want)
		}
	})
}

func run(t *testing.T, o interface {
	Measure(ctx context.Context, notes io.Writer) (Report, error)
}) Report {
	t.Helper()
	var notes strings.Builder
	r, err := o.Measure(t.Context(), &notes)
	if err != nil {
		t.Fatalf("%v after\n%s", err, notes.String())
	}
	return r
}

func TestFanoutCountsEverything(t *testing.T) {
	s := newServer(t)
	r := run(t, &Fanout{Common: s.common(), Timing: Timing{Duration: 300 * time.Millisecond, Warmup: 100 * time.Millisecond},
		Members: 5, Rooms: 2, Senders: 2, Rate: 200, Size: 64})
	if r.Sent != 60 || r.Acknowledged != 60 || r.Delivered != 300 || r.Expected != 300 || r.Connections != 10 || r.Rooms != 2 {
		t.Errorf("counted %+v", r)
	}
	if r.Err() != nil || r.Disconnected != 0 || r.Strange != 0 || r.Server != "play" {
		t.Errorf("judged %+v", r)
	}
	if r.Receive.Count != 240 || r.Ack.Count != 60 || r.Receive.P50 <= 0 || r.Ack.P50 > 1000 {
		t.Errorf("latency %+v %+v", r.Receive, r.Ack)
	}
}

func TestPairsReachBoth(t *testing.T) {
	s := newServer(t)
	r := run(t, &Pairs{Common: s.common(), Timing: Timing{Duration: 300 * time.Millisecond}, Pairs: 4, Rate: 200, Size: 64})
	if r.Sent != 60 || r.Acknowledged != 60 || r.Delivered != 120 || r.Rooms != 4 || r.Err() != nil {
		t.Errorf("counted %+v", r)
	}
}

func TestLiesAreCaught(t *testing.T) {
	var held string
	for name, c := range map[string]struct {
		lie  func(seq int, frame string) []string
		want verdict
	}{
		"loss": {func(seq int, frame string) []string {
			if seq == 10 || seq == 11 {
				return nil
			}
			return []string{frame}
		}, verdict{lost: 2}},
		"double": {func(seq int, frame string) []string {
			if seq == 10 {
				return []string{frame, frame}
			}
			return []string{frame}
		}, verdict{doubled: 1}},
		"swap": {func(seq int, frame string) []string {
			switch seq {
			case 10:
				held = frame
				return nil
			case 11:
				return []string{frame, held}
			}
			return []string{frame}
		}, verdict{outOfOrder: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.lie = c.lie
			// Two members: the one who listens is the one who is lied to.
			r := run(t, &Fanout{Common: s.common(), Timing: Timing{Duration: 200 * time.Millisecond}, Members: 2, Rooms: 1, Senders: 1, Rate: 100, Size: 64})
			if got := (verdict{r.Lost, r.Doubled, r.OutOfOrder}); got != c.want || r.Err() == nil {
				t.Errorf("found %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestIdleHolds(t *testing.T) {
	s := newServer(t)
	o := &Idle{Common: s.common(), Conns: 20, Hold: 100 * time.Millisecond, Rooms: 2}
	o.Version = "v9.9"
	r := run(t, o)
	if r.Generator != "v9.9" {
		t.Errorf("the generator calls itself %q", r.Generator)
	}
	if r.Connections != 20 || r.Disconnected != 0 || r.Err() != nil || r.Memory == nil || r.Memory.After == 0 {
		t.Errorf("counted %+v", r)
	}
}

func TestStormComesBackAndCatchesUp(t *testing.T) {
	s := newServer(t)
	r := run(t, &Storm{Common: s.common(), Conns: 30, Members: 10, Rate: 200, Warmup: 200 * time.Millisecond, Within: 20 * time.Second})
	if r.Storm == nil || r.Storm.Back != 30 || r.Storm.CaughtUp.Count != 30 || r.Storm.Reconnect.Count != 30 || r.Err() != nil {
		t.Errorf("counted %+v %+v", r, r.Storm)
	}
	if r.Sent == 0 || r.Sent != r.Acknowledged {
		t.Errorf("sent %d, acknowledged %d", r.Sent, r.Acknowledged)
	}
	if r.Ack.Count != r.Acknowledged {
		t.Errorf("of %d acknowledgements %d were timed", r.Acknowledged, r.Ack.Count)
	}
	// Each message goes to ten and the one who talks: more a second than are sent were not delivered.
	if most := 1.2 * 200 * 11; r.Seconds < 0.2 || r.DeliveredPS > most {
		t.Errorf("%d delivered in %v s are said to be %v a second", r.Delivered, r.Seconds, r.DeliveredPS)
	}
}

func TestStormByRestart(t *testing.T) {
	s := newServer(t)
	fifo := filepath.Join(t.TempDir(), "restart")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		if _, err := os.ReadFile(fifo); err != nil { // until the command has written
			t.Error(err)
		}
		s.dropAll()
	}()
	r := run(t, &Storm{Common: s.common(), Conns: 10, Members: 5, Rate: 100, Warmup: 100 * time.Millisecond, Within: 20 * time.Second,
		Restart: "echo now > " + fifo})
	if r.Storm == nil || r.Storm.Back != 10 || r.Storm.CommandFor <= 0 || r.Disconnected != 10 || r.Err() != nil {
		t.Errorf("counted %+v %+v", r, r.Storm)
	}
}

func TestLostConnectionsComeBackWithTheirNumbers(t *testing.T) {
	s := newServer(t)
	at := 0
	s.lie = func(seq int, frame string) []string {
		if at++; at == 10 {
			go s.dropAll()
		}
		return []string{frame}
	}
	r := run(t, &Fanout{Common: s.common(), Timing: Timing{Duration: 400 * time.Millisecond}, Members: 4, Rooms: 1, Senders: 1, Rate: 100, Size: 64})
	if r.Disconnected != 4 || r.Err() != nil {
		t.Errorf("%d came back; %v", r.Disconnected, r.Err())
	}
}

func TestSearchForTheLimit(t *testing.T) {
	for name, ceiling := range map[string]float64{"above the start": 330, "below the start": 30} {
		t.Run(name, func(t *testing.T) {
			good, bad, rate := 0.0, 0.0, 100.0
			for halvings := 0; halvings < searchHalvings; rate, halvings = nextRate(good, bad, halvings) {
				if rate <= ceiling {
					good = rate
				} else {
					bad = rate
				}
			}
			if good > ceiling || good < ceiling*0.9 {
				t.Fatalf("found %v of %v", good, ceiling)
			}
		})
	}
	s := newServer(t)
	s.lie = func(seq int, frame string) []string {
		if seq > 12 {
			return nil
		}
		return []string{frame}
	}
	r := run(t, &Fanout{Common: s.common(), Timing: Timing{Duration: 50 * time.Millisecond}, Members: 2, Rooms: 1, Senders: 1, Rate: 100, Size: 64, Limit: true})
	if len(r.Steps) < 2 || !r.Steps[0].Sustained || r.Steps[len(r.Steps)-1].Sustained {
		t.Errorf("steps %+v", r.Steps)
	}
}

func TestAccountsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "accounts")
	if err := os.WriteFile(file, []byte("ann:one:two\n\nbob:three\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readAccounts(file)
	if err != nil || len(got) != 2 || got[0] != [2]string{"ann", "one:two"} || got[1] != [2]string{"bob", "three"} {
		t.Fatalf("read %v, %v", got, err)
	}
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readAccounts(file); err == nil {
		t.Fatal("a line without a password passed")
	}
	s := newServer(t)
	if _, err := (&Idle{Common: Common{URLs: []string{s.url}}, Conns: 1}).Measure(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "--jwt-secret") {
		t.Fatalf("without users: %v", err)
	}
}

func TestTableAndJSON(t *testing.T) {
	r := Report{Kind: "pairs", Sent: 10, Acknowledged: 9, Refused: map[string]uint64{"unavailable": 1}, Expected: 20, Delivered: 18, Lost: 2,
		Receive: Latency{Count: 18, P50: 1.5, P99: 2.5, P999: 3.5, Max: 4.5}, Memory: &Memory{Before: 1 << 20, After: 3 << 20, PerConnection: 2048},
		Steps: []Step{{Rate: 100, Sustained: true}, {Rate: 200, Why: "too slow"}}, Storm: &Gust{Dropped: 3, Back: 3}}
	var out strings.Builder
	err := finish(&out, Common{}, r, nil)
	if err == nil || !strings.Contains(err.Error(), "2 lost") {
		t.Errorf("a loss ended with %v", err)
	}
	for _, want := range []string{"1 unavailable", "18 of 20", "1.50", "4.50", "2.05 kB", "2 / 0 / 0", "too slow", "sustained"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	r.Lost = 0
	if err := finish(&out, Common{JSON: "-"}, r, nil); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal([]byte(out.String()), &back); err != nil || back.Delivered != 18 {
		t.Errorf("came back as %+v, %v", back, err)
	}
	if o := (Common{JWTSecret: testSecret}).redacted(); o.JWTSecret == testSecret {
		t.Error("the secret is in the report")
	}
}

func TestProcessAccounting(t *testing.T) {
	if cpu := cpuOf("7 (a (b) c) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 1 1 1"); cpu != 3*time.Second {
		t.Errorf("CPU time %v", cpu)
	}
	s := newServer(t)
	a := arena{opts: Common{URLs: []string{s.url}}}
	if p := a.findServer(); p == nil || p.pid != os.Getpid() || p.usage().rss == 0 {
		t.Errorf("listening process %+v", p)
	}
	if u := (*process)(nil).usage(); u != (usage{}) {
		t.Errorf("nobody uses %+v", u)
	}
}

// BenchmarkFeed is the generator's inner loop: frames taken off a chunk,
// checked and measured.
func BenchmarkFeed(b *testing.B) {
	const perChunk = 128
	var chunk []byte
	w := &worker{}
	c := &conn{tracks: []track{{next: 42}}}
	copy(c.tracks[0].room[:], id("bbbbbbbb", 1))
	for range perChunk {
		payload := []byte(eventText(`{"type":"event",`, ""))
		chunk = append(chunk, 0x81, 126, byte(len(payload)>>8), byte(len(payload)))
		chunk = append(chunk, payload...)
	}
	b.SetBytes(int64(len(chunk) / perChunk))
	b.ReportAllocs()
	for n := 0; n < b.N; n += perChunk {
		c.tracks[0].next = 42
		if taken, _, err := w.feed(c, chunk, clock()); err != nil || taken != len(chunk) {
			b.Fatal(taken, err)
		}
	}
	if w.delivered == 0 {
		b.Fatal("nothing delivered")
	}
}

// BenchmarkSend is what a message costs before the system call.
func BenchmarkSend(b *testing.B) {
	tpl := newTemplate(id("bbbbbbbb", 1), newNonces(), 64)
	c := &conn{}
	b.ReportAllocs()
	for i := range int64(b.N) {
		c.queue(&tpl, i, i)
		c.out = c.out[:0]
	}
}
