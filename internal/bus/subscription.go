package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// Subscription is somebody listening, until Stop.
type Subscription struct {
	bus     *Bus
	subject string
	sub     *nats.Subscription
	ended   chan struct{} // nothing arrives any more
	slots   chan struct{} // taken by handlers that run beside the subscription's goroutine

	stop sync.Once
}

// listen subscribes; queue "" hears everything.
func (b *Bus) listen(subject, queue string, slots int, fn func(*Subscription, *nats.Msg)) (*Subscription, error) {
	s := &Subscription{bus: b, subject: subject, ended: make(chan struct{}), slots: make(chan struct{}, slots)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, fmt.Errorf("listen on %s: the bus is closed", subject)
	}
	sub, err := b.nc.QueueSubscribe(subject, queue, func(m *nats.Msg) {
		if acknowledges(m.Data) {
			b.log.Error("an acknowledgement of the NATS server's is passed over: who appends wanted it here", "subject", m.Subject)
			return
		}
		fn(s, m)
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", subject, err)
	}
	sub.SetClosedHandler(func(string) { close(s.ended) })
	s.sub = sub
	b.subs[s] = struct{}{}
	return s, nil
}

// acknowledges says whether data is what a NATS server answers to who appends to a
// log. It goes to any subject that they name, also one of ours that they may not
// publish to; no question and no announcement looks like it.
func acknowledges(data []byte) bool {
	return bytes.HasPrefix(data, []byte(`{"stream":"`)) || bytes.HasPrefix(data, []byte(`{"error":{`))
}

// Stop ends the subscription: what has arrived is still handled, except where the
// bus is away, and Stop waits for it until ctx ends. Stopping twice is waiting twice.
func (s *Subscription) Stop(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		s.bus.forget(s)
		if err = s.end(); errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription) {
			err = nil
		}
	})
	if err == nil {
		err = s.wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("stop listening on %s: %w", s.subject, err)
	}
	return nil
}

// end tells the server. While that is away, the NATS client keeps what drains and
// asks for it again when the server is found: it would send to nobody from then on.
// What waits to be handled is lost then, as all that was asked over that connection.
func (s *Subscription) end() error {
	if !s.bus.nc.IsConnected() {
		return s.sub.Unsubscribe()
	}
	return s.sub.Drain()
}

// wait returns when nothing arrives any more and every slot is free.
func (s *Subscription) wait(ctx context.Context) error {
	select {
	case <-s.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	taken := 0
	defer func() {
		for range taken {
			<-s.slots
		}
	}()
	for ; taken < cap(s.slots); taken++ {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (b *Bus) forget(s *Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
}
