package terminal

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/node/nodetest"
)

// sitsAt makes this test's binary the chat: a process of its own, as over ssh.
const sitsAt = "PARLEY_TEST_TERMINAL"

// unseen waits until the terminal does not show what is typed.
func unseen(t *testing.T, terminal *os.File) {
	t.Helper()
	for late := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		mode, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err == nil && mode.Lflag&unix.ECHO == 0 {
			return
		}
		if err != nil || time.Now().After(late) {
			t.Fatalf("the terminal shows what is typed: %v", err)
		}
	}
}

// TestOnATerminal signs up on a real terminal, talks on the whole of it, and leaves
// it as it was.
func TestOnATerminal(t *testing.T) {
	if url := os.Getenv(sitsAt); url != "" {
		o := Options{URL: url, Username: "ann", SignUp: true, Room: "general", Lines: 20, ConfigDir: t.TempDir()}
		if err := o.Run(t.Context(), os.Stdin, os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	town := nodetest.New(t)
	bob := town.Person("bob")
	general := bob.General()
	chat := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestOnATerminal$")
	chat.Env = append(os.Environ(), sitsAt+"="+town.URL(), "TERM=xterm-256color")
	terminal, err := pty.StartWithSize(chat, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	told := &paper{more: make(chan struct{}, 1)}
	var reading sync.WaitGroup
	reading.Go(func() {
		b := make([]byte, 4096)
		for {
			n, err := terminal.Read(b)
			if err != nil {
				return // the other end is closed
			}
			_, _ = told.Write(b[:n])
		}
	})
	sees := func(pattern string) {
		t.Helper()
		re, late := regexp.MustCompile(pattern), time.After(30*time.Second)
		for !re.MatchString(told.String()) {
			select {
			case <-told.more:
			case <-late:
				t.Fatalf("%q is not in %q", pattern, told.String())
			}
		}
	}
	types := func(text string) {
		t.Helper()
		if _, err := terminal.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	sees("password: ")
	unseen(t, terminal)
	types("ann's password\r")
	sees(`\x1b\[\?1049h`) // the other screen
	sees("connected")
	bob.Says(general, "over here")
	sees("over here")
	types("I see you\r")
	bob.Hears(general, "I see you")
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 12, Cols: 50}); err != nil {
		t.Fatal(err)
	}
	bob.Until("that ann reads", func(n client.Notice) bool {
		_, is := n.(client.Receipt)
		return is
	})
	types(ctrlC)
	if err := chat.Wait(); err != nil {
		t.Errorf("it ended with %v, having shown %q", err, told.String())
	}
	terminal.Close()
	reading.Wait()
	all := told.String()
	if strings.Contains(all, "ann's password") {
		t.Error("the password was shown")
	}
	if on, off := strings.LastIndex(all, "\x1b[?1049h"), strings.LastIndex(all, "\x1b[?1049l"); off < on {
		t.Errorf("the terminal is left on the other screen: %q", bytes.ToValidUTF8([]byte(all), nil))
	}
}
