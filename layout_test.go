// Package parley_test holds the import policy of the module: which package may know which, and where each foreign thing lives.
// It reads like the picture in ARCHITECTURE.md; who wants another arrow changes this table, and a reviewer sees it.
package parley_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/parley-chat/parley"

// Names below are import paths within the module without "internal/"; * stands for one step of the path.

// arrows says what a package may import of this module. A package that is not here does not belong here.
var arrows = []struct{ who, mayImport string }{
	{"chat", ""},
	{"bus", "chat"},
	{"bus/bustest", "bus chat"},
	{"contract", "bus chat"},
	{"ws", ""},
	{"store", "chat"},
	{"store/storetest", "store chat"},
	{"store/pgtest", "store store/pgtest/installed"},
	{"store/pgtest/installed", ""},

	{"role/gateway", "contract bus chat"},
	{"role/accounts", "contract bus chat"},
	{"role/access", "contract bus chat"},
	{"role/rooms", "contract bus chat"},
	{"role/sequencer", "contract bus chat"},
	{"role/archive", "contract bus chat"},
	{"role/presence", "contract bus chat"},
	{"role/push", "contract bus chat"},
	{"role/media", "contract bus chat"},

	{"door/native", "role/gateway contract chat ws"},
	{"door/web", "web role/gateway contract chat ws"},
	{"door/rooms", "role/gateway contract chat ws"},
	{"door/simplechat", "role/gateway contract chat ws"},
	{"door/socketio", "role/gateway contract chat ws"},
	{"door/vartalap", "role/gateway contract chat ws"},
	{"door/rocketchat", "role/gateway contract chat ws"},
	{"door/doortest", "role/gateway contract chat ws"},

	{"node", "role/* door/* store bus contract chat ws"},
	{"node/nodetest", "node role/* door/* store store/pgtest bus bus/bustest contract chat ws client"},

	{"web", ""},
	{"web/pack", ""},
	{"client", ""},
	{"cmd/parley", "node client chat cmd/parley/internal/*"},
	{"cmd/parley/internal/bench", "client"},
	{"cmd/parley/internal/terminal", "client"},
	{"test/chaos", "test/chaos/* client"},
	{"test/chaos/history", ""},
	{"test/chaos/proxy", ""},
	{"test/chaos/town", "test/chaos/proxy store/pgtest/installed"},
	{"test/chaos/load", "test/chaos/history client"},
	{"test/*", "node/nodetest client chat"},
}

// testsMayAlso is what the test files of any package may import beyond its arrows.
const testsMayAlso = "bus/bustest store/storetest store/pgtest door/doortest node/nodetest"

// testsOf is what the test files of one package may import on top of that.
var testsOf = map[string]string{
	"role/sequencer": "store",            // its promise is what a commit does, so it is tested over the real one
	"test/takeover":  "test/chaos/proxy", // the network that an owner is cut off from
}

// homes says where a foreign thing lives. The longest match counts; a foreign import without a home fails.
var homes = []struct{ thing, home, testsToo string }{
	{"database/sql", "store", ""},
	{"os/signal", "cmd/parley test/chaos", ""},

	{"github.com/nats-io", "bus", "bus/bustest"},
	{"zombiezen.com/go/sqlite", "store", "store/storetest"},
	{"modernc.org/sqlite", "store", "store/storetest"},
	{"github.com/pressly/goose", "store", "store/storetest"},
	{"github.com/jackc/pgx", "store", "store/storetest store/pgtest"},
	{"github.com/gobwas", "ws client", "everywhere"},
	{"github.com/danielgtaylor/huma", "door/native", ""},
	{"github.com/alecthomas/kong", "cmd/parley", ""},
	{"charm.land", "cmd/parley/internal/terminal", ""},
	{"github.com/charmbracelet/x/ansi", "cmd/parley/internal/terminal", ""},
	{"github.com/creack/pty", "", "everywhere"},
	{"go.yaml.in/yaml/v3", "cmd/parley", ""},
	{"github.com/golang-jwt/jwt", "role/accounts role/gateway cmd/parley/internal/bench", "everywhere"},
	{"github.com/MicahParks", "role/accounts", ""},
	{"github.com/prometheus", "role/* door/* node bus store", "everywhere"},
	{"github.com/google/uuid", "everywhere", ""},
	{"golang.org/x", "bus ws store role/* door/* node client cmd/parley cmd/parley/internal/*", "everywhere"},
	{"go.uber.org/goleak", "", "everywhere"},
	{"pgregory.net/rapid", "", "everywhere"},
}

// testSupport are packages that only tests import; for foreign things they count as tests.
var testSupport = strings.Fields(testsMayAlso)

// shapeless are names that say nothing about what is inside.
var shapeless = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "misc"}

// source is one Go file as far as the policy is concerned.
type source struct {
	file    string // path within the module
	who     string // its package's short name, "" for the module's root
	name    string // the name after the word package
	test    bool
	imports []string
}

func TestLayout(t *testing.T) {
	sources := readSources(t)
	if len(sources) < 2 {
		t.Fatalf("found %d Go files: this test does not see the module", len(sources))
	}
	for _, s := range sources {
		for _, complaint := range s.complaints() {
			t.Errorf("%s: %s", s.file, complaint)
		}
	}
	t.Logf("%d files keep the layout", len(sources))
}

func (s source) complaints() []string {
	var all []string
	base := strings.TrimSuffix(s.name, "_test")
	if slices.Contains(shapeless, base) || slices.Contains(shapeless, path.Base(s.who)) {
		all = append(all, fmt.Sprintf("package %s: a thing that is used twice is a noun with its own package, or it belongs to chat", base))
	}
	mayImport, known := s.arrow()
	if !known {
		return append(all, fmt.Sprintf("package %q is not in the layout: give it a line in layout_test.go (and a place in the picture)", s.who))
	}
	for _, imported := range s.imports {
		if complaint := s.judge(imported, mayImport); complaint != "" {
			all = append(all, complaint)
		}
	}
	return all
}

// arrow finds what the source may import of the module. The root holds tests only.
func (s source) arrow() (mayImport string, known bool) {
	if s.who == "" {
		return "", s.test
	}
	for _, a := range arrows {
		if matches(a.who, s.who) {
			return a.mayImport, true
		}
	}
	return "", false
}

func (s source) judge(imported, mayImport string) string {
	if imported == module || strings.HasPrefix(imported, module+"/") {
		return s.judgeOwn(shortName(imported), mayImport)
	}
	return s.judgeForeign(imported)
}

func (s source) judgeOwn(imported, mayImport string) string {
	if anyMatches(mayImport, imported) {
		return ""
	}
	if s.test && (imported == s.who || anyMatches(testsMayAlso+" "+testsOf[s.who], imported)) {
		return ""
	}
	if mayImport == "" {
		mayImport = "nothing of this module"
	}
	return fmt.Sprintf("%s must not import %s; it may import %s", s.who, imported, mayImport)
}

func (s source) judgeForeign(imported string) string {
	longest := -1
	for i, h := range homes {
		if (imported == h.thing || strings.HasPrefix(imported, h.thing+"/")) && (longest < 0 || len(h.thing) > len(homes[longest].thing)) {
			longest = i
		}
	}
	if longest < 0 {
		if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
			return "" // the standard library lives everywhere
		}
		return fmt.Sprintf("%s has no home: every foreign thing has one, named in layout_test.go", imported)
	}
	h := homes[longest]
	if anyMatches(h.home, s.who) {
		return ""
	}
	if (s.test || slices.Contains(testSupport, s.who)) && anyMatches(h.testsToo, s.who) {
		return ""
	}
	home := h.home
	if home == "" {
		home = "tests only"
	}
	return fmt.Sprintf("%s must not import %s; its home is %s", s.who, imported, home)
}

func anyMatches(patterns, name string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(p string) bool { return matches(p, name) })
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return pattern == "everywhere" || (err == nil && ok)
}

// shortName turns an import path or a folder of this module into the name that the tables use.
func shortName(importPath string) string {
	short := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
	return strings.TrimPrefix(short, "internal/")
}

// readSources reads the imports of every Go file, whatever system or build tag it is for.
func readSources(t *testing.T) []source {
	t.Helper()
	var sources []source
	err := fs.WalkDir(os.DirFS("."), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if n := entry.Name(); n != "." && (strings.HasPrefix(n, ".") || n == "testdata" || n == "node_modules" || n == "build") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil && file != "." {
				return fs.SkipDir // a module of its own
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		s, err := readSource(file)
		sources = append(sources, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func readSource(file string) (source, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return source{}, err
	}
	dir := path.Dir(file)
	if dir == "." {
		dir = ""
	}
	s := source{file: file, who: shortName(dir), name: parsed.Name.Name, test: strings.HasSuffix(file, "_test.go")}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, fmt.Errorf("%s: %w", file, err)
		}
		s.imports = append(s.imports, imported)
	}
	return s, nil
}

// TestLayoutSeesViolations keeps the policy itself honest.
func TestLayoutSeesViolations(t *testing.T) {
	const own = module + "/internal/"
	for _, c := range []struct {
		who, imported string
		test, fine    bool
	}{
		{"chat", "strings", false, true},
		{"chat", "github.com/google/uuid", false, true},
		{"chat", "golang.org/x/sync/errgroup", false, false},
		{"chat", own + "bus", false, false},
		{"bus", "github.com/nats-io/nats.go/jetstream", false, true},
		{"contract", "github.com/nats-io/nats.go", false, false},
		{"bus/bustest", "github.com/nats-io/nats.go", false, true},
		{"role/rooms", own + "contract", false, true},
		{"role/rooms", own + "role/access", false, false},
		{"role/rooms", own + "store", false, false},
		{"role/rooms", own + "store", true, false},
		{"role/sequencer", own + "store", true, true},
		{"role/sequencer", own + "store", false, false},
		{"role/rooms", own + "bus/bustest", true, true},
		{"role/rooms", own + "bus/bustest", false, false},
		{"role/rooms", own + "role/rooms", true, true},
		{"door/native", own + "role/gateway", false, true},
		{"door/native", own + "role/archive", false, false},
		{"door/native", "github.com/danielgtaylor/huma/v2", false, true},
		{"door/web", "github.com/danielgtaylor/huma/v2", false, false},
		{"door/native", "github.com/gobwas/ws", false, false},
		{"door/native", "github.com/gobwas/ws", true, true},
		{"node", own + "role/sequencer", false, true},
		{"node", "os/signal", false, false},
		{"cmd/parley", "os/signal", false, true},
		{"cmd/parley", own + "store", false, false},
		{"cmd/parley/internal/bench", module + "/client", false, true},
		{"cmd/parley/internal/bench", own + "chat", false, false},
		{"client", own + "chat", false, false},
		{"store", "database/sql", false, true},
		{"role/archive", "database/sql", false, false},
		{"role/archive", "pgregory.net/rapid", true, true},
		{"role/archive", "pgregory.net/rapid", false, false},
		{"node/nodetest", "go.uber.org/goleak", false, true},
		{"role/archive", "example.com/anything", false, false},
		{"role/made_up", "strings", false, false},
		{"role/util", "strings", false, false},
	} {
		s := source{who: c.who, name: path.Base(c.who), test: c.test, imports: []string{c.imported}}
		if complaints := s.complaints(); (len(complaints) == 0) != c.fine {
			t.Errorf("%s importing %s (in a test: %v): complaints %q, want fine: %v", c.who, c.imported, c.test, complaints, c.fine)
		}
	}
}
