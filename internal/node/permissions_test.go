package node_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/node"
)

// everyone are all who have a credential.
var everyone = slices.Concat(contract.Roles, []contract.Role{contract.RoleOperator})

// TestAStolenCredentialCanDoWhatItsRoleDoesAndNothingElse walks every line of the
// switchboard as every role, on a real server that is configured by what is
// printed for it. That each role is allowed all that it needs is shown by the
// scenarios, which run with the same permissions.
func TestAStolenCredentialCanDoWhatItsRoleDoesAndNothingElse(t *testing.T) {
	server := printed(t)
	lines := contract.Lines()
	if len(lines) < 40 {
		t.Fatalf("the switchboard has only %d lines", len(lines))
	}
	refused := 0
	for _, role := range everyone {
		p := server.Probe(t, string(role), "of "+string(role))
		check := func(what, subject string, may, should bool) {
			if may != should {
				t.Errorf("%s may %s %s: %v", role, what, subject, may)
			}
			if !may {
				refused++
			}
		}
		for _, l := range lines {
			subject := strings.ReplaceAll(l.Subject, "*", "7")
			asks, answers := slices.Contains(l.From, role), slices.Contains(l.To, role)
			hears := answers && (l.Kind == contract.KindTopic || l.Kind == contract.KindRoll || l.Kind == contract.KindKeyed)
			check("publish", subject, p.Publishes(subject), asks)
			check("listen to", subject, p.Subscribes(subject, ""), hears)
			check("answer", subject, p.Subscribes(subject, bus.Answerers), hears || answers && l.Kind == contract.KindCall)
		}
		keeps := role == contract.RoleSequencer
		for _, subject := range bus.KeepLogs() {
			subject = strings.NewReplacer("*", "log-0", ">", "log-0.x").Replace(subject)
			check("publish", subject, p.Publishes(subject), keeps)
		}
		for _, subject := range []string{"$JS.API.STREAM.DELETE.log-0", "$JS.API.STREAM.MSG.DELETE.log-0", "$JS.API.STREAM.LIST", "$JS.API.ACCOUNT.PURGE.x",
			"$SYS.REQ.SERVER.PING", "anything", "_INBOX.anybody", "accounts.made_up"} {
			check("publish", subject, p.Publishes(subject), false)
		}
		for _, subject := range []string{">", "*.*", "_INBOX.>", "log.>", "accounts.>", "accounts.*", "$JS.>", "$SYS.>"} {
			check("listen to", subject, p.Subscribes(subject, ""), false)
		}
		for _, other := range everyone {
			inbox := contract.Inbox(other) + ".x.>"
			check("listen to", inbox, p.Subscribes(inbox, ""), other == role)
			check("answer", inbox, p.Publishes(contract.Inbox(other)+".guessed"), answersTo(role, other))
		}
	}
	if refused < 1000 {
		t.Errorf("only %d things were refused", refused)
	}
}

// answersTo says whether a role answers something that the other asks.
func answersTo(role, other contract.Role) bool {
	for _, l := range contract.Lines() {
		asks := l.Kind == contract.KindCall || l.Kind == contract.KindKeyed || l.Kind == contract.KindRoll
		if asks && slices.Contains(l.To, role) && slices.Contains(l.From, other) {
			return true
		}
	}
	return false
}

// A restored database repeats the epochs of before, and a NATS server may still
// know a subscription of the earlier owner: it hands each ask to the connection
// twice. With one answer allowed, NATS let none pass, and gateways went without the
// partition's notices until the process ended.
func TestAnAnswerPassesWhereTheServerKnowsTwoSubscriptions(t *testing.T) {
	server := printed(t)
	dial := func(role contract.Role) *bus.Bus {
		return bustest.Dial(t, bus.DialConfig{URLs: server.URLs(), Inbox: contract.Inbox(role),
			As: bus.Credential{User: string(role), Password: "of " + string(role)}})
	}
	owner := dial(contract.RoleSequencer)
	watch := contract.Watch.At(contract.Owner(1, 7))
	for range 2 {
		_, err := watch.Answer(owner, func(context.Context, *contract.WatchAsk) (*contract.WatchAnswer, error) {
			return &contract.WatchAnswer{Epoch: 7}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := owner.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := watch.Ask(t.Context(), dial(contract.RoleGateway), &contract.WatchAsk{Partition: 1})
	if err != nil || a.Epoch != 7 {
		t.Errorf("%v %v", a, err)
	}
}

// printed is a server that is configured by what the program prints.
func printed(t *testing.T) *bustest.Cluster {
	t.Helper()
	for _, role := range everyone {
		t.Setenv("PARLEY_NATS_"+strings.ToUpper(string(role))+"_PASSWORD", "'of "+string(role)+"'")
	}
	conf, err := node.Permissions(nil, "conf")
	if err != nil {
		t.Fatal(err)
	}
	return bustest.NewCluster(t, 1, conf)
}

// TestOneProcessOfSeveralRolesMayWhatTheyMay and has one inbox for all of them.
func TestOneProcessOfSeveralRolesMayWhatTheyMay(t *testing.T) {
	both := contract.PermissionOf(contract.RoleAccess, contract.RoleAccounts)
	for _, role := range []contract.Role{contract.RoleAccess, contract.RoleAccounts} {
		one := contract.PermissionOf(role)
		for _, s := range one.Publish {
			if !slices.Contains(both.Publish, s) {
				t.Errorf("together they may not publish %s", s)
			}
		}
		for _, s := range one.Subscribe[1:] {
			if !slices.Contains(both.Subscribe, s) {
				t.Errorf("together they may not subscribe to %s", s)
			}
		}
	}
	if both.Subscribe[0] != "_INBOX.accounts-access.>" {
		t.Errorf("their inbox is %s", both.Subscribe[0])
	}
	if _, err := node.Permissions([]string{"gatway"}, "conf"); err == nil || !strings.Contains(err.Error(), "gateway") {
		t.Errorf("a role that there is not: %v", err)
	}
}
