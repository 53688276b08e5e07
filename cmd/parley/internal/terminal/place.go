package terminal

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/client"
)

// place is one of my rooms, with what is known of its messages: a piece without
// holes that reaches to the newest, and behind it what waits to be sent.
type place struct {
	client.Room
	entries  []*entry
	outgoing []*entry
	quoted   map[uint64]*entry // messages before the piece that some in it answer; nil: asked for

	head     uint64         // the newest number that entries are of
	early    []client.Event // came while the first page was on its way
	loaded   bool
	loading  bool
	complete bool // nothing is before the first entry

	counted uint64 // up to here the server has counted what is unread
	fresh   bool   // something was unread when the room was opened: a line is drawn
	since   uint64 // behind this number
	scroll  int    // lines below the window
	draft   string
	typing  map[string]time.Time // until when
}

func newPlace(r client.Room) *place {
	return &place{Room: r, counted: r.Head, quoted: map[uint64]*entry{}, typing: map[string]time.Time{}}
}

// update takes the room as the server shows it now.
func (p *place) update(r client.Room) {
	p.Room, p.counted = r, max(p.counted, r.Head)
}

// fill begins the piece with the newest page.
func (p *place) fill(h *client.History, me string) {
	p.entries, p.head, p.complete = nil, h.Head, !h.HasMore
	p.loaded, p.loading = true, false
	for i := range h.Messages {
		p.entries = append(p.entries, posted(&h.Messages[i], me))
	}
	early := p.early
	p.early = nil
	for _, ev := range early {
		p.happen(ev, me)
	}
}

// lengthen puts an older page before the piece.
func (p *place) lengthen(h *client.History, me string) {
	p.loading, p.complete = false, !h.HasMore
	older := make([]*entry, len(h.Messages))
	for i := range h.Messages {
		older[i] = posted(&h.Messages[i], me)
	}
	p.entries = append(older, p.entries...)
}

// forget drops what is known, because it is not so any more.
func (p *place) forget() {
	p.entries, p.early, p.head, p.loaded, p.loading, p.complete, p.scroll = nil, nil, 0, false, false, false, 0
}

// keep is how many entries of a room that is not looked at stay in memory.
const keep = 300

// leave lets go of what is far from the newest.
func (p *place) leave() {
	if n := len(p.entries) - keep; n > 0 {
		p.entries, p.complete = slices.Clone(p.entries[n:]), false
	}
	p.scroll, p.fresh = 0, false
}

// find is a message of the piece, or one that was fetched for a quotation.
func (p *place) find(seq uint64) *entry {
	i, found := slices.BinarySearchFunc(p.entries, seq, func(e *entry, seq uint64) int {
		switch {
		case e.seq < seq:
			return -1
		case e.seq > seq:
			return 1
		}
		return 0
	})
	if found && p.entries[i].message() {
		return p.entries[i]
	}
	return p.quoted[seq]
}

// oldest is the number of the first message of the piece.
func (p *place) oldest() uint64 {
	for _, e := range p.entries {
		if e.message() {
			return e.seq
		}
	}
	return 0
}

// unquoted lists messages that some in the piece answer and that nobody has
// asked for yet.
func (p *place) unquoted() (seqs []uint64) {
	for _, e := range p.entries {
		seq := e.about()
		if seq == 0 || p.find(seq) != nil {
			continue
		}
		if _, asked := p.quoted[seq]; !asked {
			p.quoted[seq] = nil
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// all is what is shown: the piece, and what waits.
func (p *place) all() []*entry { return slices.Concat(p.entries, p.outgoing) }

// settle takes away what waited, once it has its place; nil: it did not wait.
func (p *place) settle(nonce string) *entry {
	i := slices.IndexFunc(p.outgoing, func(e *entry) bool { return nonce != "" && e.nonce == nonce })
	if i < 0 {
		return nil
	}
	e := p.outgoing[i]
	p.outgoing = slices.Delete(p.outgoing, i, i+1)
	return e
}

// happen takes in an event.
func (p *place) happen(ev client.Event, me string) {
	p.settle(ev.Nonce)
	delete(p.typing, ev.By)
	if b, is := ev.Body.(client.RoomBody); is {
		p.change(&b)
	}
	switch {
	case !p.loaded && p.loading:
		p.early = append(p.early, ev)
		return
	case !p.loaded || ev.Seq <= p.head:
		return
	}
	p.head = ev.Seq
	switch b := ev.Body.(type) {
	case client.MessageBody:
		p.entries = append(p.entries, spoken(&ev, &b, me))
		if root := p.find(b.Thread); root != nil {
			root.replies++
			root.changed()
		}
	case client.EditBody, client.DeleteBody, client.ReactionBody:
		if e := p.find(ev.Target); e != nil {
			e.become(&ev, me)
		}
	default:
		p.entries = append(p.entries, &entry{seq: ev.Seq, by: ev.By, at: ev.At, event: &ev})
	}
}

// become is the message after what somebody did to it.
func (e *entry) become(ev *client.Event, me string) {
	switch b := ev.Body.(type) {
	case client.EditBody:
		if !b.Deleted {
			e.text, e.edited = b.Text, true
		}
	case client.DeleteBody:
		e.text, e.deleted, e.reactions = "", true, nil
	case client.ReactionBody:
		e.react(ev.By, b.Emoji, b.Op == "add", ev.By == me)
	}
	e.changed()
}

func (p *place) change(b *client.RoomBody) {
	switch b.Op {
	case "rename":
		p.Name = b.Name
	case "topic":
		p.Topic = b.Topic
	case "archive":
		p.Archived = true
	}
}

// types notes that somebody writes, or has stopped.
func (p *place) types(who string, on bool, now time.Time) {
	if on {
		p.typing[who] = now.Add(typingLasts)
	} else {
		delete(p.typing, who)
	}
}

// typingLasts is how long somebody is said to write who says no more of it.
const typingLasts = 6 * time.Second
