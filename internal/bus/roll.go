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
	err = b.askEveryone(ctx, r.subject, q, func(reply []byte) error {
		a := new(A)
		if err := decode(reply, a); err != nil {
			return err
		}
		answers = append(answers, *a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask all %s: %w", r.subject, err)
	}
	return answers, nil
}

// askEveryone calls take for every answer to question.
func (b *Bus) askEveryone(ctx context.Context, subject string, question any, take func(reply []byte) error) (err error) {
	data, err := encode(question)
	if err != nil {
		return err
	}
	replies := make(chan *nats.Msg, 1024)
	sub, err := b.nc.ChanSubscribe(b.nc.NewInbox(), replies)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sub.Unsubscribe()) }()
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	b.pass(Passage{What: PassQuestion, Subject: subject, Data: data}, func() {
		err = b.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: sub.Subject, Data: data, Header: askHeader(ctx)})
	})
	if err != nil {
		return unanswered(err)
	}
	quiet := time.NewTimer(rollQuiet)
	defer quiet.Stop()
	for {
		select {
		case m := <-replies:
			if m.Header.Get("Status") == noResponders {
				return nil
			}
			quiet.Reset(rollQuiet)
			if code := m.Header.Get(errorHeader); code != "" {
				b.log.Warn("an answer to all is a refusal", "subject", subject, "code", chat.Code(code))
			} else if err := take(m.Data); err != nil {
				b.log.Error("undecodable answer", "subject", subject, "err", err)
			}
		case <-quiet.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// noResponders is the server's word that nobody listens.
const noResponders = "503"

// Answer answers the roll until the subscription is stopped, as everybody else
// does who is asked; errors and panics are dealt with as in [Call.Answer].
func (r Roll[Q, A]) Answer(b *Bus, fn func(ctx context.Context, q *Q) (*A, error)) (*Subscription, error) {
	return b.listen(r.subject, "", 0, func(_ *Subscription, m *nats.Msg) {
		b.pass(Passage{What: PassQuestion, Inbound: true, Subject: m.Subject, Data: m.Data}, func() {
			b.answer(m, func(ctx context.Context, data []byte) ([]byte, error) {
				return b.answerTo(ctx, typed[Q, A](fn), data)
			})
		})
	})
}
