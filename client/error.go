package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Code says what kind of refusal an [Error] is. Codes are stable and the same
// over REST and on the socket.
type Code string

// The codes that a server answers with.
const (
	CodeInvalid         Code = "invalid"
	CodeMalformed       Code = "malformed"
	CodeUnauthenticated Code = "unauthenticated"
	CodeForbidden       Code = "forbidden"
	CodeNotFound        Code = "not_found"
	CodeConflict        Code = "conflict"
	CodeTooLarge        Code = "too_large"
	CodeRateLimited     Code = "rate_limited"
	CodeUnavailable     Code = "unavailable"
	CodeInternal        Code = "internal"
)

// statusCodes serves answers that carry no problem document, such as those of
// a proxy in front of the server.
var statusCodes = map[int]Code{
	http.StatusBadRequest:            CodeMalformed,
	http.StatusUnauthorized:          CodeUnauthenticated,
	http.StatusForbidden:             CodeForbidden,
	http.StatusNotFound:              CodeNotFound,
	http.StatusConflict:              CodeConflict,
	http.StatusRequestEntityTooLarge: CodeTooLarge,
	http.StatusUnprocessableEntity:   CodeInvalid,
	http.StatusTooManyRequests:       CodeRateLimited,
	http.StatusBadGateway:            CodeUnavailable,
	http.StatusServiceUnavailable:    CodeUnavailable,
	http.StatusGatewayTimeout:        CodeUnavailable,
}

// Error is a refusal by the server.
type Error struct {
	// Status is the HTTP status; 0 when the refusal came over the socket.
	Status int
	// Code is what a program decides by.
	Code Code
	// Detail is a sentence for a person; it may be empty.
	Detail string
	// RetryAfter is how long the server asks to wait; 0 when it did not say.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return "parley: " + string(e.Code)
	}
	return "parley: " + string(e.Code) + ": " + e.Detail
}

// FateOpen reports whether the refused command may still take effect, so that
// it must be repeated with the same nonce rather than given up.
func (e *Error) FateOpen() bool {
	return e.Code == CodeUnavailable || e.Code == CodeInternal
}

// CodeOf returns the code of the *Error in err's chain, "" if there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// CloseCode is the number a websocket was closed with.
type CloseCode int

// The close codes of the native protocol.
const (
	CloseNormal          CloseCode = 1000
	CloseDraining        CloseCode = 1001
	CloseAbnormal        CloseCode = 1006
	CloseInternal        CloseCode = 1011
	CloseMalformed       CloseCode = 4400
	CloseUnauthenticated CloseCode = 4401
	CloseForbidden       CloseCode = 4403
	CloseSlowConsumer    CloseCode = 4408
	CloseRevoked         CloseCode = 4409
	CloseTooLarge        CloseCode = 4413
	CloseTooMany         CloseCode = 4429
)

// ComeBack reports whether a client that was closed with c should connect
// again. A 4401 is not among them: it needs another token first.
func (c CloseCode) ComeBack() bool {
	switch c {
	case CloseDraining, CloseAbnormal, CloseInternal, CloseSlowConsumer, CloseTooMany:
		return true
	}
	return false
}

// CloseError says that the server closed the socket.
type CloseError struct {
	Code   CloseCode
	Reason string
}

func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("parley: socket closed with %d", e.Code)
	}
	return fmt.Sprintf("parley: socket closed with %d: %s", e.Code, e.Reason)
}

// problem is an application/problem+json document (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Code   Code   `json:"code"`
	Detail string `json:"detail"`
}

// maxProblem bounds what is read of an error answer, in bytes.
const maxProblem = 64 << 10

// errorOf makes the *Error of an answer that is not a success. It reads the
// body and leaves closing it to the caller.
func errorOf(resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	var p problem
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err == nil && json.Unmarshal(body, &p) == nil {
		e.Code, e.Detail = p.Code, p.Detail
		if e.Detail == "" {
			e.Detail = p.Title
		}
	}
	if e.Code == "" {
		e.Code = codeOfStatus(resp.StatusCode)
	}
	if e.Detail == "" {
		e.Detail = strings.ToLower(http.StatusText(resp.StatusCode))
	}
	return e
}

func codeOfStatus(status int) Code {
	if code, ok := statusCodes[status]; ok {
		return code
	}
	if status >= 400 && status < 500 {
		return CodeInvalid
	}
	return CodeInternal
}

// retryAfter reads a Retry-After header in seconds; the date form, which the
// server does not use, counts as absent.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.Atoi(header)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
