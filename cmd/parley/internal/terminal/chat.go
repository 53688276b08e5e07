package terminal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
)

// chat is one person at one terminal. Only the loop touches it.
type chat struct {
	session *client.Session
	rest    *client.Client
	screen  *screen
	ctx     context.Context // of the loop, for those who wait for answers
	typed   bool            // lines come from a terminal that shows them
	lines   int
	wanted  string // room to open first

	me      client.User
	rooms   map[string]*room
	current string
	names   names
	away    bool
	failed  error // in a pipe: why the room that lines are for cannot be opened
	lost    int   // lines that were not sent
	why     error // for the first of them

	answers chan answer
	waiting sync.WaitGroup
	asked   int               // messages without an answer
	mine    map[string]uint64 // the last number of mine in each room
	seen    map[string]uint64 // the last number that came of each room
}

// answer is what became of a message that was sent.
type answer struct {
	event client.Event
	err   error
}

// room is one of my rooms.
type room struct {
	client.Room
	oldest uint64 // the first message that was shown; 0 before any
	shown  uint64 // up to here history has shown everything
}

func newChat(s *client.Session, screen *screen, o *Options) *chat {
	return &chat{
		session: s, rest: s.REST(), screen: screen, lines: max(1, o.Lines), wanted: o.Room,
		rooms: map[string]*room{}, names: names{},
		mine: map[string]uint64{}, seen: map[string]uint64{},
	}
}

// notices shows what the session says, in order.
func (c *chat) notices(ctx context.Context, all []client.Notice) {
	var unknown []string
	for _, n := range all {
		if ev, ok := n.(client.Event); ok {
			unknown = append(unknown, people(ev)...)
		}
	}
	c.learn(ctx, unknown)
	for _, n := range all {
		c.notice(ctx, n)
	}
}

func (c *chat) notice(ctx context.Context, n client.Notice) {
	switch n := n.(type) {
	case client.Event:
		c.event(n)
	case client.Welcome:
		c.welcome(ctx, n)
	case client.Offline:
		c.away = true
		c.screen.note("connection lost, reconnecting in %s", seconds(n.RetryIn))
	case client.RoomChanged:
		c.enterRoom(n.Room)
	case client.RoomGone:
		c.left(n.Room)
	case client.Truncated:
		c.screen.note("messages %d to %d of %s are missing", n.After+1, n.From-1, c.title(n.Room))
	case client.Reset:
		c.screen.note("the server was restored from a backup: %s starts anew at %d", c.title(n.Room), n.Head)
	case client.UserChanged:
		c.names[n.User.ID] = n.User.Name()
	case client.Refused:
		c.screen.note("%v", n.Err)
	}
}

func seconds(d time.Duration) string {
	if d < time.Second {
		return "a moment"
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

func (c *chat) welcome(ctx context.Context, w client.Welcome) {
	first := c.me.ID == ""
	c.me = w.User
	c.names[w.User.ID] = w.User.Name()
	for _, r := range w.Rooms {
		c.enterRoom(r)
	}
	if !first {
		c.away = false
		c.screen.note("connected again")
		return
	}
	c.screen.note("you are %s; /help lists the commands", w.User.Username)
	c.showRooms()
	c.openFirst(ctx, w.Rooms)
}

func (c *chat) openFirst(ctx context.Context, rooms []client.Room) {
	wanted := c.wanted
	if wanted == "" && len(rooms) > 0 {
		wanted = rooms[0].ID
	}
	if wanted == "" {
		c.screen.note("you are in no room yet: /join ROOM enters a public channel")
		return
	}
	err := c.open(ctx, wanted)
	switch {
	case err == nil:
	case c.wanted != "" && !c.typed:
		c.failed = err // nobody is there who could name another
	default:
		c.screen.note("%v", err)
	}
}

// unsent shows why a line was not sent, and keeps it for who reads no screen.
func (c *chat) unsent(why error) {
	c.screen.note("not sent: %v", why)
	if c.lost++; c.lost == 1 {
		c.why = why
	}
}

func (c *chat) enterRoom(r client.Room) {
	known := c.rooms[r.ID]
	if known == nil {
		c.rooms[r.ID] = &room{Room: r}
		return
	}
	r.Unread = max(r.Unread, known.Unread)
	if r.ID == c.current {
		r.Unread = 0
	}
	known.Room = r
}

func (c *chat) left(id string) {
	c.screen.note("you are no longer in %s", c.title(id))
	delete(c.rooms, id)
	if c.current == id {
		c.current = ""
	}
}

// event shows what happened in the open room and counts what was said elsewhere.
func (c *chat) event(ev client.Event) {
	c.seen[ev.Room] = ev.Seq
	r := c.rooms[ev.Room]
	if ev.Room == c.current {
		if r == nil || ev.Seq > r.shown {
			c.show(ev)
		}
		c.session.MarkRead(ev.Room, ev.Seq)
		return
	}
	if r == nil || ev.Kind != client.KindMessage || ev.By == c.me.ID {
		return
	}
	if r.Unread++; r.Unread == 1 {
		c.screen.note("%s writes in %s", c.names.of(ev.By), c.title(ev.Room))
	}
}

func (c *chat) answered(a answer) {
	c.asked--
	if a.err != nil {
		c.unsent(a.err)
		return
	}
	c.mine[a.event.Room] = max(c.mine[a.event.Room], a.event.Seq)
}

// settled reports whether all that was sent is answered and has been shown.
func (c *chat) settled() bool {
	for room, seq := range c.mine {
		if c.seen[room] < seq {
			return false
		}
	}
	return c.asked == 0
}

func (c *chat) show(ev client.Event) {
	switch b := ev.Body.(type) {
	case client.MessageBody:
		c.screen.message(ev.At, ev.By, c.names.of(ev.By), said(b.Text, b.Deleted))
	case client.EditBody:
		c.screen.message(ev.At, ev.By, c.names.of(ev.By), "(edited) "+said(b.Text, b.Deleted))
	default:
		if text := c.names.sentence(ev); text != "" {
			c.screen.happening(ev.At, text)
		}
	}
}

func said(text string, deleted bool) string {
	if deleted {
		return "(deleted)"
	}
	return text
}

// learn looks up the names of users that are not known, in one call.
func (c *chat) learn(ctx context.Context, ids []string) {
	unknown := c.names.unknown(ids)
	if len(unknown) == 0 {
		return
	}
	users, err := c.rest.Lookup(ctx, nil, unknown)
	if err != nil {
		return // they are shown by id until a later look-up works
	}
	c.names.learn(users)
}

// title is what to call a room.
func (c *chat) title(id string) string {
	if r := c.rooms[id]; r != nil {
		return title(&r.Room)
	}
	return "a room"
}

// sorted are my rooms by title.
func (c *chat) sorted() []*client.Room {
	all := make([]*client.Room, 0, len(c.rooms))
	for _, r := range c.rooms {
		all = append(all, &r.Room)
	}
	sortRooms(all)
	return all
}
