package sequencer

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// PostgreSQL puts out who says nothing for three seconds. Who is well says
// something, whether nobody speaks or one batch takes long.
func TestAHealthyOwnerStaysThroughQuietAndLongBatches(t *testing.T) {
	const long = 5 * time.Second
	d := newDeskOver(t, pgtest.Fresh(t, 1))
	room := d.room("general")
	first := d.event(d.ask(say(room, ann, "n1", "before")))
	epoch := d.epoch

	quiet, tick := time.After(long), time.NewTicker(time.Second)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-tick.C:
			d.watch() // who asks no more is forgotten
		case n := <-d.notices:
			if n.Epoch != epoch {
				t.Fatalf("it is quiet, and the owner of epoch %d is replaced by %d", epoch, n.Epoch)
			}
		case <-quiet:
			done = true
		}
	}

	d.watch()
	d.shards.tampering(func(c *chat.Commit, commit func() error) error {
		for _, e := range c.Events {
			if e.Body.Text == "long" {
				<-time.After(long) // the batch is under way, and its session has nothing to say
			}
		}
		return commit()
	})
	if e := d.event(d.ask(say(room, ann, "n2", "long"))); e.Seq != first.Seq+1 {
		t.Errorf("%d follows %d", e.Seq, first.Seq)
	}
	if d.watch(); d.epoch != epoch {
		t.Errorf("the owner of epoch %d was replaced by %d", epoch, d.epoch)
	}
}
