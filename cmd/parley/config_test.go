package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestAFileSaysWhatIsWritten: a value that YAML takes for a number, a date or a
// boolean is still what was written.
func TestAFileSaysWhatIsWritten(t *testing.T) {
	for text, want := range map[string]serve{
		"metrics-token: 0012345":                            {MetricsToken: "0012345"},
		"metrics-token: 1234567890123456789012345678901234": {MetricsToken: "1234567890123456789012345678901234"},
		"metrics-token: 1e5":                                {MetricsToken: "1e5"},
		"metrics-token: 0x1F":                               {MetricsToken: "0x1F"},
		"metrics-token: 2026-01-02":                         {MetricsToken: "2026-01-02"},
		"metrics-token: True":                               {MetricsToken: "True"},
		"metrics-token: 'it''s # this'":                     {MetricsToken: "it's # this"},
		"metrics-token: \"007\" # a comment":                {MetricsToken: "007"},
		"metrics-token: |-\n  one":                          {MetricsToken: "one"},
		"auth-issuer: 1_000":                                {AuthIssuer: "1_000"},
		"auth-issuer: &a 1.10\nauth-audience: *a":           {AuthIssuer: "1.10", AuthAudience: "1.10"},
		"allowed-origins: [007, 1.10, '1']":                 {AllowedOrigins: []string{"007", "1.10", "1"}},
		"allowed-origins:\n- https://a\n- https://b":        {AllowedOrigins: []string{"https://a", "https://b"}},
		"allowed-origins: https://a,https://b":              {AllowedOrigins: []string{"https://a", "https://b"}},
		"metrics-token:":                                    {},
		"metrics-token: null":                               {},
		"metrics-token: ~":                                  {},
		"metrics-token: 'null'":                             {MetricsToken: "null"},
		"no-limits: TRUE\nlog-replicas: 3":                  {NoLimits: true, LogReplicas: 3},
	} {
		c, err := parsedWith(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := serve{MetricsToken: c.Serve.MetricsToken, AuthIssuer: c.Serve.AuthIssuer, AuthAudience: c.Serve.AuthAudience,
			AllowedOrigins: c.Serve.AllowedOrigins, NoLimits: c.Serve.NoLimits, LogReplicas: c.Serve.LogReplicas}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

func TestAFileThatSaysNothingUsefulIsRefused(t *testing.T) {
	for text, says := range map[string]string{
		"listen: a:1\nmetrics-token: {a: b}":      "metrics-token: line 2",
		"allowed-origins:\n- https://a\n- [b, c]": "allowed-origins: line 3",
		"allowed-origins:\n- a: b":                "allowed-origins: line 2",
		"\nmetrics:\n  token: x":                  "line 3",
		"metrics-token: a\nmetrics-token: b":      "line 2",
		"just words":                              "line 1",
	} {
		if _, err := parsedWith(t, text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func parsedWith(t *testing.T, text string) (*cli, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := new(cli)
	parser, err := newParser(c, t.Output(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse([]string{"serve", "--config", file})
	return c, err
}
