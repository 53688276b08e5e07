package chat

import (
	"errors"
	"fmt"
	"time"
)

// Code is a stable name for what went wrong: the same over REST, on the socket
// and between roles.
type Code string

// The codes, all of them.
const (
	Invalid         Code = "invalid"         // understood, but breaks a rule
	Malformed       Code = "malformed"       // could not be understood
	Unauthenticated Code = "unauthenticated" // who are you?
	Forbidden       Code = "forbidden"       // you may not
	NotFound        Code = "not_found"       // not there, or not for you to see
	Conflict        Code = "conflict"        // somebody was first
	TooLarge        Code = "too_large"
	RateLimited     Code = "rate_limited"
	Unavailable     Code = "unavailable" // fate open: repeat with the same nonce
	Internal        Code = "internal"    // fate open: repeat with the same nonce
)

// Codes lists every code; each door has an answer for each.
var Codes = []Code{
	Invalid, Malformed, Unauthenticated, Forbidden, NotFound,
	Conflict, TooLarge, RateLimited, Unavailable, Internal,
}

// Error is what a client may be told. Every other error becomes [Internal] at
// the door, and its story stays in the log.
type Error struct {
	Code       Code          `json:"code"`
	Text       string        `json:"text,omitempty"`
	RetryAfter time.Duration `json:"retry_after,omitempty"` // with RateLimited and Unavailable

	// Trace is by which the logs tell the story; see Traced. Whoever asked knows
	// it, so it does not cross the wire.
	Trace string `json:"-"`
}

// Errorf makes an Error with a text for the person at the other end.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Busy is an [Unavailable] that says when to try again.
func Busy(after time.Duration, text string) *Error {
	return &Error{Code: Unavailable, Text: text, RetryAfter: after}
}

// Traced is the error with a trace id where the logs may have a story to tell,
// which is with [Internal] and [Unavailable].
func (e *Error) Traced(id string) *Error {
	if e.Code != Internal && e.Code != Unavailable {
		return e
	}
	traced := *e
	traced.Trace = id
	return &traced
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Text }

// Is makes errors.Is(err, &Error{Code: NotFound}) ask for the code alone.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code && t.Text == ""
}

// CodeOf is the code of err as [Public] tells it. A nil error has none.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return Public(err).Code
}

// Public is err as a client may see it: itself, [Unavailable] for a store that
// cannot be reached, or [Internal].
func Public(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, ErrUnreachable) {
		return Busy(time.Second, "the database cannot be reached right now")
	}
	return &Error{Code: Internal, Text: "something went wrong on our side; the log has the story"}
}
