package storetest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

var facts = []promise{
	{"every fact that is asked for has an answer", func(t *testing.T, open Open) {
		_, w, room := team(t, open)
		said := w.Event(Say(alice, room, "root"))
		reply := Say(bob, room, "reply")
		reply.Body.Thread = said.Seq
		in := w.Event(reply)
		w.Event(React(bob, room, said.Seq, "👍", chat.OpAdd))
		w.Event(Delete(bob, room, in.Seq))
		stands, not := chat.ReactionKey{Seq: said.Seq, User: bob, Emoji: "👍"}, chat.ReactionKey{Seq: said.Seq, User: alice, Emoji: "👍"}
		nowhere := ID(77)
		known, err := w.Shard.Facts(t.Context(), map[chat.RoomID]chat.Facts{
			room: {
				Members: []chat.UserID{alice, bob, ID(9)}, Targets: []uint64{1, said.Seq, in.Seq, 99},
				Reactions: []chat.ReactionKey{stands, not}, Emojis: []uint64{said.Seq, 99},
				Reactors: []chat.Reactor{{Seq: said.Seq, User: bob}, {Seq: said.Seq, User: alice}},
			},
			nowhere: {Members: []chat.UserID{alice}, Targets: []uint64{1}},
		})
		must(t, err)
		want := map[chat.RoomID]chat.Known{
			room: {
				Members: map[chat.UserID]chat.Role{alice: chat.RoleOwner, bob: chat.RoleMember, ID(9): ""},
				Targets: map[uint64]chat.Target{
					1: {}, said.Seq: {By: alice, Message: true},
					in.Seq: {By: bob, Message: true, Deleted: true, Thread: said.Seq}, 99: {},
				},
				Reactions: map[chat.ReactionKey]bool{stands: true, not: false},
				Emojis:    map[uint64]map[string]int{said.Seq: {"👍": 1}, 99: {}},
				Reactors:  map[chat.Reactor]int{{Seq: said.Seq, User: bob}: 1, {Seq: said.Seq, User: alice}: 0},
			},
			nowhere: {
				Members: map[chat.UserID]chat.Role{alice: ""}, Targets: map[uint64]chat.Target{1: {}},
				Reactions: map[chat.ReactionKey]bool{}, Emojis: map[uint64]map[string]int{}, Reactors: map[chat.Reactor]int{},
			},
		}
		if !reflect.DeepEqual(known, want) {
			t.Fatalf("known is\n%+v, should be\n%+v", known, want)
		}
	}},
	{"rooms that do not exist are left out", func(t *testing.T, open Open) {
		_, w, room := team(t, open)
		infos, err := w.Shard.Rooms(t.Context(), []chat.RoomID{ID(88), room, ID(99)})
		must(t, err)
		if len(infos) != 1 || infos[0] != w.Rooms[room].Info {
			t.Fatalf("rooms are %+v, should be %+v", infos, w.Rooms[room].Info)
		}
	}},
	{"a nonce of any shape is found again", func(t *testing.T, open Open) {
		s, w, room := team(t, open)
		nonces := []string{
			"1", "exactly 16 bytes", chat.NewID().String(), strings.ToUpper(chat.NewID().String()),
			strings.Repeat("n", chat.MaxNonce), "ünïcødé", "0b9d6e63-2bd5-4e0c-9a4c-0f3a6c3a1f7", "a\x01b",
		}
		keys := map[chat.NonceKey]uint64{}
		asked := []chat.NonceKey{{Room: room, By: bob, Nonce: "1"}, {Room: ID(5), By: alice, Nonce: "1"}, {Room: room, By: alice, Nonce: "never"}}
		for _, nonce := range nonces {
			c := Say(alice, room, "x")
			c.Nonce = nonce
			e := w.Event(c)
			keys[e.Key()] = e.Seq
			asked = append(asked, e.Key())
			have, _, found, err := s.Archive().Event(t.Context(), alice, false, room, 0, alice, nonce)
			must(t, err)
			if !found || have.Seq != e.Seq || have.Nonce != nonce {
				t.Fatalf("nonce %q finds %+v", nonce, have)
			}
		}
		repeats, err := w.Shard.Repeats(t.Context(), asked)
		must(t, err)
		if !reflect.DeepEqual(repeats, keys) {
			t.Fatalf("repeats are %v, should be %v", repeats, keys)
		}
	}},
}
