package store

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is how many bytes of a word are looked at: more than any word has, and
// less than an index entry may be.
const maxWord = 255

// word is a word of a text in the form in which it is searched, and where it
// stands.
type word struct {
	folded     string
	start, end int
}

// wordsOf cuts a text where there is neither letter, digit nor mark, and folds
// case and diacritics, as SQLite's unicode61 does with remove_diacritics 2.
func wordsOf(text string) (words []word) {
	var folded strings.Builder
	start := -1
	end := func(at int) {
		if start >= 0 && folded.Len() > 0 {
			words = append(words, word{folded.String(), start, at})
		}
		start = -1
		folded.Reset()
	}
	for i, r := range text {
		if !inWord(r) {
			end(i)
			continue
		}
		if start < 0 {
			start = i
		}
		if folded.Len() <= maxWord-utf8.UTFMax {
			foldRune(&folded, r)
		}
	}
	end(len(text))
	return words
}

func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return r != utf8.RuneError && unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Co)
}

// foldRune writes the rune in lower case and without what is above or below it.
func foldRune(to *strings.Builder, r rune) {
	if r < utf8.RuneSelf {
		to.WriteByte(byte(unicode.ToLower(r)))
		return
	}
	for _, part := range norm.NFD.String(string(r)) {
		if part < 0x300 || part > 0x36f { // the combining diacritical marks
			to.WriteRune(unicode.ToLower(part))
		}
	}
}

// wanted are the words of a question: all of them must be there, the last also
// as the beginning of a word.
type wanted []string

func wantedOf(text string) (all wanted) {
	for _, w := range wordsOf(text) {
		all = append(all, w.folded)
	}
	return all
}

// in says where the words stand in a text.
func (all wanted) in(text string) [][2]int {
	ranges := [][2]int{}
	for _, w := range wordsOf(text) {
		if all.match(w.folded) {
			ranges = append(ranges, [2]int{w.start, w.end})
		}
	}
	return ranges
}

func (all wanted) match(folded string) bool {
	for i, w := range all {
		if w == folded || i == len(all)-1 && strings.HasPrefix(folded, w) {
			return true
		}
	}
	return false
}
