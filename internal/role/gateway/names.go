package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// How many names are remembered, and for how long; also those that nobody has.
const (
	maxNames  = 20_000
	namesLast = time.Minute
)

// names resolves @names to ids, for the sequencer knows ids only.
type names struct {
	bus *bus.Bus

	mu    sync.Mutex
	known map[string]named
}

type named struct {
	id    chat.UserID // zero: nobody
	until time.Time
}

func newNames(b *bus.Bus) *names { return &names{bus: b, known: map[string]named{}} }

// mentioned finds whom the text of a command addresses.
func (n *names) mentioned(ctx context.Context, command chat.ID, text string) (ids []chat.UserID, all bool, err error) {
	list, all := chat.MentionedNames(text)
	if len(list) == 0 {
		return nil, all, nil
	}
	ids, unknown := n.recall(list, time.Now())
	if len(unknown) == 0 {
		return ids, all, nil
	}
	found, err := contract.Lookup.Ask(withTraceOf(ctx, command), n.bus, &contract.LookupAsk{Names: unknown})
	if err != nil {
		return nil, all, err
	}
	n.learn(unknown, found.Users, time.Now())
	ids, _ = n.recall(list, time.Now())
	return ids, all, nil
}

func (n *names) recall(list []string, now time.Time) (ids []chat.UserID, unknown []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range list {
		switch k, ok := n.known[name]; {
		case !ok || now.After(k.until):
			unknown = append(unknown, name)
		case !k.id.IsZero():
			ids = append(ids, k.id)
		}
	}
	return ids, unknown
}

func (n *names) learn(asked []string, found []chat.User, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.known) > maxNames {
		clear(n.known)
	}
	until := now.Add(namesLast)
	for _, name := range asked {
		n.known[name] = named{until: until}
	}
	for _, u := range found {
		n.known[u.Username] = named{u.ID, until}
	}
}

func (n *names) forget(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, name)
}
