package gateway

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// waiter is a command that was appended, or is about to be, and has no answer
// yet.
type waiter struct {
	cmd     *chat.Command
	session *Session     // of a live session, with ref
	ref     string       //
	result  chan outcome // of a request; room for one

	logSeq   uint64 // the record that it is in; 0 while it is on its way
	seq      uint64 // of its event, to which its session comes by catching up; 0: not known
	answered bool
}

type outcome struct {
	event *chat.Event
	err   error
}

// pending is the commands of one partition that wait for their answer.
type pending struct {
	waiters map[chat.NonceKey][]*waiter
	coming  map[*Session][]*waiter // whose event is known, and whose session comes to it
	order   []*waiter              // by logSeq: whom the log's position passes next
	decided uint64                 // every log record up to this one has been decided
}

func (p *pending) of(e *chat.Event) []*waiter {
	if len(p.waiters) == 0 {
		return nil
	}
	return p.waiters[e.Key()]
}

func (p *pending) add(w *waiter) {
	key := w.cmd.Key()
	p.waiters[key] = append(p.waiters[key], w)
}

// answered takes a waiter out; whoever calls it answers it.
func (p *pending) answered(w *waiter) {
	w.answered = true
	if w.session != nil {
		w.session.waiting.Add(-1)
	}
	if w.seq != 0 {
		p.came(w)
	}
	key := w.cmd.Key()
	list := p.waiters[key]
	if len(list) <= 1 {
		delete(p.waiters, key)
		return
	}
	rest := make([]*waiter, 0, len(list)-1) // a new slice: others may be walking the old one
	for _, other := range list {
		if other != w {
			rest = append(rest, other)
		}
	}
	p.waiters[key] = rest
}

// comes notes that the session of a waiter has its event before it, at number seq
// of the room, and is to be answered when it gets there.
func (p *pending) comes(w *waiter, seq uint64) {
	if w.seq == 0 {
		p.coming[w.session] = append(p.coming[w.session], w)
	}
	w.seq = seq
}

func (p *pending) came(w *waiter) {
	rest := slices.DeleteFunc(slices.Clone(p.coming[w.session]), func(other *waiter) bool { return other == w })
	if p.coming[w.session] = rest; len(rest) == 0 {
		delete(p.coming, w.session)
	}
}

// submit appends a command to the log and waits for what becomes of it.
func (h *hub) submit(w *waiter) {
	if w.session != nil {
		w.session.waiting.Add(1)
	}
	h.mu.Lock()
	h.pending.add(w)
	h.mu.Unlock()
	h.append(w)
}

func (h *hub) append(w *waiter) {
	err := h.appender.Add(w.cmd, func(seq uint64, err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		switch {
		case w.answered:
		case err != nil:
			h.refuse(w, err)
		default:
			w.logSeq = seq
			h.pending.order = append(h.pending.order, w)
		}
	})
	if err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !w.answered {
			h.refuse(w, err)
		}
	}
}

// refuse answers a waiter with an error. The hub is locked.
func (h *hub) refuse(w *waiter, err error) {
	h.pending.answered(w)
	public := chat.Public(err)
	h.g.metrics.refused.WithLabelValues(string(public.Code)).Inc()
	if w.session == nil {
		// The request has a trace of its own; the owner's log has the command's.
		w.result <- outcome{err: fmt.Errorf("command %s: %w", w.cmd.ID.Hex(), public)}
		return
	}
	w.session.sink.Tell(Refused{w.ref, public.Traced(w.cmd.ID.Hex())})
}

// abandon forgets a waiter whose request has ended; the command takes its course.
func (h *hub) abandon(w *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !w.answered {
		h.pending.answered(w)
	}
}

// answer takes what the owner says of commands that made no event.
func (h *hub) answer(answers []contract.Answer) {
	for i := range answers {
		a := &answers[i]
		for _, w := range h.pending.waiters[a.Key] {
			switch {
			case a.Err != nil:
				h.refuse(w, a.Err)
			case a.Repeat != 0:
				h.answerRepeat(w, a.Repeat)
			default:
				h.answerUnchanged(w)
			}
		}
	}
}

func (h *hub) answerUnchanged(w *waiter) {
	h.pending.answered(w)
	if w.session == nil {
		w.result <- outcome{}
		return
	}
	w.session.sink.Tell(Acked{w.ref})
}

// answerRepeat answers with the event that the nonce made before: at once, if
// the session is past it, and in its order while it is catching up.
func (h *hub) answerRepeat(w *waiter, seq uint64) {
	if w.session != nil && w.session.comesTo(w.cmd.Room, seq) {
		h.pending.comes(w, seq)
		return
	}
	h.pending.answered(w)
	h.g.restless.Go(func() {
		ctx, cancel := context.WithTimeout(withTraceOf(context.Background(), w.cmd.ID), 10*time.Second)
		defer cancel()
		e, err := h.first(ctx, w.cmd)
		switch {
		case w.session == nil:
			if err != nil {
				err = fmt.Errorf("command %s: %w", w.cmd.ID.Hex(), err)
			}
			w.result <- outcome{event: e, err: err}
		case err != nil:
			w.session.sink.Tell(Refused{w.ref, chat.Public(err).Traced(w.cmd.ID.Hex())})
		default:
			w.session.sink.Deliver(&Delivery{Event: e}, w.ref, true)
		}
	})
}

// reconsider answers what waits for a session to come to its event, where the
// session turns out to have the event already, or not to be in the room. The hub
// is locked.
func (h *hub) reconsider(s *Session) {
	for _, w := range h.pending.coming[s] {
		h.answerRepeat(w, w.seq)
	}
}

// forgo answers what waits for a session to come to its event in a room that it
// has to leave before. What it has not read is not for it any more, so the answer
// comes without the event. The hub is locked.
func (h *hub) forgo(s *Session, id chat.RoomID) {
	for _, w := range h.pending.coming[s] {
		if w.cmd.Room == id {
			h.answerUnchanged(w)
		}
	}
}

// first is the event that a command's nonce made. Its author sees it, whether
// still a member or not: it answers their own command.
func (h *hub) first(ctx context.Context, c *chat.Command) (*chat.Event, error) {
	page, err := contract.EventOf.Ask(ctx, h.g.bus, &contract.EventAsk{
		RoomAsk: contract.RoomAsk{User: c.By, Room: c.Room, Runs: true}, By: c.By, Nonce: c.Nonce})
	if err != nil {
		return nil, err
	}
	if len(page.Rooms) == 0 || len(page.Rooms[0].Events) == 0 {
		return nil, chat.Busy(time.Second, "repeat it")
	}
	return &page.Rooms[0].Events[0], nil
}

// logAnew is called when the owner reads a log that is not the one that it was: it
// was wiped or cut off. What was only in the old one is gone with it, so nothing
// that waits counts as stored any more. Where an older notice has only come late,
// repeating does no harm.
func (p *pending) logAnew() {
	p.decided = 0
	for _, w := range p.order {
		w.logSeq = 0
	}
}

// repeatUnanswered appends again what the log's position has passed without an
// answer: the notice that bore it was lost. The nonce makes that harmless.
func (h *hub) repeatUnanswered() {
	p := &h.pending
	passed := 0
	for passed < len(p.order) && p.order[passed].logSeq <= p.decided {
		w := p.order[passed]
		passed++
		switch {
		case w.answered || w.seq != 0:
		case w.session != nil && w.session.ended():
			p.answered(w)
		default:
			h.g.metrics.repeated.Inc()
			w.logSeq = 0
			go h.append(w)
		}
	}
	if passed > 0 {
		p.order = append(p.order[:0], p.order[passed:]...)
	}
}
