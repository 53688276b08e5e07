package terminal

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/client"
)

// entry is a message as it stands, or something else that happened in a room.
type entry struct {
	seq     uint64        // 0 while it waits to be sent
	nonce   string        // of what was written here
	event   *client.Event // what happened, when it is no message
	refusal error         // why it was not sent

	by, text        string
	at              time.Time
	edited, deleted bool
	calls           bool // mentions me or everybody
	replyTo, thread uint64
	replies         int
	reactions       []client.Reaction

	lines []string // as it was drawn last
	drawn drawing
}

// drawing is what lines depend on beside the entry itself.
type drawing struct{ width, names int }

// changed makes the entry be drawn anew.
func (e *entry) changed() { e.lines = nil }

func (e *entry) message() bool { return e.event == nil }

// about is the message that this one answers; 0: none.
func (e *entry) about() uint64 {
	if e.replyTo != 0 {
		return e.replyTo
	}
	return e.thread
}

func posted(m *client.Posted, me string) *entry {
	return &entry{seq: m.Seq, by: m.By, text: m.Text, at: m.At, edited: m.EditedAt != nil, deleted: m.Deleted, calls: m.MentionAll || slices.Contains(m.Mentions, me),
		replyTo: m.ReplyTo, thread: m.Thread, replies: m.ReplyCount, reactions: m.Reactions}
}

func spoken(ev *client.Event, b *client.MessageBody, me string) *entry {
	return &entry{seq: ev.Seq, by: ev.By, text: b.Text, at: ev.At, deleted: b.Deleted, calls: calls(b, me), replyTo: b.ReplyTo, thread: b.Thread}
}

func calls(b *client.MessageBody, me string) bool {
	return b.MentionAll || slices.Contains(b.Mentions, me)
}

// react counts an emoji in or out.
func (e *entry) react(by, emoji string, add, mine bool) {
	i := slices.IndexFunc(e.reactions, func(r client.Reaction) bool { return r.Emoji == emoji })
	if i < 0 {
		if !add {
			return
		}
		i = len(e.reactions)
		e.reactions = append(e.reactions, client.Reaction{Emoji: emoji})
	}
	r := &e.reactions[i]
	if mine {
		r.Me = add
	}
	if add {
		r.Count++
		r.Users = append(r.Users, by)
	} else if r.Count--; r.Count <= 0 {
		e.reactions = slices.Delete(e.reactions, i, i+1)
	}
	e.changed()
}
