package store

import (
	"context"

	"github.com/parley-chat/parley/internal/chat"
)

// Rooms reads rooms as they stand, in no particular order; those that do not
// exist are left out.
func (h *Shard) Rooms(ctx context.Context, ids []chat.RoomID) (rooms []chat.Info, err error) {
	err = h.s.db.ask(ctx, func(q tx) error {
		return q.queryEach(`SELECT `+infoColumns+` FROM rooms_now r WHERE r.id = $1`, len(ids),
			func(i int) []any { return []any{ids[i]} },
			func(_ int, r row) error {
				info, err := scanInfo(r)
				rooms = append(rooms, info)
				return err
			})
	})
	return rooms, err
}

// Facts answers every fact that was asked for, also those that are not there.
// All answers are from one snapshot.
func (h *Shard) Facts(ctx context.Context, asked map[chat.RoomID]chat.Facts) (map[chat.RoomID]chat.Known, error) {
	known := make(map[chat.RoomID]chat.Known, len(asked))
	var a factsAsked
	for room, f := range asked {
		known[room] = nothingKnown(f)
		a.add(room, f)
	}
	err := h.s.db.ask(ctx, func(q tx) error { return a.answer(q, known) })
	return known, err
}

func nothingKnown(f chat.Facts) chat.Known {
	k := chat.Known{
		Members:   make(map[chat.UserID]chat.Role, len(f.Members)),
		Targets:   make(map[uint64]chat.Target, len(f.Targets)),
		Reactions: make(map[chat.ReactionKey]bool, len(f.Reactions)),
		Emojis:    make(map[uint64]map[string]int, len(f.Emojis)),
		Reactors:  make(map[chat.Reactor]int, len(f.Reactors)),
	}
	for _, id := range f.Members {
		k.Members[id] = ""
	}
	for _, seq := range f.Targets {
		k.Targets[seq] = chat.Target{}
	}
	for _, key := range f.Reactions {
		k.Reactions[key] = false
	}
	for _, seq := range f.Emojis {
		k.Emojis[seq] = map[string]int{}
	}
	for _, key := range f.Reactors {
		k.Reactors[key] = 0
	}
	return k
}

// factsAsked are the facts of all rooms side by side: one statement for each
// kind of fact.
type factsAsked struct {
	members, targets, reactions, emojis, reactors [][]any
}

func (a *factsAsked) add(room chat.RoomID, f chat.Facts) {
	for _, id := range f.Members {
		a.members = append(a.members, []any{room, id})
	}
	for _, seq := range f.Targets {
		a.targets = append(a.targets, []any{room, seq})
	}
	for _, k := range f.Reactions {
		a.reactions = append(a.reactions, []any{room, k.Seq, k.Emoji, k.User})
	}
	for _, seq := range f.Emojis {
		a.emojis = append(a.emojis, []any{room, seq})
	}
	for _, k := range f.Reactors {
		a.reactors = append(a.reactors, []any{room, k.Seq, k.User})
	}
}

func (a *factsAsked) answer(q tx, known map[chat.RoomID]chat.Known) error {
	return q.together(
		listed(`SELECT room, user_id, role FROM members WHERE room = $1 AND user_id = $2`, a.members, func(r row) error {
			var room, id chat.ID
			var role chat.Role
			err := r.scan(&room, &id, &role)
			known[room].Members[id] = role
			return err
		}),
		listed(`SELECT room, seq, by, thread, extra FROM events WHERE room = $1 AND seq = $2 AND kind = 1`, a.targets, func(r row) error {
			var room chat.RoomID
			var seq uint64
			var extra string
			t := chat.Target{Message: true}
			err := r.scan(&room, &seq, &t.By, &t.Thread, &extra)
			t.Deleted = extra == cleared
			known[room].Targets[seq] = t
			return err
		}),
		listed(`SELECT room, seq, emoji, user_id FROM reactions WHERE room = $1 AND seq = $2 AND emoji = $3 AND user_id = $4`, a.reactions, func(r row) error {
			var room chat.RoomID
			var key chat.ReactionKey
			err := r.scan(&room, &key.Seq, &key.Emoji, &key.User)
			known[room].Reactions[key] = true
			return err
		}),
		listed(`SELECT room, seq, emoji, count(*) FROM reactions WHERE room = $1 AND seq = $2 GROUP BY room, seq, emoji`, a.emojis, func(r row) error {
			var room chat.RoomID
			var seq uint64
			var emoji string
			var people int
			err := r.scan(&room, &seq, &emoji, &people)
			known[room].Emojis[seq][emoji] = people
			return err
		}),
		listed(`SELECT room, seq, user_id, count(*) FROM reactions WHERE room = $1 AND seq = $2 AND user_id = $3 GROUP BY room, seq, user_id`, a.reactors, func(r row) error {
			var room chat.RoomID
			var key chat.Reactor
			var emojis int
			err := r.scan(&room, &key.Seq, &key.User, &emojis)
			known[room].Reactors[key] = emojis
			return err
		}))
}

// listed is a question that is asked with each of the arguments.
func listed(sql string, args [][]any, each func(row) error) question {
	return question{sql, len(args), func(i int) []any { return args[i] }, func(_ int, r row) error { return each(r) }}
}

// Repeats finds which commands have been committed, and as which numbers.
func (h *Shard) Repeats(ctx context.Context, keys []chat.NonceKey) (map[chat.NonceKey]uint64, error) {
	seqs := map[chat.NonceKey]uint64{}
	err := h.s.db.ask(ctx, func(q tx) error {
		return q.queryEach(`SELECT seq FROM events WHERE room = $1 AND by = $2 AND nonce = $3`, len(keys),
			func(i int) []any { return []any{keys[i].Room, keys[i].By, packNonce(keys[i].Nonce)} },
			func(i int, r row) error {
				var seq uint64
				err := r.scan(&seq)
				seqs[keys[i]] = seq
				return err
			})
	})
	return seqs, err
}
