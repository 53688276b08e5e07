package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/node"
)

// TestAWatchTellsHowItGoes: on a terminal one line that changes, with the rate of
// what was done since we look, and the time left; else a line for each step.
func TestAWatchTellsHowItGoes(t *testing.T) {
	now := time.Unix(0, 0)
	var out bytes.Buffer
	w := &watch{out: &out, terminal: true, now: func() time.Time { return now }}
	said := func(after time.Duration, p node.MigrationProgress) string {
		out.Reset()
		now = now.Add(after)
		w.hear(p)
		return out.String()
	}
	const back = "\r\x1b[K"
	for _, c := range []struct {
		after time.Duration
		p     node.MigrationProgress
		says  string
	}{
		{0, node.MigrationProgress{Step: "events", Done: 1000, Total: 10_000}, back + "events: 1000 of 10000"}, // of an earlier migration
		{time.Millisecond, node.MigrationProgress{Step: "events", Done: 1001, Total: 10_000}, ""},
		{time.Second - time.Millisecond, node.MigrationProgress{Step: "events", Done: 4000, Total: 10_000}, back + "events: 4000 of 10000, 3000 a second, 2s left"},
		{2 * time.Second, node.MigrationProgress{Step: "events", Done: 10_000, Total: 10_000, Ended: true}, back + "events: 10000 of 10000, 3000 a second in 3s\n"},
		{0, node.MigrationProgress{Step: "checking", Said: "room 1 of 2"}, back + "checking: room 1 of 2"},
		{time.Second, node.MigrationProgress{Step: "checking", Said: "all is well", Ended: true}, back + "checking: all is well in 1s\n"},
	} {
		if have := said(c.after, c.p); have != c.says {
			t.Errorf("%+v: it says %q instead of %q", c.p, have, c.says)
		}
	}
	w = &watch{out: &out, now: func() time.Time { return now }}
	if have := said(time.Second, node.MigrationProgress{Step: "events", Done: 5, Total: 10}); have != "" {
		t.Errorf("where there is no terminal it says %q", have)
	}
	if have := said(time.Second, node.MigrationProgress{Step: "events", Done: 10, Total: 10, Ended: true}); have != "events: 10 of 10, 5 a second in 1s\n" {
		t.Errorf("where there is no terminal it says %q", have)
	}
}

func TestWhatCannotBeMigratedIsOneSentence(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--to", "postgres://127.0.0.1:1/x"}, "--from"},
		{[]string{"--from", dir, "--to", "postgres://127.0.0.1:1/x"}, "sqlite:FOLDER or postgres://"},
		{[]string{"--from", "sqlite:" + dir, "--to", "postgres://127.0.0.1:1/x"}, "there is no " + dir},
		{[]string{"--from", "sqlite:" + dir, "--to", "sqlite:" + dir}, "must be a PostgreSQL database"},
		{[]string{"--from", "sqlite:" + dir, "--to", "postgres://u:swordfish@127.0.0.1:x/y"}, ""},
		{[]string{"--from", "sqlite:" + dir, "--to", "postgres://127.0.0.1:1/x", "--partitions", "1000"}, "1 to 256"},
	} {
		code, out, errs := says(t, append([]string{"migrate"}, c.args...)...)
		if code == 0 || !strings.Contains(errs, c.says) || strings.Contains(out+errs, "swordfish") {
			t.Errorf("%q: %d %s%s", c.args, code, out, errs)
		}
	}
}
