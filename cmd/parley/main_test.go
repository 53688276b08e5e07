package main

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// says runs a command as the shell would.
func says(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	return saysUntil(context.Background(), args...)
}

// saysUntil interrupts it when ctx ends.
func saysUntil(ctx context.Context, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(ctx, args, &o, &e)
	return code, o.String(), e.String()
}

// types gives a test a standard input with a line, or an open one with none.
func types(t *testing.T, line string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	t.Cleanup(func() {
		w.Close()
		os.Stdin = stdin
	})
	if line != "" {
		if _, err := w.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	os.Stdin = r
}

// TestAnInterruptedCommandHasFailed and says so: a script that goes on behind a
// backup that was not made would be wrong. To be told to stop is how a server ends.
func TestAnInterruptedCommandHasFailed(t *testing.T) {
	dir := t.TempDir()
	data, file := filepath.Join(dir, "data"), filepath.Join(dir, "backup")
	types(t, "correct horse")
	if code, _, errs := says(t, "user", "add", "--data", data, "ann"); code != 0 {
		t.Fatal(code, errs)
	}
	if code, _, errs := says(t, "backup", "--data", data, file); code != 0 {
		t.Fatal(code, errs)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	into, other := filepath.Join(dir, "into"), filepath.Join(dir, "other")
	for _, args := range [][]string{
		{"verify", "--data", data},
		{"backup", "--data", data, other},
		{"restore", "--data", into, file},
		{"migrate", "--from", "sqlite:" + data, "--to", "postgres://127.0.0.1:1/none"},
		{"user", "list", "--data", data},
		{"user", "ban", "--data", data, "ann"},
		{"user", "invite", "--data", data},
		{"room", "list", "--data", data},
		{"explain", "--data", data, "general", "1"},
		{"roles", "--data", data},
	} {
		if code, out, errs := saysUntil(gone, args...); code != 130 || out != "" || errs != "parley: interrupted\n" {
			t.Errorf("%v: %d\n%s%s", args, code, out, errs)
		}
	}
	types(t, "") // nobody types a password
	if code, out, errs := saysUntil(gone, "user", "add", "--data", data, "bob"); code != 130 || out != "" || errs != "parley: interrupted\n" {
		t.Errorf("user add: %d\n%s%s", code, out, errs)
	}
	for _, made := range []string{into, other} {
		if _, err := os.Stat(made); err == nil {
			t.Errorf("%s is left", made)
		}
	}
	for _, args := range [][]string{
		{"serve", "--data", data, "--listen", "127.0.0.1:0"},
		{"bench", "idle", "--url", "http://127.0.0.1:1", "--jwt-secret", strings.Repeat("s", 32)},
	} {
		if code, _, errs := saysUntil(gone, args...); code != 0 || strings.Contains(errs, "interrupted") {
			t.Errorf("%v: %d\n%s", args, code, errs)
		}
	}
}

func TestEveryFlagAndCommandSaysWhatItIs(t *testing.T) {
	var c cli
	parser, err := newParser(&c, &bytes.Buffer{}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = kong.Visit(parser.Model, func(v kong.Visitable, next kong.Next) error {
		switch v := v.(type) {
		case *kong.Flag:
			seen++
			if v.Help == "" {
				t.Errorf("--%s says nothing", v.Name)
			}
			if len(v.Envs) == 0 && v.Name != "help" {
				t.Errorf("--%s has no environment variable", v.Name)
			}
		case *kong.Command:
			if v.Help == "" {
				t.Errorf("%s says nothing", v.Name)
			}
		}
		return next(nil)
	})
	if err != nil || seen < 30 {
		t.Errorf("%d flags, %v", seen, err)
	}
}

func TestTheEffectiveConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "parley.yaml")
	if err := os.WriteFile(file, []byte("listen: [127.0.0.1:1, 127.0.0.1:2]\ndrain-grace: 3s\nsignup: closed\nmetrics-token: file-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARLEY_SIGNUP", "open") // the environment wins over the file,
	t.Setenv("PARLEY_PUBLIC_URL", "https://chat.example")
	t.Setenv("PARLEY_STORE", "postgres://parley:swordfish@db/parley")
	t.Setenv("PARLEY_NATS", "nats://parley:swordfish@n1,nats://n2")
	secret := strings.Repeat("s", 40)
	code, out, errs := says(t, "config", "--config", file, "--log-level", "warn", "--public-url", "https://other.example", "--auth-jwt-secret", secret) // and a flag over both
	if code != 0 {
		t.Fatal(code, errs)
	}
	if strings.Contains(out, secret) || strings.Contains(out, "file-secret") || strings.Contains(out, "swordfish") {
		t.Errorf("a secret is printed:\n%s", out)
	}
	var printed map[string]any
	if err := yaml.Unmarshal([]byte(out), &printed); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for key, want := range map[string]any{"drain-grace": "3s", "signup": "open", "public-url": "https://other.example",
		"listen": []any{"127.0.0.1:1", "127.0.0.1:2"}, "no-limits": false, "log-level": "warn", "log-format": "auto",
		"store": "postgres://parley:xxxxx@db/parley", "nats": []any{"nats://parley:xxxxx@n1", "nats://n2"}} {
		if !reflect.DeepEqual(printed[key], want) {
			t.Errorf("%s is %v, not %v", key, printed[key], want)
		}
	}
}

func TestWhatIsWrongIsOneSentence(t *testing.T) {
	dir := t.TempDir()
	misspelt := filepath.Join(dir, "misspelt.yaml")
	if err := os.WriteFile(misspelt, []byte("lisen: 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken")
	if err := os.Mkdir(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "parley.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"serve", "--config", misspelt}, "parley: --config: " + misspelt + ": there is no setting \"lisen\""},
		{[]string{"serve", "--config", filepath.Join(dir, "missing.yaml")}, "missing.yaml"},
		{[]string{"serve", "--data", broken, "--listen", "127.0.0.1:0"}, "the database is damaged"},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--listen", "127.0.0.1:0", "--tls-cert", misspelt, "--tls-key", misspelt}, "--tls-cert"},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--public-url", "chat.example"}, "--public-url"},
		{[]string{"user", "list", "--data", filepath.Join(dir, "none")}, "there is no "},
		{[]string{"room", "list", "--data", filepath.Join(dir, "none")}, "there is no "},
		{[]string{"backup", "--data", filepath.Join(dir, "none"), filepath.Join(dir, "b")}, "there is no "},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--tls-cert", "x"}, "--tls-key"},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--auth-jwt-secret", "short"}, "32"},
		{[]string{"bench", "idle", "--conns", "0"}, "--conns 0"},
		{[]string{"bench", "pairs", "--pairs", "0"}, "--pairs 0"},
		{[]string{"bench", "fanout", "--members", "0"}, "--members 0"},
		{[]string{"bench", "fanout", "--rate=-1"}, "--rate -1"},
		{[]string{"bench", "pairs", "--duration", "0s"}, "--duration 0s"},
		{[]string{"bench", "storm", "--conns=-3"}, "--conns -3"},
		{[]string{"bench", "storm", "--members", "0"}, "--members 0"},
		{[]string{"bench", "storm", "--jwt-secret", "short"}, "--jwt-secret"},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--trusted-proxies", "everybody"}, "trusted-proxies"},
		{[]string{"serve", "--roles", "gateway"}, "--nats"},
		{[]string{"serve", "--roles", "everything", "--nats", "nats://127.0.0.1:1"}, "gateway"},
		{[]string{"serve", "--roles", "rooms", "--nats", "nats://127.0.0.1:1"}, "--store postgres://"},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--store", "mysql://h/n"}, "postgres://"},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--nats-user", "u"}, "--nats"},
		{[]string{"serve", "--roles", "gateway", "--nats", "nats://127.0.0.1:1", "--nats-nkey", filepath.Join(dir, "no-seed"), "--listen", "127.0.0.1:0"}, "no-seed"},
		{[]string{"user", "list", "--data", filepath.Join(dir, "d"), "--store", "postgres://h/n"}, "--nats"},
		{[]string{"nats-permissions", "--role", "everything"}, "operator"},
		{[]string{"serve", "--data", filepath.Join(file, "d"), "--listen", "127.0.0.1:0"}, "data folder"},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--listen", ""}, "--listen"},
		{[]string{"config", "--listen", ""}, "--listen"},
		{[]string{"serve", "--data", filepath.Join(dir, "d"), "--listen", "256.0.0.1:1"}, "256.0.0.1:1"},
	} {
		code, out, errs := says(t, c.args...)
		if code == 0 || out != "" || !strings.Contains(errs, c.says) || strings.Contains(errs, "goroutine") {
			t.Errorf("%v: %d\n%s%s", c.args, code, out, errs)
		}
	}
}

// TestTheFirstAccountIsNoMember: it owns the installation, and what cannot be is
// said before there is an account.
func TestTheFirstAccountIsNoMember(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, role := range []string{"member", "guest", "admin"} {
		types(t, "correct horse")
		if code, out, errs := says(t, "user", "add", "--data", data, "--role", role, "bob"); code != 1 || out != "" || !strings.Contains(errs, "add the owner first") {
			t.Errorf("%s: %d %s%s", role, code, out, errs)
		}
	}
	for _, c := range [][2]string{{"owner", "ann"}, {"guest", "bob"}} {
		types(t, "correct horse")
		if code, out, errs := says(t, "user", "add", "--data", data, "--role", c[0], c[1]); code != 0 || !strings.HasSuffix(out, ", "+c[0]+"\n") {
			t.Errorf("%v: %d %s%s", c, code, out, errs)
		}
	}
}

// TestNoListenInTheEnvironmentIsRefused: an empty one is not the default, and a
// server that nobody reaches looks as if it worked.
func TestNoListenInTheEnvironmentIsRefused(t *testing.T) {
	t.Setenv("PARLEY_LISTEN", "")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	data := filepath.Join(t.TempDir(), "data")
	if code, out, errs := saysUntil(gone, "serve", "--data", data); code != 1 || out != "" || !strings.Contains(errs, "--listen") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	types(t, "correct horse")
	if code, _, errs := says(t, "user", "add", "--data", data, "ann"); code != 0 {
		t.Errorf("an operator's command needs none: %d %s", code, errs)
	}
}

// TestOneStaticBinary builds what is given to people.
func TestOneStaticBinary(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "parley")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 60_000_000
	t.Logf("%.1f MB unstripped", float64(info.Size())/1e6)
	if info.Size() >= limit {
		t.Errorf("the binary has %d bytes", info.Size())
	}
	if runtime.GOOS == "linux" {
		f, err := elf.Open(binary)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 || f.Section(".interp") != nil {
			t.Errorf("it needs %v (%v)", libraries, err)
		}
	}
	if out, err := exec.CommandContext(ctx, binary, "version").Output(); err != nil || !strings.HasPrefix(string(out), "parley ") {
		t.Errorf("%s %v", out, err)
	}
	// The best of five: what else the machine does is not meant, what the
	// program waits for is.
	best := time.Hour
	for range 5 {
		best = min(best, readyAfter(t, binary))
	}
	t.Logf("ready %v after its start from an empty folder", best)
	if best >= 500*time.Millisecond {
		t.Errorf("ready only %v after its start from an empty folder", best)
	}
}

// readyAfter starts a server on an empty folder, waits until it says that it is
// ready, and ends it.
func readyAfter(t *testing.T, binary string) time.Duration {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server := exec.CommandContext(ctx, binary, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait() // it was killed
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "Parley is ready") {
			return time.Since(since)
		}
	}
	t.Fatalf("it ended before it was ready: %v", lines.Err())
	return 0
}

// TestOperatorsCommandsOnAStoppedFolder: without a server they open the folder.
func TestOperatorsCommandsOnAStoppedFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	types(t, "correct horse")
	if code, out, errs := says(t, "user", "add", "--data", data, "--password-stdin", "ann"); code != 0 || !strings.Contains(out, "ann") {
		t.Fatal(code, out, errs)
	}
	types(t, "correct horse")
	if code, _, errs := says(t, "user", "add", "--data", data, "--password-stdin", "ann"); code != 1 || strings.Count(strings.TrimSpace(errs), "\n") > 0 {
		t.Errorf("a name that is taken: %d %s", code, errs)
	}
	types(t, "another horse")
	if code, _, errs := says(t, "user", "passwd", "--data", data, "--password-stdin", "ann"); code != 0 {
		t.Error(code, errs)
	}
	types(t, "correct horse")
	if code, _, errs := says(t, "user", "add", "--data", data, "--password-stdin", "bob"); code != 0 {
		t.Error(code, errs)
	}
	if code, out, errs := says(t, "user", "ban", "--data", data, "bob"); code != 0 || !strings.Contains(out, "banned") {
		t.Error(code, out, errs)
	}
	if code, out, errs := says(t, "user", "invite", "--data", data, "--room", "general", "--public-url", "https://chat.example/"); code != 0 ||
		!strings.HasPrefix(out, "https://chat.example/#/invite/") || len(strings.TrimSpace(out)) < len("https://chat.example/#/invite/")+22 {
		t.Error(code, out, errs)
	}
	if code, out, errs := says(t, "user", "invite", "--data", data, "--uses", "0"); code != 1 || out != "" || !strings.Contains(errs, "1 to 10000 people") {
		t.Error(code, out, errs)
	}
	code, out, errs := says(t, "user", "list", "--data", data, "--json")
	var first struct {
		Username string `json:"username"`
		Role     string `json:"role"`
		Since    string `json:"created_at"`
	}
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&first); code != 0 || err != nil || first.Username != "ann" || first.Role != "owner" {
		t.Errorf("%d %s %s %v", code, out, errs, err)
	}
	if _, err := time.Parse(time.RFC3339, first.Since); err != nil {
		t.Error(err)
	}
	if code, out, errs := says(t, "room", "list", "--data", data); code != 0 || !strings.Contains(out, "general") || errs != "" {
		t.Error(code, out, errs)
	}
	if code, _, errs := says(t, "roles", "--data", data); code != 1 || !strings.Contains(errs, "no parley runs on "+data) {
		t.Error(code, errs)
	}
	if code, out, errs := says(t, "explain", "--data", data, "general", "1"); code != 0 || !strings.Contains(out, "commit") {
		t.Error(code, out, errs)
	}
	file := filepath.Join(t.TempDir(), "backup")
	if code, out, errs := says(t, "backup", "--data", data, file); code != 0 {
		t.Error(code, out, errs)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if code, out, errs := says(t, "restore", "--data", copied, file); code != 0 {
		t.Error(code, out, errs)
	}
	if code, out, errs := says(t, "verify", "--data", copied); code != 0 {
		t.Error(code, out, errs)
	}
}
