package nodetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
)

// patience is how long anything may take before a test gives up. Nothing waits
// this long when all is well.
const patience = 20 * time.Second

// Person is somebody in a town, with one client.
type Person struct {
	t       testing.TB
	town    *Town
	Name    string
	ID      string
	Login   *client.Login
	session *client.Session

	mu      sync.Mutex
	heard   []client.Notice // everything, in order
	seen    map[string]uint64
	changed chan struct{}
	done    chan struct{}
}

// Person signs somebody up and connects them.
func (town *Town) Person(name string) *Person {
	town.t.Helper()
	ctx, cancel := context.WithTimeout(town.t.Context(), patience)
	defer cancel()
	url := town.nextURL()
	login, err := client.New(url).SignUp(ctx, name, name+"'s password", "")
	if err != nil {
		town.t.Fatalf("%s could not sign up: %v", name, err)
	}
	return town.connectAt(url, name, login)
}

// AnotherDevice connects the same person a second time.
func (p *Person) AnotherDevice() *Person {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	url := p.town.nextURL()
	login, err := client.New(url).SignIn(ctx, p.Name, p.Name+"'s password", "another")
	if err != nil {
		p.t.Fatalf("%s could not sign in again: %v", p.Name, err)
	}
	return p.town.connectAt(url, p.Name, login)
}

// connect connects somebody to the next gateway.
func (town *Town) connect(name string, login *client.Login) *Person {
	town.t.Helper()
	return town.connectAt(town.nextURL(), name, login)
}

func (town *Town) connectAt(url, name string, login *client.Login) *Person {
	town.t.Helper()
	ctx, cancel := context.WithTimeout(town.t.Context(), patience)
	defer cancel()
	p := &Person{t: town.t, town: town, Name: name, ID: login.User.ID, Login: login,
		seen: map[string]uint64{}, changed: make(chan struct{}), done: make(chan struct{})}
	session, err := client.Connect(ctx, client.Config{
		URL: url, Tokens: login, ReplayLimit: 1_000_000,
		Backoff: client.FullJitter(20*time.Millisecond, 200*time.Millisecond), Pipeline: 50,
	})
	if err != nil {
		town.t.Fatalf("%s could not connect: %v", name, err)
	}
	p.session = session
	go p.listen()
	town.t.Cleanup(p.Goes)
	return p
}

// Goes ends the person's client.
func (p *Person) Goes() {
	_ = p.session.Close()
	<-p.done
}

// Session is the person's client.
func (p *Person) Session() *client.Session { return p.session }

// REST is the person's client for requests.
func (p *Person) REST() *client.Client { return p.session.REST() }

func (p *Person) listen() {
	defer close(p.done)
	for {
		n, err := p.session.Next(context.Background())
		if err != nil {
			return
		}
		p.mu.Lock()
		p.heard = append(p.heard, n)
		p.check(n)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// check holds every event to the promise: each once, in order, without a hole.
func (p *Person) check(n client.Notice) {
	switch n := n.(type) {
	case client.Event:
		if last, ok := p.seen[n.Room]; ok && n.Seq != last+1 {
			p.t.Errorf("%s heard number %d of room %s behind %d", p.Name, n.Seq, n.Room, last)
		}
		p.seen[n.Room] = n.Seq
	case client.RoomGone:
		delete(p.seen, n.Room)
	case client.Reset:
		delete(p.seen, n.Room)
	}
}

// Until waits for a notice that fits, heard at any time.
func (p *Person) Until(what string, fits func(client.Notice) bool) client.Notice {
	p.t.Helper()
	deadline := time.After(patience)
	from := 0
	for {
		p.mu.Lock()
		for ; from < len(p.heard); from++ {
			if fits(p.heard[from]) {
				n := p.heard[from]
				p.mu.Unlock()
				return n
			}
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-p.done:
			p.t.Fatalf("%s's session ended before they heard %s", p.Name, what)
		case <-deadline:
			p.t.Fatalf("%s waited in vain for %s", p.Name, what)
		}
	}
}

// Heard says whether the person has heard a notice that fits by now.
func (p *Person) Heard(fits func(client.Notice) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.heard, fits)
}

// Hears waits until the person has heard a message with the text.
func (p *Person) Hears(room, text string) client.Event {
	p.t.Helper()
	return p.Until(fmt.Sprintf("%q", text), func(n client.Notice) bool {
		e, ok := n.(client.Event)
		return ok && e.Room == room && e.Kind == client.KindMessage && e.Text() == text
	}).(client.Event)
}

// HearsNumber waits until the person has heard the room up to a number.
func (p *Person) HearsNumber(room string, seq uint64) {
	p.t.Helper()
	p.Until(fmt.Sprintf("number %d", seq), func(n client.Notice) bool {
		e, ok := n.(client.Event)
		return ok && e.Room == room && e.Seq >= seq
	})
}

// IsIn waits until the person has been told that they are in a room.
func (p *Person) IsIn(room string) {
	p.t.Helper()
	p.Until("a room", func(n client.Notice) bool {
		switch n := n.(type) {
		case client.Welcome:
			return slices.ContainsFunc(n.Rooms, func(r client.Room) bool { return r.ID == room })
		case client.RoomChanged:
			return n.Room.ID == room
		}
		return false
	})
}

// IsOutOf waits until the person has been told that they are not in a room.
func (p *Person) IsOutOf(room string) {
	p.t.Helper()
	p.Until("the end of a room", func(n client.Notice) bool {
		r, ok := n.(client.RoomGone)
		return ok && r.Room == room
	})
}

// Texts lists the messages of a room that the person has heard, in order.
func (p *Person) Texts(room string) (texts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.heard {
		if e, ok := n.(client.Event); ok && e.Room == room && e.Kind == client.KindMessage {
			texts = append(texts, e.Text())
		}
	}
	return texts
}

// Events lists the events of a room that the person has heard, in order.
func (p *Person) Events(room string) (events []client.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.heard {
		if e, ok := n.(client.Event); ok && e.Room == room {
			events = append(events, e)
		}
	}
	return events
}

// Says sends a message and waits for its number.
func (p *Person) Says(room, text string) client.Event {
	p.t.Helper()
	e, err := p.Tries(room, text)
	if err != nil {
		p.t.Fatalf("%s could not say %q: %v", p.Name, text, err)
	}
	return e
}

// Tries sends a message that may be refused.
func (p *Person) Tries(room, text string) (client.Event, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	return p.session.Send(ctx, room, client.Message{Text: text})
}

// MayNot checks that what was tried was refused with a code.
func (p *Person) MayNot(err error, code client.Code) {
	p.t.Helper()
	if client.CodeOf(err) != code {
		p.t.Errorf("%s expected %s and got %v", p.Name, code, err)
	}
}

// Creates makes a room with first members.
func (p *Person) Creates(kind, name string, members ...*Person) string {
	p.t.Helper()
	room := client.NewRoom{Kind: kind, Name: name}
	for _, m := range members {
		room.Members = append(room.Members, m.ID)
	}
	made, err := p.REST().CreateRoom(p.within(), room)
	if err != nil {
		p.t.Fatalf("%s could not create %s %q: %v", p.Name, kind, name, err)
	}
	for _, m := range append(members, p) {
		m.IsIn(made.ID)
	}
	return made.ID
}

// Joins enters a channel.
func (p *Person) Joins(room string) {
	p.t.Helper()
	if _, err := p.session.Join(p.within(), room); err != nil {
		p.t.Fatalf("%s could not join: %v", p.Name, err)
	}
	p.IsIn(room)
}

// Adds brings somebody into a room.
func (p *Person) Adds(room string, other *Person) {
	p.t.Helper()
	if _, err := p.REST().SetMember(p.within(), room, other.ID, ""); err != nil {
		p.t.Fatalf("%s could not add %s: %v", p.Name, other.Name, err)
	}
}

// Removes puts somebody out of a room.
func (p *Person) Removes(room string, other *Person) {
	p.t.Helper()
	if err := p.REST().RemoveMember(p.within(), room, other.ID); err != nil {
		p.t.Fatalf("%s could not remove %s: %v", p.Name, other.Name, err)
	}
}

// History is the texts of a room's newest messages.
func (p *Person) History(room string) (texts []string) {
	p.t.Helper()
	ctx := p.within()
	h, err := p.REST().History(ctx, room, client.Span{Limit: 200})
	for ctx.Err() == nil && client.CodeOf(err) == client.CodeUnavailable { // a busy machine may take longer than a request may
		h, err = p.REST().History(ctx, room, client.Span{Limit: 200})
	}
	if err != nil {
		p.t.Fatalf("%s could not read the history: %v", p.Name, err)
	}
	for _, m := range h.Messages {
		texts = append(texts, m.Text)
	}
	return texts
}

// General is the channel that everybody starts in, once it is made.
func (p *Person) General() (room string) {
	p.t.Helper()
	eventually(p.t, p.Name+" finds the general channel", func() bool {
		rooms, _, err := p.REST().PublicRooms(p.within(), "general", client.Page{})
		if err != nil || len(rooms) == 0 {
			return false
		}
		room = rooms[0].ID
		return true
	})
	return room
}

// within is a context for one thing that a person does.
func (p *Person) within() context.Context {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	p.t.Cleanup(cancel)
	return ctx
}

// Same checks that people who were in a room from its beginning heard it alike, as
// far as both have heard it by now.
func Same(t testing.TB, room string, people ...*Person) {
	t.Helper()
	for _, p := range people[1:] {
		a, b := people[0].Texts(room), p.Texts(room)
		if n := min(len(a), len(b)); !slices.Equal(a[:n], b[:n]) {
			t.Errorf("%s and %s heard different things:\n%q\n%q", people[0].Name, p.Name, a, b)
		}
	}
}
