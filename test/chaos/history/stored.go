package history

import (
	"maps"
	"slices"
)

// checkStored holds each room's end to its head: 1, 2, 3 … without holes.
func (c *checker) checkStored() {
	for _, room := range slices.Sorted(maps.Keys(c.heads)) {
		head := c.heads[room]
		for seq := uint64(1); seq <= head.Head; seq++ {
			if c.stored[place{room, seq}] == nil {
				c.find(Hole, []*Record{c.stored[place{room, seq - 1}], c.stored[place{room, seq + 1}], head},
					"number %d of room %s is not stored, its head is %d", seq, room, head.Head)
			}
		}
	}
	for at, r := range c.stored {
		if head := c.heads[at.room]; head != nil && at.seq > head.Head {
			c.find(Hole, []*Record{r, head}, "number %d of room %s is stored beyond its head %d", at.seq, at.room, head.Head)
		}
	}
}

// settled says that the end of the room was looked at, so that what is not
// stored is lost.
func (c *checker) settled(room string) bool { return c.heads[room] != nil }

func (c *checker) checkCommands() {
	marks := c.marks()
	for key, k := range c.commands {
		for _, ack := range k.acks {
			c.checkAck(ack)
		}
		c.checkAnswers(key, k)
		happened := marks[key]
		c.checkText(k, happened)
		if k.refusal != nil && len(k.invokes) == 1 && len(happened) > 0 {
			c.find(RefusedDone, []*Record{k.invokes[0], k.refusal, happened[0]},
				"command %s was refused (%s) and is number %d of room %s", key.nonce, k.refusal.Code, happened[0].Event.Seq, key.room)
		}
		c.checkQueued(key, k, happened)
	}
	for key, events := range marks {
		for _, other := range events[1:] {
			c.find(Doubled, []*Record{events[0], other}, "nonce %s of %s made numbers %d and %d of room %s",
				key.nonce, key.user, events[0].Event.Seq, other.Event.Seq, key.room)
		}
	}
}

// checkAck holds an acknowledgement to what is stored.
func (c *checker) checkAck(ack *Record) {
	e := ack.Event
	if e == nil || !c.settled(ack.Room) {
		return
	}
	there := c.stored[place{ack.Room, e.Seq}]
	switch {
	case there == nil:
		c.find(Lost, []*Record{ack, c.heads[ack.Room]}, "command %s was acknowledged with number %d of room %s, which is not stored",
			ack.Nonce, e.Seq, ack.Room)
	case there.Event.ID != e.ID:
		c.find(Lost, []*Record{ack, c.heads[ack.Room], there},
			"command %s was acknowledged with number %d of room %s, where something else is stored", ack.Nonce, e.Seq, ack.Room)
	}
}

// checkText holds what happened to what was said.
func (c *checker) checkText(k *command, happened []*Record) {
	if len(k.invokes) == 0 || k.invokes[0].Text == "" {
		return
	}
	said := k.invokes[0]
	for _, r := range happened {
		if !r.Event.Deleted && r.Event.Text != said.Text {
			c.find(Altered, []*Record{said, r}, "command %s said %q and became %q", said.Nonce, said.Text, r.Event.Text)
		}
	}
}

// checkAnswers holds the acknowledgements of one command to each other.
func (c *checker) checkAnswers(key commandKey, k *command) {
	var first *Record
	for _, ack := range k.acks {
		switch {
		case ack.Event == nil:
		case first == nil:
			first = ack
		case first.Event.ID != ack.Event.ID || first.Event.Seq != ack.Event.Seq:
			c.find(TwoAnswers, []*Record{first, ack}, "command %s was acknowledged with numbers %d and %d of room %s",
				key.nonce, first.Event.Seq, ack.Event.Seq, key.room)
		}
	}
}

// checkQueued looks for what was taken to be done later. A sender may have gone,
// so nobody else would miss it.
func (c *checker) checkQueued(key commandKey, k *command, happened []*Record) {
	if k.queued == nil || k.refusal != nil || len(k.acks) > 0 || len(happened) > 0 || !c.settled(key.room) {
		return
	}
	for i := range c.records {
		r := &c.records[i]
		if r.What != Strike || !r.LosesLog {
			continue
		}
		if over := c.overOf(r); over == nil || k.asked == nil || over.T >= k.asked.T {
			return // the log was the only place where it was, perhaps also before the answer came
		}
	}
	stays := c.stays[key.room][key.user]
	if c.restores && (len(stays) == 0 || stays[0].enter.Event.Kind != "room") {
		return // the same, if their joining was taken back
	}
	for _, stay := range stays {
		if stay.leave != nil {
			return // refused, and nobody was there to be told
		}
	}
	c.find(Dropped, []*Record{k.queued, c.heads[key.room]}, "command %s of room %s was queued and never done", key.nonce, key.room)
}

// marks finds, by the nonces that texts begin with, which events each command
// made, whoever saw them.
func (c *checker) marks() map[commandKey][]*Record {
	made := map[commandKey][]*Record{}
	known := map[commandKey]map[string]bool{}
	for i := range c.records {
		r := &c.records[i]
		if r.Event == nil || c.void(r) {
			continue
		}
		nonce := Mark(r.Event.Text)
		if nonce == "" {
			nonce = r.Event.Nonce
		}
		if nonce == "" {
			continue
		}
		key := commandKey{r.Event.By, r.Room, nonce}
		if known[key] == nil {
			known[key] = map[string]bool{}
		}
		if !known[key][r.Event.ID] {
			known[key][r.Event.ID] = true
			made[key] = append(made[key], r)
		}
	}
	return made
}

// checkSights holds everybody's view of a number to everybody else's.
func (c *checker) checkSights() {
	for i := range c.records {
		r := &c.records[i]
		if r.Event == nil || c.void(r) {
			continue
		}
		at := place{r.Room, r.Event.Seq}
		first := c.seen[at]
		if first == nil {
			c.seen[at] = r
			if c.settled(r.Room) && c.stored[at] == nil {
				c.find(Unstored, []*Record{r, c.heads[r.Room]}, "number %d of room %s was given and is not stored", at.seq, at.room)
			}
			continue
		}
		if !same(first.Event, r.Event) {
			c.find(Split, []*Record{first, r}, "number %d of room %s is %s for one and %s for another", at.seq, at.room,
				first.Event.ID, r.Event.ID)
		}
	}
}

// same says that two sights are of one event. A body that was cleared says nothing.
func same(a, b *Event) bool {
	if a.ID != b.ID || a.Kind != b.Kind || a.By != b.By || a.Target != b.Target {
		return false
	}
	return a.Deleted || b.Deleted || a.Text == b.Text && a.Op == b.Op && a.Whom == b.Whom
}

// checkOrder holds numbers to real time: what began after an acknowledgement of
// the same room was read stands behind it.
func (c *checker) checkOrder() {
	first := map[commandKey]*Record{}
	behind := map[*Record]*Record{} // by invoke: the highest ack before it
	highest := map[string]*Record{}
	for i := range c.records {
		r := &c.records[i]
		switch r.What {
		case Invoke:
			key := commandKey{r.User, r.Room, r.Nonce}
			if first[key] == nil {
				first[key], behind[r] = r, highest[r.Room]
			}
		case Ack:
			if r.Event == nil || c.void(r) {
				continue
			}
			if high := highest[r.Room]; high == nil || high.Event.Seq < r.Event.Seq {
				highest[r.Room] = r
			}
			begun := first[commandKey{r.User, r.Room, r.Nonce}]
			if before := behind[begun]; begun != nil && before != nil && r.Event.Seq < before.Event.Seq {
				c.find(Backwards, []*Record{before, begun, r}, "command %s began after number %d of room %s was acknowledged, and is number %d",
					r.Nonce, before.Event.Seq, r.Room, r.Event.Seq)
			}
		}
	}
}
