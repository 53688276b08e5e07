// Package terminal is the chat client behind parley chat. On a terminal it has
// the whole window, by text and plain ANSI sequences, so that it works over ssh; in
// a pipe, on a paper terminal and where it is asked to it reads and writes lines.
package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/parley-chat/parley/client"
)

// Options are the flags of parley chat.
type Options struct {
	URL      string `name:"url" default:"http://127.0.0.1:8080" env:"PARLEY_URL" help:"Address of the server."`
	Username string `name:"username" short:"u" help:"Who to be; by default whoever signed in here last, else you are asked."`
	SignUp   bool   `name:"sign-up" help:"Make the account first."`
	Invite   string `name:"invite" help:"The invite that signing up takes where --signup invite is: its link or code. Makes the account first."`
	Plain    bool   `name:"plain" help:"Line by line, as in a pipe, and not on the whole terminal."`
	Lines    int    `name:"lines" default:"20" help:"Line by line: messages to show when a room is opened."`
	Room     string `arg:"" optional:"" help:"Room to open: its name, handle or id, or @username. By default the one that was active last."`

	// ConfigDir is where the sign-in is kept; "" means the user's own.
	ConfigDir string `kong:"-"`
}

// flushWithin bounds how long leaving waits for what was not sent yet.
const flushWithin = 5 * time.Second

// Run chats until the input ends, the person quits or ctx ends. What was typed
// before the input ended is still sent. In a pipe it is an error that the named
// room cannot be opened, and that a line could not be sent. Reading in is not interrupted by ctx:
// the caller closes it or ends the program.
func (o *Options) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	screen := newScreen(out)
	keyboard := &keyboard{in: in, lines: bufio.NewReader(in), out: out}
	login, err := o.signIn(ctx, keyboard, screen)
	if err != nil {
		return err
	}
	session, err := client.Connect(ctx, client.Config{URL: o.URL, Tokens: login, Device: "terminal"})
	if err != nil {
		return err
	}
	if o.whole(keyboard, out) {
		return o.runWindow(ctx, session, in, out)
	}
	c := newChat(session, screen, o)
	c.typed = keyboard.terminal()
	return c.run(ctx, keyboard)
}

// whole says whether the chat gets the whole terminal.
func (o *Options) whole(k *keyboard, out io.Writer) bool {
	f, is := out.(*os.File)
	kind := os.Getenv("TERM")
	return !o.Plain && k.terminal() && is && term.IsTerminal(int(f.Fd())) && kind != "dumb" && kind != ""
}

// runWindow chats on the whole terminal.
func (o *Options) runWindow(ctx context.Context, session *client.Session, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	notices := make(chan client.Notice)
	var workers sync.WaitGroup
	var over error
	workers.Go(func() {
		defer close(notices)
		over = listen(ctx, session, notices)
	})
	w := newWindow(ctx, session, notices, o)
	_, err := show(ctx, w, in, out)
	closing := session.Close()
	cancel()
	workers.Wait()
	if err == nil && !errors.Is(over, client.ErrClosed) && !errors.Is(over, context.Canceled) {
		err = over
	}
	return errors.Join(err, w.ended, closing)
}

// keyboard is where lines come from.
type keyboard struct {
	in    io.Reader
	lines *bufio.Reader
	out   io.Writer
}

func (k *keyboard) terminal() bool {
	f, ok := k.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// line returns the next line without its end, io.EOF after the last one.
func (k *keyboard) line() (string, error) {
	text, err := k.lines.ReadString('\n')
	if err != nil && (text == "" || !errors.Is(err, io.EOF)) {
		return "", err
	}
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	return text, nil
}

// ask prompts for a line.
func (k *keyboard) ask(prompt string) (string, error) {
	fmt.Fprint(k.out, prompt)
	return k.line()
}

// password prompts for a line that a terminal does not show.
func (k *keyboard) password(prompt string) (string, error) {
	if !k.terminal() {
		return k.ask(prompt)
	}
	fmt.Fprint(k.out, prompt)
	data, err := term.ReadPassword(int(k.in.(*os.File).Fd()))
	fmt.Fprintln(k.out)
	return string(data), err
}

// pump sends every line until the input or ctx ends, then closes the channel.
func (k *keyboard) pump(ctx context.Context, lines chan<- string) {
	defer close(lines)
	for {
		text, err := k.line()
		if err != nil {
			return
		}
		select {
		case lines <- text:
		case <-ctx.Done():
			return
		}
	}
}

// run is the loop: what is typed and what the session says, one after another.
func (c *chat) run(ctx context.Context, k *keyboard) error {
	ctx, cancel := context.WithCancel(ctx)
	lines := make(chan string)
	go k.pump(ctx, lines) // ends with the input; a read cannot be taken back
	notices := make(chan client.Notice)
	var workers sync.WaitGroup
	var ended error
	workers.Go(func() {
		defer close(notices)
		ended = listen(ctx, c.session, notices)
	})
	c.answers = make(chan answer)
	c.ctx = ctx
	err := c.loop(ctx, lines, notices)
	if err == nil && c.lost > 0 && !c.typed {
		err = fmt.Errorf("lines that were not sent: %d; the first: %w", c.lost, c.why)
	}
	closing := c.session.Close()
	cancel()
	c.waiting.Wait()
	workers.Wait()
	if err == nil && !errors.Is(ended, client.ErrClosed) && !errors.Is(ended, context.Canceled) {
		err = ended
	}
	return errors.Join(err, closing)
}

func (c *chat) loop(ctx context.Context, lines <-chan string, notices <-chan client.Notice) error {
	for {
		typed := lines
		if c.me.ID == "" {
			typed = nil // until a room is open there is nowhere to say it
		}
		select {
		case text, ok := <-typed:
			if !ok {
				return c.drain(ctx, notices)
			}
			if quit := c.enter(ctx, text); quit {
				return c.drain(ctx, notices)
			}
		case n, ok := <-notices:
			if !ok {
				return nil
			}
			if c.notices(ctx, gather(n, notices)); c.failed != nil {
				return c.failed
			}
		case a := <-c.answers:
			c.answered(a)
		case <-ctx.Done():
			return nil
		}
	}
}

// drain goes on until everything typed has been answered and shown: for as long as
// answers come, and [flushWithin] without one.
func (c *chat) drain(ctx context.Context, notices <-chan client.Notice) error {
	silent := time.NewTimer(flushWithin)
	defer silent.Stop()
	for !c.settled() {
		select {
		case n, ok := <-notices:
			if !ok {
				return nil
			}
			c.notices(ctx, gather(n, notices))
		case a := <-c.answers:
			c.answered(a)
			silent.Reset(flushWithin)
		case <-silent.C:
			return errors.New("what was typed last may not have been sent: the server does not answer")
		case <-ctx.Done():
			return fmt.Errorf("what was typed last may not have been sent: %w", ctx.Err())
		}
	}
	return nil
}

// gather takes what is there already, so that its authors are looked up in one call.
func gather(first client.Notice, more <-chan client.Notice) []client.Notice {
	const most = 200
	all := []client.Notice{first}
	for len(all) < most {
		select {
		case n, ok := <-more:
			if !ok {
				return all
			}
			all = append(all, n)
		default:
			return all
		}
	}
	return all
}

// listen hands on what the session says until it or ctx ends.
func listen(ctx context.Context, s *client.Session, notices chan<- client.Notice) error {
	for {
		n, err := s.Next(ctx)
		if err != nil {
			return err
		}
		select {
		case notices <- n:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
