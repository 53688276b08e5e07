package terminal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/node/nodetest"
)

// desk is somebody at a window, over a real server.
type desk struct {
	t      *testing.T
	rest   *client.Client
	keys   *os.File
	done   chan error
	closed chan struct{}

	mu    sync.Mutex
	view  string // what the window shows, with its colours
	fresh chan struct{}
}

// watched tells what the window shows after each message.
type watched struct {
	*window
	show func(string)
}

func (m watched) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	_, cmd := m.window.Update(msg)
	m.show(m.View().Content)
	return m, cmd
}

// at seats somebody who signs up at a terminal of this size.
func at(t *testing.T, url, name string, width, height int) *desk {
	t.Helper()
	login, err := client.New(url).SignUp(t.Context(), name, name+"'s password", "")
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.Connect(t.Context(), client.Config{URL: url, Tokens: login, Backoff: client.FullJitter(20*time.Millisecond, 200*time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	in, keys, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, rest: session.REST(), keys: keys, done: make(chan error, 1), closed: make(chan struct{}), fresh: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	notices := make(chan client.Notice)
	go func() {
		defer close(notices)
		if err := listen(ctx, session, notices); !errors.Is(err, client.ErrClosed) && !errors.Is(err, context.Canceled) {
			t.Errorf("the session ended with %v", err)
		}
	}()
	go func() {
		defer close(d.closed)
		w := newWindow(ctx, session, notices, &Options{})
		_, err := show(ctx, watched{w, d.sees}, in, io.Discard, tea.WithWindowSize(width, height), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
		d.done <- errors.Join(err, w.ended)
	}()
	t.Cleanup(func() {
		d.presses(ctrlC, ctrlC) // whoever has not left yet
		<-d.closed
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		keys.Close()
		in.Close()
	})
	return d
}

func (d *desk) sees(view string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.view = view
	select {
	case d.fresh <- struct{}{}:
	default:
	}
}

func (d *desk) painted() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view
}

func (d *desk) shown() string { return ansi.Strip(d.painted()) }

// presses sends bytes as a terminal does.
func (d *desk) presses(keys ...string) {
	d.t.Helper()
	for _, k := range keys {
		if _, err := d.keys.WriteString(k); err != nil {
			d.t.Fatal(err)
		}
	}
}

// What keys send.
const (
	enter  = "\r"
	up     = "\x1b[A"
	pageUp = "\x1b[5~"
	tab    = "\t"
	ctrlC  = "\x03"
	ctrlG  = "\x07"
	ctrlN  = "\x0e"
	ctrlJ  = "\n"
)

// until waits until the window shows something.
func (d *desk) until(what string, is func(shown string) bool) {
	d.t.Helper()
	late := time.After(30 * time.Second)
	for !is(d.shown()) {
		select {
		case <-d.fresh:
		case err := <-d.done:
			d.t.Fatalf("left with %v before %s in\n%s", err, what, d.shown())
		case <-late:
			d.t.Fatalf("waited in vain for %s in\n%s", what, d.shown())
		}
	}
}

func (d *desk) reads(pattern string) {
	d.t.Helper()
	d.until(fmt.Sprintf("%q", pattern), regexp.MustCompile("(?m)"+pattern).MatchString)
}

func (d *desk) readsNoMore(pattern string) {
	d.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	d.until(fmt.Sprintf("no %q", pattern), func(shown string) bool { return !re.MatchString(shown) })
}

// leaves waits for the end.
func (d *desk) leaves() {
	d.t.Helper()
	select {
	case err := <-d.done:
		if err != nil {
			d.t.Error(err)
		}
	case <-time.After(30 * time.Second):
		d.t.Fatalf("does not leave\n%s", d.shown())
	}
}

// hearsAct waits until somebody is told of an event that fits.
func hearsAct(t *testing.T, p *nodetest.Person, what string, fits func(client.Event) bool) client.Event {
	t.Helper()
	n := p.Until(what, func(n client.Notice) bool {
		ev, is := n.(client.Event)
		return is && fits(ev)
	})
	return n.(client.Event)
}

func TestAWindowShowsTheTalkOfAllRooms(t *testing.T) {
	town := nodetest.New(t)
	bob := town.Person("bob")
	ann := at(t, town.URL(), "ann", 100, 30)
	ann.reads(`● connected`)
	ann.reads(`> general`)
	general := bob.General()
	bob.Says(general, "good morning")
	ann.reads(`bob  \d\d:\d\d`)
	ann.reads(`  good morning`)
	ann.presses("hello, bob", enter)
	bob.Hears(general, "hello, bob")
	ann.reads(`  hello, bob +$`) // and not as what waits

	kitchen := bob.Creates(client.Group, "kitchen")
	me, err := bob.REST().User(t.Context(), "@ann")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.REST().SetMember(t.Context(), kitchen, me.ID, ""); err != nil {
		t.Fatal(err)
	}
	ann.reads(`  kitchen`)
	bob.Says(kitchen, "soup is ready")
	ann.reads(`kitchen +1 │`)
	soup := bob.Says(kitchen, "@ann, which one?")
	ann.reads(`kitchen +@1 │`)
	ann.presses(tab)
	ann.reads(`> kitchen +│`)
	ann.reads(`── new ──`)
	ann.reads(`@ann, which one\?`)

	ann.presses(up)
	ann.reads(`Enter answer`)
	ann.presses(enter)
	ann.reads(`answering bob: @ann, which one\?`)
	ann.presses("the red one", ctrlJ, "and bread", enter)
	reply := bob.Hears(kitchen, "the red one\nand bread")
	if b := reply.Body.(client.MessageBody); b.ReplyTo != soup.Seq {
		t.Errorf("it answers %d, not %d", b.ReplyTo, soup.Seq)
	}
	ann.reads(`↳ bob: @ann, which one\?`)
	ann.reads(`  and bread +$`)

	ann.presses(up, "e")
	ann.reads(`editing a message`)
	ann.presses(", please", enter)
	hearsAct(t, bob, "an edit", func(e client.Event) bool {
		return e.Target == reply.Seq && e.Text() == "the red one\nand bread, please"
	})
	ann.reads(`and bread, please \(edited\)`)
	if _, err := bob.REST().React(t.Context(), kitchen, reply.Seq, "🎉"); err != nil {
		t.Fatal(err)
	}
	ann.reads(`🎉 1`)
	ann.presses(up, "d")
	ann.reads(`delete this message\?`)
	ann.presses("y")
	hearsAct(t, bob, "a deletion", func(e client.Event) bool { return e.Kind == client.KindDelete && e.Target == reply.Seq })
	ann.reads(`\(deleted\)`)

	ann.presses("a draft", ctrlN)
	ann.reads(`> general`)
	ann.readsNoMore(`a draft`)
	ann.presses(ctrlN)
	ann.reads(`> a draft`)
	ann.presses(ctrlC)
	ann.leaves()
}

func TestAWindowGoesBackToTheBeginning(t *testing.T) {
	town := nodetest.New(t)
	bob := town.Person("bob")
	general := bob.General()
	for i := range 250 {
		bob.Says(general, fmt.Sprintf("message %d.", i+1))
	}
	ann := at(t, town.URL(), "ann", 80, 24)
	ann.reads(`message 250\.`)
	for page := 0; !strings.Contains(ann.shown(), "message 1."); page++ {
		if page > 100 {
			t.Fatalf("after %d pages\n%s", page, ann.shown())
		}
		before := ann.shown()
		ann.presses(pageUp)
		ann.until("another page", func(shown string) bool { return shown != before })
	}
	at := ann.shown()
	bob.Says(general, "something new")
	ann.presses("x") // so that there is something to wait for
	ann.reads(`> x`)
	if now := ann.shown(); !strings.Contains(now, "message 1.") || strings.Contains(now, "something new") {
		t.Errorf("what is read moved from\n%s\nto\n%s", at, now)
	}
	ann.presses("\x1b[1;5F") // Ctrl-End
	ann.reads(`something new`)
}

func TestAWindowSurvivesARestart(t *testing.T) {
	town := nodetest.New(t)
	bob := town.Person("bob")
	general := bob.General()
	ann := at(t, town.URL(), "ann", 100, 30)
	bob.Says(general, "before")
	ann.reads(`  before`)
	town.Stop()
	ann.reads(`no connection`)
	ann.presses("said while away", enter)
	ann.reads(`said while away …`)
	town.Start()
	ann.reads(`● connected`)
	ann.reads(`said while away +$`)
	bob.Hears(general, "said while away")
	bob.Says(general, "after")
	ann.reads(`  after`)
	for _, text := range []string{"before", "said while away", "after"} {
		if n := strings.Count(ann.shown(), text); n != 1 {
			t.Errorf("%q is there %d times\n%s", text, n, ann.shown())
		}
	}
	ann.presses("last words", enter, "/quit", enter)
	ann.leaves()
	bob.Hears(general, "last words")
}

func TestAWindowTellsWhatWasRefused(t *testing.T) {
	town := nodetest.New(t)
	bob := town.Person("bob")
	ann := at(t, town.URL(), "ann", 100, 30)
	ann.reads(`> general`)
	news := bob.Creates(client.Channel, "news")
	closed := true
	if _, err := bob.REST().UpdateRoom(t.Context(), news, client.RoomChange{ReadOnly: &closed}); err != nil {
		t.Fatal(err)
	}
	ann.presses("/join news", enter)
	ann.reads(`> news`)
	ann.presses("may I?", enter)
	ann.reads(`not sent: .*only moderators write here`)
	ann.presses(up, "d")
	ann.readsNoMore(`not sent|may I`)
	for _, c := range []struct{ typed, want string }{
		{"/help", `next room with something unread`}, {"/nonsense", `there is no /nonsense`}, {"/open nowhere", `there is no room nowhere`}, {"/who", `\d of 2 here: `},
	} {
		ann.presses(c.typed, enter)
		ann.reads(c.want)
		ann.presses("\x1b[6~") // any key
		ann.readsNoMore(c.want)
	}
	ann.presses("/open @bob", enter)
	ann.reads(`> @bob`)
	ann.presses("just us", enter)
	hearsAct(t, bob, "a direct message", func(e client.Event) bool { return e.Text() == "just us" })
}

func TestANarrowWindowShowsOneThingAtATime(t *testing.T) {
	town := nodetest.New(t)
	bob := town.Person("bob")
	kitchen := bob.Creates(client.Channel, "kitchen")
	bob.Says(kitchen, "soup")
	ann := at(t, town.URL(), "ann", 40, 15)
	ann.reads(`general`)
	ann.presses("/join kitchen", enter)
	ann.reads(`  soup`)
	ann.readsNoMore(`│`)
	ann.presses(ctrlG, "gen")
	ann.reads(`> general`)
	ann.presses(enter)
	ann.reads(`^general`)
	for line := range strings.SplitSeq(ann.shown(), "\n") {
		if n := ansi.StringWidth(line); n > 40 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if n := strings.Count(ann.shown(), "\n") + 1; n != 15 {
		t.Errorf("%d lines", n)
	}
}

func TestNobodyCanPaintAWindow(t *testing.T) {
	town := nodetest.New(t)
	bob := town.Person("bob")
	ann := at(t, town.URL(), "ann", 100, 30)
	ann.reads(`> general`)
	bob.Says(bob.General(), "\x1b[2Jgone \u202egnorw \u009b1A\rover\tand\x07 out")
	ann.reads(`and. out`)
	if view := ann.painted(); strings.Contains(view, "\x1b[2J") || strings.ContainsAny(view, "\u202e\u009b\r\x07\t") {
		t.Errorf("the window holds %q", view)
	}
}

func TestSomebodyWritesAndIsRead(t *testing.T) {
	town := nodetest.New(t)
	bob := town.Person("bob")
	general := bob.General()
	ann := at(t, town.URL(), "ann", 100, 30)
	ann.reads(`> general`)
	ann.until("that bob writes", func(shown string) bool {
		bob.Session().SetTyping(general, true) // it may be lost
		return strings.Contains(shown, "bob writes …")
	})
	said := bob.Says(general, "there")
	ann.reads(`  there`)
	ann.readsNoMore(`bob writes`)
	bob.Until("that ann has read it", func(n client.Notice) bool {
		r, is := n.(client.Receipt)
		return is && r.Read >= said.Seq
	})
	ann.presses("h")
	bob.Until("that ann writes", func(n client.Notice) bool {
		on, is := n.(client.Typing)
		return is && on.On
	})
}

// TestAnInvitedOneSignsUp: by the whole link, as it is handed on.
func TestAnInvitedOneSignsUp(t *testing.T) {
	town := nodetest.New(t)
	town.Config.Accounts.SignUp = "invite"
	town.Restart()
	owner, err := client.New(town.URL()).SignUp(t.Context(), "owner", "owner's password", "")
	if err != nil {
		t.Fatal(err)
	}
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodPost, town.URL()+"/v1/invites", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Authorization", "Bearer "+owner.Tokens().AccessToken)
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var made struct{ URL string }
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil {
		t.Fatal(err)
	}
	alone := sit(t, Options{URL: town.URL(), Username: "ann", SignUp: true})
	alone.types("ann's password")
	if err := <-alone.done; client.CodeOf(err) != client.CodeForbidden {
		t.Errorf("without an invite it ends with %v", err)
	}
	ann := sit(t, Options{URL: town.URL(), Username: "ann", Invite: made.URL})
	ann.types("ann's password")
	ann.sees(`you are ann`)
	if err := ann.leaves(); err != nil {
		t.Error(err)
	}
}
