package main

import (
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "print the page of settings anew")

const (
	configPage = "../../docs/config.md"
	begins     = "<!-- printed: go test ./cmd/parley -run ConfigPage -update -->\n"
	ends       = "<!-- end of what is printed -->\n"
)

// TestConfigPageIsCurrent: the page lists the flags of parley serve.
func TestConfigPageIsCurrent(t *testing.T) {
	var c cli
	parser, err := newParser(&c, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	printed := settings(parser.Model)
	if n := strings.Count(printed, "PARLEY_"); n < 20 {
		t.Errorf("only %d settings were found", n)
	}
	page, err := os.ReadFile(configPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(page), begins)
	there, tail, whole := strings.Cut(rest, ends)
	switch {
	case !whole:
		t.Fatalf("%s has no place for what is printed", configPage)
	case there == printed:
	case !*update:
		t.Errorf("%s is stale: go test ./cmd/parley -run ConfigPage -update", configPage)
	default:
		if err := os.WriteFile(configPage, []byte(head+begins+printed+ends+tail), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// settings are the flags of serve, then those of every command.
func settings(app *kong.Application) string {
	var b strings.Builder
	b.WriteString("\n| flag | environment | default | what |\n|---|---|---|---|\n")
	for _, command := range app.Children {
		if command.Name == "serve" {
			for _, f := range command.Flags {
				b.WriteString(setting(f))
			}
		}
	}
	for _, f := range app.Flags {
		b.WriteString(setting(f))
	}
	return b.String()
}

func setting(f *kong.Flag) string {
	if f.Name == "help" || f.Hidden {
		return ""
	}
	name, standard := "--"+f.Name, ""
	if f.PlaceHolder != "" {
		name += " " + f.PlaceHolder
	}
	if f.Default != "" {
		standard = "`" + f.Default + "`"
	}
	says := strings.ReplaceAll(f.Help, " ("+f.Default+")", "") // it has a column of its own
	return "| `" + name + "` | `" + strings.Join(f.Envs, "`, `") + "` | " + standard + " | " + strings.ReplaceAll(says, "|", `\|`) + " |\n"
}
