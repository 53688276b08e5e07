package client

// Head is what decides where a server frame goes. The slices point into the
// scanned bytes.
type Head struct {
	Type []byte
	Ref  []byte
	// Room is the event's room in frames with an event, else the frame's own.
	Room []byte
	// Seq and Nonce are the event's.
	Seq   uint64
	Nonce []byte
	// Event is the whole event object; nil in frames without one.
	Event []byte
}

// ScanHead reads a server frame without allocating. It answers only where it
// is certain that encoding/json would say the same; ok is false for anything
// unusual (escapes in a value it needs, names in another case, repeated names,
// bad JSON), and the caller decodes in full.
func ScanHead(frame []byte) (h Head, ok bool) {
	s := scanner{data: frame}
	s.space()
	var room []byte
	seen := 0
	ok = s.object(func(name []byte) bool {
		switch string(name) {
		case "type":
			return once(&seen, 1) && s.plain(&h.Type)
		case "ref":
			return once(&seen, 2) && s.plain(&h.Ref)
		case "room":
			// A room frame carries an object here.
			if s.peek() == '{' {
				return once(&seen, 4) && s.value(0)
			}
			return once(&seen, 4) && s.plain(&room)
		case "event":
			return once(&seen, 8) && s.event(&h)
		}
		return s.value(0)
	})
	s.space()
	if !ok || s.at != len(frame) {
		return Head{}, false
	}
	if h.Event == nil {
		h.Room = room
	}
	return h, true
}

// once sets bit in seen and reports whether it was clear.
func once(seen *int, bit int) bool {
	was := *seen & bit
	*seen |= bit
	return was == 0
}

// scanner walks JSON text strictly. Every method leaves at behind what it
// read, or returns false for good.
type scanner struct {
	data []byte
	at   int
}

// maxDepth is how deep values may nest before the scanner leaves them to
// encoding/json; nothing that a server sends comes near.
const maxDepth = 64

func (s *scanner) event(h *Head) bool {
	start := s.at
	seen := 0
	ok := s.object(func(name []byte) bool {
		switch string(name) {
		case "room":
			return once(&seen, 1) && s.plain(&h.Room)
		case "seq":
			return once(&seen, 2) && s.number(&h.Seq)
		case "nonce":
			return once(&seen, 4) && s.plain(&h.Nonce)
		}
		return s.value(0)
	})
	h.Event = s.data[start:s.at]
	return ok
}

func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// object reads an object whose names are all plain lower-case ASCII, because
// encoding/json also matches names in another case. member must read the value.
func (s *scanner) object(member func(name []byte) bool) bool {
	if !s.take('{') {
		return false
	}
	s.space()
	if s.take('}') {
		return true
	}
	for {
		var name []byte
		if !s.plain(&name) || !lower(name) {
			return false
		}
		s.space()
		if !s.take(':') {
			return false
		}
		s.space()
		if !member(name) {
			return false
		}
		s.space()
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
		s.space()
	}
}

func lower(name []byte) bool {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}

// plain reads a string of ASCII without escapes.
func (s *scanner) plain(out *[]byte) bool {
	if !s.take('"') {
		return false
	}
	start := s.at
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			*out = s.data[start:s.at]
			s.at++
			return true
		case c == '\\' || c < ' ' || c >= 0x80:
			return false
		}
	}
	return false
}

// number reads a natural number of at most 18 digits.
func (s *scanner) number(out *uint64) bool {
	start := s.at
	var n uint64
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		n = n*10 + uint64(s.data[s.at]-'0')
		s.at++
	}
	digits := s.at - start
	if digits == 0 || digits > 18 || (digits > 1 && s.data[start] == '0') {
		return false
	}
	switch s.peek() {
	case '.', 'e', 'E':
		return false
	}
	*out = n
	return true
}

// value skips any value.
func (s *scanner) value(depth int) bool {
	switch c := s.peek(); c {
	case '"':
		return s.text()
	case '{', '[':
		return depth < maxDepth && s.nested(c, depth+1)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.anyNumber()
	}
}

func (s *scanner) nested(open byte, depth int) bool {
	end := open + 2 // in ASCII both closing brackets stand two after their opening ones
	s.at++
	s.space()
	if s.take(end) {
		return true
	}
	for {
		if open == '{' {
			if s.peek() != '"' || !s.text() {
				return false
			}
			s.space()
			if !s.take(':') {
				return false
			}
			s.space()
		}
		if !s.value(depth) {
			return false
		}
		s.space()
		if s.take(end) {
			return true
		}
		if !s.take(',') {
			return false
		}
		s.space()
	}
}

// text skips a string with escapes.
func (s *scanner) text() bool {
	for s.at++; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return true
		case c < ' ':
			return false
		case c == '\\':
			if !s.escape() {
				return false
			}
		}
	}
	return false
}

// escape stands on a backslash and moves to the escape's last byte.
func (s *scanner) escape() bool {
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			s.at++
			c := s.peek()
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
		}
		return true
	}
	return false
}

func (s *scanner) word(w string) bool {
	if len(s.data)-s.at < len(w) || string(s.data[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

func (s *scanner) anyNumber() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return true
}
