package native

import (
	"net/http/httptest"
	"testing"
)

func TestTraceparent(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for header, want := range map[string]string{
		"00-" + trace + "-00f067aa0ba902b7-01":       trace,
		"01-" + trace + "-00f067aa0ba902b7-01-later": trace,
		"": "",
		"00-" + trace + "-00f067aa0ba902b7-01-later":               "",
		"01-" + trace + "-00f067aa0ba902b7-01later":                "",
		"ff-" + trace + "-00f067aa0ba902b7-01":                     "",
		"00-" + trace + "-0000000000000000-01":                     "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01":  "",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01":  "",
		"00_" + trace + "-00f067aa0ba902b7-01":                     "",
		"00-4bf92f3577b34da6\na3ce929d0e0e473-00f067aa0ba902b7-01": "",
	} {
		if got, ok := traceparent(header); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", header, got, ok)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Traceparent", header)
		if got := traceOf(r); len(got) != 32 || !isHex(got) || (got == trace) != (want != "") {
			t.Errorf("%q: the request's trace is %q", header, got)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Add("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	r.Header.Add("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	if traceOf(r) == trace {
		t.Error("two headers are taken")
	}
}
