package bus

import (
	"encoding"
	"encoding/json"
)

// hot is what a type implements that crosses the bus too often for JSON. The
// first byte it writes is its version.
type hot interface {
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// encode writes v, a pointer.
func encode(v any) ([]byte, error) {
	if h, ok := v.(hot); ok {
		return h.AppendBinary(nil)
	}
	return json.Marshal(v)
}

// decode fills v, a pointer.
func decode(data []byte, v any) error {
	if h, ok := v.(hot); ok {
		return h.UnmarshalBinary(data)
	}
	return json.Unmarshal(data, v)
}
