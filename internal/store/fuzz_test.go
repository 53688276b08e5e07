package store

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

func FuzzNonce(f *testing.F) {
	for _, s := range []string{"", "1", "exactly 16 bytes", "018f4e9a-7b3c-7def-8123-456789abcdef", "018F4E9A-7B3C-7DEF-8123-456789ABCDEF", "17 bytes, exactly"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			return // refused by [chat.Command.Check]
		}
		if back := unpackNonce(packNonce(s)); back != s {
			t.Fatalf("%q comes back as %q", s, back)
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add(uint64(1), "text", `{"reply_to":3,"mentions":["018f4e9a-7b3c-7def-8123-456789abcdef"]}`)
	f.Add(uint64(0), "", cleared)
	f.Add(uint64(0), "", `{"meta":{"a":"<b>"},"attachments":[1]}`)
	f.Fuzz(func(t *testing.T, thread uint64, text, extra string) {
		body, err := unpackBody(thread, text, extra)
		if err != nil || body.Deleted {
			return
		}
		packed, err := packBody(&body)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, _ := packed.(string)
		back, err := unpackBody(body.Thread, body.Text, again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		twice, err := packBody(&back)
		if err != nil || !reflect.DeepEqual(packed, twice) {
			t.Fatalf("%v is written again as %v, %v", packed, twice, err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("", 1)
	f.Add(cursor("a", "b"), 2)
	f.Add(cursor(cursorInt(-5), cursorID(chat.System)), 2)
	f.Fuzz(func(t *testing.T, s string, n int) {
		key, err := parseCursor(s, n)
		if err != nil {
			if chat.CodeOf(err) != chat.Invalid {
				t.Fatalf("a bad cursor gives %v", err)
			}
			return
		}
		if again, err := parseCursor(cursor(key...), n); s != "" && (err != nil || !reflect.DeepEqual(again, key)) {
			t.Fatalf("%q comes back as %q, %v", key, again, err)
		}
		for _, part := range key {
			if id, err := parseID(part); err == nil && !strings.EqualFold(cursorID(id), part) {
				t.Fatalf("the id %q comes back as %s", part, cursorID(id))
			}
		}
	})
}

func FuzzQuery(f *testing.F) {
	dir := f.TempDir()
	s, err := Open(f.Context(), "sqlite:"+dir, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	for _, q := range []string{"two words", `"quo"ted`, "a AND NOT b*", "text:x", "{a b}:c", "NEAR(a b, 3)", "日本語", "é́", "x\x00y", "½ ² Ⅷ"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		words := phrases(q)
		if words == "" || !utf8.ValidString(q) {
			return
		}
		if _, err := s.search.(*fileSearch).candidates(t.Context(), "text : ("+words+")", 1); err != nil {
			t.Fatalf("%q is asked as %s: %v", q, words, err)
		}
	})
}
