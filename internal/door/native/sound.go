package native

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/parley-chat/parley/internal/chat"
)

// errUnsound refuses what no store keeps, or not as it was sent: encoding/json
// makes U+FFFD of half a surrogate pair.
var errUnsound = chat.Errorf(chat.Invalid, `text is UTF-8 without U+0000: neither \u0000 nor half of a surrogate pair`)

// sound says whether no string of a valid JSON text, however deep inside,
// escapes U+0000 or half of a surrogate pair. Most texts escape nothing that way,
// and are searched for it once.
func sound(b []byte) bool {
	if !bytes.Contains(b, []byte(`\u`)) {
		return true
	}
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 {
			return true
		}
		b = b[i:]
		unit, is := escaped(b)
		switch {
		case !is:
			b = b[min(2, len(b)):] // the second may be a backslash, which begins nothing
			continue
		case unit == 0 || isLow(unit):
			return false
		case unit >= 0xD800 && unit < 0xDC00:
			if low, is := escaped(b[6:]); !is || !isLow(low) {
				return false
			}
			b = b[6:]
		}
		b = b[6:]
	}
}

// escaped is the UTF-16 unit that b begins with, as \uXXXX.
func escaped(b []byte) (unit uint64, is bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return unit, err == nil
}

func isLow(unit uint64) bool { return unit >= 0xDC00 && unit < 0xE000 }

// explain says what encoding/json found wrong, without the names of our types.
func explain(err error) string {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var ours *chat.Error
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return expected(wrong.Type) + " is expected"
	case errors.As(err, &wrong):
		return wrong.Field + ": " + expected(wrong.Type) + " is expected"
	case errors.As(err, &syntax):
		return fmt.Sprintf("this is no JSON: %s, at byte %d", syntax, syntax.Offset)
	case errors.As(err, &ours):
		return ours.Text
	}
	return "a value could not be understood"
}

func expected(t reflect.Type) string {
	if t == reflect.TypeFor[chat.ID]() {
		return "an id"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number that is not negative"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return "another kind of value"
}
