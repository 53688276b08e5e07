package native

import (
	"net/http"
	"strings"

	"github.com/parley-chat/parley/internal/role/gateway"
)

// traceOf is the trace that a request belongs to: the client's own, where it
// tells one as the W3C's Trace Context has it, or a new one.
func traceOf(r *http.Request) string {
	if told := r.Header["Traceparent"]; len(told) == 1 {
		if id, ok := traceparent(told[0]); ok {
			return id
		}
	}
	return gateway.NewTrace()
}

// traceparent reads the header's trace id: version, trace, parent and flags in
// lower-case hexadecimal. Later versions than 00 may say more behind these.
// https://www.w3.org/TR/trace-context/#traceparent-header
func traceparent(s string) (trace string, ok bool) {
	const length = len("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if len(s) < length || len(s) > length && (s[:2] == "00" || s[length] != '-') {
		return "", false
	}
	version, trace, parent, flags := s[:2], s[3:35], s[36:52], s[53:length]
	hyphens := s[2] == '-' && s[35] == '-' && s[52] == '-'
	if !hyphens || !isHex(version+trace+parent+flags) || version == "ff" || zeros(trace) || zeros(parent) {
		return "", false
	}
	return trace, true
}

func isHex(s string) bool { return strings.Trim(s, hexDigits) == "" }

func zeros(s string) bool { return strings.Trim(s, "0") == "" }
