package terminal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/client"
)

const help = `/rooms          my rooms, with what is unread
/open ROOM      talk in a room: its number in /rooms, its name or @username
/join ROOM      enter a public channel and open it
/history [N]    the N messages before the oldest that was shown
/who            who is connected to this room
/quit           leave (so does the end of the input)
//text          say something that begins with a slash`

// enter handles a typed line and shows what goes wrong. It reports whether the
// person wants to leave.
func (c *chat) enter(ctx context.Context, text string) (quit bool) {
	command, rest, isCommand := parse(text)
	if !isCommand {
		c.say(ctx, rest)
		return false
	}
	var err error
	switch command {
	case "quit", "q", "exit":
		return true
	case "help":
		for line := range strings.Lines(help) {
			c.screen.line("%s", strings.TrimSuffix(line, "\n"))
		}
	case "rooms":
		c.showRooms()
	case "open", "join":
		err = c.open(ctx, rest)
	case "history":
		err = c.history(ctx, rest)
	case "who":
		err = c.who(ctx)
	default:
		err = fmt.Errorf("there is no /%s; /help lists the commands", command)
	}
	if err != nil {
		c.screen.note("%v", err)
	}
	return false
}

// parse takes a command and its argument off a line, or the text to say.
func parse(text string) (command, rest string, isCommand bool) {
	after, slash := strings.CutPrefix(text, "/")
	if !slash {
		return "", text, false
	}
	if strings.HasPrefix(after, "/") {
		return "", after, false
	}
	command, rest, _ = strings.Cut(after, " ")
	return strings.ToLower(command), strings.TrimSpace(rest), true
}

// say sends a line. It is shown when the server has given it its place.
func (c *chat) say(ctx context.Context, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	if c.current == "" {
		c.unsent(errors.New("no room is open: /open ROOM or /join ROOM"))
		return
	}
	p, err := c.session.SendAsync(ctx, c.current, client.Message{Text: text})
	if err != nil {
		c.unsent(err)
		return
	}
	if c.away {
		c.screen.note("this is sent when the connection is back")
	} else if c.typed {
		c.screen.unecho(text)
	}
	c.asked++
	c.waiting.Go(func() {
		ev, err := p.Wait(c.ctx)
		select {
		case c.answers <- answer{ev, err}:
		case <-c.ctx.Done():
		}
	})
}

func (c *chat) showRooms() {
	for i, r := range c.sorted() {
		unread := ""
		if r.Unread > 0 {
			unread = fmt.Sprintf("  (%d unread)", r.Unread)
		}
		c.screen.line("%3d  %s%s", i+1, title(r), unread)
	}
}

// open makes a room the one that lines go to, and shows its last messages.
func (c *chat) open(ctx context.Context, name string) error {
	mine, err := pick(c.sorted(), name)
	if err != nil {
		return err
	}
	if mine != nil {
		return c.turnTo(ctx, c.rooms[mine.ID])
	}
	found, err := seek(ctx, c.rest, name)
	if err != nil {
		return err
	}
	c.enterRoom(found)
	return c.turnTo(ctx, c.rooms[found.ID])
}

func (c *chat) turnTo(ctx context.Context, r *room) error {
	c.current, r.oldest, r.Unread = r.ID, 0, 0
	c.screen.note("%s", c.title(r.ID))
	history, err := c.rest.History(ctx, r.ID, client.Span{Limit: min(c.lines, 200)})
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	c.showHistory(ctx, r, history.Messages)
	r.shown = history.Head
	c.session.MarkRead(r.ID, history.Head)
	return nil
}

func (c *chat) history(ctx context.Context, count string) error {
	r := c.rooms[c.current]
	if r == nil {
		return errors.New("no room is open")
	}
	n := c.lines
	if count != "" {
		var err error
		if n, err = strconv.Atoi(count); err != nil || n < 1 {
			return fmt.Errorf("%s is no number of messages", count)
		}
	}
	if r.oldest == 1 {
		return errors.New("that was the beginning")
	}
	history, err := c.rest.History(ctx, r.ID, client.Span{Before: r.oldest, Limit: min(n, 200)})
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if len(history.Messages) == 0 {
		return errors.New("that was the beginning")
	}
	c.showHistory(ctx, r, history.Messages)
	return nil
}

func (c *chat) showHistory(ctx context.Context, r *room, messages []client.Posted) {
	c.learn(ctx, authors(messages))
	for _, m := range messages {
		text := said(m.Text, m.Deleted)
		if m.EditedAt != nil && !m.Deleted {
			text += " (edited)"
		}
		c.screen.message(m.At, m.By, c.names.of(m.By), text)
	}
	if len(messages) > 0 {
		r.oldest = messages[0].Seq
	}
}

func (c *chat) who(ctx context.Context) error {
	r := c.rooms[c.current]
	if r == nil {
		return errors.New("no room is open")
	}
	users, err := c.rest.Online(ctx, r.ID)
	if err != nil {
		return err
	}
	c.screen.line("%s", here(users, r.MemberCount))
	return nil
}
