package native

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// shapeOf is the event by encoding/json: the reference for appendEvent.
func shapeOf(e *chat.Event, mine bool) eventShape {
	s := eventShape{Room: e.Room, Seq: e.Seq, ID: e.ID, Kind: e.Kind.String(), By: e.By, At: stamp(e.At), Target: e.Target}
	if mine {
		s.Nonce = e.Nonce
	}
	b, v := &s.Body, &e.Body
	if v.Deleted {
		b.Deleted = true
		return s
	}
	switch e.Kind {
	case chat.KindMessage:
		b.Text, b.ReplyTo, b.Thread, b.Attachments, b.Mentions, b.MentionAll, b.Meta =
			&v.Text, v.ReplyTo, v.Thread, rawList(v.Attachments), v.Mentions, v.MentionAll, rawObject(v.Meta)
	case chat.KindEdit:
		b.Text = &v.Text
	case chat.KindReaction:
		b.Emoji, b.Op = v.Emoji, string(v.Op)
	case chat.KindMember:
		b.User, b.Op, b.Role = &v.User, string(v.Op), string(v.Role)
	case chat.KindRoom:
		b.Op, b.Kind, b.Name, b.Handle, b.Topic, b.ReadOnly, b.Members =
			string(v.Op), string(v.RoomKind), v.Name, v.Handle, v.Topic, v.ReadOnly, v.Members
	}
	return s
}

// sameJSON compares by meaning.
func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatalf("the reference is not JSON: %v\n%s", err, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func FuzzAppendEvent(f *testing.F) {
	for kind := range uint8(8) {
		f.Add(kind, "hé\u2028llo <b>&\"\\\x01\x7f\n", "nonce", "name", `{"a": [1, "\u2028"]}`, int64(1_700_000_000_123), uint64(7), byte(3))
	}
	f.Fuzz(func(t *testing.T, kind uint8, text, nonce, name, meta string, at int64, n uint64, flags byte) {
		for _, s := range []string{text, nonce, name, meta} {
			if !utf8.ValidString(s) {
				return // doors refuse it on the way in
			}
		}
		const firstYear, lastYear = -62167219200000, 253402300799999 // RFC 3339's years 0 to 9999
		at = max(min(at, lastYear), firstYear)
		e := &chat.Event{Room: chat.NewID(), Seq: n, ID: chat.NewID(), Kind: chat.Kind(kind%6 + 1), By: chat.System, At: at, Nonce: nonce, Target: n / 2}
		b := &e.Body
		b.Text, b.Emoji, b.Handle, b.Op, b.Role, b.RoomKind = text, name, name, chat.Op(name), chat.Role(text), chat.RoomKind(name)
		b.User, b.ReplyTo, b.Thread, b.MentionAll, b.Deleted = chat.System, n, n/3, flags&1 != 0, flags&2 != 0
		if flags&4 != 0 {
			yes := flags&8 != 0
			b.Name, b.Topic, b.ReadOnly = &text, &name, &yes
			b.Mentions, b.Members = []chat.UserID{chat.System, e.ID}, []chat.UserID{e.ID}
		}
		if json.Valid([]byte(meta)) {
			b.Meta, b.Attachments = json.RawMessage(meta), json.RawMessage(meta)
		}
		for _, mine := range []bool{false, true} {
			want, err := json.Marshal(shapeOf(e, mine))
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, appendEvent(nil, e, mine), want)
		}
	})
}

func TestEventIsAsTheProtocolSays(t *testing.T) {
	id := func(s string) chat.ID {
		v, err := chat.ParseID(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	e := &chat.Event{
		Room: id("11111111-1111-8111-8111-111111111111"), Seq: 3, ID: id("22222222-2222-7222-8222-222222222222"),
		Kind: chat.KindMessage, By: id("33333333-3333-7333-8333-333333333333"), At: 1_763_707_368_007, Nonce: "n-1",
		Body: chat.Body{Text: "hi <all>", ReplyTo: 2},
	}
	const want = `{"room":"11111111-1111-8111-8111-111111111111","seq":3,"id":"22222222-2222-7222-8222-222222222222","kind":"message",` +
		`"by":"33333333-3333-7333-8333-333333333333","at":"2025-11-21T06:42:48.007Z","body":{"text":"hi <all>","reply_to":2}}`
	if got := string(appendEvent(nil, e, false)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	e.Body.Deleted = true
	var shown struct {
		Nonce string
		Body  map[string]any
	}
	if err := json.Unmarshal(appendEvent(nil, e, true), &shown); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(shown.Body, map[string]any{"deleted": true}) {
		t.Errorf("a deleted message shows %v", shown.Body)
	}
	if shown.Nonce != "n-1" {
		t.Errorf("the author's own event has nonce %q", shown.Nonce)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\u2028\u2029\u2030\xe2\x80")
	f.Add("\x00\x1f \x7f\"\\/<>&é🙂")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		b := appendString(nil, s)
		var back string
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Fatalf("%q became %s, read as %q (%v)", s, b, back, err)
		}
		for _, r := range string(b) {
			if r == '\u2028' || r == '\u2029' {
				t.Fatalf("%q holds a line end of old JavaScript", b)
			}
		}
	})
}

func FuzzAppendTime(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(951782400000)) // 29 February
	f.Fuzz(func(t *testing.T, ms int64) {
		want := time.UnixMilli(ms).UTC().Format(`"2006-01-02T15:04:05.000Z"`)
		if got := string(appendTime(nil, ms)); got != want {
			t.Fatalf("%d is %s, not %s", ms, got, want)
		}
	})
}

func TestIDsLookAsInChat(t *testing.T) {
	for range 100 {
		id := chat.NewID()
		if got := string(appendID(nil, id)); got != `"`+id.String()+`"` {
			t.Fatalf("%s is written %s", id, got)
		}
	}
}

func BenchmarkEventFrame(b *testing.B) {
	e := &chat.Event{Room: chat.NewID(), Seq: 123456, ID: chat.NewID(), Kind: chat.KindMessage, By: chat.NewID(), At: 1_763_707_368_007,
		Body: chat.Body{Text: "What about the picture that you took yesterday? It would fit well on the first page."}}
	b.ReportAllocs()
	for b.Loop() {
		eventFrame(e)
	}
}
