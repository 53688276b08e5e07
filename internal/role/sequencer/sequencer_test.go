package sequencer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/store"
)

// desk is a sequencer over a real store and a real bus, with a gateway that is
// this test.
type desk struct {
	t        *testing.T
	cfg      Config
	metrics  *prometheus.Registry // of the sequencer that was started last
	bus      *bus.Bus
	store    *store.Store
	shards   *shards
	appender *bus.Appender
	notices  chan *contract.Notice
	epoch    uint64 // of the owner that was asked last
	asks     uint64
	begun    uint64 // registrations
	stop     func()
}

const gatewayRun = 77

var (
	ann = chat.UserID{15: 1}
	bob = chat.UserID{15: 2}
)

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	return newDeskOver(t, "sqlite:"+filepath.Join(t.TempDir(), "data"))
}

func newDeskOver(t *testing.T, dsn string) *desk {
	t.Helper()
	return newDeskOf(t, Config{}, dsn, bustest.Embedded(t))
}

func newDeskOf(t *testing.T, cfg Config, dsn string, b *bus.Bus) *desk {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := &desk{t: t, cfg: cfg, bus: b, store: s, shards: &shards{Store: s, reloads: make(chan struct{}, 1000)}, notices: make(chan *contract.Notice, 10_000)}
	heard, err := contract.Noticed.At(contract.Run(gatewayRun)).Subscribe(d.bus, func(_ context.Context, n *contract.Notice) { d.notices <- n })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = heard.Stop(context.Background()) })
	d.start()
	t.Cleanup(func() { d.stop() })
	d.appender = d.bus.Log(0).Appender(bus.AppenderConfig{Gateway: gatewayRun})
	t.Cleanup(func() { _ = d.appender.Close(context.Background()) })
	return d
}

func (d *desk) start() {
	d.t.Helper()
	d.metrics = prometheus.NewRegistry()
	s := New(d.cfg, d.bus, d.shards, bustest.Log(d.t), d.metrics)
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		d.t.Fatalf("the sequencer ended: %v", err)
	}
	d.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
}

// watch registers the test's gateway with some rooms, or adds to what it has.
func (d *desk) watch(add ...chat.RoomID) *contract.WatchAnswer {
	d.t.Helper()
	if d.asks++; d.asks == 1 {
		d.begun++
	}
	var err error
	if _, _, d.epoch, err = d.store.Archive().Feed(d.t.Context(), 0, math.MaxInt64, 1, 0); err != nil {
		d.t.Fatal(err)
	}
	a, err := contract.Watch.At(contract.Owner(0, d.epoch)).Ask(d.t.Context(), d.bus,
		&contract.WatchAsk{Run: gatewayRun, Registration: d.begun, Number: d.asks, Add: add})
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// ask appends a command and waits until the log has it.
func (d *desk) ask(c chat.Command) chat.NonceKey {
	d.t.Helper()
	if c.ID.IsZero() {
		c.ID = chat.NewID()
	}
	if c.Nonce == "" {
		c.Nonce = c.ID.String()
	}
	c.As = chat.OrgMember
	stored := make(chan error, 1)
	if err := d.appender.Add(&c, func(_ uint64, err error) { stored <- err }); err != nil {
		d.t.Fatal(err)
	}
	if err := <-stored; err != nil {
		d.t.Fatal(err)
	}
	return c.Key()
}

// event waits for the event of a command.
func (d *desk) event(key chat.NonceKey) chat.Event {
	d.t.Helper()
	e, _ := d.await(key)
	if e == nil {
		d.t.Fatalf("no event came for %v", key)
	}
	return *e
}

// answer waits for the answer to a command that makes no event.
func (d *desk) answer(key chat.NonceKey) contract.Answer {
	d.t.Helper()
	_, a := d.await(key)
	if a == nil {
		d.t.Fatalf("no answer came for %v", key)
	}
	return *a
}

func (d *desk) await(key chat.NonceKey) (*chat.Event, *contract.Answer) {
	d.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case n := <-d.notices:
			for i := range n.Events {
				if n.Events[i].Key() == key {
					return &n.Events[i], nil
				}
			}
			for i := range n.Answers {
				if n.Answers[i].Key == key {
					return nil, &n.Answers[i]
				}
			}
		case <-timeout:
			return nil, nil
		}
	}
}

func (d *desk) room(name string) chat.RoomID {
	d.t.Helper()
	nonce := "make " + name
	id := chat.CreatedRoomID(ann, nonce)
	d.watch(id)
	d.event(d.ask(chat.Command{Room: id, By: ann, Nonce: nonce, Kind: chat.KindRoom,
		Body: chat.Body{Op: chat.OpCreate, RoomKind: chat.Channel, Name: &name}}))
	return id
}

func say(room chat.RoomID, by chat.UserID, nonce, text string) chat.Command {
	return chat.Command{Room: room, By: by, Nonce: nonce, Kind: chat.KindMessage, Body: chat.Body{Text: text}}
}

// shards hands out the store's shards with a test's faults before them.
type shards struct {
	*store.Store
	mu      sync.Mutex
	tamper  func(c *chat.Commit, commit func() error) error
	commits int
	reloads chan struct{} // a token for each time that an owner started over
}

func (s *shards) Claim(ctx context.Context, partition int) (Shard, error) {
	shard, err := s.Store.Claim(ctx, partition)
	if err != nil {
		return nil, err
	}
	return &faultyShard{shard, s}, nil
}

func (s *shards) tampering(with func(c *chat.Commit, commit func() error) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tamper = with
}

type faultyShard struct {
	*store.Shard
	desk *shards
}

func (f *faultyShard) Commit(ctx context.Context, c *chat.Commit) error {
	f.desk.mu.Lock()
	tamper := f.desk.tamper
	f.desk.commits++
	f.desk.mu.Unlock()
	commit := func() error { return f.Shard.Commit(ctx, c) }
	if tamper == nil {
		return commit()
	}
	return tamper(c, commit)
}

func (f *faultyShard) Reload(ctx context.Context) (chat.Position, error) {
	select {
	case f.desk.reloads <- struct{}{}:
	default:
	}
	return f.Shard.Reload(ctx)
}

func TestCommandsBecomeEventsWithDenseNumbers(t *testing.T) {
	d := newDesk(t)
	room := d.room("general")
	last := d.event(d.ask(say(room, ann, "n1", "one")))
	for i := range 50 {
		e := d.event(d.ask(say(room, ann, fmt.Sprint("m", i), "more")))
		if e.Seq != last.Seq+1 || e.N != last.N+1 || e.Messages != last.Messages+1 || e.At < last.At {
			t.Fatalf("%+v follows %+v", e, last)
		}
		last = e
	}
}

func TestARepeatIsAnsweredWithTheFirstNumberFromMemoryAndFromTheStore(t *testing.T) {
	d := newDesk(t)
	room := d.room("general")
	first := d.event(d.ask(say(room, ann, "again", "once")))
	if a := d.answer(d.ask(say(room, ann, "again", "once"))); a.Repeat != first.Seq {
		t.Errorf("from memory: %+v", a)
	}
	for i := range 150 { // more than a room remembers
		d.ask(say(room, ann, fmt.Sprint("m", i), "noise"))
	}
	a := d.answer(d.ask(say(room, ann, "again", "once")))
	after := d.event(d.ask(say(room, ann, "last", "end")))
	if a.Repeat != first.Seq {
		t.Errorf("from the store: %+v", a)
	}
	if after.Seq != first.Seq+151 {
		t.Errorf("the repeat made an event: %d follows %d", after.Seq, first.Seq)
	}
}

func TestRefusalsAndNothingToChangeAreAnswered(t *testing.T) {
	d := newDesk(t)
	room := d.room("general")
	if a := d.answer(d.ask(say(room, bob, "b1", "let me in"))); chat.CodeOf(a.Err) != chat.Forbidden {
		t.Errorf("a stranger's message: %+v", a)
	}
	join := chat.Command{Room: room, By: bob, Kind: chat.KindMember, Body: chat.Body{Op: chat.OpJoin, User: bob}}
	d.event(d.ask(join))
	if a := d.answer(d.ask(join)); a.Err != nil || a.Repeat != 0 {
		t.Errorf("joining twice: %+v", a)
	}
	if a := d.answer(d.ask(say(chat.NewID(), bob, "b2", "is anybody here?"))); chat.CodeOf(a.Err) != chat.NotFound {
		t.Errorf("a room that is not there: %+v", a)
	}
}

func TestACommandThatPanicsOrFailsAloneIsBuriedAndTheOthersGoOn(t *testing.T) {
	for name, fault := range map[string]func() error{
		"panics": func() error { panic("poison") },
		"fails":  func() error { return errors.New("a constraint nobody thought of") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			room := d.room("general")
			d.shards.tampering(func(c *chat.Commit, commit func() error) error {
				for _, e := range c.Events {
					if strings.Contains(e.Body.Text, "poison") {
						return fault()
					}
				}
				return commit()
			})
			before := d.ask(say(room, ann, "n1", "before"))
			bad := d.ask(say(room, ann, "n2", "poison"))
			after := d.ask(say(room, ann, "n3", "after"))
			first := d.event(before)
			if a := d.answer(bad); chat.CodeOf(a.Err) != chat.Internal || strings.Contains(a.Err.Text, "poison") {
				t.Errorf("the poisoned command: %+v", a)
			}
			if e := d.event(after); e.Seq != first.Seq+1 {
				t.Errorf("%d follows %d", e.Seq, first.Seq)
			}
			stats, err := d.store.Access().Stats(t.Context())
			if err != nil || stats.Dead != 1 {
				t.Errorf("%d dead commands, %v", stats.Dead, err)
			}
		})
	}
}

func TestACommitWhoseOutcomeIsUnknownHappensOnce(t *testing.T) {
	for name, fault := range map[string]func(commit func() error) error{
		"it had succeeded": func(commit func() error) error { return errors.Join(commit(), chat.ErrUnreachable) },
		"it had failed":    func(func() error) error { return chat.ErrUnreachable },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			room := d.room("general")
			first := d.event(d.ask(say(room, ann, "n1", "before")))
			struck := make(chan struct{})
			strike := sync.OnceFunc(func() { close(struck) })
			d.shards.tampering(func(c *chat.Commit, commit func() error) error {
				select {
				case <-struck:
					return commit()
				default:
				}
				if len(c.Events) == 0 {
					return commit()
				}
				defer strike()
				return fault(commit)
			})
			d.ask(say(room, ann, "n2", "unknown"))
			<-struck // what is asked now is in another commit: of the first one nobody was told
			if e := d.event(d.ask(say(room, ann, "n3", "after"))); e.Seq != first.Seq+2 {
				t.Errorf("%d follows %d", e.Seq, first.Seq)
			}
		})
	}
}

func TestTheOwnerGoesOnWhereItStoodAfterARestart(t *testing.T) {
	d := newDesk(t)
	room := d.room("general")
	first := d.event(d.ask(say(room, ann, "n1", "before")))
	d.stop()
	key := d.ask(say(room, ann, "n2", "while it was away"))
	d.start()
	d.asks = 0
	a := d.watch(room)
	if a.Epoch == 0 || a.Unknown {
		t.Fatalf("registering: %+v", a)
	}
	events, _, _, err := d.store.Archive().Feed(t.Context(), 0, first.N, 10, 1<<20)
	for err == nil && len(events) == 0 {
		events, _, _, err = d.store.Archive().Feed(t.Context(), 0, first.N, 10, 1<<20)
	}
	if err != nil || events[0].Key() != key || events[0].Seq != first.Seq+1 {
		t.Errorf("%+v, %v", events, err)
	}
}

// A log that is read from far back, as after a restore, comes in large batches,
// with a command and its repeat further apart than a room remembers. Done one by
// one they would keep everybody waiting.
func TestARepeatWithinOneBatchIsFoundHoweverFarApart(t *testing.T) {
	d := newDesk(t)
	room := d.room("general")
	before := d.event(d.ask(say(room, ann, "before", "before")))
	d.stop()
	const many = 300
	repeated := []chat.Command{say(room, ann, "n0", "the first")}
	for i := range many {
		repeated = append(repeated, say(room, ann, fmt.Sprint("m", i), "another"))
	}
	for _, c := range append(repeated, repeated[0], say(room, ann, "last", "the last")) {
		d.ask(c)
	}
	d.start()
	eventually := time.After(20 * time.Second)
	for {
		events, _, _, err := d.store.Archive().Feed(t.Context(), 0, before.N, 2*many, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(events); n > 0 && events[n-1].Nonce == "last" {
			if n != many+2 {
				t.Errorf("%d commands made %d events", many+2, n)
			}
			commits := map[uint64]bool{}
			for i := range events {
				commits[events[i].Origin.Batch] = true
			}
			if len(commits) > 5 {
				t.Errorf("%d commands took %d commits", many+2, len(commits))
			}
			return
		}
		select {
		case <-eventually:
			t.Fatalf("of %d commands %d were committed", many+2, len(events))
		case <-d.notices:
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestAnAskOutOfTurnMakesAGatewayRegisterAnew(t *testing.T) {
	d := newDesk(t)
	d.watch()
	d.asks += 5
	if a := d.watch(); !a.Unknown {
		t.Errorf("a lost ask went unnoticed: %+v", a)
	}
	d.asks = 0
	if a := d.watch(); a.Unknown {
		t.Errorf("registering anew: %+v", a)
	}
}

func TestAGatewayHearsOfWatchedRoomsAndOfEveryNewMember(t *testing.T) {
	d := newDesk(t)
	mine := d.room("mine")
	d.asks = 0
	d.watch(mine) // anew: nothing else is watched
	nonce := "other"
	other := chat.CreatedRoomID(bob, nonce)
	name := "other"
	made := d.ask(chat.Command{Room: other, By: bob, Nonce: nonce, Kind: chat.KindRoom,
		Body: chat.Body{Op: chat.OpCreate, RoomKind: chat.Group, Name: &name, Members: []chat.UserID{ann}}})
	if e := d.event(made); len(e.Joins()) != 2 {
		t.Errorf("the room that makes ann a member: %+v", e)
	}
	d.ask(say(other, bob, "secret", "not watched"))
	d.ask(say(mine, ann, "heard", "watched"))
	deadline := time.After(20 * time.Second)
	for {
		select {
		case n := <-d.notices:
			for _, e := range n.Events {
				if e.Room == other {
					t.Fatalf("told of a room that is not watched: %+v", e)
				}
				if e.Room == mine && e.Nonce == "heard" {
					return
				}
			}
		case <-deadline:
			t.Fatal("the watched room was not told of")
		}
	}
}

func TestEmptyNoticesSayWhereThePartitionStands(t *testing.T) {
	d := newDesk(t)
	room := d.room("general")
	e := d.event(d.ask(say(room, ann, "n1", "something")))
	for n := range d.notices {
		if len(n.Events) == 0 && len(n.Answers) == 0 {
			if n.To != e.N || n.From != e.N {
				t.Errorf("%+v after feed number %d", n, e.N)
			}
			return
		}
	}
}

// Who could not make the log anew forgot the log that it had, and the next try
// ended the process.
func TestAnOwnerWhoseLogCannotBeMadeAnewGoesOnWhenItCan(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	server := bustest.NewServer(t)
	d := newDeskOf(t, Config{}, "sqlite:"+filepath.Join(t.TempDir(), "data"), server.Dial(nil))
	room := d.room("general")
	first := d.event(d.ask(say(room, ann, "n1", "before")))
	freed := make(chan func(), 1)
	lose := sync.OnceFunc(func() { freed <- server.Usurp(t, 0) })
	d.shards.tampering(func(c *chat.Commit, commit func() error) error {
		if len(c.Events) == 0 || c.Events[0].Nonce != "lost" {
			return commit()
		}
		lose()
		return chat.ErrUnreachable
	})
	d.ask(say(room, ann, "lost", "goes with the log"))
	free := <-freed
	for range 3 {
		<-d.shards.reloads
	}
	free()
	key := d.ask(say(room, ann, "n2", "after"))
	patience := time.After(20 * time.Second)
	for {
		events, _, _, err := d.store.Archive().Feed(t.Context(), 0, first.N, 10, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) > 0 {
			if events[0].Key() != key || events[0].Seq != first.Seq+1 {
				t.Errorf("then comes %+v", events[0])
			}
			return
		}
		select {
		case <-patience:
			t.Fatal("the owner does not go on")
		case <-d.notices:
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// long is a record of long messages, half a mebibyte or so.
func long(room chat.RoomID) *bus.Envelope {
	e := &bus.Envelope{ID: chat.NewID(), Gateway: gatewayRun, Commands: make([]chat.Command, 15)}
	for i := range e.Commands {
		id := chat.NewID()
		e.Commands[i] = say(room, ann, id.String(), strings.Repeat("x", chat.MaxText))
		e.Commands[i].ID, e.Commands[i].As = id, chat.OrgMember
	}
	return e
}

// append appends a record, as senders do who are told to come back.
func (d *desk) append(e *bus.Envelope) (seq uint64) {
	d.t.Helper()
	patience := time.After(20 * time.Second) // less than what the log is trimmed after anyway
	for {
		seq, err := d.bus.Log(0).Append(d.t.Context(), e)
		if err == nil {
			return seq
		}
		if !errors.Is(err, bus.ErrLogFull) {
			d.t.Fatal(err)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-patience:
			d.t.Fatal("the log stays full")
		}
	}
}

// fill appends until the log is full.
func (d *desk) fill(room chat.RoomID) {
	d.t.Helper()
	for {
		switch _, err := d.bus.Log(0).Append(d.t.Context(), long(room)); {
		case errors.Is(err, bus.ErrLogFull):
			return
		case err != nil:
			d.t.Fatal(err)
		}
	}
}

func roomyDesk(t *testing.T, maxBytes int64) *desk {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	return newDeskOf(t, Config{Log: bus.LogConfig{MaxBytes: maxBytes}}, "sqlite:"+filepath.Join(t.TempDir(), "data"), bustest.Embedded(t))
}

// What is decided stays for an hour, for restores. In that hour a busy partition
// filled its log with it, and then everybody was refused until the hour was over.
func TestWhatIsDecidedMakesRoomForMoreThanTheLogHolds(t *testing.T) {
	const maxBytes = 4 << 20
	d := roomyDesk(t, maxBytes)
	room := d.room("general")
	for sum := 0; sum < 4*maxBytes; {
		e := long(room)
		data, err := e.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		sum += len(data)
		d.append(e)
	}
	first, last, bytes, err := d.bus.Log(0).Info(t.Context())
	if bytes < maxBytes/4 || err != nil {
		t.Errorf("for restores %d bytes are left of %d, records %d…%d, %v", bytes, maxBytes, first, last, err)
	}
	d.stop()
	d.start() // at its position, which is in the log still
	d.asks = 0
	d.watch(room)
	d.event(d.ask(say(room, ann, "n1", "after")))
}

func TestALogThatIsFullWhenItsOwnerComesIsTrimmedAtOnce(t *testing.T) {
	for name, before := range map[string]func(d *desk, room chat.RoomID){
		"of what is decided": func(d *desk, room chat.RoomID) {
			d.append(long(room))
			d.append(long(room))
			d.event(d.ask(say(room, ann, "last", "decided as well")))
			d.stop()
			_, _, bytes, err := d.bus.Log(0).Info(d.t.Context())
			if err != nil {
				d.t.Fatal(err)
			}
			d.cfg.Log.MaxBytes = int64(bytes)
			if _, err := d.bus.MakeLog(d.t.Context(), 0, d.cfg.Log); err != nil {
				d.t.Fatal(err)
			}
		},
		"of what is not": func(d *desk, _ chat.RoomID) { d.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			d := roomyDesk(t, 4<<20)
			room := d.room("general")
			before(d, room)
			d.fill(room)
			d.start()
			d.append(long(room))
		})
	}
}

// Its gauges stayed where they were, and were added to what the next owner said.
func TestAFormerOwnerSaysNothingOfThePartition(t *testing.T) {
	d := newDesk(t)
	d.room("general")
	told := func() (names []string) {
		families, err := d.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == "partition" {
						names = append(names, f.GetName())
					}
				}
			}
		}
		return names
	}
	for len(told()) < 4 {
		<-d.notices // each second there is one, behind which the gauges are set
	}
	d.stop()
	if left := told(); len(left) > 0 {
		t.Errorf("it owns nothing and tells %v", left)
	}
}
