package gateway

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func delivery(room byte, n uint64) *Delivery {
	return &Delivery{Event: &chat.Event{Room: chat.RoomID{15: room}, N: n}}
}

func TestRecentKnowsWhatItHasLetGo(t *testing.T) {
	size := weight(delivery(1, 1))
	r := recent{limit: 10 * size}
	r.reset(100)
	for n := uint64(101); n <= 130; n++ {
		r.add(delivery(byte(n%2), n))
	}
	if r.bytes > r.limit || r.floor != 120 {
		t.Fatalf("%d bytes of %d, floor %d", r.bytes, r.limit, r.floor)
	}
	if _, ok := r.since(chat.RoomID{15: 0}, 119); ok {
		t.Error("it vouches for what it has let go")
	}
	events, ok := r.since(chat.RoomID{15: 0}, 120)
	if !ok || len(events) != 5 || events[0].Event.N != 122 || events[4].Event.N != 130 {
		t.Errorf("%v: %d events", ok, len(events))
	}
	if events, ok := r.since(chat.RoomID{15: 0}, 130); !ok || len(events) != 0 {
		t.Errorf("at the head: %v, %d events", ok, len(events))
	}
}

func TestRecentKeepsItsBoundOverALongLife(t *testing.T) {
	size := weight(delivery(1, 1))
	r := recent{limit: 50 * size}
	for n := uint64(1); n <= 20_000; n++ {
		r.add(delivery(1, n))
	}
	if len(r.events)-r.first != 50 || cap(r.events) > 8192 {
		t.Errorf("%d events are kept, in room for %d", len(r.events)-r.first, cap(r.events))
	}
}

func TestADeliveryIsEncodedOnceForEachDoor(t *testing.T) {
	d, times := delivery(1, 1), 0
	encode := func(*chat.Event) []byte {
		times++
		return []byte{byte(times)}
	}
	a, b, other := d.Encoded("one", encode), d.Encoded("one", encode), d.Encoded("other", encode)
	if times != 2 || &a[0] != &b[0] || &a[0] == &other[0] {
		t.Errorf("encoded %d times", times)
	}
}
