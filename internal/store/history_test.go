package store

import (
	"strconv"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// TestMoreEmojisThanThereMayBe: a message that has them from before there was a
// limit stays readable, and its first ones are told.
func TestMoreEmojisThanThereMayBe(t *testing.T) {
	var m chat.Message
	ann, bob := chat.NewID(), chat.NewID()
	for _, who := range []chat.UserID{ann, bob} {
		for i := range 10_000 {
			react(&m, chat.ReactionKey{User: who, Emoji: strconv.Itoa(i)}, bob)
		}
	}
	if len(m.Reactions) != chat.MaxEmojis {
		t.Fatalf("%d emojis are told", len(m.Reactions))
	}
	for i, r := range m.Reactions {
		if r.Emoji != strconv.Itoa(i) || r.Count != 2 || !r.Me {
			t.Fatalf("reaction %d is %+v", i, r)
		}
	}
}
