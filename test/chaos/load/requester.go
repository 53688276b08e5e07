package load

import (
	"context"

	"github.com/parley-chat/parley/test/chaos/history"
)

// requester sends over REST and listens to nobody. One who goes does not wait for
// what becomes of a message that was taken: nobody else will repeat it.
type requester struct {
	*caller
	goes  bool
	rooms []*room
}

func (q *requester) act(ctx context.Context) {
	for Sleep(ctx, q.l.pause(q.rng)) == nil {
		if len(q.rooms) == 0 {
			return
		}
		nonce := q.l.nonce(q.name)
		q.post(q.l.lives, pick(q.rng, q.rooms...).id, nonce, history.Text(nonce, words(q.rng)), !q.goes)
	}
}
