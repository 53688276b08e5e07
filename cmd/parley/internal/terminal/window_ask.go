package terminal

import (
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/uuid"

	"github.com/parley-chat/parley/client"
)

// What the window asks of the server. Each of these is carried out beside the
// loop, and touches nothing of the window.

const (
	pageSize  = 100 // messages
	mostQuote = 20  // messages that are fetched for quotations at a time
)

// load asks for a room's newest messages, unless they are known.
func (w *window) load(p *place) tea.Cmd {
	if p == nil || p.loaded || p.loading || w.offline {
		return nil
	}
	p.loading = true
	return w.history(p.ID, false, client.Span{Limit: pageSize})
}

// loadOlder asks for what is before the first known message.
func (w *window) loadOlder(p *place) tea.Cmd {
	if p == nil || !p.loaded || p.loading || p.complete {
		return nil
	}
	before := p.oldest()
	if before <= 1 {
		p.complete = true
		return nil
	}
	p.loading = true
	return w.history(p.ID, true, client.Span{Before: before, Limit: pageSize})
}

func (w *window) history(room string, older bool, span client.Span) tea.Cmd {
	return func() tea.Msg {
		h, err := w.rest.History(w.ctx, room, span)
		return paged{room, older, h, err}
	}
}

// lookUp asks for names that are not known.
func (w *window) lookUp(ids []string) tea.Cmd {
	var missing []string
	for _, id := range w.names.unknown(ids) {
		if !w.asked[id] {
			w.asked[id] = true
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return func() tea.Msg {
		users, err := w.rest.Lookup(w.ctx, nil, missing)
		if err != nil {
			return nil // they are shown by id
		}
		return looked(users)
	}
}

// fetchQuoted asks for messages that shown ones answer.
func (w *window) fetchQuoted() tea.Cmd {
	if w.open == nil {
		return nil
	}
	seqs := w.open.unquoted()
	if len(seqs) == 0 {
		return nil
	}
	seqs = seqs[:min(len(seqs), mostQuote)]
	room := w.open.ID
	return func() tea.Msg {
		q := quoted{room: room}
		for _, seq := range seqs {
			h, err := w.rest.History(w.ctx, room, client.Span{Around: seq, Limit: 1})
			if err == nil && len(h.Messages) == 1 && h.Messages[0].Seq == seq {
				q.messages = append(q.messages, h.Messages[0])
			}
		}
		return q
	}
}

// visit opens a room by name.
func (w *window) visit(name string) tea.Cmd {
	mine, err := pick(w.sorted(), name)
	switch {
	case err != nil:
		w.said = err.Error()
		return nil
	case mine != nil:
		return w.turnTo(w.places[mine.ID])
	}
	return func() tea.Msg {
		room, err := seek(w.ctx, w.rest, name)
		return entered{room, err}
	}
}

// send says what was written, edits a message or carries out a command.
func (w *window) send() tea.Cmd {
	text := strings.TrimRight(w.writing.Value(), " \n")
	command, rest, isCommand := parse(text)
	switch {
	case w.editing != nil:
		return w.change(text)
	case isCommand:
		w.writing.Reset()
		return w.command(command, rest)
	case strings.TrimSpace(rest) == "":
		return nil
	case w.open == nil:
		w.said = "no room is open: /open ROOM or /join ROOM"
		return nil
	}
	w.writing.Reset()
	w.tellTyping(false)
	m := client.Message{Text: rest, Nonce: uuid.Must(uuid.NewV7()).String()}
	if to := w.replying; to != nil {
		m.ReplyTo, m.Thread = to.seq, to.thread
	}
	w.replying = nil
	return w.say(w.open, m)
}

// say hands a message to the session, which keeps it until it is answered.
func (w *window) say(p *place, m client.Message) tea.Cmd {
	e := &entry{nonce: m.Nonce, by: w.me.ID, text: m.Text, at: time.Now(), replyTo: m.ReplyTo, thread: m.Thread}
	p.outgoing = append(p.outgoing, e)
	p.scroll = 0
	pending, err := w.session.SendAsync(w.ctx, p.ID, m)
	if err != nil {
		e.refusal = err
		return nil
	}
	room := p.ID
	return func() tea.Msg {
		_, err := pending.Wait(w.ctx)
		if errors.Is(err, client.ErrClosed) || w.ctx.Err() != nil {
			err = nil // its fate is open, and nobody looks any more
		}
		return answered{room, m.Nonce, err}
	}
}

// again says once more what was refused.
func (w *window) again(p *place, e *entry) tea.Cmd {
	p.settle(e.nonce)
	return w.say(p, client.Message{Text: e.text, ReplyTo: e.replyTo, Thread: e.thread, Nonce: e.nonce})
}

func (w *window) change(text string) tea.Cmd {
	room, seq, was := w.open.ID, w.editing.seq, w.editing.text
	w.stopAnswering()
	if text == was || text == "" {
		return nil
	}
	return func() tea.Msg {
		_, err := w.session.Edit(w.ctx, room, seq, text)
		return refusal("not changed", err)
	}
}

func (w *window) remove(p *place, e *entry) tea.Cmd {
	room, seq := p.ID, e.seq
	return func() tea.Msg {
		_, err := w.session.Delete(w.ctx, room, seq)
		return refusal("not deleted", err)
	}
}

// react puts 👍 under a message, or takes mine away.
func (w *window) react(p *place, e *entry) tea.Cmd {
	const thumb = "👍"
	room, seq, act := p.ID, e.seq, w.session.React
	for _, r := range e.reactions {
		if r.Emoji == thumb && r.Me {
			act = w.session.Unreact
		}
	}
	return func() tea.Msg {
		_, err := act(w.ctx, room, seq, thumb)
		return refusal("no reaction", err)
	}
}

// refusal is what to say of an error; nothing of none.
func refusal(what string, err error) tea.Msg {
	if err == nil || errors.Is(err, client.ErrClosed) {
		return nil
	}
	return told(what + ": " + err.Error())
}

// command carries out what begins with a slash.
func (w *window) command(name, rest string) tea.Cmd {
	switch name {
	case "quit", "q", "exit":
		return w.leave()
	case "help":
		w.doing = reading
		return nil
	case "rooms":
		return w.goSomewhere()
	case "open", "join":
		return w.visit(rest)
	case "leave", "who":
		if w.open == nil {
			w.said = "no room is open"
			return nil
		}
		if name == "who" {
			return w.who(w.open)
		}
		room := w.open.ID
		return func() tea.Msg { return refusal("not left", w.rest.LeaveRoom(w.ctx, room)) }
	case "history":
		return w.scroll(w.mainHeight())
	}
	w.said = "there is no /" + name + "; F1 lists what there is"
	return nil
}

func (w *window) who(p *place) tea.Cmd {
	room, members := p.ID, p.MemberCount
	return func() tea.Msg {
		users, err := w.rest.Online(w.ctx, room)
		if err != nil {
			return refusal("who is here", err)
		}
		return told(here(users, members))
	}
}
