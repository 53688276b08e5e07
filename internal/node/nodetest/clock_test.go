package nodetest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/node"
)

// TestTheClockJumps an hour back, a day forward and to where it was, while people
// talk: everything is there once and in order, the time of what happened in a room
// never goes back, and who is signed in stays so: over a day by a new token.
func TestTheClockJumps(t *testing.T) {
	t.Parallel()
	for _, top := range topologies {
		t.Run(top.name, func(t *testing.T) {
			t.Parallel()
			var ahead atomic.Int64
			town := top.build(t, func(c *node.Config) {
				c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			})
			alice, bob := town.Person("alice"), town.Person("bob")
			room := alice.Creates("group", "plans", bob)
			var said []string
			says := func(when string) {
				for i := range 20 {
					said = append(said, fmt.Sprint(when, " ", i))
					alice.Says(room, said[len(said)-1])
				}
				bob.Hears(room, said[len(said)-1])
			}
			// jumps moves the clock while somebody waits for their message.
			jumps := func(d time.Duration, while string) {
				t.Helper()
				said = append(said, while)
				done := make(chan error, 1)
				go func() {
					_, err := alice.Tries(room, while)
					done <- err
				}()
				ahead.Store(int64(d))
				if err := <-done; err != nil {
					t.Errorf("%s: %v", while, err)
				}
			}
			says("today")
			jumps(-time.Hour, "an hour back")
			says("earlier")
			jumps(24*time.Hour, "a day forward")
			for _, p := range []*Person{alice, bob} {
				p.Until("that the token has run out", func(n client.Notice) bool {
					gone, is := n.(client.Offline)
					return is && gone.Err != nil
				})
			}
			says("tomorrow")
			if at := bob.Hears(room, said[len(said)-1]).At; time.Until(at) < 23*time.Hour {
				t.Errorf("tomorrow is said to be %v", at)
			}
			jumps(0, "and back")
			says("today again")

			if got := bob.Texts(room); !slices.Equal(got, said) {
				t.Errorf("bob heard %q, said was %q", got, said)
			}
			var last time.Time
			for _, e := range bob.Events(room) {
				if e.At.Before(last) {
					t.Errorf("event %d is of %v, behind one of %v", e.Seq, e.At, last)
				}
				last = e.At
			}
		})
	}
}
