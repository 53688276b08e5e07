package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// typingEvery is how often others are told at most that somebody types in a room,
// or stops, however often and from however many sockets it is said. Clients say it
// every three seconds.
const typingEvery = time.Second

// typing is what was told within that time.
type typing struct {
	mu     sync.Mutex
	recent map[markKey]*said
}

type said struct {
	on, told bool // what was said last, and what was told
	changed  bool // meanwhile, maybe back: a message between ends it where it is shown
	at       time.Time
}

// say is true when it is to be told now; otherwise it is told when it is due, or
// was told already.
func (t *typing) say(key markKey, on bool, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := t.recent[key]
	if last != nil && now.Sub(last.at) < typingEvery {
		last.changed = last.changed || on != last.on
		last.on = on
		return false
	}
	if t.recent == nil {
		t.recent = map[markKey]*said{}
	}
	t.recent[key] = &said{on: on, told: on, at: now}
	return true
}

// due lists what has waited long enough, and forgets what needs no more waiting.
func (t *typing) due(now time.Time) (list []contract.TypingNotice) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, last := range t.recent {
		switch {
		case now.Sub(last.at) < typingEvery:
		case last.on == last.told && !last.changed:
			delete(t.recent, key)
		default:
			last.told, last.changed, last.at = last.on, false, now
			list = append(list, contract.TypingNotice{Room: key.room, User: key.user, On: last.on})
		}
	}
	return list
}

// Typing tells the others in a room that the client types, or stops. Only who is
// in the room is heard. Beyond what is allowed it is dropped.
func (s *Session) Typing(room chat.RoomID, on bool) {
	if s.Allow() != nil {
		return
	}
	if s.seat(room) == nil {
		s.sink.Tell(Refused{"", chat.Errorf(chat.NotFound, "you are not in that room")})
		return
	}
	if s.g.typing.say(markKey{room, s.user}, on, time.Now()) {
		s.g.tellTyping(context.Background(), contract.TypingNotice{Room: room, User: s.user, On: on})
	}
}

func (g *Gateway) tellTyping(ctx context.Context, n contract.TypingNotice) {
	n.From = g.id
	if err := contract.Typing.Publish(ctx, g.bus, &n); err != nil {
		g.log.Debug("typing was not told", "err", err)
	}
}

func (g *Gateway) typed(_ context.Context, n *contract.TypingNotice) {
	g.tellRoom(n.Room, n.User, Typing{n.Room, n.User, n.On}, func(s *Session) bool { return s.user != n.User })
}
