package node_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/contract"
)

// TestNobodyPublishesThroughOthers asks, and appends to a log, as a stolen gateway's
// credential would that wants the answer to be an order to the NATS server, or news
// from a role that it does not play. Roles answer to inboxes only; what the server
// itself answers to an append goes anywhere, and is taken for nothing.
func TestNobodyPublishesThroughOthers(t *testing.T) {
	server := printed(t)
	dial := func(role contract.Role) *bus.Bus {
		return bustest.Dial(t, bus.DialConfig{URLs: server.URLs(), Inbox: contract.Inbox(role),
			As: bus.Credential{User: string(role), Password: "of " + string(role)}})
	}
	sequencer, gateway := dial(contract.RoleSequencer), dial(contract.RoleGateway)
	appends := func(partition, n int) {
		for range n {
			if _, err := gateway.Log(partition).Append(t.Context(), bustest.Envelope(1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, partition := range []int{3, 5} {
		if _, err := sequencer.MakeLog(t.Context(), partition, bus.LogConfig{}); err != nil {
			t.Fatal(err)
		}
	}
	appends(3, 9) // so that a number of this log, taken for an order, would empty the other
	appends(5, 5)

	rooms := dial(contract.RoleRooms)
	asked := 0
	listening := []*bus.Subscription{must(contract.ReleaseHandle.Answer(rooms, func(context.Context, *contract.HandleAsk) (*contract.None, error) {
		asked++
		return &contract.None{}, nil
	}, bus.Serial()))(t)}
	var taken, revoked, owning, noticed atomic.Int64
	listening = append(listening,
		must(contract.Taken.Subscribe(gateway, func(context.Context, *contract.TakenNotice) { taken.Add(1) }))(t),
		must(contract.Noticed.At("7").Subscribe(gateway, func(context.Context, *contract.Notice) { noticed.Add(1) }))(t),
		must(contract.Owning.Subscribe(sequencer, func(context.Context, *contract.OwningNotice) { owning.Add(1) }))(t),
		must(contract.Revoked.Subscribe(dial(contract.RoleAccounts), func(context.Context, *contract.Number) { revoked.Add(1) }))(t))
	for _, b := range []*bus.Bus{rooms, gateway, sequencer} {
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	thief := server.Probe(t, "gateway", "of gateway")
	for _, answer := range []string{"$JS.API.STREAM.DELETE.log-5", "$JS.API.STREAM.PURGE.log-5",
		"gateway.notice.7", "sequencer.taken", "sequencer.owning", "accounts.revoked"} {
		thief.Asks("rooms.release_handle", answer, []byte("{}"))
		thief.Asks("log.3", answer, nil)
	}
	if _, err := contract.ReleaseHandle.Ask(t.Context(), gateway, &contract.HandleAsk{Handle: "x"}); err != nil {
		t.Fatal(err) // the last question: those before have been dealt with
	}
	appends(3, 1) // and so has what was appended
	for _, s := range listening {
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("%d questions were dealt with", asked)
	}
	if n := []int64{taken.Load(), noticed.Load(), owning.Load(), revoked.Load()}; n[0]+n[1]+n[2]+n[3] != 0 {
		t.Errorf("news were heard that nobody told: %v", n)
	}
	first, last, _, err := sequencer.Log(5).Info(t.Context())
	if err != nil || first != 1 || last != 5 {
		t.Errorf("of the records 1 to 5 there are %d to %d, %v", first, last, err)
	}
}

// TestNobodyGivesThemselvesPermission: whoever may publish to a subject that they
// hear could ask themselves for an answer anywhere, if answers were allowed by being
// asked for.
func TestNobodyGivesThemselvesPermission(t *testing.T) {
	server := printed(t)
	tried := 0
	for _, role := range everyone {
		thief := server.Probe(t, string(role), "of "+string(role))
		for _, l := range contract.Lines() {
			if l.Kind == contract.KindLog || !slices.Contains(l.From, role) || !slices.Contains(l.To, role) {
				continue
			}
			tried++
			for _, answer := range []string{"$JS.API.STREAM.DELETE.log-5", "gateway.notice.7.x", "_INBOX.anybody"} {
				subject := strings.ReplaceAll(l.Subject, "*", "7")
				thief.Hears(subject)
				thief.Asks(subject, answer, nil)
				if thief.Publishes(answer) {
					t.Errorf("%s may publish to %s after asking %s of itself", role, answer, subject)
				}
			}
		}
	}
	if tried < 5 {
		t.Errorf("only %d subjects are heard by who publishes to them", tried)
	}
}

// must is what can fail and does not.
func must[V any](v V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
