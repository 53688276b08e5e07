package bus_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

var anyID = rapid.Custom(func(t *rapid.T) (id chat.ID) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	return id
})

var (
	anyText = rapid.String()
	anyIDs  = rapid.OneOf(rapid.Just([]chat.ID(nil)), rapid.SliceOf(anyID))
	anyRaw  = rapid.Map(rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOf(rapid.Byte())), func(b []byte) json.RawMessage { return b })
	anyName = rapid.Ptr(anyText, true)
)

var anyBody = rapid.Custom(func(t *rapid.T) chat.Body {
	if rapid.Bool().Draw(t, "plain") {
		return chat.Body{Text: anyText.Draw(t, "text")}
	}
	return chat.Body{
		Text:        anyText.Draw(t, "text"),
		ReplyTo:     rapid.Uint64().Draw(t, "reply"),
		Thread:      rapid.Uint64().Draw(t, "thread"),
		Attachments: anyRaw.Draw(t, "attachments"),
		Mentions:    anyIDs.Draw(t, "mentions"),
		MentionAll:  rapid.Bool().Draw(t, "all"),
		Meta:        anyRaw.Draw(t, "meta"),
		Emoji:       anyText.Draw(t, "emoji"),
		Op:          chat.Op(anyText.Draw(t, "op")),
		User:        anyID.Draw(t, "user"),
		Role:        chat.Role(rapid.SampledFrom([]string{"", "owner", "moderator", "member", "other"}).Draw(t, "role")),
		RoomKind:    chat.RoomKind(anyText.Draw(t, "kind")),
		Name:        anyName.Draw(t, "name"),
		Handle:      anyText.Draw(t, "handle"),
		Topic:       anyName.Draw(t, "topic"),
		ReadOnly:    rapid.Ptr(rapid.Bool(), true).Draw(t, "readonly"),
		Members:     anyIDs.Draw(t, "members"),
		Deleted:     rapid.Bool().Draw(t, "deleted"),
	}
})

var anyCommand = rapid.Custom(func(t *rapid.T) chat.Command {
	c := chat.Command{
		ID: anyID.Draw(t, "id"), Room: anyID.Draw(t, "room"), By: anyID.Draw(t, "by"),
		As:    chat.OrgRole(rapid.SampledFrom([]string{"", "system", "owner", "admin", "member", "guest", "bot", "other"}).Draw(t, "as")),
		Nonce: anyText.Draw(t, "nonce"), Kind: chat.Kind(rapid.Byte().Draw(t, "kind")),
		Target: rapid.Uint64().Draw(t, "target"), Body: anyBody.Draw(t, "body"), Asked: rapid.Int64().Draw(t, "asked"),
	}
	if rapid.Bool().Draw(t, "alias") {
		c.Alias = &chat.Alias{Door: anyText.Draw(t, "door"), Kind: anyText.Draw(t, "akind"), Foreign: anyText.Draw(t, "foreign")}
	}
	return c
})

var anyEvent = rapid.Custom(func(t *rapid.T) chat.Event {
	n := rapid.Uint64()
	return chat.Event{
		Room: anyID.Draw(t, "room"), Seq: n.Draw(t, "seq"), ID: anyID.Draw(t, "id"), Kind: chat.Kind(rapid.Byte().Draw(t, "kind")),
		By: anyID.Draw(t, "by"), At: rapid.Int64().Draw(t, "at"), Nonce: anyText.Draw(t, "nonce"), Target: n.Draw(t, "target"),
		Body: anyBody.Draw(t, "body"), N: n.Draw(t, "n"), Messages: n.Draw(t, "messages"),
		Origin: chat.Origin{Gateway: n.Draw(t, "gateway"), LogSeq: n.Draw(t, "logseq"), Batch: n.Draw(t, "batch"), Committed: rapid.Int64().Draw(t, "committed")},
	}
})

// TestRoundTrip: what is written is read back, every field and the difference
// between nil and empty.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		command, event := anyCommand.Draw(t, "command"), anyEvent.Draw(t, "event")
		var e bus.Encoder
		e.Command(&command)
		atEvent := len(e.B)
		e.Event(&event)
		if size := len(e.B) - atEvent; size > bus.EventSize(&event) {
			t.Fatalf("an event of %d bytes was said to take %d", size, bus.EventSize(&event))
		}
		data := bytes.Clone(e.B)
		d := bus.NewDecoder(data)
		var gotCommand chat.Command
		var gotEvent chat.Event
		d.Command(&gotCommand)
		d.Event(&gotEvent)
		if d.Err() != nil || d.Len() != 0 {
			t.Fatalf("%v, %d bytes left", d.Err(), d.Len())
		}
		clear(data) // nothing may share memory with it
		if !reflect.DeepEqual(command, gotCommand) {
			t.Fatalf("\n%+v came back as\n%+v", command, gotCommand)
		}
		if !reflect.DeepEqual(event, gotEvent) {
			t.Fatalf("\n%+v came back as\n%+v", event, gotEvent)
		}
	})
}

func TestPrimitives(t *testing.T) {
	id := chat.NewID()
	var e bus.Encoder
	e.Byte(200)
	e.Bool(true)
	e.Bool(false)
	e.Uvarint(math.MaxUint64)
	e.Int(math.MinInt64)
	e.Fixed(math.MaxUint64 - 1)
	e.ID(id)
	e.Text("schön")
	e.Bytes([]byte{})
	e.IDs([]chat.ID{id})
	d := bus.NewDecoder(e.B)
	if d.Byte() != 200 || !d.Bool() || d.Bool() || d.Uvarint() != math.MaxUint64 || d.Int() != math.MinInt64 ||
		d.Fixed() != math.MaxUint64-1 || d.ID() != id || d.Text() != "schön" {
		t.Error("a primitive came back as another")
	}
	if b := d.Bytes(); b == nil || len(b) != 0 {
		t.Errorf("no bytes came back as %v", b)
	}
	if ids := d.IDs(); len(ids) != 1 || ids[0] != id || d.Err() != nil || d.Len() != 0 {
		t.Errorf("ids %v, %v", ids, d.Err())
	}
	if d.Byte() != 0 || !errors.Is(d.Err(), bus.ErrWire) || d.Text() != "" || d.Uvarint() != 0 || d.Bytes() != nil || d.IDs() != nil {
		t.Errorf("behind the end: %v", d.Err())
	}
}

// TestNewerVersion: fields that a newer version adds at the end of a frame are
// skipped, a newer version byte is refused.
func TestNewerVersion(t *testing.T) {
	event := chat.Event{ID: chat.NewID(), Nonce: "n", Kind: chat.KindMessage, Body: chat.Body{Text: "hello"}}
	var e bus.Encoder
	e.Event(&event)
	e.Text("a field from the future")
	binary.LittleEndian.PutUint32(e.B, uint32(len(e.B)-4))
	e.Byte(42)
	d := bus.NewDecoder(e.B)
	var got chat.Event
	d.Event(&got)
	if d.Err() != nil || !reflect.DeepEqual(got, event) || d.Byte() != 42 {
		t.Errorf("%v: %+v", d.Err(), got)
	}
	data, err := bustest.Envelope(2).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []byte{0, 2, 255} {
		data[0] = version
		var v bus.Envelope
		if err := v.UnmarshalBinary(data); !errors.Is(err, bus.ErrWire) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	e := bustest.Envelope(2)
	e.Commands[1] = *full()
	data, err := e.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-3])
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var v, again bus.Envelope
		if err := v.UnmarshalBinary(data); err != nil {
			if !errors.Is(err, bus.ErrWire) {
				t.Errorf("complaint %v", err)
			}
			return
		}
		out, err := v.AppendBinary(nil)
		if err != nil {
			if len(data) <= bus.MaxBytes/2 {
				t.Error(err)
			}
			return
		}
		if err := again.UnmarshalBinary(out); err != nil || !reflect.DeepEqual(v, again) {
			t.Errorf("%v: %+v came back as %+v", err, v, again)
		}
	})
}

func FuzzEvent(f *testing.F) {
	c := full()
	var e bus.Encoder
	e.Event(&chat.Event{ID: c.ID, Nonce: c.Nonce, Kind: c.Kind, Target: 3, Body: c.Body, At: 5, Origin: chat.Origin{Committed: 7}})
	f.Add(e.B)
	f.Add([]byte(strings.Repeat("\xff", 200)))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := bus.NewDecoder(data)
		var v, again chat.Event
		d.Event(&v)
		if d.Err() != nil {
			return
		}
		var e bus.Encoder
		e.Event(&v)
		d = bus.NewDecoder(e.B)
		d.Event(&again)
		if d.Err() != nil || !reflect.DeepEqual(v, again) {
			t.Errorf("%v: %+v came back as %+v", d.Err(), v, again)
		}
	})
}

// full is a command with everything.
func full() *chat.Command {
	name, yes := "name", true
	return &chat.Command{
		ID: chat.NewID(), Room: chat.NewID(), By: chat.NewID(), As: chat.OrgGuest, Nonce: "n", Kind: chat.KindRoom, Target: 1, Asked: -1,
		Body: chat.Body{
			Text: "t", ReplyTo: 1, Thread: 2, Attachments: []byte("[]"), Mentions: []chat.ID{chat.NewID()}, MentionAll: true, Meta: []byte("{}"),
			Emoji: "e", Op: chat.OpCreate, User: chat.NewID(), Role: chat.RoleOwner, RoomKind: chat.Channel, Name: &name, Handle: "h",
			Topic: &name, ReadOnly: &yes, Members: []chat.ID{chat.NewID()}, Deleted: true,
		},
		Alias: &chat.Alias{Door: "d", Kind: "k", Foreign: "f"},
	}
}
