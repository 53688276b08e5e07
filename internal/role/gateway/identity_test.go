package gateway

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// What accounts answered before it knew of a change would be believed for half a
// minute: the number tells, and the time when it was asked.
func TestWhatIsOldIsNotRemembered(t *testing.T) {
	ids := newIdentities(&Gateway{})
	id := contract.Identity{User: chat.User{ID: chat.UserID{15: 2}, Role: chat.OrgAdmin}, Revoked: 5}
	key, asked := [32]byte{1}, time.Now()
	known := func() bool {
		_, ok := ids.recall(key, asked.Add(time.Second))
		return ok
	}
	ids.remember(key, id, asked)
	if !known() {
		t.Fatal("who was asked for is not remembered")
	}
	ids.take(&chat.Revocation{Number: 6, User: id.User.ID})
	if known() {
		t.Error("who has another role is remembered with the old one")
	}
	asked = time.Now().Add(time.Second)
	ids.remember(key, id, asked)
	if known() {
		t.Error("an answer of somebody who did not know of the change is remembered")
	}
	if ids.revoked(&id) {
		t.Error("another role has ended a session")
	}
	id.Revoked = 6
	ids.remember(key, id, asked)
	if !known() {
		t.Error("who was asked for anew is not remembered")
	}
	asked = time.Now()
	ids.change(id.User.ID)
	ids.remember(key, id, asked)
	if known() {
		t.Error("an answer to a question from before the change is remembered")
	}
	ids.sweep(time.Now().Add(2 * identityLasts))
	if len(ids.tokens)+len(ids.changed) > 0 {
		t.Errorf("%d tokens and %d changes are kept for ever", len(ids.tokens), len(ids.changed))
	}
}
