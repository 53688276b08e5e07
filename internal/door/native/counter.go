package native

import "sync"

// counter counts how many of something each key has, up to a limit.
type counter[K comparable] struct {
	limit int

	mu sync.Mutex
	of map[K]int
}

func newCounter[K comparable](limit int) *counter[K] {
	return &counter[K]{limit: limit, of: map[K]int{}}
}

// take counts one more; false when the limit is reached, unless it is off.
func (c *counter[K]) take(key K, off bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[key] >= c.limit && !off {
		return false
	}
	c.of[key]++
	return true
}

func (c *counter[K]) release(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[key]--; c.of[key] <= 0 {
		delete(c.of, key)
	}
}
