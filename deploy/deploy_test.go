// Package deploy_test reads what is in this folder as the tools that run it do,
// and holds it to the program: a setting that does not exist would be ignored. It
// is a module of its own, so that nobody who builds Parley needs these tools.
package deploy_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

var roles = []string{"sequencer", "archive", "rooms", "accounts", "access", "presence", "gateway"}

// help is the manual of `parley serve`, which names every setting.
func help(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "parley")
	build := exec.Command("go", "build", "-o", binary, "./cmd/parley")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building parley: %v\n%s", err, out)
	}
	out, err := exec.Command(binary, "serve", "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("parley serve --help: %v\n%s", err, out)
	}
	return string(out)
}

func mustKnow(t *testing.T, help, where, name string) {
	t.Helper()
	if strings.HasPrefix(name, "PARLEY_") && !strings.Contains(help, "$"+name+")") && !strings.Contains(help, "$"+name+".") {
		t.Errorf("%s sets %s, which parley serve does not know", where, name)
	}
}

func project(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"compose/compose.yaml"}, cli.WithEnv([]string{"PARLEY_PASSWORD=secret"}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComposeIsTheTown(t *testing.T) {
	p, help := project(t), help(t)
	want := []string{"nats-1", "nats-2", "nats-3", "postgres", "nginx"}
	for _, role := range roles {
		for i := range 2 {
			name := fmt.Sprintf("%s-%d", role, i+1)
			want = append(want, name)
			mustPlay(t, help, name, role, p.Services[name])
		}
	}
	names := p.ServiceNames()
	slices.Sort(want)
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("the services are %v, the town is %v", names, want)
	}
	for _, s := range p.Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to the world on port %s", s.Name, port.Published)
			}
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind || strings.HasSuffix(v.Source, "permissions.conf") {
				continue // printed by parley nats-permissions
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s mounts what is not there: %v", s.Name, err)
			}
		}
	}
}

func mustPlay(t *testing.T, help, name, role string, s types.ServiceConfig) {
	t.Helper()
	get := func(key string) string {
		if v := s.Environment[key]; v != nil {
			return *v
		}
		return ""
	}
	if get("PARLEY_ROLES") != role || get("PARLEY_NATS_USER") != role {
		t.Errorf("%s plays %q as %q", name, get("PARLEY_ROLES"), get("PARLEY_NATS_USER"))
	}
	if knows, needs := get("PARLEY_STORE") != "", role != "gateway" && role != "presence"; knows != needs {
		t.Errorf("%s knows the database: %v", name, knows)
	}
	for key := range s.Environment {
		mustKnow(t, help, name, key)
	}
}

func TestComposeAsksForAPassword(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"compose/compose.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := options.LoadProject(t.Context()); err == nil || !strings.Contains(err.Error(), "PARLEY_PASSWORD") {
		t.Errorf("without a password: %v", err)
	}
}

func TestTheDockerfileIsOne(t *testing.T) {
	f, err := os.Open("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || stages[1].BaseName != "scratch" {
		t.Fatalf("%d stages, the last from %s", len(stages), stages[len(stages)-1].BaseName)
	}
	help, isUser := help(t), false
	for _, c := range stages[1].Commands {
		switch c := c.(type) {
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				mustKnow(t, help, "the Dockerfile", pair.Key)
			}
		case *instructions.UserCommand:
			isUser = c.User != "root" && c.User != "0"
		case *instructions.CopyCommand:
			if c.From != "" && c.From != stages[0].Name {
				t.Errorf("it copies from %s", c.From)
			}
		}
	}
	if !isUser {
		t.Error("it runs as root")
	}
}

var setting = regexp.MustCompile(`PARLEY_[A-Z_]+`)

func TestTheUnitSetsWhatIsThere(t *testing.T) {
	f, err := os.Open("systemd/parley.service")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	help, section, seen := help(t), "", map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		for _, name := range setting.FindAllString(line, -1) {
			mustKnow(t, help, "the unit", name)
		}
		key, value, pair := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = line
		case !pair || section == "":
			t.Errorf("not a line of a unit: %q", line)
		default:
			seen[section+key] = value
		}
	}
	if seen["[Service]ExecStart"] != "/usr/local/bin/parley serve" || seen["[Install]WantedBy"] == "" {
		t.Errorf("the unit starts %q", seen["[Service]ExecStart"])
	}
	for _, line := range []string{"town/parley.env"} {
		b, err := os.ReadFile(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range setting.FindAllString(string(b), -1) {
			mustKnow(t, help, line, name)
		}
	}
}
