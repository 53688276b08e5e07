package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-chat/parley/internal/chat"
)

// Call is one question with one answer, given by one of the instances of a
// role. Calls are declared in package contract only.
type Call[Q, A any] struct {
	subject string
	queue   string
}

// NewCall declares a call.
func NewCall[Q, A any](subject string) Call[Q, A] { return Call[Q, A]{subject, Answerers} }

// NewKeyedCall declares a call that is asked only at a key, of the one who
// answers there. Where two do, because one of them has not noticed yet that the
// other has taken its place, both are asked, and the first answer counts: one
// that is stopped keeps nobody waiting.
func NewKeyedCall[Q, A any](subject string) Call[Q, A] { return Call[Q, A]{subject, ""} }

// At is the same call to one particular answerer.
func (c Call[Q, A]) At(key string) Call[Q, A] { return Call[Q, A]{c.subject + "." + key, c.queue} }

// Subject is what the call is called on the bus.
func (c Call[Q, A]) Subject() string { return c.subject }

const (
	timeoutHeader = "Parley-Timeout" // what is left of the asker's patience, in microseconds
	traceHeader   = "Parley-Trace"
	errorHeader   = "Parley-Error" // the answer is a chat.Error in JSON
)

const retryAfter = time.Second

// Ask asks and waits for the answer until ctx ends, or for 5 s when it has no
// end. The answerer gets what is left of that time and the trace id of ctx.
//
// A refusal arrives as the *[chat.Error] that it is. When nobody answers, or
// not in time, the error is [chat.Unavailable], and whether the question was
// dealt with is unknown. Every error is wrapped with what was asked.
func (c Call[Q, A]) Ask(ctx context.Context, b *Bus, q *Q) (*A, error) {
	a := new(A)
	if err := b.ask(ctx, c.subject, q, a); err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.subject, err)
	}
	return a, nil
}

// ask fills answer with what is answered to question.
func (b *Bus) ask(ctx context.Context, subject string, question, answer any) error {
	data, err := encode(question)
	if err != nil {
		return err
	}
	reply, err := b.request(ctx, subject, data)
	if err != nil {
		return err
	}
	if err := decode(reply, answer); err != nil {
		return fmt.Errorf("understand the answer: %w", err)
	}
	return nil
}

func (b *Bus) request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	times, err := b.await(ctx, Passage{What: PassQuestion, Subject: subject, Data: data})
	if err != nil {
		return nil, unanswered(err)
	}
	question := &nats.Msg{Subject: subject, Data: data, Header: askHeader(ctx)}
	for ; times > 1; times-- {
		_ = b.nc.PublishMsg(question)
	}
	reply, err := b.nc.RequestMsgWithContext(ctx, question)
	if err != nil {
		return nil, unanswered(err)
	}
	if _, err := b.await(ctx, Passage{What: PassAnswer, Inbound: true, Subject: subject, Data: reply.Data}); err != nil {
		return nil, unanswered(err)
	}
	if reply.Header.Get(errorHeader) == "" {
		return reply.Data, nil
	}
	refusal := new(chat.Error)
	if err := json.Unmarshal(reply.Data, refusal); err != nil {
		return nil, fmt.Errorf("understand the refusal: %w", err)
	}
	return nil, refusal
}

func askHeader(ctx context.Context) nats.Header {
	h := make(nats.Header, 2)
	if end, has := ctx.Deadline(); has {
		h[timeoutHeader] = []string{strconv.FormatInt(time.Until(end).Microseconds(), 10)}
	}
	if trace := TraceOf(ctx); trace != "" {
		h[traceHeader] = []string{trace}
	}
	return h
}

// unanswered is what the asker is told when no answer came. Who gave up by
// themselves are told just that.
func unanswered(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", chat.Busy(retryAfter, "that part of the service does not answer right now"), err)
}

// AnswerOption changes how a call is answered.
type AnswerOption func(*answering)

type answering struct {
	serial  bool
	limit   int
	observe func(call string, took time.Duration, err error)
}

const defaultLimit = 256

// Serial answers one question at a time, in the order of arrival.
func Serial() AnswerOption { return func(a *answering) { a.serial = true } }

// Limit answers at most n questions at once, instead of 256; further ones are
// told at once that the answerer is busy.
func Limit(n int) AnswerOption { return func(a *answering) { a.limit = n } }

// Observe calls fn after every answer with what was asked, how long it took and,
// when it was not answered, the error.
func Observe(fn func(call string, took time.Duration, err error)) AnswerOption {
	return func(a *answering) { a.observe = fn }
}

// Shrinker is a question for a page. Shrink makes it ask for less, and says false
// when it cannot: an answer that is too large for the bus is asked for again,
// by the answerer of itself, until it fits.
type Shrinker interface{ Shrink() bool }

func shrink(question any) bool {
	s, can := question.(Shrinker)
	return can && s.Shrink()
}

// Answer answers the call until the subscription is stopped, sharing the
// questions with everybody else who answers it (but see [NewKeyedCall]). Each question gets its own
// goroutine.
//
// A *[chat.Error] from fn reaches the asker as it is. Any other error, and a
// panic, is logged here with its trace id and reaches the asker as
// [chat.Internal] without its story.
func (c Call[Q, A]) Answer(b *Bus, fn func(ctx context.Context, q *Q) (*A, error), opts ...AnswerOption) (*Subscription, error) {
	return b.answerAll(c.subject, c.queue, typed[Q, A](fn), opts)
}

// answerer is what answers a call, whatever the types of the call: the program
// holds what is done with it once, and not once for each call.
type answerer interface {
	question() any // an empty one, to be filled
	answer(ctx context.Context, question any) (any, error)
}

type typed[Q, A any] func(ctx context.Context, q *Q) (*A, error)

func (typed[Q, A]) question() any { return new(Q) }

func (fn typed[Q, A]) answer(ctx context.Context, question any) (any, error) {
	a, err := fn(ctx, question.(*Q))
	if a == nil {
		a = new(A)
	}
	return a, err
}

// answerTo asks a what data says, and for less as long as that is too much for
// the bus.
func (b *Bus) answerTo(ctx context.Context, a answerer, data []byte) ([]byte, error) {
	question := a.question()
	if err := decode(data, question); err != nil {
		return nil, chat.Errorf(chat.Malformed, "the question could not be understood")
	}
	for {
		answer, err := a.answer(ctx, question)
		if err != nil {
			return nil, err
		}
		data, err := encode(answer)
		if err != nil || int64(len(data)) <= b.nc.MaxPayload() || !shrink(question) {
			return data, err
		}
	}
}

func (b *Bus) answerAll(subject, queue string, a answerer, opts []AnswerOption) (*Subscription, error) {
	how := answering{limit: defaultLimit}
	for _, opt := range opts {
		opt(&how)
	}
	answer := func(ctx context.Context, data []byte) ([]byte, error) {
		return b.answerTo(ctx, a, data)
	}
	if how.observe != nil {
		answer = observed(subject, how.observe, answer)
	}
	if how.serial {
		return b.listen(subject, queue, 0, func(_ *Subscription, m *nats.Msg) {
			b.pass(Passage{What: PassQuestion, Inbound: true, Subject: m.Subject, Data: m.Data}, func() { b.answer(m, answer) })
		})
	}
	return b.listen(subject, queue, how.limit, func(s *Subscription, m *nats.Msg) {
		b.pass(Passage{What: PassQuestion, Inbound: true, Subject: m.Subject, Data: m.Data}, func() {
			select {
			case s.slots <- struct{}{}:
				go func() {
					defer func() { <-s.slots }()
					b.answer(m, answer)
				}()
			default:
				b.refuse(m, chat.Busy(retryAfter, "too many questions at once"))
			}
		})
	})
}

// answer runs one answerer and sends what it says.
func (b *Bus) answer(m *nats.Msg, fn func(context.Context, []byte) ([]byte, error)) {
	if !toInbox(m) {
		b.log.Error("a question is passed over: its answer is wanted where no answer belongs", "subject", m.Subject, "reply", m.Reply)
		return
	}
	ctx, cancel := context.WithTimeout(traceFrom(b.ctx, m), timeoutFrom(m))
	defer cancel()
	data, err := guard(ctx, m.Data, fn)
	if err != nil {
		b.refuse(m, b.refusal(ctx, m.Subject, err))
		return
	}
	if int64(len(data)) > b.nc.MaxPayload() {
		b.log.Error("answer too large for the bus", "subject", m.Subject, "trace", TraceOf(ctx), "bytes", len(data))
		b.refuse(m, chat.Errorf(chat.TooLarge, "the answer is too large; ask for less"))
		return
	}
	b.reply(m, &nats.Msg{Data: data})
}

func observed(call string, observe func(string, time.Duration, error), fn func(context.Context, []byte) ([]byte, error)) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, data []byte) ([]byte, error) {
		started := time.Now()
		answer, err := guard(ctx, data, fn)
		observe(call, time.Since(started), err)
		return answer, err
	}
}

func guard(ctx context.Context, data []byte, fn func(context.Context, []byte) ([]byte, error)) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(ctx, data)
}

// refusal is err as it crosses the wire.
func (b *Bus) refusal(ctx context.Context, subject string, err error) *chat.Error {
	var e *chat.Error
	switch {
	case errors.As(err, &e):
		return e
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return chat.Busy(retryAfter, "there was not enough time")
	}
	b.log.Error("cannot answer", "subject", subject, "trace", TraceOf(ctx), "err", err)
	return chat.Public(err)
}

func (b *Bus) refuse(m *nats.Msg, e *chat.Error) {
	data, err := json.Marshal(e)
	if err != nil {
		b.log.Error("cannot refuse", "subject", m.Subject, "trace", m.Header.Get(traceHeader), "err", err)
		return
	}
	b.reply(m, &nats.Msg{Data: data, Header: nats.Header{errorHeader: {string(e.Code)}}})
}

// reply sends an answer. One that cannot be sent is a timeout to the asker.
func (b *Bus) reply(m, answer *nats.Msg) {
	if m.Reply == "" || !toInbox(m) {
		return
	}
	b.pass(Passage{What: PassAnswer, Subject: m.Subject, Data: answer.Data}, func() {
		if err := m.RespondMsg(answer); err != nil {
			b.log.Warn("answer not sent", "subject", m.Subject, "trace", m.Header.Get(traceHeader), "err", err)
		}
	})
}

// toInbox says whether the answer to m goes to an inbox, or nowhere. The server lets
// who is asked answer to any subject, as an order to the server itself: who may ask
// would speak with the rights of who answers.
func toInbox(m *nats.Msg) bool {
	return m.Reply == "" || strings.HasPrefix(m.Reply, DefaultInbox+".")
}

func traceFrom(ctx context.Context, m *nats.Msg) context.Context {
	if trace := m.Header.Get(traceHeader); trace != "" {
		return WithTrace(ctx, trace)
	}
	return ctx
}

func timeoutFrom(m *nats.Msg) time.Duration {
	us, err := strconv.ParseInt(m.Header.Get(timeoutHeader), 10, 64)
	if err != nil || us < 0 {
		return defaultTimeout
	}
	return time.Duration(us) * time.Microsecond
}
