package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textarea"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/parley-chat/parley/client"
)

// window is the chat on a whole terminal: the rooms, one of them, and a place to
// write. Only bubbletea's loop touches it; what takes long is a command of that
// loop, and its answer a message to it.
type window struct {
	ctx     context.Context
	session *client.Session
	rest    *client.Client
	notices <-chan client.Notice
	wanted  string // room to open first

	me     client.User
	places map[string]*place
	names  names
	asked  map[string]bool // users who are being looked up
	known  int             // how often names were learned
	open   *place          // nil: none
	before string          // the room that was open before

	width, height int
	now           time.Time
	focused       bool

	doing    doing
	writing  textarea.Model
	search   textinput.Model // with doing == going
	found    int             // which of the found rooms would be opened
	chosen   *entry          // with doing == choosing
	replying *entry
	editing  *entry
	typed    time.Time // when others were last told that I write

	offline bool
	retry   time.Time
	said    string // what this program has to say, until the next key
	leaving bool   // what was written is still being sent
	ended   error
}

// doing is what keys are for.
type doing int

const (
	writing  doing = iota
	choosing       // a message
	deleting       // the chosen one, if that is meant
	going          // to a room
	reading        // what keys do
)

// Messages to the loop, beside bubbletea's own.
type (
	noticed []client.Notice
	over    struct{} // the session has ended
	looked  []client.User
	second  time.Time
	paged   struct { // history came
		room    string
		older   bool
		history client.History
		err     error
	}
	quoted struct { // messages that others answer
		room     string
		messages []client.Posted
	}
	answered struct { // a message was, or was refused
		room, nonce string
		err         error
	}
	entered struct { // a room was found or joined
		room client.Room
		err  error
	}
	told    string // say this
	flushed struct{ err error }
)

// newWindow is a window over a session, whose notices come from a channel that is
// closed when the session has ended.
func newWindow(ctx context.Context, s *client.Session, notices <-chan client.Notice, o *Options) *window {
	w := &window{ctx: ctx, session: s, rest: s.REST(), notices: notices, wanted: o.Room,
		places: map[string]*place{}, names: names{}, asked: map[string]bool{}, now: time.Now(), focused: true,
		writing: textarea.New(), search: textinput.New()}
	w.writing.Prompt, w.writing.Placeholder, w.writing.ShowLineNumbers = "> ", "", false
	w.writing.DynamicHeight, w.writing.MinHeight, w.writing.MaxHeight, w.writing.CharLimit = true, 1, 6, client.MaxText
	w.writing.KeyMap.InsertNewline = key.NewBinding(key.WithKeys("alt+enter", "shift+enter", "ctrl+j"))
	w.writing.SetStyles(plainArea())
	w.writing.SetVirtualCursor(false)
	w.writing.Focus()
	w.search.Prompt = "go to: "
	w.search.SetVirtualCursor(false)
	w.search.SetStyles(plainInput())
	return w
}

// plainArea and plainInput are without colours: those of the terminal will do.
func plainArea() (s textarea.Styles) { return s }

func plainInput() (s textinput.Styles) { return s }

// show runs the window until the person leaves, and says why it ended.
func show(ctx context.Context, m tea.Model, in io.Reader, out io.Writer, more ...tea.ProgramOption) (tea.Model, error) {
	options := append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()}, more...)
	m, err := tea.NewProgram(m, options...).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		err = nil
	}
	return m, err
}

// Init begins to listen.
func (w *window) Init() tea.Cmd { return tea.Batch(w.listen, w.tick) }

// listen waits for what the session says next.
func (w *window) listen() tea.Msg {
	n, ok := <-w.notices
	if !ok {
		return over{}
	}
	return noticed(gather(n, w.notices))
}

// tick waits for the next second, in which a countdown goes on and who has stopped
// writing is forgotten.
func (w *window) tick() tea.Msg {
	next := time.NewTimer(time.Second)
	defer next.Stop()
	select {
	case t := <-next.C:
		return second(t)
	case <-w.ctx.Done():
		return nil
	}
}

// Update takes one message after the other.
func (w *window) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := w.receive(msg)
	return w, cmd
}

func (w *window) receive(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		w.resize(msg.Width, msg.Height)
	case tea.FocusMsg:
		w.focused = true
		w.markRead()
	case tea.BlurMsg:
		w.focused = false
	case tea.KeyPressMsg:
		return w.press(msg)
	case second:
		w.now = time.Time(msg)
		return w.tick
	case noticed:
		return tea.Batch(w.hear(msg), w.listen)
	case over:
		return tea.Quit
	case flushed:
		w.ended = msg.err
		return tea.Quit
	case looked:
		w.names.learn(msg)
		w.known++
	case paged:
		return w.page(&msg)
	case quoted:
		w.quote(&msg)
	case answered:
		w.answer(&msg)
	case entered:
		return w.enter(&msg)
	case told:
		w.said = string(msg)
	default:
		return w.edit(msg)
	}
	return nil
}

func (w *window) resize(width, height int) {
	w.width, w.height = width, height
	w.writing.SetWidth(width)
	w.search.SetWidth(max(1, width-10))
}

// edit hands a message to what is written in, and tells others that I write.
func (w *window) edit(msg tea.Msg) (cmd tea.Cmd) {
	if w.doing == going {
		w.search, cmd = w.search.Update(msg)
		w.found = 0
		return cmd
	}
	was := w.writing.Value()
	w.writing, cmd = w.writing.Update(msg)
	if now := w.writing.Value(); now != was && w.open != nil {
		w.tellTyping(now != "" && now[0] != '/')
	}
	return cmd
}

// typingEvery is how often others are told that I still write.
const typingEvery = 3 * time.Second

func (w *window) tellTyping(on bool) {
	switch {
	case on && time.Since(w.typed) >= typingEvery:
		w.typed = time.Now()
	case !on && !w.typed.IsZero():
		w.typed = time.Time{}
	default:
		return
	}
	w.session.SetTyping(w.open.ID, on)
}

// hear takes in what the session says, and asks for what that needs.
func (w *window) hear(all []client.Notice) tea.Cmd {
	var cmds []tea.Cmd
	var ids []string
	for _, n := range all {
		if ev, is := n.(client.Event); is {
			ids = append(ids, people(ev)...)
		}
		cmds = append(cmds, w.notice(n))
	}
	return tea.Batch(append(cmds, w.lookUp(ids), w.fetchQuoted())...)
}

func (w *window) notice(n client.Notice) tea.Cmd {
	switch n := n.(type) {
	case client.Event:
		w.happen(n)
	case client.Welcome:
		return w.welcome(&n)
	case client.Offline:
		w.offline, w.retry = true, time.Now().Add(n.RetryIn)
	case client.RoomChanged:
		if p := w.take(n.Room); w.open == nil { // who has just signed up is brought into their first room
			w.said = ""
			return w.turnTo(p)
		}
	case client.RoomGone:
		w.lose(n.Room)
	case client.Truncated:
		w.begin(n.Room)
	case client.Reset:
		w.begin(n.Room)
		w.said = "the server was restored from a backup: what was said last may be gone"
	case client.Typing:
		if p := w.places[n.Room]; p != nil && n.User != w.me.ID {
			p.types(n.User, n.On, time.Now())
			return w.lookUp([]string{n.User})
		}
	case client.Receipt:
		w.receipt(&n)
	case client.UserChanged:
		w.names.learn([]client.User{n.User})
		w.known++
	case client.Refused:
		w.said = n.Err.Error()
	}
	return w.load(w.open)
}

func (w *window) welcome(msg *client.Welcome) tea.Cmd {
	first := w.me.ID == ""
	w.me, w.offline = msg.User, false
	w.names.learn([]client.User{msg.User})
	for _, r := range msg.Rooms {
		w.take(r)
	}
	switch {
	case !first:
		return w.load(w.open)
	case w.wanted != "":
		return w.visit(w.wanted)
	case len(msg.Rooms) > 0:
		return w.turnTo(w.places[msg.Rooms[0].ID])
	}
	w.said = "you are in no room yet: /join ROOM enters a public channel, /open @username talks with somebody"
	return nil
}

// take learns of a room that I am in.
func (w *window) take(r client.Room) *place {
	p := w.places[r.ID]
	if p == nil {
		p = newPlace(r)
		w.places[r.ID] = p
	} else {
		p.update(r)
	}
	if p == w.open && w.focused {
		p.Unread, p.Mentions = 0, 0
	}
	return p
}

func (w *window) lose(room string) {
	p := w.places[room]
	if p == nil {
		return
	}
	w.said = "you are no longer in " + title(&p.Room)
	delete(w.places, room)
	if w.open == p {
		w.open = nil
	}
}

// begin has a room loaded anew, because what is known of it has a hole.
func (w *window) begin(room string) {
	if p := w.places[room]; p != nil {
		p.forget()
	}
}

func (w *window) happen(ev client.Event) {
	p := w.places[ev.Room]
	if p == nil {
		return
	}
	lines := len(p.entries)
	p.happen(ev, w.me.ID)
	if p.scroll > 0 && len(p.entries) > lines {
		p.scroll += len(w.draw(p, len(p.entries)-1, w.mainWidth())) // what is read stays where it is
	}
	b, said := ev.Body.(client.MessageBody)
	if p == w.open && w.focused {
		w.markRead()
	} else if said && ev.By != w.me.ID && ev.Seq > p.counted {
		p.Unread++
		if calls(&b, w.me.ID) || p.Kind == client.Direct {
			p.Mentions++
		}
	}
	if p != w.open && len(p.entries) > 2*keep {
		p.leave()
	}
}

// markRead says that what is open has been read.
func (w *window) markRead() {
	p := w.open
	if p == nil || !p.loaded {
		return
	}
	p.Unread, p.Mentions = 0, 0
	if p.head > p.Read {
		p.Read = p.head
		w.session.MarkRead(p.ID, p.head)
	}
}

// receipt learns what I have read elsewhere.
func (w *window) receipt(r *client.Receipt) {
	p := w.places[r.Room]
	if p == nil || r.User != w.me.ID || r.Read <= p.Read {
		return
	}
	p.Read = r.Read
	if r.Read >= max(p.Head, p.head) {
		p.Unread, p.Mentions = 0, 0
	}
}

func (w *window) page(msg *paged) tea.Cmd {
	p := w.places[msg.room]
	if p == nil {
		return nil
	}
	if msg.err != nil {
		p.loading = false
		w.said = "history: " + msg.err.Error()
		return nil
	}
	if msg.older {
		p.lengthen(&msg.history, w.me.ID)
	} else {
		p.fill(&msg.history, w.me.ID)
	}
	if p == w.open && w.focused {
		w.markRead()
	}
	return tea.Batch(w.lookUp(authors(msg.history.Messages)), w.fetchQuoted())
}

func (w *window) quote(msg *quoted) {
	p := w.places[msg.room]
	if p == nil {
		return
	}
	for i := range msg.messages {
		p.quoted[msg.messages[i].Seq] = posted(&msg.messages[i], w.me.ID)
	}
	w.known++
}

func (w *window) answer(msg *answered) {
	p := w.places[msg.room]
	if p == nil || msg.err == nil {
		return
	}
	for _, e := range p.outgoing {
		if e.nonce == msg.nonce {
			e.refusal = msg.err
			e.changed()
		}
	}
}

func (w *window) enter(msg *entered) tea.Cmd {
	if msg.err != nil {
		w.said = msg.err.Error()
		return nil
	}
	return w.turnTo(w.take(msg.room))
}

// turnTo opens a room; what was written in the one before stays there.
func (w *window) turnTo(p *place) tea.Cmd {
	w.doing, w.chosen = writing, nil
	if p == w.open || p == nil {
		return w.load(p)
	}
	if was := w.open; was != nil {
		w.tellTyping(false)
		was.draft, w.before = w.writing.Value(), was.ID
		was.leave()
	}
	w.stopAnswering()
	w.open = p
	w.writing.SetValue(p.draft)
	p.fresh, p.since = p.Unread > 0, p.Read
	w.markRead()
	return tea.Batch(w.load(p), w.fetchQuoted())
}

func (w *window) stopAnswering() {
	if w.editing != nil {
		w.writing.Reset()
	}
	w.replying, w.editing = nil, nil
}

// sorted are my rooms as they are listed.
func (w *window) sorted() []*client.Room {
	all := make([]*client.Room, 0, len(w.places))
	for _, p := range w.places {
		all = append(all, &p.Room)
	}
	sortRooms(all)
	return all
}

// unsent is what was written and has no answer.
func (w *window) unsent() (n int) {
	for _, p := range w.places {
		for _, e := range p.outgoing {
			if e.refusal == nil {
				n++
			}
		}
	}
	return n
}

// leave waits for what is not sent yet, at most [flushWithin]; a second time it
// does not wait.
func (w *window) leave() tea.Cmd {
	if w.leaving || w.unsent() == 0 {
		return tea.Quit
	}
	w.leaving, w.said = true, "sending what you have written; once more to leave at once"
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(w.ctx, flushWithin)
		defer cancel()
		err := w.session.Flush(ctx)
		if err != nil {
			err = fmt.Errorf("what was typed last may not have been sent: %w", err)
		}
		return flushed{err}
	}
}
