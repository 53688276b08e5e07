package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

var histories = []promise{
	{"whatever is commanded, the store says what the rooms in memory say", func(t *testing.T, open Open) {
		s := open(t)
		w := NewWorker(t, s)
		rapid.Check(t, func(r *rapid.T) {
			m := &model{t: t, r: r, w: w}
			create := Create(chat.Group, "g", alice, bob)
			m.room = create.Room
			m.do(create)
			for range rapid.IntRange(1, 12).Draw(r, "batches") {
				if rapid.IntRange(0, 9).Draw(r, "forget") == 0 {
					w.Forget()
				}
				m.do(rapid.SliceOfN(rapid.Custom(m.command), 1, 8).Draw(r, "batch")...)
			}
			m.compare(s)
		})
		sound(t, s)
		must(t, s.Close())
		sound(t, open(t))
	}},
}

// model is a room as the events alone make it.
type model struct {
	t      *testing.T
	r      *rapid.T
	w      *Worker
	room   chat.RoomID
	events []chat.Event
}

var modelPeople = []chat.UserID{alice, bob, carol, ID(4)}

func (m *model) command(r *rapid.T) chat.Command {
	by := rapid.SampledFrom(modelPeople).Draw(r, "by")
	seq := rapid.Uint64Range(1, uint64(len(m.events)+2)).Draw(r, "target")
	switch rapid.IntRange(0, 8).Draw(r, "kind") {
	case 0:
		return Edit(by, m.room, seq, rapid.StringMatching(`[a-c ]{0,3}x`).Draw(r, "text"))
	case 1:
		return Delete(by, m.room, seq)
	case 2, 3:
		return React(by, m.room, seq, rapid.SampledFrom([]string{"👍", "🎉"}).Draw(r, "emoji"),
			rapid.SampledFrom([]chat.Op{chat.OpAdd, chat.OpRemove}).Draw(r, "op"))
	case 4:
		op := rapid.SampledFrom([]chat.Op{chat.OpAdd, chat.OpRemove, chat.OpRole, chat.OpLeave}).Draw(r, "op")
		user, role := rapid.SampledFrom(modelPeople).Draw(r, "user"), chat.Role("")
		if op == chat.OpLeave {
			user = by
		}
		if op == chat.OpRole {
			role = rapid.SampledFrom([]chat.Role{chat.RoleOwner, chat.RoleModerator, chat.RoleMember}).Draw(r, "role")
		}
		c := Member(by, m.room, op, user, role)
		c.As = rapid.SampledFrom([]chat.OrgRole{chat.OrgMember, chat.OrgAdmin}).Draw(r, "as")
		return c
	case 5:
		return Rename(by, m.room, rapid.StringMatching(`[a-c]{1,3}`).Draw(r, "name"))
	default:
		return m.message(r, by, seq)
	}
}

func (m *model) message(r *rapid.T, by chat.UserID, seq uint64) chat.Command {
	c := Say(by, m.room, rapid.StringN(1, 5, 20).Draw(r, "text"))
	if rapid.Bool().Draw(r, "thread") {
		c.Body.Thread = seq
	}
	if rapid.Bool().Draw(r, "rich") {
		c.Body.Mentions = rapid.SliceOfN(rapid.SampledFrom(modelPeople), 0, 3).Draw(r, "mentions")
		c.Body.MentionAll = rapid.Bool().Draw(r, "all")
		c.Body.Meta = json.RawMessage(`{"n":1}`)
	}
	if rapid.IntRange(0, 5).Draw(r, "repeat") == 0 {
		c.Nonce = "again"
	}
	return c
}

// do commits the commands; those whose nonce the rooms in memory have forgotten
// are sorted out as a worker does: asked for, and dropped.
func (m *model) do(commands ...chat.Command) {
	var keys []chat.NonceKey
	for i := range commands {
		keys = append(keys, commands[i].Key())
	}
	repeats, err := m.w.Shard.Repeats(m.t.Context(), keys)
	if err != nil {
		m.r.Fatal(err)
	}
	var fresh []chat.Command
	for i := range commands {
		if _, seen := repeats[commands[i].Key()]; !seen {
			fresh = append(fresh, commands[i])
		}
	}
	for _, d := range m.w.Do(fresh...) {
		if d.Event != nil {
			m.events = append(m.events, *d.Event)
		}
	}
}

// compare sets the store's events, room, members and history against the model.
func (m *model) compare(s *store.Store) {
	want := m.cleared()
	var have []chat.Event
	err := s.Archive().Events(m.t.Context(), ID(9), true, []chat.RoomID{m.room}, []uint64{0}, 10_000, 1<<30,
		func(_ chat.RoomID, _ bool, _, _ uint64, _ bool, events []chat.Event) { have = events })
	if err != nil || !reflect.DeepEqual(have, want) {
		m.r.Fatalf("%v: the events are\n%+v, should be\n%+v", err, have, want)
	}
	replay := chat.NewRoom(chat.Info{})
	for i := range want {
		replay.Apply(&want[i])
	}
	infos, err := m.w.Shard.Rooms(m.t.Context(), []chat.RoomID{m.room})
	if err != nil || infos[0] != replay.Info {
		m.r.Fatalf("%v: the room is %+v, should be %+v", err, infos, replay.Info)
	}
	list, _, _, _, err := s.Archive().History(m.t.Context(), alice, true, m.room, 0, 0, 0, 0, 10_000)
	if err != nil {
		m.r.Fatal(err)
	}
	if have, want := historyLines(list), m.history(); !reflect.DeepEqual(have, want) {
		m.r.Fatalf("history is\n%q, should be\n%q", have, want)
	}
}

// cleared are the events as they must be kept: without what deletes took.
func (m *model) cleared() []chat.Event {
	gone := map[uint64]bool{}
	for _, e := range m.events {
		if e.Kind == chat.KindDelete {
			gone[e.Target] = true
		}
	}
	kept := make([]chat.Event, len(m.events))
	for i, e := range m.events {
		if gone[e.Seq] || gone[e.Target] && e.Kind != chat.KindDelete {
			e.Body = chat.Body{Deleted: true}
		}
		kept[i] = e
	}
	return kept
}

// history are the messages as the events alone make them, a line each.
func (m *model) history() (lines []string) {
	type state struct {
		text    string
		thread  uint64
		deleted bool
		reacted map[string]bool
	}
	var order []uint64
	messages := map[uint64]*state{}
	for _, e := range m.events {
		switch e.Kind {
		case chat.KindMessage:
			order = append(order, e.Seq)
			messages[e.Seq] = &state{text: e.Body.Text, thread: e.Body.Thread, reacted: map[string]bool{}}
		case chat.KindEdit:
			messages[e.Target].text = e.Body.Text
		case chat.KindDelete:
			*messages[e.Target] = state{deleted: true, thread: messages[e.Target].thread}
		case chat.KindReaction:
			messages[e.Target].reacted[fmt.Sprint(e.Body.Emoji, e.By)] = e.Body.Op == chat.OpAdd
		}
	}
	replies := map[uint64]int{}
	for _, s := range messages {
		if !s.deleted {
			replies[s.thread]++
		}
	}
	for _, seq := range order {
		s := messages[seq]
		stand := 0
		for _, yes := range s.reacted {
			if yes {
				stand++
			}
		}
		lines = append(lines, fmt.Sprint(seq, s.text, s.deleted, s.thread, replies[seq], stand))
	}
	return lines
}

func historyLines(list []chat.Message) (lines []string) {
	for _, msg := range list {
		stand := 0
		for _, r := range msg.Reactions {
			stand += r.Count
		}
		lines = append(lines, fmt.Sprint(msg.Seq, msg.Text, msg.Deleted, msg.Thread, msg.ReplyCount, stand))
	}
	return lines
}
