package storetest

import (
	"encoding/json"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

var verifies = []promise{
	{"verify finds nothing in a room where everything happened", func(t *testing.T, open Open) {
		s := open(t)
		Everything(t, NewWorker(t, s))
		report, err := s.Verify(t.Context(), func(string) {})
		must(t, err)
		if len(report.Findings) > 0 || report.Rooms != 2 || report.Events == 0 {
			t.Fatalf("the report is %+v", report)
		}
	}},
}

// Everything makes a group in which one thing of each kind has happened, and a
// direct room, and returns the group. Message 2 is said, edited, reacted to and
// the root of a thread; 4 is deleted after the same.
func Everything(t *testing.T, w *Worker) chat.RoomID {
	t.Helper()
	room := w.Event(Create(chat.Group, "Team", alice, bob, carol)).Room
	w.Event(Create(chat.Direct, "", alice, bob))
	w.Event(Say(alice, room, "two"))
	reply := Say(bob, room, "three")
	reply.Body.Thread, reply.Body.Mentions, reply.Body.MentionAll = 2, []chat.UserID{alice}, true
	gone := Say(bob, room, "four")
	gone.Body.Thread, gone.Body.Mentions, gone.Body.Meta = 2, []chat.UserID{carol}, json.RawMessage(`{"a":1}`)
	w.Do(reply, gone, Edit(alice, room, 2, "TWO"), Edit(bob, room, 4, "FOUR"),
		React(bob, room, 2, "👍", chat.OpAdd), React(carol, room, 2, "👍", chat.OpAdd), React(carol, room, 2, "👍", chat.OpRemove),
		React(alice, room, 4, "👎", chat.OpAdd), Delete(bob, room, 4),
		Member(alice, room, chat.OpRole, bob, chat.RoleModerator), Member(carol, room, chat.OpLeave, carol, ""),
		Member(alice, room, chat.OpAdd, carol, ""), Member(alice, room, chat.OpRemove, carol, ""), Rename(alice, room, "Crew"))
	return room
}
