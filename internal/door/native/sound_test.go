package native

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

var unsounds = []string{
	`{"type":"send","ref":"r","text":"a\u0000b"}`,
	`{"type":"send","ref":"r","text":"a\ud800b"}`,
	`{"type":"send","ref":"r","text":"\ude42\ud83d"}`,
	`{"type":"send","ref":"r","text":"\ud83d\ud83d\ude42"}`,
	`{"type":"send","ref":"r","text":"x","meta":{"a":{"b":["\u0000"]}}}`,
	`{"type":"send","ref":"r","text":"x","meta":{"\uDFFF":1}}`,
	`{"type":"send","ref":"r","text":"x","attachments":["\\\u0000"]}`,
	`{"type":"edit","ref":"r","text":"\ud800\\udc00"}`,
}

func TestFramesWithUnsoundTextAreRefused(t *testing.T) {
	for _, msg := range unsounds {
		var f sendFrame
		if fastSend([]byte(msg), &f) {
			t.Errorf("%s is taken", msg)
		}
		if h, err := readHead([]byte(msg)); err == nil || err.Code != chat.Invalid || h.Ref != "r" {
			t.Errorf("%s: %+v, %v", msg, h, err)
		}
	}
	for _, msg := range []string{
		`{"type":"send","ref":"\u00e9","text":"\\u0000 \\ud800 \ud83d\uDE42 \n\u0001\uffff"}`,
		`{"type":"send","text":"\\\\u0000"}`,
	} {
		if _, err := readHead([]byte(msg)); err != nil {
			t.Errorf("%s: %v", msg, err)
		}
	}
}

func TestBodiesWithUnsoundTextAreRefused(t *testing.T) {
	d := newDoor(t, Config{})
	for _, body := range []string{
		`{"username":"ann","password":"correct horse\u0000"}`,
		`{"username":"ann","password":"correct horse","display_name":"\ud800"}`,
		`{"username":"ann","password":"correct horse","more":{"deep":["\udc00"]}}`,
	} {
		w, p := ask(d, "POST", "/v1/accounts", body)
		if w.Code != 422 || p.Code != chat.Invalid || !strings.Contains(p.Detail, "U+0000") || strings.Contains(p.Detail, "horse") {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

// FuzzSound: what is sound is read as it was sent, and nothing else is.
func FuzzSound(f *testing.F) {
	for _, s := range append(unsounds, sends...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v any
		if !utf8.ValidString(s) || strings.Contains(s, "\ufffd") || strings.Contains(strings.ToLower(s), "ufffd") || json.Unmarshal([]byte(s), &v) != nil {
			return
		}
		damaged := holds(v, "\x00\ufffd")
		if sound([]byte(s)) == damaged && !twice(v) {
			t.Errorf("%q is sound: %v", s, !damaged)
		}
	})
}

// holds says whether a string inside has one of these characters.
func holds(v any, chars string) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsAny(v, chars)
	case []any:
		for _, one := range v {
			if holds(one, chars) {
				return true
			}
		}
	case map[string]any:
		for key, one := range v {
			if holds(key, chars) || holds(one, chars) {
				return true
			}
		}
	}
	return false
}

// twice says that an object is inside, where of a name that is written twice only
// the last is read.
func twice(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			if twice(one) {
				return true
			}
		}
	case map[string]any:
		return true
	}
	return false
}

func TestWhatIsWrongIsSaidWithoutOurTypes(t *testing.T) {
	for msg, want := range map[string]string{
		`{"type":"hello","token":5}`:                    "token: a string is expected",
		`{"type":"hello","cursors":[]}`:                 "cursors: an object is expected",
		`{"type":"hello","cursors":{"x":1}}`:            `"x" is not an id`,
		`{"type":"hello","replay_limit":"all"}`:         "replay_limit: a whole number is expected",
		`{"type":"hello","more":1}`:                     "more: true or false is expected",
		`{"type":"send","room":7}`:                      "room: an id is expected",
		`{"type":"read","seq":-1}`:                      "seq: a whole number that is not negative is expected",
		`{"type":"watch_presence","users":"everybody"}`: "users: a list is expected",
	} {
		h, err := readHead([]byte(msg))
		if err != nil {
			t.Fatal(err)
		}
		if h.Type == "hello" {
			_, err = parse[helloFrame]([]byte(msg))
		} else {
			err = (&socket{}).act(h, []byte(msg))
		}
		if err == nil || err.Code != chat.Malformed || err.Text != want {
			t.Errorf("%s: %v, not %q", msg, err, want)
		}
	}
	d := newDoor(t, Config{})
	for _, body := range []string{`{"username":`, `{"username":"ann",}`, `nope`} {
		_, p := ask(d, "POST", "/v1/accounts", body)
		if p.Code != chat.Malformed || !strings.Contains(p.Detail, "this is no JSON") {
			t.Errorf("%s: %+v", body, p)
		}
	}
	var into struct{ Limit struct{ N uint64 } }
	if got := explain(json.Unmarshal([]byte(`{"Limit":{"N":1.5}}`), &into)); got != "Limit.N: a whole number that is not negative is expected" {
		t.Error(got)
	}
	if got := jsonFormat.Unmarshal([]byte(`{"Limit":[]}`), &into); got == nil || got.Error() != "Limit: an object is expected" {
		t.Error(got)
	}
}
