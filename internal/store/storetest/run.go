package storetest

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// Open opens the same database every time it is called in one test: a second
// call, after the first store was closed, finds what that one kept.
type Open func(t *testing.T) *store.Store

// Run checks every promise against the stores that open gives. Each promise
// gets a database of its own, so open makes a new one for each test that asks;
// they ask at the same time.
func Run(t *testing.T, open Open) {
	for _, part := range [][]promise{commits, facts, archives, rooms, accounts, invites, logins, searches, verifies, histories} {
		for _, p := range part {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel() // most of the time they wait for a disk
				p.check(t, open)
			})
		}
	}
}

type promise struct {
	name  string
	check func(t *testing.T, open Open)
}

// must ends the test when err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustCode ends the test when err does not have the code.
func mustCode(t *testing.T, err error, code chat.Code) {
	t.Helper()
	if chat.CodeOf(err) != code {
		t.Fatalf("the error is %v, it should be %s", err, code)
	}
}

// sound ends the test when Verify finds anything.
func sound(t *testing.T, s *store.Store) {
	t.Helper()
	report, err := s.Verify(t.Context(), nil)
	must(t, err)
	for _, f := range report.Findings {
		t.Error(f)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// ID is an id that tests can count on.
func ID(n byte) chat.ID { return chat.ID{0: n, 6: 0x80, 8: 0x80, 15: n} }

var alice, bob, carol = ID(1), ID(2), ID(3)

// team is a worker with a group of alice (its owner), bob and carol.
func team(t *testing.T, open Open) (*store.Store, *Worker, chat.RoomID) {
	t.Helper()
	s := open(t)
	w := NewWorker(t, s)
	return s, w, w.Event(Create(chat.Group, "Team", alice, bob, carol)).Room
}
