package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-chat/parley/internal/chat"
)

// Roll is one question that everybody answers who is there. Rolls are declared
// in package contract only.
type Roll[Q, A any] struct{ subject string }

// NewRoll declares a roll.
func NewRoll[Q, A any](subject string) Roll[Q, A] { return Roll[Q, A]{subject} }

// Subject is what the roll is called on the bus.
func (r Roll[Q, A]) Subject() string { return r.subject }

// rollQuiet is how long nobody may answer before a roll is taken for complete.
const rollQuiet = time.Second

// Ask asks everybody and returns who answered, in the order of arrival: when
// nobody has for a second, or ctx ends. A refusal, and what cannot be decoded,
// is logged and left out. Nobody at all is no error.
func (r Roll[Q, A]) Ask(ctx context.Context, b *Bus, q *Q) (answers []A, err error) {
	data, err := encode(q)
	if err != nil {
		return nil, fmt.Errorf("ask all %s: %w", r.subject, err)
	}
	replies := make(chan *nats.Msg, 1024)
	sub, err := b.nc.ChanSubscribe(b.nc.NewInbox(), replies)
	if err != nil {
		return nil, fmt.Errorf("ask all %s: %w", r.subject, err)
	}
	defer func() { err = errors.Join(err, sub.Unsubscribe()) }()
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	b.pass(Passage{What: PassQuestion, Subject: r.subject, Data: data}, func() {
		err = b.nc.PublishMsg(&nats.Msg{Subject: r.subject, Reply: sub.Subject, Data: data, Header: askHeader(ctx)})
	})
	if err != nil {
		return nil, fmt.Errorf("ask all %s: %w", r.subject, unanswered(err))
	}
	quiet := time.NewTimer(rollQuiet)
	defer quiet.Stop()
	for {
		select {
		case m := <-replies:
			if m.Header.Get("Status") == noResponders {
				return nil, nil
			}
			quiet.Reset(rollQuiet)
			answers = r.take(b, answers, m)
		case <-quiet.C:
			return answers, nil
		case <-ctx.Done():
			return answers, nil
		}
	}
}

// noResponders is the server's word that nobody listens.
const noResponders = "503"

func (r Roll[Q, A]) take(b *Bus, answers []A, m *nats.Msg) []A {
	if code := m.Header.Get(errorHeader); code != "" {
		b.log.Warn("an answer to all is a refusal", "subject", r.subject, "code", chat.Code(code))
		return answers
	}
	a, err := decode[A](m.Data)
	if err != nil {
		b.log.Error("undecodable answer", "subject", r.subject, "err", err)
		return answers
	}
	return append(answers, *a)
}

// Answer answers the roll until the subscription is stopped, as everybody else
// does who is asked; errors and panics are dealt with as in [Call.Answer].
func (r Roll[Q, A]) Answer(b *Bus, fn func(ctx context.Context, q *Q) (*A, error)) (*Subscription, error) {
	return b.listen(r.subject, "", 0, func(_ *Subscription, m *nats.Msg) {
		b.pass(Passage{What: PassQuestion, Inbound: true, Subject: m.Subject, Data: m.Data}, func() {
			b.answer(m, func(ctx context.Context, data []byte) ([]byte, error) {
				q, err := decode[Q](data)
				if err != nil {
					return nil, chat.Errorf(chat.Malformed, "the question could not be understood")
				}
				a, err := fn(ctx, q)
				if err != nil {
					return nil, err
				}
				return encode(a)
			})
		})
	})
}
