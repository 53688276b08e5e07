package chat

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func userID(n byte) UserID { return UserID{0: 1, 6: 0x70, 8: 0x80, 15: n} }

// history is a room as its events tell it: the record that a store keeps.
type history struct {
	room   *Room
	events []*Event
}

func newHistory() *history { return &history{room: NewRoom(Info{})} }

func (h *history) add(e *Event) {
	h.events = append(h.events, e)
	h.room.Apply(e)
}

// learn answers what r misses from the record.
func (h *history) learn(r *Room, c *Command) {
	f := r.Missing(c)
	for _, id := range f.Members {
		r.LearnMember(id, h.room.members[id])
	}
	for _, seq := range f.Targets {
		r.LearnTarget(seq, h.room.targets[seq])
	}
	for _, key := range f.Reactions {
		r.LearnReaction(key, h.room.reactions[key])
	}
	for _, seq := range f.Emojis {
		r.LearnEmojis(seq, h.room.counted(seq))
	}
	for _, key := range f.Reactors {
		r.LearnReactor(key, h.room.putBy(key))
	}
}

// counted and putBy count a room's reactions one by one.
func (r *Room) counted(seq uint64) map[string]int {
	people := map[string]int{}
	for key, stands := range r.reactions {
		if stands && key.Seq == seq {
			people[key.Emoji]++
		}
	}
	return people
}

func (r *Room) putBy(who Reactor) (n int) {
	for key, stands := range r.reactions {
		n += count(stands && key.Seq == who.Seq && key.User == who.User)
	}
	return n
}

// stored are the events as a store has them after deletes cleared bodies.
func (h *history) stored() []*Event {
	var list []*Event
	for _, e := range h.events {
		copied := *e
		list = append(list, &copied)
		if e.Kind != KindDelete {
			continue
		}
		for _, earlier := range list {
			about := earlier.Target == e.Target && (earlier.Kind == KindEdit || earlier.Kind == KindReaction)
			if earlier.Seq == e.Target || about {
				earlier.Body = Body{Deleted: true}
			}
		}
	}
	return list
}

func clone(r *Room) *Room {
	c := *r
	c.members, c.targets, c.reactions = maps.Clone(r.members), maps.Clone(r.targets), maps.Clone(r.reactions)
	c.nonces.seqs, c.nonces.ring = maps.Clone(r.nonces.seqs), slices.Clone(r.nonces.ring)
	return &c
}

// facts leaves out what is known not to be, which two rooms may differ in.
func facts(r *Room) (Info, map[UserID]Role, map[uint64]Target, map[ReactionKey]bool) {
	members, targets, reactions := maps.Clone(r.members), maps.Clone(r.targets), maps.Clone(r.reactions)
	maps.DeleteFunc(members, func(_ UserID, role Role) bool { return role == "" })
	maps.DeleteFunc(targets, func(_ uint64, t Target) bool { return !t.Message })
	maps.DeleteFunc(reactions, func(_ ReactionKey, stands bool) bool { return !stands })
	return r.Info, members, targets, reactions
}

func same(t *rapid.T, what string, a, b *Room) {
	t.Helper()
	ai, am, at, ar := facts(a)
	bi, bm, bt, br := facts(b)
	if ai != bi || !maps.Equal(am, bm) || !maps.Equal(at, bt) || !maps.Equal(ar, br) {
		t.Fatalf("%s:\n%+v %v %v %v\n%+v %v %v %v", what, ai, am, at, ar, bi, bm, bt, br)
	}
}

// drawCommand makes a command for a room, sensible more often than not.
func drawCommand(t *rapid.T, room RoomID, head uint64, i int) *Command {
	people := rapid.SampledFrom([]UserID{userID(1), userID(2), userID(3), userID(4), userID(5), System})
	c := &Command{ID: NewID(), Room: room, By: people.Draw(t, "by"), Nonce: strconv.Itoa(i)}
	c.As = rapid.SampledFrom([]OrgRole{OrgMember, OrgMember, OrgMember, OrgAdmin, OrgGuest, OrgSystem}).Draw(t, "as")
	c.Kind = rapid.SampledFrom([]Kind{KindMessage, KindMessage, KindEdit, KindDelete, KindReaction, KindMember, KindMember, KindRoom}).Draw(t, "kind")
	number := rapid.Uint64Range(0, head+1)
	c.Target = number.Draw(t, "target")
	name := rapid.SampledFrom([]string{"one", "two", ""}).Draw(t, "name")
	yes := rapid.Bool().Draw(t, "yes")
	b := &c.Body
	switch c.Kind {
	case KindMessage:
		b.Text, b.MentionAll, b.Deleted = name, yes, yes
		b.ReplyTo = rapid.SampledFrom([]uint64{0, 0, c.Target}).Draw(t, "reply")
		b.Thread = rapid.SampledFrom([]uint64{0, 0, c.Target}).Draw(t, "thread")
		b.Mentions = rapid.SliceOfN(people, 0, 3).Draw(t, "mentions")
	case KindEdit:
		b.Text, b.Deleted = name, yes
	case KindReaction:
		b.Emoji, b.Deleted = rapid.SampledFrom([]string{"👍", "👎"}).Draw(t, "emoji"), yes
		b.Op = rapid.SampledFrom([]Op{OpAdd, OpAdd, OpRemove}).Draw(t, "op")
	case KindMember:
		b.Op = rapid.SampledFrom([]Op{OpJoin, OpLeave, OpAdd, OpAdd, OpRemove, OpRole}).Draw(t, "op")
		b.User = people.Draw(t, "user")
		if b.Op == OpJoin || b.Op == OpLeave {
			b.User = c.By
		}
		b.Role = rapid.SampledFrom([]Role{RoleOwner, RoleModerator, RoleMember}).Draw(t, "role")
	case KindRoom:
		b.Op = rapid.SampledFrom([]Op{OpRename, OpTopic, OpSettings, OpSettings, OpArchive, OpCreate}).Draw(t, "op")
		b.Name, b.Topic, b.ReadOnly = &name, &name, &yes
	}
	return c
}

func drawCreate(t *rapid.T) *Command {
	c := &Command{ID: NewID(), By: userID(1), As: OrgMember, Nonce: "create", Kind: KindRoom}
	name := "room"
	c.Body = Body{Op: OpCreate, RoomKind: rapid.SampledFrom([]RoomKind{Channel, Group, Direct}).Draw(t, "kind"), Name: &name}
	c.Body.Members = rapid.SliceOfN(rapid.Map(rapid.ByteRange(1, 5), userID), 0, 4).Draw(t, "first")
	c.Room = CreatedRoomID(c.By, c.Nonce)
	if c.Body.RoomKind == Direct {
		c.Body.Members = []UserID{userID(2)}
		c.Room = DirectRoomID(userID(1), userID(2))
	}
	return c
}

// Whatever is asked of a room: numbers have no holes, deciding changes nothing,
// a repeat is a repeat, and the events alone give the room back, also after the
// store has cleared what was deleted.
func TestARoomIsItsEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live, record := NewRoom(Info{}), newHistory()
		now, commands := int64(1000), []*Command{drawCreate(t)}
		steps := rapid.IntRange(1, 60).Draw(t, "steps")
		for i := range steps {
			if i > 0 {
				commands = append(commands, drawCommand(t, commands[0].Room, live.Head, i))
			}
			now += rapid.Int64Range(-5, 5).Draw(t, "later")
			step(t, live, record, commands[i], now)
		}
		for _, c := range commands {
			if e := record.by(c); e != nil {
				if d := live.Admit(c, now); d.Repeat != e.Seq || d.Event != nil || d.Err != nil {
					t.Fatalf("the repeat of event %d became %+v", e.Seq, d)
				}
			}
		}
		again := NewRoom(Info{})
		for _, e := range record.events {
			again.Apply(e)
		}
		same(t, "replaying the events", live.complete(record), again)
		cleared := NewRoom(Info{})
		for _, e := range record.stored() {
			cleared.Apply(e)
		}
		for _, r := range []*Room{again, cleared} {
			for seq, target := range r.targets {
				if target.Deleted {
					target.Thread = 0 // cleared with the rest of the body
					r.targets[seq] = target
				}
			}
		}
		same(t, "replaying what the store kept", again, cleared)
	})
}

// step lets the live room, and one that knows nothing yet but its settings,
// decide about the command.
func step(t *rapid.T, live *Room, record *history, c *Command, now int64) {
	cold := NewRoom(record.room.Info)
	record.learn(live, c)
	record.learn(cold, c)
	before := clone(live)
	d := live.Admit(c, now)
	if !reflect.DeepEqual(before, live) {
		t.Fatalf("deciding about %+v changed the room", c)
	}
	if other := cold.Admit(c, now); !reflect.DeepEqual(d, other) {
		t.Fatalf("a room read from the store decides otherwise:\n%+v\n%+v", d, other)
	}
	if d.Event == nil {
		return
	}
	e := d.Event
	if e.Seq != live.Head+1 || e.At < live.LastAt || e.Room != c.Room || e.Key() != c.Key() || e.ID != c.ID {
		t.Fatalf("after %+v comes %+v", live.Info, e)
	}
	if e.Body.Deleted {
		t.Fatalf("a command made a body that only a delete makes: %+v", e)
	}
	live.Apply(e)
	record.add(e)
	if live.Head != uint64(len(record.events)) {
		t.Fatalf("%d events made number %d", len(record.events), live.Head)
	}
}

func (h *history) by(c *Command) *Event {
	i := slices.IndexFunc(h.events, func(e *Event) bool { return e.Key() == c.Key() })
	if i < 0 {
		return nil
	}
	return h.events[i]
}

// complete lets a room learn everything that the record knows and it does not.
func (r *Room) complete(h *history) *Room {
	for id, role := range h.room.members {
		if _, known := r.members[id]; !known {
			r.LearnMember(id, role)
		}
	}
	for seq, target := range h.room.targets {
		if _, known := r.targets[seq]; !known {
			r.LearnTarget(seq, target)
		}
	}
	for key, stands := range h.room.reactions {
		if _, known := r.reactions[key]; !known {
			r.LearnReaction(key, stands)
		}
	}
	for seq := range h.room.targets {
		if _, known := r.emojis[seq]; !known {
			r.LearnEmojis(seq, h.room.counted(seq))
		}
		for id := range h.room.members {
			if _, known := r.reactors[Reactor{seq, id}]; !known {
				r.LearnReactor(Reactor{seq, id}, h.room.putBy(Reactor{seq, id}))
			}
		}
	}
	return r
}

func TestApplyingOutOfOrderPanics(t *testing.T) {
	for _, seq := range []uint64{0, 2} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("event %d was applied to an empty room", seq)
				}
			}()
			NewRoom(Info{}).Apply(&Event{Seq: seq})
		}()
	}
}

func TestTheNewestNoncesAreRemembered(t *testing.T) {
	w := newTown(t, Channel)
	for i := range 3 * rememberedNonces {
		w.say("owner", strconv.Itoa(i))
	}
	head := w.room.Head
	for i := range 3 * rememberedNonces {
		seq := head - uint64(3*rememberedNonces-i) + 1
		c := w.command("owner", KindMessage)
		c.Nonce, c.Body.Text = strconv.Itoa(i), "x"
		d := w.room.Admit(c, 0)
		if remembered := i >= 2*rememberedNonces; remembered != (d.Repeat == seq) {
			t.Fatalf("nonce %d, of event %d, became %+v", i, seq, d)
		}
	}
	if n := len(w.room.nonces.seqs); n != rememberedNonces {
		t.Fatalf("%d nonces are kept", n)
	}
}

// TestWhatHangsUnderAMessageIsBounded: a page of history has all of it.
func TestWhatHangsUnderAMessageIsBounded(t *testing.T) {
	w := newTown(t, Channel)
	seq := w.say("owner", "react to this").Seq
	reacts := func(who UserID, emoji string, op Op) Decision {
		c := w.command("member", KindReaction)
		c.By, c.Target, c.Body = who, seq, Body{Emoji: emoji, Op: op}
		w.room.LearnMember(who, RoleMember)
		for _, key := range w.room.Missing(c).Reactors {
			w.room.LearnReactor(key, 0)
		}
		if _, known := w.room.emojis[seq]; !known {
			w.room.LearnEmojis(seq, map[string]int{})
		}
		d := w.room.Admit(c, 0)
		if d.Event != nil {
			w.room.Apply(d.Event)
		}
		return d
	}
	for i := range MaxEmojis {
		if d := reacts(UserID{1: byte(i / MaxReactions), 15: 9}, strconv.Itoa(i), OpAdd); d.Event == nil {
			t.Fatalf("emoji %d: %v", i, d.Err)
		}
	}
	first, another := UserID{15: 9}, UserID{1: 99, 15: 9}
	if d := reacts(first, "50", OpAdd); d.Err == nil || d.Err.Code != TooLarge {
		t.Errorf("one more of somebody who has put %d: %+v", MaxReactions, d)
	}
	if d := reacts(another, "new", OpAdd); d.Err == nil || d.Err.Code != TooLarge {
		t.Errorf("one more than %d: %+v", MaxEmojis, d)
	}
	if d := reacts(another, "50", OpAdd); d.Event == nil {
		t.Errorf("one that is there: %v", d.Err)
	}
	if d := reacts(first, "0", OpRemove); d.Event == nil {
		t.Fatal(d.Err)
	}
	if d := reacts(another, "new", OpAdd); d.Event == nil {
		t.Errorf("in the place of one that was taken away: %v", d.Err)
	}
}

func TestMissingAsksForWhatACommandNeeds(t *testing.T) {
	w := newTown(t, Channel)
	cold := NewRoom(w.room.Info)
	c := w.command("member", KindMessage)
	c.Body = Body{Text: "x", ReplyTo: 2, Thread: 3, Mentions: []UserID{w.people["owner"], {}}}
	f := cold.Missing(c)
	if !slices.Equal(f.Members, []UserID{c.By, w.people["owner"]}) || !slices.Equal(f.Targets, []uint64{3, 2}) && !slices.Equal(f.Targets, []uint64{2, 3}) {
		t.Errorf("a message needs %+v", f)
	}
	c.Body = Body{Text: "x", ReplyTo: cold.Head + 1}
	if f := cold.Missing(c); len(f.Targets) != 0 {
		t.Errorf("what is beyond the head is asked for: %+v", f)
	}
	r := w.command("member", KindReaction)
	r.Target, r.Body = 2, Body{Emoji: "👍", Op: OpAdd}
	if f := cold.Missing(r); !slices.Equal(f.Reactions, []ReactionKey{{2, r.By, "👍"}}) {
		t.Errorf("a reaction needs %+v", f)
	}
	cold.Learn(Known{Members: map[UserID]Role{r.By: RoleMember}, Targets: map[uint64]Target{2: {Message: true}}, Reactions: map[ReactionKey]bool{{2, r.By, "👍"}: false},
		Emojis: map[uint64]map[string]int{2: {}}, Reactors: map[Reactor]int{{2, r.By}: 0}})
	if f := cold.Missing(r); !f.Empty() {
		t.Errorf("it is asked for again: %+v", f)
	}
	if f := NewRoom(Info{}).Missing(c); !f.Empty() {
		t.Errorf("a room that does not exist needs %+v", f)
	}
	if w.room.Size() <= cold.Size() {
		t.Error("a room that knows more takes no more memory")
	}
}
