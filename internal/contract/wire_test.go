package contract

import (
	"encoding"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

type hot interface {
	AppendBinary([]byte) ([]byte, error)
	encoding.BinaryUnmarshaler
}

func samples() map[string]hot {
	room, by := chat.NewID(), chat.NewID()
	name := "the quiet room"
	events := []chat.Event{
		{Room: room, Seq: 7, ID: chat.NewID(), Kind: chat.KindMessage, By: by, At: 1_700_000_000_000, Nonce: "n1",
			Body: chat.Body{Text: "hello, world", Mentions: []chat.UserID{by}}, N: 99, Messages: 5,
			Origin: chat.Origin{Gateway: 1 << 63, LogSeq: 3, Batch: 98, Committed: 1_700_000_000_004}},
		{Room: room, Seq: 8, ID: chat.NewID(), Kind: chat.KindRoom, By: by, At: 1_700_000_000_001, Nonce: "n2",
			Body: chat.Body{Op: chat.OpRename, Name: &name}, N: 100, Messages: 5},
	}
	return map[string]hot{
		"notice": &Notice{Partition: 3, Epoch: 4, From: 98, To: 100, LogSeq: 12, Registration: 6, Events: events, Answers: []Answer{
			{Key: chat.NonceKey{Room: room, By: by, Nonce: "n3"}, Repeat: 2},
			{Key: chat.NonceKey{Room: room, By: by, Nonce: "n4"}, Err: chat.Busy(1e9, "later")},
			{Key: chat.NonceKey{Room: room, By: by, Nonce: "n5"}},
		}},
		"standing":    &Notice{Partition: 1, Epoch: 1, From: 5, To: 5},
		"events ask":  &EventsAsk{User: by, Runs: true, Limit: 5, Bytes: 1 << 20, Cursors: []Cursor{{room, 4}, {by, 0}}},
		"events page": &EventsPage{Rooms: []RoomEvents{{Room: room, Head: 8, N: 100, More: true, Events: events}, {Room: by, Gone: true}}},
		"feed page":   &FeedPage{N: 100, Epoch: 2, Events: events},
		"my rooms": &MyRoomsPage{Next: "more", Rooms: []chat.Mine{
			{Info: chat.Info{ID: room, Kind: chat.Channel, Name: "n", Handle: "h", Topic: "t", CreatedAt: 1, CreatedBy: by, MemberCount: 2, Owners: 1,
				Head: 8, Messages: 5, LastAt: 3, ReadOnly: true}, Role: chat.RoleOwner, Read: 4, Delivered: 5, Unread: 1, Mentions: 1,
				Muted: true, Notify: chat.NotifyAll, Last: &events[0]},
			{Info: chat.Info{ID: by, Kind: chat.Direct, Archived: true}, Peer: room, Favourite: true},
		}},
	}
}

func TestHotMessagesComeBackAsTheyWere(t *testing.T) {
	for name, want := range samples() {
		b, err := want.AppendBinary(nil)
		if err != nil {
			t.Fatal(name, err)
		}
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface().(hot)
		if err := got.UnmarshalBinary(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
}

func TestAShortenedHotMessageIsRefused(t *testing.T) {
	added := map[string]int{"notice": 1, "standing": 1} // bytes behind what was recorded: without them it is an older version's
	for name, v := range samples() {
		b, _ := v.AppendBinary(nil)
		for cut := range len(b) - added[name] {
			got := reflect.New(reflect.TypeOf(v).Elem()).Interface().(hot)
			if err := got.UnmarshalBinary(b[:cut]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes was read as %+v", name, cut, len(b), got)
			}
		}
	}
}

func TestAnAnswerTakesNoMoreThanItsSize(t *testing.T) {
	key := chat.NonceKey{Nonce: strings.Repeat("n", 128)}
	refusal := &chat.Error{Code: chat.RateLimited, Text: strings.Repeat("x", 1000), RetryAfter: math.MaxInt64}
	for _, a := range []Answer{{}, {Key: key, Repeat: math.MaxUint64}, {Key: key, Err: refusal}, {Repeat: math.MaxUint64, Err: refusal}} {
		without, _ := (&Notice{}).AppendBinary(nil)
		with, _ := (&Notice{Answers: []Answer{a}}).AppendBinary(nil)
		if took := len(with) - len(without); took > a.Size() {
			t.Errorf("%d bytes were said to be %d: %+v", took, a.Size(), a)
		}
	}
}

func TestWhatANewerVersionAddsIsSkipped(t *testing.T) {
	for name, v := range samples() {
		b, _ := v.AppendBinary(nil)
		got := reflect.New(reflect.TypeOf(v).Elem()).Interface().(hot)
		if err := got.UnmarshalBinary(append(b, 1, 2, 3)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzHotMessages(f *testing.F) {
	for _, v := range samples() {
		b, _ := v.AppendBinary(nil)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []hot{&Notice{}, &EventsAsk{}, &EventsPage{}, &FeedPage{}, &MyRoomsPage{}} {
			if v.UnmarshalBinary(b) != nil {
				continue
			}
			again, err := v.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			twin := reflect.New(reflect.TypeOf(v).Elem()).Interface().(hot)
			if err := twin.UnmarshalBinary(again); err != nil || !reflect.DeepEqual(v, twin) {
				t.Fatalf("%T does not come back: %v\n%+v\n%+v", v, err, v, twin)
			}
		}
	})
}
