package bus

import (
	"context"
	"errors"
	"time"
)

// Subscriptions are what a role listens to; they end together.
type Subscriptions struct {
	list []*Subscription
	err  error
}

// Add keeps what Answer or Subscribe returned.
func (s *Subscriptions) Add(sub *Subscription, err error) {
	if err != nil {
		s.err = errors.Join(s.err, err)
		return
	}
	s.list = append(s.list, sub)
}

// Err says what could not be listened to.
func (s *Subscriptions) Err() error { return s.err }

// stopPatience is how long a role that ends waits for its answers.
const stopPatience = 5 * time.Second

// Stop ends all of them; what they are doing has five seconds.
func (s *Subscriptions) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return stopAll(ctx, s.list)
}
