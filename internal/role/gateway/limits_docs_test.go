package gateway

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

var update = flag.Bool("update", false, "print the page of limits anew")

const (
	limitsPage = "../../../docs/limits.md"
	begins     = "<!-- printed: go test ./internal/role/gateway -run LimitsPage -update -->\n"
	ends       = "<!-- end of what is printed -->\n"
)

// sizes are the constants of package chat, by name, as the page tells them.
var sizes = []struct {
	name  string
	value int
	unit  string
	what  string
}{
	{"MaxText", chat.MaxText, "bytes", "the text of a message or edit"},
	{"MaxMeta", chat.MaxMeta, "bytes", "`meta` of a message"},
	{"MaxAttachments", chat.MaxAttachments, "pieces", "attachments of a message"},
	{"MaxMentions", chat.MaxMentions, "people", "mentioned by name in a message; more are text"},
	{"MaxEmoji", chat.MaxEmoji, "bytes", "the emoji of a reaction"},
	{"MaxEmojis", chat.MaxEmojis, "emojis", "different ones under a message; older messages may have more, of which the first are shown"},
	{"MaxReactions", chat.MaxReactions, "emojis", "of one person under a message"},
	{"MaxReactors", chat.MaxReactors, "people", "named under a reaction; more are counted only"},
	{"MaxNonce", chat.MaxNonce, "bytes", "a nonce, or `Idempotency-Key`"},
	{"MaxName", chat.MaxName, "bytes", "a room's name"},
	{"MaxTopic", chat.MaxTopic, "bytes", "a room's topic"},
	{"MaxFirst", chat.MaxFirst, "people", "a room is created with; more are added later"},
	{"MaxInviteUses", chat.MaxInviteUses, "people", "an invite lets in"},
	{"MaxInviteSeconds", chat.MaxInviteSeconds, "seconds", "an invite lasts"},
}

// TestLimitsPageIsCurrent: the page says what the tables and constants say.
func TestLimitsPageIsCurrent(t *testing.T) {
	inform(t)
	printed := rates() + "\n" + sizesTable()
	page, err := os.ReadFile(limitsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(page), begins)
	there, tail, whole := strings.Cut(rest, ends)
	switch {
	case !whole:
		t.Fatalf("%s has no place for what is printed", limitsPage)
	case there == printed:
	case !*update:
		t.Errorf("%s is stale: go test ./internal/role/gateway -run LimitsPage -update", limitsPage)
	default:
		if err := os.WriteFile(limitsPage, []byte(head+begins+printed+ends+tail), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func rates() string {
	var b strings.Builder
	b.WriteString("\n## How often\n\n| what | counted by | a second | at once |\n|---|---|---|---|\n")
	for _, a := range Allowances {
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", a.Name, a.Per, strconv.FormatFloat(a.Second, 'g', -1, 64), a.Burst)
	}
	return b.String()
}

func sizesTable() string {
	var b strings.Builder
	b.WriteString("## How much\n\n| what | at most | |\n|---|---|---|\n")
	for _, s := range sizes {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", s.what, s.value, s.unit)
	}
	fmt.Fprintf(&b, "| people whose presence one socket watches | %d | people |\n", MaxWatched)
	fmt.Fprintf(&b, "| all sockets of a user at one gateway watch together | %d | people |\n", MaxWatchedByUser)
	fmt.Fprintf(&b, "| commands of one socket that wait for their answer | %d | commands |\n", maxWaiting)
	return b.String()
}

// inform fails for a limit of package chat that the page does not tell.
func inform(t *testing.T) {
	t.Helper()
	told := map[string]bool{}
	for _, s := range sizes {
		told[s.name] = true
	}
	files, err := filepath.Glob("../../chat/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			group, is := d.(*ast.GenDecl)
			if !is || group.Tok != token.CONST {
				continue
			}
			for _, s := range group.Specs {
				for _, id := range s.(*ast.ValueSpec).Names {
					if !strings.HasPrefix(id.Name, "Max") {
						continue
					}
					if found++; !told[id.Name] {
						t.Errorf("%s: chat.%s is not in the page of limits", name, id.Name)
					}
				}
			}
		}
	}
	if found != len(sizes) {
		t.Errorf("package chat has %d limits, the page %d", found, len(sizes))
	}
}
