package store_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func TestVerifyFindsEachDamage(t *testing.T) { onEach(t, verifyFindsEachDamage) }

func verifyFindsEachDamage(t *testing.T, open storetest.Open) {
	for _, c := range []struct{ name, sql, says string }{
		{"a hole in the room", `DELETE FROM events WHERE room = $1 AND seq = 6`, "it follows number 5"},
		{"a hole in the feed", `DELETE FROM events WHERE room = $1 AND seq = 6`, "lacks numbers"},
		{"the newest event is lost", `DELETE FROM events WHERE n = (SELECT max(n) FROM events) AND room = $1`, "its position says"},
		{"a position behind the feed", `UPDATE partitions SET n = n - 1 WHERE envelope <> $1`, "its position says"},
		{"a wrong count", `UPDATE events SET messages = messages + 1 WHERE room = $1 AND seq = 3`, "counts 3 messages instead of 2"},
		{"time goes back", `UPDATE events SET at = 1 WHERE room = $1 AND seq = 5`, "its time is before"},
		{"a wrong partition", `UPDATE events SET part = 1 WHERE room = $1 AND seq = 5`, "in partition 1 instead of 0"},
		{"an unreadable body", `UPDATE events SET extra = '{' WHERE room = $1 AND seq = 3`, "body cannot be read"},
		{"an unknown kind", `UPDATE events SET kind = 99 WHERE room = $1 AND seq = 5`, "kind 99 is unknown"},
		{"a target that is no message", `UPDATE events SET target = 1 WHERE room = $1 AND seq = 5`, "which is no message"},
		{"a body that a delete must clear", `UPDATE events SET text = 'x', extra = NULL WHERE room = $1 AND seq = 4`, "its body is gone is false"},
		{"an edit that a delete must clear", `UPDATE events SET text = 'x', extra = NULL WHERE room = $1 AND seq = 6`, "the body of this is gone is false"},
		{"a body that nobody deleted", `UPDATE events SET text = NULL, extra = '{"deleted":true}' WHERE room = $1 AND seq = 2`, "was deleted is false"},
		{"a room without its row", `DELETE FROM rooms WHERE id = $1`, "the room is not"},
		{"a room without events", `DELETE FROM events WHERE room = $1`, "no events"},
		{"a wrong name", `UPDATE rooms SET name = 'x' WHERE id = $1`, "settings or counts"},
		{"a wrong member count", `UPDATE rooms SET member_count = 9 WHERE id = $1`, "settings or counts"},
		{"a member too few", `DELETE FROM members WHERE room = $1 AND role = 'owner'`, "is missing"},
		{"a stranger as member", `INSERT INTO members (room, user_id, role, joined_at) VALUES ($1, $1, 'member', 1)`, "no event says so"},
		{"a wrong role", `UPDATE members SET role = 'member' WHERE room = $1 AND role = 'owner'`, "the events say owner"},
		{"a wrong edit", `UPDATE edits SET text = 'x' WHERE room = $1 AND seq = 2`, "the events say"},
		{"an edit too few", `DELETE FROM edits WHERE room = $1 AND seq = 2`, "edit of 2"},
		{"a text that should be gone", `UPDATE edits SET text = 'x' WHERE room = $1 AND deleted = 1`, "edit of 4"},
		{"a reaction too few", `DELETE FROM reactions WHERE room = $1`, "reaction 👍"},
		{"a reaction too many", `INSERT INTO reactions (room, seq, emoji, user_id, added) VALUES ($1, 3, 'x', $1, 9)`, "no event says so"},
		{"a wrong reply count", `UPDATE threads SET replies = 7 WHERE room = $1`, "7 replies"},
		{"a mention too few", `DELETE FROM mentions WHERE room = $1`, "mention of"},
		{"a mention too many", `INSERT INTO mentions (room, user_id, seq, by) VALUES ($1, $1, 3, $1)`, "no event says so"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			room := storetest.Everything(t, storetest.NewWorker(t, s))
			changed, err := store.Tamper(t.Context(), s, c.sql, room)
			if err != nil || changed == 0 {
				t.Fatalf("%d rows were changed, %v", changed, err)
			}
			report, err := s.Verify(t.Context(), nil)
			all := strings.Join(report.Findings, "\n")
			if err != nil {
				all += err.Error()
			}
			if !strings.Contains(all, c.says) {
				t.Errorf("verify does not say %q but:\n%s", c.says, all)
			}
		})
	}
}

func TestVerifyFindsAnIDThatIsNone(t *testing.T) {
	s := openFolder(t, t.TempDir())
	room := storetest.Everything(t, storetest.NewWorker(t, s))
	_, err := store.Tamper(t.Context(), s, `INSERT INTO members (room, user_id, role, joined_at) VALUES ($1, x'00', 'member', 1)`, room)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "instead of 16") {
		t.Fatalf("verify says %v", err)
	}
}

func TestVerifyFindsANonceThatWasUsedTwice(t *testing.T) {
	onEach(t, verifyFindsANonceThatWasUsedTwice)
}

func verifyFindsANonceThatWasUsedTwice(t *testing.T, open storetest.Open) {
	s := open(t)
	room := storetest.Everything(t, storetest.NewWorker(t, s))
	for _, sql := range []string{
		`DROP INDEX events_nonce`,
		`UPDATE events SET by = (SELECT e.by FROM events e WHERE e.room = events.room AND e.seq = 2),
			nonce = (SELECT e.nonce FROM events e WHERE e.room = events.room AND e.seq = 2) WHERE seq = 5`,
	} {
		if _, err := store.Tamper(t.Context(), s, sql); err != nil {
			t.Fatal(err)
		}
	}
	report, err := s.Verify(t.Context(), nil)
	if err != nil || !strings.Contains(strings.Join(report.Findings, "\n"), room.String()+", event 5: its author used its nonce for event 2 already") {
		t.Fatalf("the report is %+v, %v", report, err)
	}
}

func TestVerifyStopsListing(t *testing.T) { onEach(t, verifyStopsListing) }

func verifyStopsListing(t *testing.T, open storetest.Open) {
	s := open(t)
	w := storetest.NewWorker(t, s)
	room := storetest.Everything(t, w)
	var commands []chat.Command
	for range 1100 {
		commands = append(commands, storetest.Say(storetest.ID(1), room, "x"))
	}
	w.Do(commands...)
	if _, err := store.Tamper(t.Context(), s, `UPDATE events SET messages = 0`); err != nil {
		t.Fatal(err)
	}
	report, err := s.Verify(t.Context(), nil)
	if err != nil || len(report.Findings) != 1001 {
		t.Fatalf("%d findings, %v", len(report.Findings), err)
	}
}

func TestVerifyWorksOnAFolderThatIsOnlyRead(t *testing.T) {
	dir := t.TempDir()
	s := openFolder(t, dir)
	storetest.Everything(t, storetest.NewWorker(t, s))
	for _, when := range []string{"while it is open elsewhere", "after it was closed"} {
		r, err := store.OpenReadOnly(t.Context(), "sqlite:"+dir, store.Options{})
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		report, err := r.Verify(t.Context(), nil)
		if err != nil || len(report.Findings) > 0 || report.Rooms != 2 {
			t.Errorf("%s: %+v, %v", when, report, err)
		}
		if _, err := r.Claim(t.Context(), 0); err == nil {
			t.Errorf("%s: it can be written", when)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
