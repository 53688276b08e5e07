package native

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const hexDigits = "0123456789abcdef"

// plain says which bytes stand for themselves inside a JSON string. 0xE2 begins
// U+2028 and U+2029, among many others.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\' && c != 0xE2
	}
	return t
}()

// appendString writes s, which is valid UTF-8, as a JSON string. U+2028 and
// U+2029 are escaped, because JavaScript once took them for line ends; < > and &
// are not: this is no HTML.
func appendString(b []byte, s string) []byte {
	n := len(b)
	b = append(b, '"')
	b = append(b, s...)
	if allPlain(b[n+1:]) {
		return append(b, '"')
	}
	return appendEscapedString(b[:n], s)
}

// allPlain looks at eight bytes at a time. It may be wrong about a string that is
// plain, never about one that is not.
func allPlain(b []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		quote, back, e2 := v^ones*'"', v^ones*'\\', v^ones*0xE2
		if ((v-ones*' ')&^v|(quote-ones)&^quote|(back-ones)&^back|(e2-ones)&^e2)&highs != 0 {
			return false
		}
	}
	for _, c := range b {
		if !plain[c] {
			return false
		}
	}
	return true
}

func appendEscapedString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if plain[c] {
			continue
		}
		if c == 0xE2 {
			if i+2 >= len(s) || s[i+1] != 0x80 || s[i+2]&^1 != 0xA8 {
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', '2', '0', '2', hexDigits[s[i+2]&0xF])
			i += 2
		} else {
			b = append(b, s[start:i]...)
			b = appendEscaped(b, c)
		}
		start = i + 1
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
	var h [32]byte
	for i := 0; i < 4; i++ {
		binary.BigEndian.PutUint64(h[8*i:], hex8(binary.BigEndian.Uint32(id[4*i:])))
	}
	b = append(append(b, '"'), h[:8]...)
	b = append(append(b, '-'), h[8:12]...)
	b = append(append(b, '-'), h[12:16]...)
	b = append(append(b, '-'), h[16:20]...)
	b = append(append(b, '-'), h[20:]...)
	return append(b, '"')
}

// hex8 makes eight hexadecimal digits at once: three ids are a third of what
// encoding a plain message costs.
func hex8(v uint32) uint64 {
	const ones = 0x0101010101010101
	x := uint64(v)
	x = (x | x<<16) & 0x0000FFFF0000FFFF
	x = (x | x<<8) & 0x00FF00FF00FF00FF
	x = (x | x<<4) & 0x0F0F0F0F0F0F0F0F
	letters := (x + 6*ones) >> 4 & ones // 1 where the digit is ten or more
	return x + '0'*ones + letters*('a'-'0'-10)
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
