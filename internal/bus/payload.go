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

func encode[T any](v *T) ([]byte, error) {
	if h, ok := any(v).(hot); ok {
		return h.AppendBinary(nil)
	}
	return json.Marshal(v)
}

func decode[T any](data []byte) (*T, error) {
	v := new(T)
	if h, ok := any(v).(hot); ok {
		return v, h.UnmarshalBinary(data)
	}
	return v, json.Unmarshal(data, v)
}
