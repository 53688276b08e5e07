package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/bus"
)

func TestTheSwitchboardIsWhole(t *testing.T) {
	seen := map[string]bool{}
	answers := map[Role]bool{}
	for _, l := range Lines() {
		if seen[l.Subject] {
			t.Errorf("%s is there twice", l.Subject)
		}
		seen[l.Subject] = true
		if len(l.From) == 0 || len(l.To) == 0 {
			t.Errorf("%s: %v → %v", l.Subject, l.From, l.To)
		}
		for _, r := range l.To {
			answers[r] = true
		}
		// A subject tells whose it is, so that an operator who reads permissions knows.
		whose, _, _ := strings.Cut(l.Subject, ".")
		if (l.Kind == KindCall || l.Kind == KindKeyed) && !slices.Contains(l.To, Role(whose)) {
			t.Errorf("%s is answered by %v", l.Subject, l.To)
		}
	}
	for _, r := range Roles {
		if !answers[r] {
			t.Errorf("nobody asks or tells %s anything", r)
		}
	}
	if answers[RoleOperator] {
		t.Error("an operator is asked something")
	}
	if Intake != strings.TrimSuffix(bus.AnyLog, ".*") {
		t.Errorf("envelopes go to %s.*, the bus appends to %s", Intake, bus.AnyLog)
	}
}

func TestRolesThatShareAProcessShareAName(t *testing.T) {
	for name, playing := range map[string][]Role{
		"gateway":           {RoleGateway},
		"accounts-gateway":  {RoleGateway, RoleAccounts},
		"sequencer-archive": {RoleArchive, RoleSequencer},
		"rooms-operator":    {RoleOperator, RoleRooms},
		"all":               append(slices.Clone(Roles), RoleOperator),
	} {
		if got := Named(playing...); got != name || !strings.HasPrefix(Inbox(playing...), bus.DefaultInbox+"."+name+".") {
			t.Errorf("%v are called %s", playing, got)
		}
	}
}

func TestAWrongLineOfTheSwitchboardStopsTheProgram(t *testing.T) {
	for _, who := range []string{"gateway", "gatway → accounts", "gateway → "} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken", who)
				}
			}()
			draw("some.subject", KindCall, who)
		}()
	}
}
