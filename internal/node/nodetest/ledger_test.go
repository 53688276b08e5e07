package nodetest

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/client"
)

func event(seq uint64, id string) client.Event { return client.Event{Room: "r", Seq: seq, ID: id} }

func TestTheLedgerFindsEveryKindOfLie(t *testing.T) {
	honest := func(l *Ledger) {
		for _, who := range []string{"ann", "bob"} {
			l.Follows(who, "r", 0)
			l.Saw(who, event(1, "a"))
			l.Saw(who, event(2, "b"))
		}
		l.Acked("n1", event(1, "a"))
		l.Acked("n2", event(2, "b"))
	}
	for name, lie := range map[string]struct {
		tell func(l *Ledger)
		word string
	}{
		"nothing wrong":            {func(*Ledger) {}, ""},
		"a hole":                   {func(l *Ledger) { l.Saw("bob", event(4, "d")) }, "missed"},
		"a double":                 {func(l *Ledger) { l.Saw("bob", event(2, "b")) }, "twice"},
		"another event":            {func(l *Ledger) { l.Saw("ann", event(3, "c")); l.Saw("bob", event(3, "x")) }, "somebody else"},
		"a lost command":           {func(l *Ledger) { l.Acked("n3", event(3, "c")) }, "seen by nobody"},
		"an acknowledgement twice": {func(l *Ledger) { l.Acked("n4", event(2, "b")) }, "two commands"},
		"a command done twice":     {func(l *Ledger) { l.Acked("n1", event(2, "b")) }, "with numbers"},
		"somebody else's room":     {func(l *Ledger) { l.Saw("ann", client.Event{Room: "other", Seq: 1}) }, "do not follow"},
	} {
		l := NewLedger()
		honest(l)
		lie.tell(l)
		found := strings.Join(l.Judge(), "\n")
		if lie.word == "" && found != "" || !strings.Contains(found, lie.word) {
			t.Errorf("%s: %q", name, found)
		}
	}
}
