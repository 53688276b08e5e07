package nodetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/contract"
)

// towns ends what the towns shared before somebody counts what is left.
type towns struct{ *testing.M }

func (m towns) Run() int {
	code := m.M.Run()
	if err := CloseShared(); err != nil {
		fmt.Println("the NATS servers were not removed:", err)
		return 1
	}
	return code
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(towns{m}, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func TestTwoPeopleTalk(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		first := alice.Says(room, "hi")
		bob.Hears(room, "hi")
		second := bob.Says(room, "hello")
		alice.Hears(room, "hello")
		if second.Seq != first.Seq+1 {
			t.Errorf("%d follows %d", second.Seq, first.Seq)
		}
		Same(t, room, alice, bob)
	})
}

func TestWhoSignsUpLandsInGeneral(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice := town.Person("alice")
		bob := town.Person("bob")
		general := alice.General()
		bob.IsIn(general) // signing up does not wait for it
		alice.Says(general, "is anybody here?")
		bob.Hears(general, "is anybody here?")
	})
}

func TestADirectRoomIsTheSameFromBothSides(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		one := alice.Creates(client.Direct, "", bob)
		other, err := bob.REST().CreateRoom(t.Context(), client.NewRoom{Kind: client.Direct, Members: []string{"@alice"}})
		if err != nil || other.ID != one {
			t.Errorf("alice made %s, bob %s (%v)", one, other.ID, err)
		}
		alice.Says(one, "psst")
		bob.Hears(one, "psst")
	})
}

func TestWhoWasAwayIsToldWhatTheyMissed(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Channel, "news", bob)
		alice.Says(room, "before")
		bob.Hears(room, "before")
		town.Restart()
		for i := range 20 {
			alice.Says(room, fmt.Sprint("after ", i))
		}
		bob.Hears(room, "after 19")
		Same(t, room, alice, bob)
		if got := len(bob.Texts(room)); got != 21 {
			t.Errorf("bob heard %d messages", got)
		}
	})
}

// Every node goes and comes back while people talk: nobody loses anything, and
// nothing is said twice.
func TestEveryNodeMayGoAndComeBack(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		var said []string
		say := func(text string) {
			p := []*Person{alice, bob}[len(said)%2]
			p.Says(room, text)
			said = append(said, text)
		}
		for _, name := range town.Nodes() {
			say("before " + name)
			going := make(chan struct{})
			go func() {
				defer close(going)
				town.Restarts(name)
			}()
			for i := 0; ; i++ {
				say(fmt.Sprint("without ", name, " ", i))
				select {
				case <-going:
				default:
					continue
				}
				break
			}
			say("after " + name)
		}
		for _, p := range []*Person{alice, bob} {
			p.Hears(room, said[len(said)-1])
			if heard := p.Texts(room); !slices.Equal(heard, said) {
				t.Errorf("%s heard %d messages of %d", p.Name, len(heard), len(said))
			}
		}
		t.Logf("%d messages were said meanwhile", len(said))
	})
}

func TestEditsDeletionsAndReactionsReachEverybody(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		typo := alice.Says(room, "helo")
		oops := alice.Says(room, "a secret")
		if _, err := alice.Session().Edit(t.Context(), room, typo.Seq, "hello"); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.Session().React(t.Context(), room, typo.Seq, "👍"); err != nil {
			t.Fatal(err)
		}
		_, err := bob.Session().Delete(t.Context(), room, oops.Seq)
		bob.MayNot(err, client.CodeForbidden)
		deleted, err := alice.Session().Delete(t.Context(), room, oops.Seq)
		if err != nil {
			t.Fatal(err)
		}
		bob.HearsNumber(room, deleted.Seq)
		history, err := bob.REST().History(t.Context(), room, client.Span{})
		if err != nil {
			t.Fatal(err)
		}
		edited, gone := history.Messages[0], history.Messages[1]
		if edited.Text != "hello" || edited.EditedAt == nil || len(edited.Reactions) != 1 || !edited.Reactions[0].Me {
			t.Errorf("the edited message: %+v", edited)
		}
		if gone.Text != "" || !gone.Deleted {
			t.Errorf("the deleted message: %+v", gone)
		}
	})
}

func TestARemovedMemberHearsTheirRemovalAndNothingAfterIt(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		alice.Says(room, "for bob")
		bob.Hears(room, "for bob")
		alice.Removes(room, bob)
		bob.IsOutOf(room)
		alice.Says(room, "not for bob")
		_, err := bob.Tries(room, "am I out?")
		bob.MayNot(err, client.CodeNotFound)
		alice.Adds(room, bob)
		bob.IsIn(room)
		alice.Says(room, "for bob again")
		bob.Hears(room, "for bob again")
		if slices.Contains(bob.Texts(room), "not for bob") {
			t.Error("bob heard what was said while he was out")
		}
	})
}

func TestEveryDeviceHearsEverything(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		phone := bob.AnotherDevice()
		room := alice.Creates(client.Group, "plans", bob)
		phone.IsIn(room)
		bob.Says(room, "from my desk")
		for _, p := range []*Person{alice, bob, phone} {
			p.Hears(room, "from my desk")
		}
	})
}

func TestTheSameNonceIsTheSameMessage(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		message := client.Message{Text: "once", Nonce: "the same"}
		first, err := alice.Session().Send(t.Context(), room, message)
		if err != nil {
			t.Fatal(err)
		}
		again, err := alice.REST().Post(t.Context(), room, message)
		if err != nil || again.Seq != first.Seq {
			t.Errorf("over REST: %+v, %v", again, err)
		}
		phone := alice.AnotherDevice()
		third, err := phone.Session().Send(t.Context(), room, message)
		if err != nil || third.Seq != first.Seq {
			t.Errorf("from another device: %+v, %v", third, err)
		}
		last := alice.Says(room, "twice?")
		if last.Seq != first.Seq+1 {
			t.Errorf("%d follows %d", last.Seq, first.Seq)
		}
	})
}

// repairedWithin is how soon what was lost is found: the owner speaks each second,
// and after 1.5 s of silence the gateway asks.
const repairedWithin = 3 * time.Second

// What is lost between owner and gateway is found by its number.
func TestALostNoticeIsRepaired(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		town.Settles()
		lost := town.Faults.Drop(bustest.Match{What: bus.PassNotice, Subject: contract.Noticed.Subject(), If: says("lost")}).Once()
		began := time.Now()
		alice.Says(room, "lost") // nothing follows: the owner's word each second shows the gap
		bob.Hears(room, "lost")
		bustest.Prompt(t, "finding what was lost", began, repairedWithin)
		if lost.Struck() == 0 {
			t.Error("nothing was lost")
		}
	})
}

func TestALostRefusalIsAskedForAgain(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans")
		town.Settles()
		lost := town.Faults.Drop(bustest.Match{What: bus.PassNotice, Subject: contract.Noticed.Subject(), If: refuses}).Once()
		began := time.Now()
		_, err := bob.Tries(room, "let me in")
		bob.MayNot(err, client.CodeNotFound)
		bustest.Prompt(t, "finding what was lost", began, repairedWithin)
		if lost.Struck() == 0 {
			t.Error("nothing was lost")
		}
	})
}

func TestALostMemberAddIsFoundThoughNothingFollows(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans")
		town.Settles()
		lost := town.Faults.Drop(bustest.Match{What: bus.PassNotice, Subject: contract.Noticed.Subject(), If: joins}).Once()
		began := time.Now()
		alice.Adds(room, bob)
		bob.IsIn(room)
		bustest.Prompt(t, "finding what was lost", began, repairedWithin)
		if lost.Struck() == 0 {
			t.Error("nothing was lost")
		}
		alice.Says(room, "welcome")
		bob.Hears(room, "welcome")
	})
}

func TestNoticesMayBeRepeatedAndSwapped(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		notices := bustest.Match{What: bus.PassNotice, Subject: contract.Noticed.Subject()}
		town.Settles()
		repeats := town.Faults.Repeat(notices, 2).Odds(0.3)
		swaps := town.Faults.Swap(notices).Odds(0.3)
		drops := town.Faults.Drop(notices).Odds(0.2)
		say := func(text string) { // without waiting: something follows whatever is lost
			for _, p := range []*Person{alice, bob} {
				if _, err := p.Session().SendAsync(t.Context(), room, client.Message{Text: p.Name + text}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range 100 {
			say(fmt.Sprint(i))
		}
		eventually(t, "each of the faults strikes", func() bool { // how much goes into one notice is for the owner to say
			say(" goes on")
			return repeats.Struck() > 0 && swaps.Struck() > 0 && drops.Struck() > 0
		})
		say(" has said it all")
		for _, p := range []*Person{alice, bob} {
			p.Hears(room, "alice has said it all")
			p.Hears(room, "bob has said it all")
		}
		repeats.Off()
		swaps.Off()
		drops.Off()
		Same(t, room, alice, bob)
	})
}

func notice(p bus.Passage) (n contract.Notice) {
	_ = n.UnmarshalBinary(p.Data)
	return n
}

func says(text string) func(bus.Passage) bool {
	return func(p bus.Passage) bool {
		n := notice(p)
		return len(n.Events) > 0 && n.Events[0].Body.Text == text
	}
}

func refuses(p bus.Passage) bool {
	n := notice(p)
	return len(n.Answers) > 0 && n.Answers[0].Err != nil
}

func joins(p bus.Passage) bool {
	n := notice(p)
	return len(n.Events) > 0 && len(n.Events[0].Joins()) > 0
}
