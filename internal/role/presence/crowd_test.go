package presence

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

var ann, bob = chat.UserID{15: 1}, chat.UserID{15: 2}

func here(run uint64, who chat.UserID, sessions int, s contract.Status) *contract.HereNotice {
	return &contract.HereNotice{Run: run, Sittings: []contract.Sitting{{User: who, Sessions: sessions, Status: s}}}
}

func TestTheMostPresentOfSeveralSessionsCounts(t *testing.T) {
	c, now := newCrowd(), time.Unix(1000, 0)
	c.hear(here(1, ann, 1, contract.Away), now)
	c.hear(here(2, ann, 1, contract.Busy), now)
	if got := c.of(ann); got.Status != contract.Busy || len(got.Gateways) != 2 {
		t.Errorf("%+v", got)
	}
	if got := c.of(bob); got.Status != contract.Offline {
		t.Errorf("somebody who was never here: %+v", got)
	}
}

func TestWhoComesBackSoonWasNeverAway(t *testing.T) {
	c, now := newCrowd(), time.Unix(1000, 0)
	c.watch(&contract.PresenceWatch{Run: 9, Users: []chat.UserID{ann}}, now)
	c.hear(&contract.HereNotice{Run: 9}, now)
	c.hear(here(1, ann, 1, contract.Online), now)
	if news := c.news(now); len(news[9]) != 1 || news[9][0].Status != contract.Online {
		t.Fatalf("coming: %+v", news)
	}
	c.hear(here(1, ann, 0, ""), now)
	if news := c.news(now.Add(time.Second)); len(news) != 0 || c.of(ann).Status != contract.Online {
		t.Errorf("a moment of absence was told: %+v", news)
	}
	c.hear(&contract.HereNotice{Run: 9}, now.Add(holdOffline))
	c.hear(&contract.HereNotice{Run: 1}, now.Add(holdOffline))
	if news := c.news(now.Add(holdOffline)); len(news[9]) != 1 || news[9][0].Status != contract.Offline {
		t.Errorf("leaving: %+v", news)
	}
	if c.len() != 0 {
		t.Errorf("%d people are kept who have gone", c.len())
	}
}

func TestAGatewayThatFallsSilentLosesItsSessions(t *testing.T) {
	c, now := newCrowd(), time.Unix(1000, 0)
	c.hear(here(1, ann, 1, contract.Online), now)
	c.hear(here(2, bob, 1, contract.Online), now)
	later := now.Add(gatewayDies + time.Second)
	c.hear(&contract.HereNotice{Run: 2}, later)
	c.news(later)
	if c.of(ann).Status != contract.Offline || c.of(bob).Status != contract.Online {
		t.Errorf("ann %+v, bob %+v", c.of(ann), c.of(bob))
	}
}

func TestTellingEverythingReplacesWhatWasKnown(t *testing.T) {
	c, now := newCrowd(), time.Unix(1000, 0)
	c.hear(here(1, ann, 1, contract.Online), now)
	all := here(1, bob, 2, contract.Online)
	all.All = true
	c.hear(all, now)
	if ids := c.everybody(); len(ids) != 1 || ids[0] != bob {
		t.Errorf("%v", ids)
	}
}

// What a gateway was told on asking is of a moment before it is known to watch:
// somebody may have come in between.
func TestWhoIsNewlyWatchedIsToldOf(t *testing.T) {
	c, now := newCrowd(), time.Unix(1000, 0)
	c.hear(here(1, ann, 1, contract.Online), now)
	c.news(now)
	c.watch(&contract.PresenceWatch{Run: 9, Users: []chat.UserID{ann, bob}}, now)
	told := map[chat.UserID]contract.Status{}
	for _, p := range c.news(now)[9] {
		told[p.User] = p.Status
	}
	if len(told) != 2 || told[ann] != contract.Online || told[bob] != contract.Offline {
		t.Errorf("told of %v", told)
	}
	c.watch(&contract.PresenceWatch{Run: 9, Users: []chat.UserID{ann}}, now)
	if again := c.news(now); len(again) != 0 {
		t.Errorf("told again: %v", again)
	}
}

func TestWhomAGatewayWatchesComesInPieces(t *testing.T) {
	c, now := newCrowd(), time.Unix(1000, 0)
	dan := chat.UserID{15: 4}
	c.watch(&contract.PresenceWatch{Run: 9, Users: []chat.UserID{dan, bob}}, now)
	c.news(now)
	c.watch(&contract.PresenceWatch{Run: 9, Users: []chat.UserID{ann}, More: true}, now)
	c.hear(here(1, bob, 1, contract.Online), now)
	if news := c.news(now)[9]; len(news) != 2 {
		t.Errorf("between the pieces: %v", news)
	}
	c.watch(&contract.PresenceWatch{Run: 9, Users: []chat.UserID{bob}, On: true}, now)
	c.hear(here(1, dan, 1, contract.Online), now)
	if news := c.news(now); len(news) != 0 {
		t.Errorf("told again, or of somebody who is watched no more: %v", news)
	}
	c.hear(here(1, ann, 1, contract.Online), now)
	c.hear(here(1, bob, 1, contract.Busy), now)
	if news := c.news(now)[9]; len(news) != 2 {
		t.Errorf("of both: %v", news)
	}
}
