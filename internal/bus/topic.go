package bus

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/nats-io/nats.go"
)

// Topic is an announcement to whoever listens: at most once, in order from each
// publisher. Topics are declared in package contract only.
type Topic[M any] struct{ subject string }

// NewTopic declares a topic.
func NewTopic[M any](subject string) Topic[M] { return Topic[M]{subject} }

// At is the topic of one particular listener or publisher.
func (t Topic[M]) At(key string) Topic[M] { return Topic[M]{t.subject + "." + key} }

// Subject is what the topic is called on the bus.
func (t Topic[M]) Subject() string { return t.subject }

// Publish announces m. No error means that it was sent, not that it arrives.
func (t Topic[M]) Publish(ctx context.Context, b *Bus, m *M) error {
	if err := b.publish(ctx, t.subject, m); err != nil {
		return fmt.Errorf("publish %s: %w", t.subject, err)
	}
	return nil
}

func (b *Bus) publish(ctx context.Context, subject string, announcement any) error {
	data, err := encode(announcement)
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: subject, Data: data}
	if trace := TraceOf(ctx); trace != "" {
		m.Header = nats.Header{traceHeader: {trace}}
	}
	if b.faults == nil {
		return b.nc.PublishMsg(m)
	}
	b.pass(Passage{What: PassNotice, Subject: subject, Data: data}, func() { _ = b.nc.PublishMsg(m) })
	return nil
}

// Subscribe calls fn for every announcement, one at a time. What cannot be
// decoded and what panics is logged and passed over.
func (t Topic[M]) Subscribe(b *Bus, fn func(ctx context.Context, m *M)) (*Subscription, error) {
	return b.subscribe(t.subject, func() any { return new(M) }, func(ctx context.Context, m any) { fn(ctx, m.(*M)) })
}

// subscribe calls fn with what empty returned, filled.
func (b *Bus) subscribe(subject string, empty func() any, fn func(ctx context.Context, m any)) (*Subscription, error) {
	return b.listen(subject, "", 0, func(_ *Subscription, raw *nats.Msg) {
		b.pass(Passage{What: PassNotice, Inbound: true, Subject: raw.Subject, Data: raw.Data}, func() {
			ctx := traceFrom(b.ctx, raw)
			defer func() {
				if p := recover(); p != nil {
					b.log.Error("panic", "subject", raw.Subject, "trace", TraceOf(ctx), "panic", p, "stack", string(debug.Stack()))
				}
			}()
			m := empty()
			if err := decode(raw.Data, m); err != nil {
				b.log.Error("undecodable announcement", "subject", raw.Subject, "trace", TraceOf(ctx), "err", err)
				return
			}
			fn(ctx, m)
		})
	})
}
