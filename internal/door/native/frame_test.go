package native

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

var sends = []string{
	`{"type":"send","ref":"1","room":"11111111-1111-8111-8111-111111111111","nonce":"n","text":"hi"}`,
	` { "text" : "a\n\"b\" \ud83d\ude42 \u00e9" , "type":"send", "reply_to": 12,"thread":0, "room":"11111111-1111-8111-8111-111111111111" } `,
	`{"type":"send","room":"11111111-1111-8111-8111-111111111111","text":"","attachments":[{"a":"]"},[1,2]],"meta":{"x":{"y":"}"}}}`,
	`{"type":"send","text":"a","text":"b"}`,
	`{"type":"send","TEXT":"other case"}`,
	`{"type":"send","text":null}`,
	`{"type":"send","reply_to":01}`,
	`{"type":"send","reply_to":-1}`,
	`{"type":"send","meta":{"a":1]}`,
	`{"type":"send","meta":[}`,
	`{"type":"send"}x`,
	`{"type":"edit","text":"a"}`,
	`{"type":"send",}`,
	`{}`, `[]`, `"send"`, ``, `{"type":"send","text":"` + "\x01" + `"}`,
}

// FuzzFastSend: where the fast way reads something, encoding/json reads the same.
func FuzzFastSend(f *testing.F) {
	for _, s := range sends {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		if !utf8.Valid(msg) {
			return // package ws refuses it
		}
		before := string(msg)
		var fast sendFrame
		ok := fastSend(msg, &fast)
		if string(msg) != before {
			t.Fatal("the frame was changed")
		}
		if !ok {
			return
		}
		var slow sendFrame
		if err := json.Unmarshal(msg, &slow); err != nil {
			t.Fatalf("%s: encoding/json says %v", msg, err)
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%s\nfast %+v\nslow %+v", msg, fast, slow)
		}
	})
}

func TestFastSendTakesWhatClientsSend(t *testing.T) {
	for i, s := range sends {
		var f sendFrame
		if got, want := fastSend([]byte(s), &f), i < 3; got != want {
			t.Errorf("%s: taken: %v", s, got)
		}
	}
}

func FuzzFrames(f *testing.F) {
	for _, s := range sends {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"type":"hello","token":"t","cursors":{"11111111-1111-8111-8111-111111111111":5},"more":true}`))
	f.Add([]byte(`{"type":"watch_presence","users":["x"]}`))
	f.Add([]byte(`{"type":1}`))
	f.Fuzz(func(t *testing.T, msg []byte) {
		if !utf8.Valid(msg) {
			return
		}
		h, err := readHead(msg)
		if err == nil && !json.Valid(msg) {
			t.Fatalf("%q was read", msg)
		}
		if len(h.Ref) > maxRef {
			t.Fatalf("a ref of %d bytes", len(h.Ref))
		}
		for _, d := range received {
			v := reflect.New(d.shape)
			if json.Unmarshal(msg, v.Interface()) == nil {
				if s, is := v.Interface().(*sendFrame); is {
					cmd := s.command()
					cmd.ID, cmd.By, cmd.Nonce = chat.NewID(), chat.System, "n"
					if cmd.Check() == nil && len(cmd.Body.Text) > chat.MaxText {
						t.Fatal("a text that is too long")
					}
				}
			}
		}
	})
}

func TestHeads(t *testing.T) {
	for _, c := range []struct {
		msg  string
		code chat.Code
		ends bool
	}{
		{`{"type":"ping"}`, "", false},
		{`{"type":7}`, chat.Malformed, false},
		{`{"ref":"` + strings.Repeat("x", maxRef+1) + `"}`, chat.Invalid, false},
		{`[1]`, chat.Malformed, true},
		{`null `, "", false},
		{`"x"`, chat.Malformed, true},
		{`{`, chat.Malformed, true},
		{``, chat.Malformed, true},
	} {
		_, err := readHead([]byte(c.msg))
		switch {
		case c.code == "" && err != nil, c.code != "" && (err == nil || err.Code != c.code):
			t.Errorf("%.40s: %v, not %q", c.msg, err, c.code)
		case (err == errNoObject) != c.ends:
			t.Errorf("%.40s: ends the connection: %v", c.msg, !c.ends)
		}
	}
}

func BenchmarkFastSend(b *testing.B) {
	msg := []byte(`{"type":"send","ref":"0193","room":"11111111-1111-8111-8111-111111111111","nonce":"01934c2e-1111-7111-8111-111111111111","text":"What about the picture that you took yesterday?"}`)
	b.ReportAllocs()
	for b.Loop() {
		var f sendFrame
		if !fastSend(msg, &f) {
			b.Fatal("not taken")
		}
	}
}
