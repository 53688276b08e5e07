package presence

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const myRun = 9

// square is the role at work, with a gateway that is this test.
type square struct {
	t       *testing.T
	bus     *bus.Bus
	asked   chan struct{}
	news    chan contract.Presence
	members []chat.UserID
}

func newSquare(t *testing.T) *square {
	t.Helper()
	s := &square{t: t, bus: bustest.Embedded(t), asked: make(chan struct{}, 100), news: make(chan contract.Presence, 100)}
	var subs bus.Subscriptions
	subs.Add(contract.WhoIsHere.Subscribe(s.bus, func(context.Context, *contract.None) { s.asked <- struct{}{} }))
	subs.Add(contract.PresenceNews.At(contract.Run(myRun)).Subscribe(s.bus, func(_ context.Context, l *contract.PresenceList) {
		for _, one := range l.Presence {
			s.news <- one
		}
	}))
	subs.Add(contract.Members.Answer(s.bus, func(_ context.Context, q *contract.MembersAsk) (*contract.MemberList, error) {
		if !slices.Contains(s.members, q.User) {
			return nil, chat.Errorf(chat.NotFound, "there is no such room")
		}
		a := &contract.MemberList{}
		for _, id := range q.Only {
			if slices.Contains(s.members, id) {
				a.Members = append(a.Members, chat.Member{User: id})
			}
		}
		return a, nil
	}))
	if err := subs.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = subs.Stop() })
	role := New(s.bus, bustest.Log(t), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- role.Run(ctx, func() { close(ready) }) }()
	<-ready
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	return s
}

func (s *square) tell(n contract.HereNotice) {
	s.t.Helper()
	if err := contract.Here.Publish(s.t.Context(), s.bus, &n); err != nil {
		s.t.Fatal(err)
	}
}

func (s *square) watch(users ...chat.UserID) {
	s.t.Helper()
	if err := contract.WatchPresence.Publish(s.t.Context(), s.bus, &contract.PresenceWatch{Run: myRun, Users: users}); err != nil {
		s.t.Fatal(err)
	}
}

func TestChangesAreToldToWhoAsked(t *testing.T) {
	s := newSquare(t)
	<-s.asked // it asks for everything when it starts
	s.watch(ann)
	s.tell(contract.HereNotice{Run: myRun, All: true, Sittings: []contract.Sitting{
		{User: ann, Sessions: 1, Status: contract.Busy, Text: "writing"}, {User: bob, Sessions: 1, Status: contract.Online}}})
	if one := <-s.news; one.User != ann || one.Status != contract.Busy || one.Text != "writing" || !slices.Equal(one.Gateways, []uint64{myRun}) {
		t.Errorf("told: %+v", one)
	}
	now, err := contract.PresenceOf.Ask(t.Context(), s.bus, &contract.PresenceAsk{Users: []chat.UserID{bob, {15: 9}}})
	if err != nil || now.Presence[0].Status != contract.Online || now.Presence[1].Status != contract.Offline || now.Presence[0].LastActive == 0 {
		t.Errorf("asked: %+v, %v", now, err)
	}
	if _, err := contract.PresenceOf.Ask(t.Context(), s.bus, &contract.PresenceAsk{Users: make([]chat.UserID, mostAsked+1)}); chat.CodeOf(err) != chat.TooLarge {
		t.Errorf("too many: %v", err)
	}
	select {
	case one := <-s.news:
		t.Errorf("nobody asked about %+v", one)
	default:
	}
}

// A gateway that only tells changes is one that was lost, or that this presence
// has not heard from its beginning: it is asked for everything.
func TestAGatewayThatIsNotKnownWhollyIsAsked(t *testing.T) {
	s := newSquare(t)
	<-s.asked
	s.tell(contract.HereNotice{Run: myRun})
	<-s.asked
	s.tell(contract.HereNotice{Run: myRun, All: true})
}

func TestWhoIsInARoomNow(t *testing.T) {
	s := newSquare(t)
	carl := chat.UserID{15: 3}
	s.members = []chat.UserID{ann, bob}
	online := func(user chat.UserID) ([]chat.UserID, error) {
		a, err := contract.OnlineIn.Ask(t.Context(), s.bus, &contract.OnlineAsk{RoomAsk: contract.RoomAsk{User: user, Room: chat.NewID()}})
		if err != nil {
			return nil, err
		}
		return a.Users, nil
	}
	if list, err := online(ann); err != nil || len(list) != 0 {
		t.Errorf("nobody is here: %v, %v", list, err)
	}
	if _, err := online(carl); chat.CodeOf(err) != chat.NotFound {
		t.Errorf("carl may not know: %v", err)
	}
	var many []contract.Sitting
	for i := range 2*mostAsked + 1 {
		many = append(many, contract.Sitting{User: chat.UserID{1, byte(i), byte(i >> 8), 15: 1}, Sessions: 1, Status: contract.Online})
	}
	many = append(many, contract.Sitting{User: bob, Sessions: 1, Status: contract.Away}, contract.Sitting{User: carl, Sessions: 1, Status: contract.Online})
	s.watch(bob)
	s.tell(contract.HereNotice{Run: myRun, All: true, Sittings: many})
	<-s.news
	if list, err := online(ann); err != nil || !slices.Equal(list, []chat.UserID{bob}) {
		t.Errorf("bob is here: %v, %v", list, err)
	}
	if _, err := online(carl); chat.CodeOf(err) != chat.NotFound {
		t.Errorf("carl still may not know: %v", err)
	}
}

func TestWhoLooksOfflineStaysSo(t *testing.T) {
	c, now := newCrowd(), time.Unix(1000, 0)
	c.hear(here(1, ann, 1, contract.Offline), now)
	if got := c.of(ann).Status; got != contract.Offline {
		t.Errorf("here: %s", got)
	}
	c.hear(here(1, ann, 0, ""), now)
	if got := c.of(ann).Status; got != contract.Offline {
		t.Errorf("just gone: %s", got)
	}
	c.hear(here(1, bob, 1, contract.Away), now)
	c.hear(here(1, bob, 0, ""), now)
	if got := c.of(bob).Status; got != contract.Away {
		t.Errorf("just gone from away: %s", got)
	}
}

func TestALeavingGatewayTakesItsPeopleAlong(t *testing.T) {
	c, now := newCrowd(), time.Unix(1000, 0)
	c.hear(here(1, ann, 1, contract.Online), now)
	c.watch(&contract.PresenceWatch{Run: 1, Users: []chat.UserID{ann}}, now)
	if !c.unsure() {
		t.Error("nobody told everything")
	}
	c.hear(&contract.HereNotice{Run: 1, Leaving: true}, now)
	if c.unsure() || len(c.gateways) != 0 {
		t.Error("the gateway is still known")
	}
	c.news(now.Add(holdOffline))
	if c.of(ann).Status != contract.Offline || c.len() != 0 || len(c.leaving) != 0 || len(c.changed) != 0 {
		t.Error("its people are still here")
	}
}
