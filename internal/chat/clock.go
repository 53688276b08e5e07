package chat

import "time"

// Clock tells the time of day; nil is the machine's. It is for what depends on the
// day and the hour: when something happened, and what has expired. How long
// something lasts is measured by time.Now, which keeps going when a clock is set.
type Clock func() time.Time

// Now is the time of day.
func (c Clock) Now() time.Time {
	if c == nil {
		return time.Now()
	}
	return c()
}

// Ahead is how far the clock is from the machine's.
func (c Clock) Ahead() time.Duration {
	if c == nil {
		return 0
	}
	return time.Until(c())
}
