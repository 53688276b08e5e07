package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley/internal/chat"
)

// Log is the intake of one partition: envelopes in the order in which they were
// stored, each at the next sequence number. It is safe for concurrent use.
type Log struct {
	bus     *Bus
	stream  string
	subject string
}

// LogConfig says how a log is kept.
type LogConfig struct {
	MaxBytes int64 // what it may take before it is full; 1 GiB when zero
	Replicas int   // on so many servers; when zero on three of a cluster, or on the one there is

	// Window is how long the log knows an envelope again; 15 s when zero, which
	// an Appender's resends take far less than. The server pays with some 300
	// bytes of memory for each record in it. Short is safe: commands that come
	// twice are found by their nonces.
	Window time.Duration
}

const (
	defaultLogBytes = 1 << 30
	defaultWindow   = 15 * time.Second
)

func (cfg LogConfig) maxBytes() int64 {
	if cfg.MaxBytes <= 0 {
		return defaultLogBytes
	}
	return cfg.MaxBytes
}

// What [Log.Append] can be sure of. After any other error the envelope may be
// in the log or not: append it again.
var (
	// ErrLogFull: the log has no room; the envelope is not in it.
	ErrLogFull = errors.New("the log is full")
	// ErrNoLog: nobody has made the log yet, or the servers that keep it are
	// away; the envelope is not in it.
	ErrNoLog = errors.New("there is no log")
)

// Log is the log of a partition, which need not exist yet.
func (b *Bus) Log(partition int) *Log {
	p := strconv.Itoa(partition)
	return &Log{bus: b, stream: "log-" + p, subject: "log." + p}
}

// tryTime is how long making and opening a log may take. Servers that have just
// started answer nothing until they have found each other: it is better to ask
// again soon than to wait for an answer that does not come.
const tryTime = 2 * time.Second

// askAgain is how long the first ask for a log waits, each further one twice as
// long: servers that get it before the log has a leader let it fall.
const askAgain = 400 * time.Millisecond

// MakeLog makes the log of a partition, or changes how it is kept. Only the
// sequencer does. While the disk is full it waits for space until ctx ends, or
// 2 s, and then fails with ErrDiskFull.
func (b *Bus) MakeLog(ctx context.Context, partition int, cfg LogConfig) (*Log, error) {
	cfg.MaxBytes = cfg.maxBytes()
	if cfg.Window <= 0 {
		cfg.Window = defaultWindow
	}
	ctx, cancel := within(ctx, tryTime)
	defer cancel()
	l := b.Log(partition)
	if err := b.gate.wait(ctx); err != nil {
		return nil, l.wrap("make", err)
	}
	err := l.make(ctx, cfg)
	if err != nil {
		return nil, l.wrap("make", err)
	}
	return l, nil
}

// usualReplicas survive the loss of one server.
const usualReplicas = 3

// make makes the log or changes it. Whether the servers are a cluster only they
// know, also of those that are away now: they are asked by trying.
func (l *Log) make(ctx context.Context, cfg LogConfig) error {
	stream := jetstream.StreamConfig{
		Name:       l.stream,
		Subjects:   []string{l.subject},
		Retention:  jetstream.LimitsPolicy,
		Storage:    jetstream.FileStorage,
		Discard:    jetstream.DiscardNew,
		MaxBytes:   cfg.MaxBytes,
		Replicas:   cfg.Replicas,
		Duplicates: cfg.Window,
	}
	guess := cfg.Replicas <= 0
	switch {
	case guess && l.bus.server != nil:
		stream.Replicas = 1
	case guess:
		stream.Replicas = usualReplicas
	}
	err := l.ask(ctx, stream)
	var refusal *jetstream.APIError
	if !errors.As(err, &refusal) {
		return err
	}
	switch {
	case guess && refusal.ErrorCode == notClustered:
		stream.Replicas = 1
		err = l.ask(ctx, stream)
	case refusal.ErrorCode == noPeers:
		err = fmt.Errorf("%d servers are needed that keep copies of it, and are there; --log-replicas says how many: %w", stream.Replicas, err)
	}
	return err
}

// ask has the log made or changed, which may be asked any number of times, until
// there is an answer or ctx ends.
func (l *Log) ask(ctx context.Context, stream jetstream.StreamConfig) error {
	for wait := askAgain; ; wait *= 2 {
		try, cancel := context.WithTimeout(ctx, wait)
		_, err := l.bus.js.CreateOrUpdateStream(try, stream)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
}

// What the server answers to who wants more copies than it has servers for.
const (
	noPeers      jetstream.ErrorCode = 10005
	notClustered jetstream.ErrorCode = 10074
)

// wrap says what was being done to which log.
func (l *Log) wrap(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrStreamNotFound),
		errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		err = fmt.Errorf("%w: %w", ErrNoLog, err)
	}
	return fmt.Errorf("%s %s: %w", doing, l.subject, err)
}

// Append stores the envelope and returns its sequence number. Appending an
// envelope with the same ID within the log's window returns the same number. It
// waits until ctx ends, or 5 s. While the disk is full it fails at once.
func (l *Log) Append(ctx context.Context, e *Envelope) (seq uint64, err error) {
	data, err := e.AppendBinary(nil)
	if err != nil {
		return 0, fmt.Errorf("append to %s: %w", l.subject, err)
	}
	return l.append(ctx, e.ID, data)
}

func (l *Log) append(ctx context.Context, id chat.ID, data []byte) (seq uint64, err error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	ctx, pass := l.bus.gate.within(ctx)
	defer pass()
	times, err := l.bus.await(ctx, Passage{What: PassRecord, Subject: l.subject, Data: data})
	for ; err == nil && times > 0; times-- {
		seq, err = l.store(ctx, id, data)
	}
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrDiskFull) {
		err = cause
	}
	if err != nil {
		return 0, l.wrap("append to", err)
	}
	return seq, nil
}

// store has the record stored and reads the log's answer.
func (l *Log) store(ctx context.Context, id chat.ID, data []byte) (seq uint64, err error) {
	reply, err := l.bus.nc.RequestMsgWithContext(ctx, &nats.Msg{
		Subject: l.subject,
		Data:    data,
		Header:  nats.Header{nats.MsgIdHdr: {id.String()}},
	})
	if err != nil {
		return 0, err
	}
	if _, err := l.bus.await(ctx, Passage{What: PassAck, Inbound: true, Subject: l.subject, Data: reply.Data}); err != nil {
		return 0, err
	}
	var ack struct {
		Seq   uint64              `json:"seq"`
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return 0, fmt.Errorf("understand the log's answer: %w", err)
	}
	switch {
	case ack.Error != nil && full[ack.Error.ErrorCode]:
		return 0, fmt.Errorf("%w: %w", ErrLogFull, ack.Error)
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Seq == 0:
		return 0, errors.New("the log's answer has no number")
	}
	return ack.Seq, nil
}

// full are the server's refusals that leave the record out of the log.
var full = map[jetstream.ErrorCode]bool{
	10023: true, // insufficient resources
	10028: true, // insufficient memory
	10047: true, // insufficient storage
	10077: true, // the stream's own limit
}

// Info says what the log holds. An empty log has first = last + 1.
func (l *Log) Info(ctx context.Context) (first, last, bytes uint64, err error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	s, err := l.bus.js.Stream(ctx, l.stream)
	if err != nil {
		return 0, 0, 0, l.wrap("look at", err)
	}
	state := s.CachedInfo().State
	if state.Msgs == 0 {
		return state.LastSeq + 1, state.LastSeq, state.Bytes, nil
	}
	return state.FirstSeq, state.LastSeq, state.Bytes, nil
}
