package native

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

const hexDigits = "0123456789abcdef"

// plain says which ASCII bytes stand for themselves inside a JSON string.
var plain = func() (t [utf8.RuneSelf]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString writes s, which is valid UTF-8, as a JSON string. U+2028 and
// U+2029 are escaped, because JavaScript once took them for line ends; < > and &
// are not: this is no HTML.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && plain[c] || c >= utf8.RuneSelf && c != 0xE2 {
			i++
			continue
		}
		if c == 0xE2 {
			if i+2 >= len(s) || s[i+1] != 0x80 || s[i+2]&^1 != 0xA8 {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, `\u202`...)
			b = append(b, hexDigits[s[i+2]&0xF])
			i += 3
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		b = appendEscaped(b, c)
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}

// appendID writes an id as a JSON string.
func appendID(b []byte, id chat.ID) []byte {
	const layout = `"00000000-0000-0000-0000-000000000000"`
	n := len(b)
	b = append(b, layout...)
	at := b[n+1:]
	for i, j := 0, 0; i < len(id); i, j = i+1, j+2 {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			j++
		}
		at[j], at[j+1] = hexDigits[id[i]>>4], hexDigits[id[i]&0xF]
	}
	return b
}

// appendTime writes Unix milliseconds as RFC 3339 in UTC, in a JSON string.
func appendTime(b []byte, ms int64) []byte {
	t := time.UnixMilli(ms).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	if year < 0 || year > 9999 { // RFC 3339 ends there
		return t.AppendFormat(b, `"2006-01-02T15:04:05.000Z"`)
	}
	b = append(b, '"')
	b = append2(append2(b, year/100), year%100)
	b = append2(append(b, '-'), int(month))
	b = append2(append(b, '-'), day)
	b = append2(append(b, 'T'), hour)
	b = append2(append(b, ':'), minute)
	b = append2(append(b, ':'), second)
	thousandths := t.Nanosecond() / 1e6
	b = append(b, '.', byte('0'+thousandths/100))
	b = append2(b, thousandths%100)
	return append(b, 'Z', '"')
}

func append2(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

func appendUint(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }
