package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley/internal/chat"
)

// Record is one envelope in the log.
type Record struct {
	Seq      uint64
	At       int64 // the log's own time of it, Unix milliseconds
	Bytes    int   // what it takes in the log
	Envelope Envelope
	Err      error // it cannot be decoded; it still has its Seq, and of its Envelope the ID
}

// ErrLogChanged ends a Reader: a record is missing, the log has gone, or nothing
// was heard of it for three seconds. Who reads opens another Reader at the
// position that is committed, which looks whether the log is still the same.
var ErrLogChanged = errors.New("the log has changed under its reader")

const (
	heartbeat = time.Second
	silence   = 3 * heartbeat
)

// Reader reads a log in order and without gaps.
//
//	server ──push──► receive: is it the next one? ──► arrived ──► Next: decode
//
// It is a push consumer without acknowledgements, with flow control. The library's
// own ordered consumer is not used because it mends gaps in silence, and after
// a gap the position has to be checked.
type Reader struct {
	log       *Log
	restarted string
	sub       *nats.Subscription
	consumer  string

	mu       sync.Mutex
	arrived  []arrival
	next     int // of arrived, to be taken
	err      error
	received uint64 // how many records, counted by the consumer
	expect   uint64 // sequence of the first, or 0 for any
	behind   uint64 // records in the log beyond the newest of them, when it arrived
	heard    time.Time
	watch    *time.Timer

	news chan struct{} // holds a token when arrived or err have changed
	held sized         // decoded, but too much for the last Next
}

type sized struct {
	*Record
	bytes int
}

// arrival is a record, or a request to say that everything before it was taken.
type arrival struct {
	seq  uint64
	at   int64
	size int // in the log
	name string
	data []byte
	flow string
}

// Read opens a Reader behind from, or at the first record when from.Seq is 0.
//
// First it fetches the record at from.Seq. When that is not from.Envelope the
// log is not the one that the position was made on: the Reader reads from the
// first record, and [Reader.Restarted] says why. While the disk is full Read
// waits for space until ctx ends, or 2 s, and then fails with ErrDiskFull; a
// Reader that is open already goes on.
func (l *Log) Read(ctx context.Context, from chat.Position) (*Reader, error) {
	ctx, cancel := within(ctx, tryTime)
	defer cancel()
	if err := l.bus.gate.wait(ctx); err != nil {
		return nil, l.wrap("read", err)
	}
	if from.Seq == 0 {
		return l.open(ctx, 0)
	}
	// The consumer comes before the check, and dies with the stream that it was
	// made on: nothing can be exchanged in between.
	r, err := l.open(ctx, from.Seq+1)
	if err != nil {
		return nil, err
	}
	var why string
	s, err := l.bus.js.Stream(ctx, l.stream)
	if err == nil {
		why, err = differs(ctx, s, from)
	}
	if err == nil && why == "" {
		return r, nil
	}
	r.Close()
	if err != nil {
		return nil, l.wrap("read", err)
	}
	if r, err = l.open(ctx, 0); err != nil {
		return nil, err
	}
	r.restarted = why
	return r, nil
}

// differs says in a sentence why the log is not the one of the position, or "".
func differs(ctx context.Context, s jetstream.Stream, from chat.Position) (string, error) {
	state := s.CachedInfo().State
	switch {
	case state.LastSeq < from.Seq:
		return fmt.Sprintf("the log ends at record %d, before the last one consumed, %d: it was wiped, made anew or cut off", state.LastSeq, from.Seq), nil
	case state.FirstSeq > from.Seq:
		return fmt.Sprintf("the log begins at record %d, behind the last one consumed, %d: its beginning was removed", state.FirstSeq, from.Seq), nil
	}
	m, err := s.GetMsg(ctx, from.Seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Sprintf("record %d, the last one consumed, is not in the log any more", from.Seq), nil
	}
	if err != nil {
		return "", err
	}
	if id := m.Header.Get(nats.MsgIdHdr); named(id) != from.Envelope {
		return fmt.Sprintf("record %d is envelope %.40s, but %s was consumed there: the log was made anew, or has diverged", from.Seq, id, from.Envelope), nil
	}
	return "", nil
}

// named is the envelope that is stored under a name: none when somebody else has
// written there.
func named(name string) chat.ID {
	id, err := chat.ParseID(name)
	if err != nil {
		return chat.ID{}
	}
	return id
}

// open starts to receive at a sequence number, or at the first record.
func (l *Log) open(ctx context.Context, seq uint64) (*Reader, error) {
	r := &Reader{log: l, expect: seq, heard: time.Now(), news: make(chan struct{}, 1)}
	r.mu.Lock()
	r.watch = time.AfterFunc(silence, r.listen)
	r.mu.Unlock()
	sub, err := l.bus.nc.Subscribe(l.bus.nc.NewInbox(), r.receive)
	if err != nil {
		return nil, l.wrap("read", err)
	}
	r.sub = sub
	// Flow control bounds what waits here.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, l.wrap("read", errors.Join(err, sub.Unsubscribe()))
	}
	cfg := jetstream.ConsumerConfig{
		DeliverSubject: sub.Subject,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		AckPolicy:      jetstream.AckNonePolicy,
		MaxDeliver:     1,
		FlowControl:    true,
		IdleHeartbeat:  heartbeat,
		MemoryStorage:  true,
		Replicas:       1,
	}
	if seq > 0 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, seq
	}
	c, err := l.bus.js.CreatePushConsumer(ctx, l.stream, cfg)
	if err != nil {
		return nil, l.wrap("read", errors.Join(err, sub.Unsubscribe()))
	}
	r.consumer = c.CachedInfo().Name
	l.bus.mu.Lock()
	l.bus.readers[r] = struct{}{}
	l.bus.mu.Unlock()
	return r, nil
}

// Restarted says in a sentence why the Reader starts at the log's first record
// instead of the position it was given; "" when it does not.
func (r *Reader) Restarted() string { return r.restarted }

// Heard is when the log last gave a sign of life.
func (r *Reader) Heard() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}

// Close ends the Reader; a waiting Next returns ErrLogChanged.
func (r *Reader) Close() {
	l := r.log
	l.bus.mu.Lock()
	_, open := l.bus.readers[r]
	delete(l.bus.readers, r)
	l.bus.mu.Unlock()
	r.fail("the reader was closed")
	if !open {
		return
	}
	// Also while the bus is away: a subscription that stays comes back with it.
	_ = r.sub.Unsubscribe()
	if !l.bus.nc.IsConnected() {
		return // without its subscription the server removes the consumer by itself
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.bus.js.DeleteConsumer(ctx, l.stream, r.consumer)
}

// Next waits for records and returns all that have arrived: at least one, and no
// more than BatchCommands and BatchBytes altogether. A record that cannot be
// decoded is among them, with its Err. Next is not safe for concurrent use.
func (r *Reader) Next(ctx context.Context) ([]Record, error) {
	for {
		records, err := r.take()
		if len(records) > 0 || err != nil {
			return records, err
		}
		select {
		case <-r.news:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Pending is about how many records of the log Next has not returned yet.
func (r *Reader) Pending() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.behind + uint64(len(r.arrived)-r.next)
}

// take decodes what has arrived, as much as one batch may hold.
func (r *Reader) take() (batch []Record, err error) {
	commands, bytes := 0, 0
	for {
		rec, err := r.shift()
		if err != nil && len(batch) == 0 {
			return nil, err
		}
		if rec.Record == nil {
			return batch, nil
		}
		commands += len(rec.Envelope.Commands)
		bytes += rec.bytes
		if len(batch) > 0 && (commands > BatchCommands || bytes > BatchBytes) {
			r.held = rec
			return batch, nil
		}
		batch = append(batch, *rec.Record)
	}
}

// shift takes the next record, if there is one.
func (r *Reader) shift() (rec sized, err error) {
	if rec, r.held = r.held, rec; rec.Record != nil {
		return rec, nil
	}
	for {
		a, err := r.pop()
		switch {
		case err != nil || a == nil:
			return rec, err
		case a.flow != "":
			_ = r.log.bus.nc.Publish(a.flow, nil)
			continue
		}
		rec = sized{&Record{Seq: a.seq, At: a.at, Bytes: a.size}, len(a.data)}
		if err := rec.Envelope.UnmarshalBinary(a.data); err != nil {
			rec.Envelope, rec.Err = Envelope{ID: named(a.name)}, fmt.Errorf("record %d of %s: %w", a.seq, r.log.subject, err)
		}
		return rec, nil
	}
}

// pop takes the next arrival; the error comes when there is none left.
func (r *Reader) pop() (*arrival, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == len(r.arrived) {
		r.arrived, r.next = r.arrived[:0], 0
		return nil, r.err
	}
	a := r.arrived[r.next]
	r.arrived[r.next] = arrival{}
	r.next++
	return &a, nil
}

// receive is called for whatever the consumer sends.
func (r *Reader) receive(m *nats.Msg) {
	p := Passage{What: PassRecord, Inbound: true, Subject: r.log.subject, Data: m.Data}
	status := m.Header.Get("Status")
	if len(m.Data) > 0 {
		status = ""
	}
	if status != "" {
		p.What = PassHeartbeat
	}
	r.log.bus.pass(p, func() {
		switch status {
		case "":
			r.record(m)
		case "100":
			r.control(m)
		default:
			r.fail("the server says: " + m.Header.Get("Description"))
		}
	})
}

// record takes a record that has arrived, if it is the next.
func (r *Reader) record(m *nats.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		r.fail("a record has no number: " + err.Error())
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	seq := meta.Sequence.Stream
	if r.expect == 0 {
		r.expect = seq
	}
	switch {
	case r.err != nil:
		return
	case seq != r.expect || meta.Sequence.Consumer != r.received+1:
		r.failLocked(fmt.Sprintf("record %d came where %d was due", seq, r.expect))
		return
	}
	r.received++
	r.expect++
	r.behind, r.heard = meta.NumPending, time.Now()
	size := m.Size() - len(m.Reply) + storedOverhead
	r.arrived = append(r.arrived, arrival{seq: seq, at: meta.Timestamp.UnixMilli(), size: size, name: m.Header.Get(nats.MsgIdHdr), data: m.Data})
	r.tell()
}

// control takes a heartbeat or a question whether more can be sent.
func (r *Reader) control(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	r.heard = time.Now()
	if m.Reply != "" {
		r.arrived = append(r.arrived, arrival{flow: m.Reply})
		r.tell()
		return
	}
	if stalled := m.Header.Get("Nats-Consumer-Stalled"); stalled != "" {
		r.arrived = append(r.arrived, arrival{flow: stalled})
		r.tell()
	}
	if sent, err := strconv.ParseUint(m.Header.Get("Nats-Last-Consumer"), 10, 64); err == nil && sent != r.received {
		r.failLocked(fmt.Sprintf("%d records were sent, %d have arrived", sent, r.received))
	}
}

// listen fails the Reader when nothing was heard for too long.
func (r *Reader) listen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := silence - time.Since(r.heard)
	if r.err == nil && left > 0 {
		r.watch.Reset(left)
		return
	}
	r.failLocked(fmt.Sprintf("nothing was heard of it for %v", silence))
}

func (r *Reader) fail(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failLocked(why)
}

// failLocked ends the Reader behind what has arrived. Callers hold mu.
func (r *Reader) failLocked(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("read %s: %w: %s", r.log.subject, ErrLogChanged, why)
	}
	r.watch.Stop()
	r.tell()
}

func (r *Reader) tell() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}
