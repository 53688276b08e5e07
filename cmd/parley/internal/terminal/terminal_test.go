package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
)

// paper is an output that a test can wait for.
type paper struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newPaper() *paper { return &paper{more: make(chan struct{}, 1)} }

func (p *paper) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
	return p.text.Write(data)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// seat is one person at one terminal.
type seat struct {
	t    *testing.T
	keys *io.PipeWriter
	out  *paper
	done chan error
}

func sit(t *testing.T, o Options) *seat {
	t.Helper()
	if o.ConfigDir == "" {
		o.ConfigDir = t.TempDir()
	}
	in, keys := io.Pipe()
	s := &seat{t: t, keys: keys, out: newPaper(), done: make(chan error, 1)}
	go func() { s.done <- o.Run(t.Context(), in, s.out) }()
	t.Cleanup(func() { keys.Close() })
	return s
}

func (s *seat) types(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// sees waits until the output matches.
func (s *seat) sees(pattern string) {
	s.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	deadline := time.After(20 * time.Second)
	for !re.MatchString(s.out.String()) {
		select {
		case <-s.out.more:
		case err := <-s.done:
			if re.MatchString(s.out.String()) {
				s.done <- err
				return
			}
			s.t.Fatalf("ended with %v before %q was seen in\n%s", err, pattern, s.out)
		case <-deadline:
			s.t.Fatalf("%q is not in\n%s", pattern, s.out)
		}
	}
}

func (s *seat) leaves() error {
	s.t.Helper()
	s.keys.Close()
	select {
	case err := <-s.done:
		return err
	case <-time.After(20 * time.Second):
		s.t.Fatalf("does not leave\n%s", s.out)
		return nil
	}
}

func TestTalk(t *testing.T) {
	srv := newServer(t)
	general := srv.add(client.Channel, "general", "ann", "bob")
	kitchen := srv.add(client.Group, "kitchen", "ann", "bob")
	srv.says(general, "bob", "welcome, ann")
	ann := sit(t, Options{URL: srv.url, Username: "ann", Room: "general", Lines: 20})
	ann.types("password1")
	ann.sees(`you are ann`)
	ann.sees(`\d\d:\d\d bob: welcome, ann$`)
	ann.types("hello, bob")
	ann.sees(`\d\d:\d\d ann: hello, bob$`)
	srv.says(general, "bob", "two\nlines")
	ann.sees("bob: two\n           lines$")
	srv.says(kitchen, "bob", "soup")
	ann.sees(`bob writes in kitchen`)
	ann.types("/rooms")
	ann.sees(`  2  kitchen  \(1 unread\)`)
	ann.types("/open kitchen")
	ann.sees(`bob: soup$`)
	ann.types("//slash")
	ann.sees(`ann: /slash$`)
	ann.types("/who")
	ann.sees(`1 of 2 here: ann`)
	ann.types("/nonsense")
	ann.sees(`there is no /nonsense`)
	ann.types("/help")
	ann.sees(`/history \[N\]`)
	ann.types("last words")
	if err := ann.leaves(); err != nil {
		t.Fatal(err)
	}
	if text := ann.out.String(); !strings.Contains(text, "ann: last words") || strings.Count(text, "welcome, ann") != 1 || strings.Contains(text, "\x1b") {
		t.Errorf("printed\n%s", text)
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.lookups != 1 {
		t.Errorf("%d look-ups for one author", srv.lookups)
	}
	if got := srv.marks[general.ID]; got != 3 {
		t.Errorf("general is read up to %d", got)
	}
}

func TestRestartIsSurvivedWithoutLoss(t *testing.T) {
	srv := newServer(t)
	general := srv.add(client.Channel, "general", "ann", "bob")
	ann := sit(t, Options{URL: srv.url, Username: "ann", Lines: 20})
	ann.types("password1")
	ann.sees(`general`)
	srv.says(general, "bob", "before")
	ann.sees(`bob: before$`)
	srv.dropAll(true)
	ann.sees(`connection lost, reconnecting in`)
	ann.types("said offline")
	ann.sees(`sent when the connection is back`)
	srv.says(general, "bob", "meanwhile")
	srv.mu.Lock()
	srv.down = false
	srv.mu.Unlock()
	ann.sees(`connected again`)
	ann.sees(`bob: meanwhile$`)
	ann.sees(`ann: said offline$`)
	ann.types("/quit")
	if err := <-ann.done; err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"before", "meanwhile", "ann: said offline"} {
		if n := strings.Count(ann.out.String(), text); n != 1 {
			t.Errorf("%q was shown %d times", text, n)
		}
	}
}

func TestHistoryGoesBack(t *testing.T) {
	srv := newServer(t)
	general := srv.add(client.Channel, "general", "ann")
	for i := range 7 {
		srv.says(general, "bob", fmt.Sprint("line ", i+1))
	}
	ann := sit(t, Options{URL: srv.url, Username: "ann", Lines: 3})
	ann.types("password1")
	ann.sees(`line 5$[\s\S]*line 6$[\s\S]*line 7$`)
	ann.types("/history 2")
	ann.sees(`line 7$[\s\S]*line 3$[\s\S]*line 4$`)
	ann.types("/history")
	ann.sees(`line 4$[\s\S]*line 1$[\s\S]*line 2$`)
	ann.types("/history")
	ann.sees(`that was the beginning`)
	ann.types("/history x")
	ann.sees(`x is no number`)
	if err := ann.leaves(); err != nil {
		t.Fatal(err)
	}
}

func TestRoomsAreJoinedAndOpened(t *testing.T) {
	srv := newServer(t)
	srv.add(client.Channel, "lobby", "bob")
	ann := sit(t, Options{URL: srv.url, Username: "ann", Lines: 3})
	ann.types("password1")
	ann.sees(`you are in no room yet`)
	ann.types("to nobody")
	ann.sees(`no room is open`)
	ann.types("/join nowhere")
	ann.sees(`there is no room nowhere`)
	ann.types("/join lobby")
	ann.sees(`\* lobby`)
	ann.types("here I am")
	ann.sees(`ann: here I am$`)
	ann.types("/open @bob")
	ann.sees(`\* @bob`)
	ann.types("/open @nobody")
	ann.sees(`@nobody: parley: not_found`)
	srv.mu.Lock()
	srv.refuse = "forbidden"
	srv.mu.Unlock()
	ann.types("not allowed")
	ann.sees(`not sent: parley: forbidden: you may not`)
	if err := ann.leaves(); err == nil || !strings.Contains(err.Error(), "not sent: 2") {
		t.Fatal(err)
	}
}

func TestSignInIsKept(t *testing.T) {
	srv := newServer(t)
	srv.add(client.Channel, "general", "ann", "carol")
	dir := t.TempDir()
	wrong := sit(t, Options{URL: srv.url, ConfigDir: dir, Lines: 1})
	wrong.sees(`username: `)
	wrong.types("ann")
	wrong.types("wrong")
	wrong.sees(`no account ann with this password`)
	wrong.types("n")
	if err := <-wrong.done; client.CodeOf(err) != client.CodeUnauthenticated {
		t.Fatalf("ended with %v", err)
	}

	carol := sit(t, Options{URL: srv.url, ConfigDir: dir, Username: "carol", Lines: 1})
	carol.types("password3")
	carol.sees(`make a new account`)
	carol.types("y")
	carol.sees(`you are carol`)
	if err := carol.leaves(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "chat.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("kept as %v, %v", info.Mode(), err)
	}
	for range 2 { // the token that is kept is always the newest
		again := sit(t, Options{URL: srv.url, ConfigDir: dir, Lines: 1})
		again.sees(`you are carol`)
		if err := again.leaves(); err != nil {
			t.Fatal(err)
		}
	}
	srv.mu.Lock()
	srv.lose = true
	srv.mu.Unlock()
	cut := sit(t, Options{URL: srv.url, ConfigDir: dir, Lines: 1})
	if err := <-cut.done; err == nil || client.CodeOf(err) == client.CodeUnauthenticated {
		t.Fatalf("without an answer it ended with %v", err)
	}
	srv.mu.Lock()
	srv.lose = false
	srv.mu.Unlock()
	back := sit(t, Options{URL: srv.url, ConfigDir: dir, Lines: 1})
	back.sees(`you are carol`) // the repeat of an exchange, and no theft
	if err := back.leaves(); err != nil {
		t.Fatal(err)
	}
	srv.mu.Lock()
	clear(srv.refresh) // revoked
	srv.mu.Unlock()
	revoked := sit(t, Options{URL: srv.url, ConfigDir: dir, Username: "carol", Lines: 1})
	revoked.sees(`password: `)
	revoked.types("password3")
	revoked.sees(`you are carol`)
	if err := revoked.leaves(); err != nil {
		t.Fatal(err)
	}
	taken := sit(t, Options{URL: srv.url, Username: "ann", SignUp: true, Lines: 1})
	taken.types("password9")
	if err := <-taken.done; client.CodeOf(err) != client.CodeConflict {
		t.Fatalf("signing up with a taken name ended with %v", err)
	}
}

func TestEventsAreSentences(t *testing.T) {
	c := &chat{names: map[string]string{"a": "Ann", "b": "Bob"}, rooms: map[string]*room{}}
	for want, body := range map[string]client.Body{
		"Ann: (edited) new":            client.EditBody{Text: "new"},
		"Ann: (deleted)":               client.MessageBody{Deleted: true},
		"Ann deleted a message":        client.DeleteBody{},
		"Ann reacts with +":            client.ReactionBody{Emoji: "+", Op: "add"},
		"Ann takes back +":             client.ReactionBody{Emoji: "+", Op: "remove"},
		"Bob joined":                   client.MemberBody{User: "b", Op: "join"},
		"Bob left":                     client.MemberBody{User: "b", Op: "leave"},
		"Ann added Bob":                client.MemberBody{User: "b", Op: "add"},
		"Ann removed Bob":              client.MemberBody{User: "b", Op: "remove"},
		"Ann made Bob owner":           client.MemberBody{User: "b", Op: "role", Role: "owner"},
		"Ann renamed the room to Hall": client.RoomBody{Op: "rename", Name: "Hall"},
		"Ann set the topic: tea":       client.RoomBody{Op: "topic", Topic: "tea"},
		"Ann made the room":            client.RoomBody{Op: "create"},
		"Ann archived the room":        client.RoomBody{Op: "archive"},
	} {
		var out strings.Builder
		c.screen = newScreen(&out)
		c.show(client.Event{By: "a", Body: body})
		if got := strings.TrimSpace(out.String()[len("15:04 "):]); got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
}

func TestNobodyCanPaintTheTerminal(t *testing.T) {
	var out strings.Builder
	s := newScreen(&out)
	s.message(time.Now(), "id", "ev\x1bil", "\x1b[2Jgone\u009b1A \u202egnorw\r\tend\nnext\x07")
	if text := out.String(); strings.ContainsAny(text, "\x1b\u009b\u202e\r\t\x07") || strings.Count(text, "\n") != 2 {
		t.Errorf("printed %q", text)
	}
}

func TestColourOnlyOnATerminal(t *testing.T) {
	var out strings.Builder
	s := newScreen(&out)
	s.note("plain")
	s.unecho("typed")
	s.colour, s.width = true, func() int { return 10 }
	s.note("bright")
	s.unecho("typed over two rows")
	if got, want := out.String(), "* plain\n\x1b[33m* bright\x1b[0m\n\x1b[2A\x1b[J"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestAmbiguousRoomsAreNotGuessed(t *testing.T) {
	c := &chat{rooms: map[string]*room{
		"1": {Room: client.Room{ID: "1", Name: "same"}}, "2": {Room: client.Room{ID: "2", Name: "same"}}, "3": {Room: client.Room{ID: "3", Name: "other", Handle: "o"}},
	}}
	if _, err := pick(c.sorted(), "same"); err == nil {
		t.Error("one of two rooms was taken")
	}
	for name, want := range map[string]string{"#o": "3", "OTHER": "3", "1": "1"} {
		if r, err := pick(c.sorted(), name); err != nil || r == nil || r.ID != want {
			t.Errorf("%s found %+v, %v", name, r, err)
		}
	}
}

// TestAPipeTellsWhatItLost: a script learns by the exit code that nobody has read
// what it wrote.
func TestAPipeTellsWhatItLost(t *testing.T) {
	srv := newServer(t)
	srv.add(client.Channel, "general", "ann")
	pipe := func(room, refuse string) (string, error) {
		srv.mu.Lock()
		srv.refuse = refuse
		srv.mu.Unlock()
		out := newPaper()
		o := Options{URL: srv.url, Username: "ann", Room: room, Lines: 20, ConfigDir: t.TempDir()}
		err := o.Run(t.Context(), strings.NewReader("password1\nhello\n"), out)
		return out.String(), err
	}
	if out, err := pipe("nosuchroom", ""); err == nil || !strings.Contains(err.Error(), "nosuchroom") || strings.Contains(out, "hello") {
		t.Errorf("into no room: %v\n%s", err, out)
	}
	if out, err := pipe("general", "forbidden"); err == nil || !strings.Contains(err.Error(), "not sent: 1") || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("when it is refused: %v\n%s", err, out)
	}
	if out, err := pipe("general", ""); err != nil || !strings.Contains(out, "ann: hello") {
		t.Errorf("into a room: %v\n%s", err, out)
	}
}
