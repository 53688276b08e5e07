package contract

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "print the page of subjects anew")

const (
	subjectsPage = "../../docs/subjects.md"
	begins       = "<!-- printed: go test ./internal/contract -run SubjectsPage -update -->\n"
	ends         = "<!-- end of what is printed -->\n"
)

// TestSubjectsPageIsCurrent: the page says what contract.go says.
func TestSubjectsPageIsCurrent(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "contract.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	lines := 0
	for _, d := range file.Decls {
		group, is := d.(*ast.GenDecl)
		if !is || group.Tok != token.VAR {
			continue
		}
		name, says, _ := strings.Cut(strings.Join(strings.Fields(group.Doc.Text()), " "), ": ")
		fmt.Fprintf(&printed, "\n## %s\n\n%s%s\n\n", name, strings.ToUpper(says[:1]), says[1:])
		printed.WriteString("| subject | kind | who | what for | question or notice | answer |\n|---|---|---|---|---|---|\n")
		for _, s := range group.Specs {
			printed.WriteString(row(t, s.(*ast.ValueSpec)))
			lines++
		}
	}
	if lines < 30 {
		t.Errorf("only %d subjects were found", lines)
	}
	page, err := os.ReadFile(subjectsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(page), begins)
	there, tail, whole := strings.Cut(rest, ends)
	switch {
	case !whole:
		t.Fatalf("%s has no place for what is printed", subjectsPage)
	case there == printed.String():
	case !*update:
		t.Errorf("%s is stale: go test ./internal/contract -run SubjectsPage -update", subjectsPage)
	default:
		if err := os.WriteFile(subjectsPage, []byte(head+begins+printed.String()+ends+tail), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// row is a line of the switchboard as a line of the table.
func row(t *testing.T, s *ast.ValueSpec) string {
	t.Helper()
	made := s.Values[0].(*ast.CallExpr)
	subject, who := text(t, made.Args[0]), text(t, made.Args[1])
	asked, answer := "`bus.Envelope`", ""
	f := made.Fun
	switch types := f.(type) {
	case *ast.IndexListExpr: // call[question, answer]
		f, asked, answer = types.X, source(t, types.Indices[0]), source(t, types.Indices[1])
	case *ast.IndexExpr: // topic[notice]
		f, asked = types.X, source(t, types.Index)
	}
	kind := map[string]string{"call": "call", "keyed": "keyed call", "roll": "roll call", "topic": "topic", "intake": "log"}[f.(*ast.Ident).Name]
	what := strings.TrimSpace(s.Comment.Text())
	return "| `" + subject + "` | " + strings.Join([]string{kind, who, what, asked, answer}, " | ") + " |\n"
}

func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	words, err := strconv.Unquote(e.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// source is a type as it is written, in backquotes.
func source(t *testing.T, e ast.Expr) string {
	t.Helper()
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), e); err != nil {
		t.Fatal(err)
	}
	return "`" + b.String() + "`"
}
