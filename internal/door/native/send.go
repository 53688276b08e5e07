package native

import (
	"bytes"
	"encoding/json"

	"github.com/parley-chat/parley/internal/chat"
)

// fastSend reads a send frame as clients usually write it: known fields in any
// order, once each. It is false for everything that it is not sure of, and then
// encoding/json decides; where it is true, encoding/json would have read the
// same.
func fastSend(msg []byte, f *sendFrame) bool {
	s := scan{b: msg}
	if !sound(msg) || !s.take('{') {
		return false
	}
	seen := uint(0)
	for {
		field, ok := s.key()
		if !ok || seen&field != 0 || !s.value(field, f) {
			return false
		}
		seen |= field
		if s.take(',') {
			continue
		}
		return s.take('}') && s.end() && f.Type == "send" && len(f.Ref) <= maxRef
	}
}

// The fields of a send frame.
const (
	fieldType = 1 << iota
	fieldRef
	fieldRoom
	fieldNonce
	fieldText
	fieldReplyTo
	fieldThread
	fieldAttachments
	fieldMeta
)

// scan walks over one flat JSON object.
type scan struct {
	b []byte
	i int
}

func (s *scan) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

func (s *scan) take(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scan) end() bool {
	s.space()
	return s.i == len(s.b)
}

func (s *scan) key() (field uint, ok bool) {
	raw, escaped, ok := s.quoted()
	if !ok || escaped || !s.take(':') {
		return 0, false
	}
	switch string(raw) {
	case "type":
		return fieldType, true
	case "ref":
		return fieldRef, true
	case "room":
		return fieldRoom, true
	case "nonce":
		return fieldNonce, true
	case "text":
		return fieldText, true
	case "reply_to":
		return fieldReplyTo, true
	case "thread":
		return fieldThread, true
	case "attachments":
		return fieldAttachments, true
	case "meta":
		return fieldMeta, true
	}
	return 0, false // unknown, or in another case, which encoding/json takes
}

func (s *scan) value(field uint, f *sendFrame) bool {
	switch field {
	case fieldType:
		return s.str(&f.Type)
	case fieldRef:
		return s.str(&f.Ref)
	case fieldNonce:
		return s.str(&f.Nonce)
	case fieldText:
		return s.str(&f.Text)
	case fieldReplyTo:
		return s.number(&f.ReplyTo)
	case fieldThread:
		return s.number(&f.Thread)
	case fieldAttachments:
		return s.raw(&f.Attachments)
	case fieldMeta:
		return s.raw(&f.Meta)
	}
	var id string
	if !s.str(&id) {
		return false
	}
	var err error
	f.Room, err = chat.ParseID(id)
	return err == nil
}

// quoted takes a string and returns what is between its quotes.
func (s *scan) quoted() (raw []byte, escaped, ok bool) {
	if !s.take('"') {
		return nil, false, false
	}
	start := s.i
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1], escaped, true
		case c == '\\':
			escaped = true
			s.i++
		case c < ' ':
			return nil, false, false
		}
	}
	return nil, false, false
}

func (s *scan) str(to *string) bool {
	raw, escaped, ok := s.quoted()
	if !ok {
		return false
	}
	if escaped {
		return json.Unmarshal(s.b[s.i-len(raw)-2:s.i], to) == nil
	}
	*to = string(raw)
	return true
}

func (s *scan) number(to *uint64) bool {
	s.space()
	start, n := s.i, uint64(0)
	for ; s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9'; s.i++ {
		n = n*10 + uint64(s.b[s.i]-'0')
	}
	digits := s.i - start
	*to = n
	return digits > 0 && digits < 19 && (s.b[start] != '0' || digits == 1)
}

// raw takes an object or array as it stands; whether it is valid is checked as a
// whole.
func (s *scan) raw(to *json.RawMessage) bool {
	s.space()
	start, depth := s.i, 0
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case '{', '[':
			depth++
			s.i++
		case '}', ']':
			depth--
			s.i++
		case '"':
			if _, _, ok := s.quoted(); !ok {
				return false
			}
		default:
			s.i++
		}
		if depth <= 0 {
			break
		}
	}
	value := s.b[start:s.i]
	if depth != 0 || len(value) < 2 || !json.Valid(value) {
		return false
	}
	*to = bytes.Clone(value)
	return true
}
