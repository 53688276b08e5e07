package store

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "[]"},
		{"Hello, World!", "[hello:Hello world:World]"},
		{"über Ärger ÉTÉ", "[uber:über arger:Ärger ete:ÉTÉ]"},
		{"e\u0301te\u0301", "[ete:e\u0301te\u0301]"},
		{"ａ ②", "[ａ:ａ ②:②]"},
		{"日本語 が か\u3099", "[日本語:日本語 か\u3099:が か\u3099:か\u3099]"},
		{"don't a_b x@y.org 3.14", "[don:don t:t a:a b:b x:x y:y org:org 3:3 14:14]"},
		{"\u0301 \xff a\xffb", "[a:a b:b]"},
		{":room @by 'x' \\", "[room:room by:by x:x]"},
	} {
		var have []string
		for _, w := range wordsOf(c.text) {
			have = append(have, w.folded+":"+c.text[w.start:w.end])
		}
		if fmt.Sprint(have) != c.want {
			t.Errorf("%q has the words %v instead of %s", c.text, have, c.want)
		}
	}
}

func TestWordsAreCutToWhatAnIndexTakes(t *testing.T) {
	for _, letter := range []string{"a", "ä", "語", "\U00020000"} {
		words := wordsOf(strings.Repeat(letter, 10_000))
		if len(words) != 1 || len(words[0].folded) > maxWord || len(words[0].folded) < maxWord-2*utf8.UTFMax {
			t.Errorf("%d words, the first has %d bytes", len(words), len(words[0].folded))
		}
	}
}

func TestWantedWordsInAText(t *testing.T) {
	for _, c := range []struct {
		asked, text, want string
	}{
		{"quick fox", "The QUICK brown foxes, quickly", "[[4 9] [16 21]]"},
		{"über", "Uberall Über", "[[0 7] [8 13]]"},
		{"fox", "no animal", "[]"},
	} {
		if have := fmt.Sprint(wantedOf(c.asked).in(c.text)); have != c.want {
			t.Errorf("%q in %q is at %s instead of %s", c.asked, c.text, have, c.want)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{"two words", "e\u0301", "\xff\u0301a", "İstanbul ŉ ﬁ", "日本語", strings.Repeat("ộ", 500)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		for _, w := range wordsOf(s) {
			if w.start < last || w.end <= w.start || w.end > len(s) {
				t.Fatalf("%q: %+v after %d", s, w, last)
			}
			last = w.end
			if w.folded == "" || len(w.folded) > maxWord || !utf8.ValidString(w.folded) || strings.ContainsAny(w.folded, " '\\:@&|!()*") {
				t.Fatalf("%q has the word %q", s, w.folded)
			}
			if again := wordsOf(w.folded); len(again) != 1 || again[0].folded != w.folded {
				t.Fatalf("%q is folded to %q, that to %+v", s, w.folded, again)
			}
		}
	})
}
