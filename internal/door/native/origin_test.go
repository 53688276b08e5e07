package native

import (
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		public  string
		allowed []string
		host    string
		origin  string
		fine    bool
	}{
		{"", nil, "chat.example:8080", "", true},
		{"", nil, "chat.example:8080", "http://chat.example:8080", true},
		{"", nil, "chat.example", "https://CHAT.example:443", true},
		{"", nil, "chat.example", "https://evil.example", false},
		{"", nil, "chat.example", "null", false},
		{"", nil, "chat.example", "http://chat.example.evil.example", false},
		{"https://chat.example", nil, "10.0.0.1:8080", "https://chat.example", true},
		{"https://chat.example", nil, "10.0.0.1:8080", "http://10.0.0.1:8080", false},
		{"https://chat.example", nil, "chat.example", "http://chat.example", false},
		{"https://chat.example", []string{"https://app.example"}, "x", "https://app.example:443", true},
		{"https://chat.example", []string{"https://app.example"}, "x", "https://other.example", false},
		{"https://chat.example", []string{"*"}, "x", "https://other.example", true},
	} {
		o := newOrigins(c.public, c.allowed)
		r := httptest.NewRequest("GET", "/v1/ws", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := o.allows(r); got != c.fine {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestForwardedOnlyByTrustedProxies(t *testing.T) {
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:1", []string{"203.0.113.9"}, "192.0.2.1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"10.0.0.1:1", []string{"1.1.1.1", "203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:1", []string{"203.0.113.9, nonsense"}, "10.0.0.1"},
		{"[::1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"[::ffff:10.0.0.1]:1", []string{"203.0.113.9"}, "203.0.113.9"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := trusted.client(r); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestPreferWait(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 5 * time.Second, "wait=10": 10 * time.Second, "respond-async, Wait = 0": time.Second, "wait=99": 30 * time.Second,
		"wait=-1": 5 * time.Second, "wait=x": 5 * time.Second, `wait="7"`: 7 * time.Second, "waiting=3": 5 * time.Second,
	} {
		if got := waits(header); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

func TestBearer(t *testing.T) {
	for header, want := range map[string]string{"": "", "Bearer abc": "abc", "bearer  abc ": "abc", "Basic abc": "", "Bearer": ""} {
		if got := bearer(header); got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
}
