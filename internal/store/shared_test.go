package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// Promises that hold for every database while others use it at the same time.

func TestReadersSeeWholeCommits(t *testing.T) { onEach(t, readersSeeWholeCommits) }

func readersSeeWholeCommits(t *testing.T, open storetest.Open) {
	s := open(t)
	w := storetest.NewWorker(t, s)
	alice := storetest.ID(1)
	room := w.Event(storetest.Create(chat.Group, "Team", alice)).Room
	const batch = 7
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for after := uint64(1); ; {
				err := s.Archive().Events(context.Background(), alice, false, []chat.RoomID{room}, []uint64{after}, 1000, 1<<20,
					func(_ chat.RoomID, _ bool, head, n uint64, _ bool, events []chat.Event) {
						if (head-1)%batch != 0 || n != head || uint64(len(events)) != head-after {
							t.Errorf("after %d: head %d, feed %d, %d events", after, head, n, len(events))
						}
						after = head
					})
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range 60 {
		var commands []chat.Command
		for i := range batch {
			commands = append(commands, storetest.Say(alice, room, fmt.Sprint(i)))
		}
		w.Do(commands...)
		store.Checkpoint(s)
	}
	close(done)
	group.Wait()
}

// atOnce runs so many together.
func atOnce(n int, run func(i int)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			run(i)
		})
	}
	close(start)
	group.Wait()
}

func TestASignInThatIsRepeatedAtOnceIsOneSession(t *testing.T) { onEach(t, signInRepeatedAtOnce) }

func signInRepeatedAtOnce(t *testing.T, open storetest.Open) {
	a := open(t).Accounts()
	user := storetest.ID(1)
	for round := range 10 {
		first := chat.Refresh{Hash: [32]byte{1, byte(round)}, Expires: 1000}
		var sessions [4]chat.ID
		atOnce(4, func(i int) {
			have, ok, err := a.CreateLogin(context.Background(), chat.Login{ID: chat.NewID(), User: user, CreatedAt: 1}, first, "")
			if err != nil || !ok {
				t.Error(ok, err)
			}
			sessions[i] = have.ID
		})
		kept, err := a.Logins(t.Context(), user)
		if err != nil || len(kept) != round+1 {
			t.Fatalf("%d sessions after round %d, %v", len(kept), round, err)
		}
		for _, id := range sessions {
			if id != sessions[0] {
				t.Fatalf("they are told of %v", sessions)
			}
		}
	}
}

func TestARefreshTokenIsExchangedOnce(t *testing.T) { onEach(t, refreshTokenIsExchangedOnce) }

func refreshTokenIsExchangedOnce(t *testing.T, open storetest.Open) {
	a := open(t).Accounts()
	for round := range 10 {
		old, login := [32]byte{1, byte(round)}, chat.Login{ID: chat.NewID(), User: storetest.ID(1), CreatedAt: 1}
		if _, _, err := a.CreateLogin(t.Context(), login, chat.Refresh{Hash: old, Expires: 1000}, ""); err != nil {
			t.Fatal(err)
		}
		var exchanged, refused atomic.Int32
		atOnce(4, func(i int) {
			_, reused, err := a.Rotate(context.Background(), old, chat.Refresh{Hash: [32]byte{2, byte(round), byte(i)}, Expires: 1000}, 10, "", "")
			switch {
			case err == nil && !reused:
				exchanged.Add(1)
			case err == nil || chat.CodeOf(err) == chat.Unauthenticated:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
		if exchanged.Load() != 1 || refused.Load() != 3 {
			t.Fatalf("%d exchanged it, %d were refused", exchanged.Load(), refused.Load())
		}
		if _, found, err := a.Login(t.Context(), login.ID); found || err != nil {
			t.Fatalf("the session of a token that was used twice is there: %v, %v", found, err)
		}
	}
}

func TestRevocationsAreDenseInOrderOfCommit(t *testing.T) { onEach(t, revocationsAreDense) }

func revocationsAreDense(t *testing.T, open storetest.Open) {
	s := open(t)
	const people, each = 8, 5
	for i := range people {
		u := chat.User{ID: storetest.ID(byte(i + 1)), Username: fmt.Sprint("user", i), Role: chat.OrgMember}
		if _, err := s.Accounts().Create(t.Context(), chat.Account{User: u}, nil, chat.Admission{}); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { // who has seen n has seen all before n
		for seen := uint64(0); ; {
			list, last, err := s.Accounts().Revocations(context.Background(), seen, 1000)
			if err != nil || uint64(len(list)) != last-seen {
				t.Errorf("after %d there are %d up to %d, %v", seen, len(list), last, err)
				return
			}
			seen = last
			select {
			case <-done:
				return
			default:
			}
		}
	})
	atOnce(people, func(i int) {
		for n := range each {
			if _, err := s.Access().SetBanned(context.Background(), storetest.ID(byte(i+1)), n%2 == 0, int64(n)); err != nil {
				t.Error(err)
			}
		}
	})
	close(done)
	watching.Wait()
	list, last, err := s.Accounts().Revocations(t.Context(), 0, 1000)
	if err != nil || last != people*each || len(list) != people*each {
		t.Fatalf("%d of %d, %v", len(list), last, err)
	}
	for i, r := range list {
		if r.Number != uint64(i+1) {
			t.Fatalf("number %d is %d", i+1, r.Number)
		}
	}
}

func TestMarksOfTwoWritersDoNotBlockEachOther(t *testing.T) { onEach(t, marksOfTwoWriters) }

func marksOfTwoWriters(t *testing.T, open storetest.Open) {
	s := open(t)
	w := storetest.NewWorker(t, s)
	alice := storetest.ID(1)
	var marks, reversed []chat.Mark
	for range 50 {
		room := w.Event(storetest.Create(chat.Group, "g", alice)).Room
		marks = append(marks, chat.Mark{Room: room, User: alice, Read: 1})
		reversed = append([]chat.Mark{{Room: room, User: alice, Delivered: 1}}, reversed...)
	}
	atOnce(4, func(i int) {
		for range 5 {
			if _, err := s.Rooms().Marks(context.Background(), [][]chat.Mark{marks, reversed}[i%2]); err != nil {
				t.Error(err)
			}
		}
	})
	for _, m := range marks {
		if have, _, err := s.Rooms().Receipts(t.Context(), m.Room, "", 10); err != nil || len(have) != 1 || have[0].Read != 1 || have[0].Delivered != 1 {
			t.Fatalf("%+v, %v", have, err)
		}
	}
}

func TestOfSeveralOneWorksExclusively(t *testing.T) { onEach(t, oneWorksExclusively) }

func oneWorksExclusively(t *testing.T, open storetest.Open) {
	s := open(t)
	var working, worked, refused atomic.Int32
	failure := errors.New("it went wrong")
	atOnce(6, func(int) {
		err := s.Exclusive(context.Background(), "a job", func(ctx context.Context) error {
			if working.Add(1) != 1 {
				t.Error("two work at once")
			}
			if err := s.Exclusive(ctx, "a job", func(context.Context) error { return nil }); !errors.Is(err, chat.ErrNotOwner) {
				t.Errorf("another gets %v", err)
			}
			if err := s.Exclusive(ctx, "another job", func(context.Context) error { return nil }); err != nil {
				t.Errorf("another job gets %v", err)
			}
			working.Add(-1)
			return failure
		})
		switch {
		case errors.Is(err, failure):
			worked.Add(1)
		case errors.Is(err, chat.ErrNotOwner):
			refused.Add(1)
		default:
			t.Error(err)
		}
	})
	if worked.Load() == 0 || worked.Load()+refused.Load() != 6 {
		t.Errorf("%d worked, %d were refused", worked.Load(), refused.Load())
	}
	if err := s.Exclusive(t.Context(), "a job", func(context.Context) error { return nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
