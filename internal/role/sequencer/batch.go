package sequencer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// asked is a command of a batch with what its record says about it.
type asked struct {
	cmd     *chat.Command
	gateway uint64
	logSeq  uint64
	at      int64 // the record's time
}

// batch is what becomes of some commands: one commit, and what is said after it.
type batch struct {
	commit  chat.Commit
	touched map[chat.RoomID]*chat.Room
	answers map[uint64][]contract.Answer // by gateway run
}

// take commits the records that have arrived and tells the gateways.
func (w *worker) take(ctx context.Context, records []bus.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	commands, to := w.open(records)
	err := w.decide(ctx, commands, to, nil)
	if errors.Is(err, chat.ErrRepeat) {
		err = w.redo(ctx, commands, to)
	}
	if err != nil && !chat.Transient(err) && ctx.Err() == nil {
		w.metrics.redone.WithLabelValues("poison").Inc()
		w.log.Error("a batch failed; doing it again one command at a time", "err", err, "commands", len(commands))
		err = w.oneByOne(ctx, commands, to)
	}
	return err
}

// open lists the commands of the records, and the position behind them.
func (w *worker) open(records []bus.Record) ([]asked, chat.Position) {
	to := w.at
	var commands []asked
	for i := range records {
		r := &records[i]
		to.Seq, to.Envelope = r.Seq, r.Envelope.ID
		if r.Err != nil {
			w.metrics.dead.Inc()
			w.log.Error("a log record cannot be read and is passed over", "log", r.Seq, "err", r.Err)
			continue
		}
		for j := range r.Envelope.Commands {
			commands = append(commands, asked{&r.Envelope.Commands[j], r.Envelope.Gateway, r.Seq, r.At + w.cfg.Clock.Ahead().Milliseconds()})
		}
	}
	return commands, to
}

// redo does a batch again that held repeats: those of earlier commits are looked up
// first, and those of the batch itself are noted as it is done.
func (w *worker) redo(ctx context.Context, commands []asked, to chat.Position) error {
	w.metrics.redone.WithLabelValues("repeat").Inc()
	w.forget(commands)
	keys := make([]chat.NonceKey, len(commands))
	for i, a := range commands {
		keys[i] = a.cmd.Key()
	}
	repeats, err := w.shard.Repeats(ctx, keys)
	if err != nil {
		return err
	}
	return w.decide(ctx, commands, to, repeats)
}

// forget drops the rooms of a batch that was not committed: they have applied
// events that are not true.
func (w *worker) forget(commands []asked) {
	for _, a := range commands {
		w.rooms.drop(a.cmd.Room)
	}
}

// oneByOne finds the command that makes its batch fail, refuses it and goes on.
// Within a record the position moves with the last command only.
func (w *worker) oneByOne(ctx context.Context, commands []asked, to chat.Position) error {
	w.forget(commands)
	for i, a := range commands {
		step := w.at
		if i == len(commands)-1 {
			step = to
		}
		err := w.decide(ctx, commands[i:i+1], step, nil)
		if errors.Is(err, chat.ErrRepeat) {
			err = w.redo(ctx, commands[i:i+1], step)
		}
		if err == nil {
			continue
		}
		if chat.Transient(err) || ctx.Err() != nil {
			return err
		}
		w.forget(commands[i : i+1])
		if err := w.bury(ctx, a, step, err); err != nil {
			return err
		}
	}
	return nil
}

// bury refuses a command that fails alone and keeps it for the operator.
func (w *worker) bury(ctx context.Context, a asked, to chat.Position, why error) error {
	w.metrics.dead.Inc()
	w.log.Error("a command fails alone: refused and kept as dead",
		"trace", a.cmd.ID.Hex(), "room", a.cmd.Room, "by", a.cmd.By, "kind", a.cmd.Kind, "log", a.logSeq, "err", why)
	b := &batch{answers: map[uint64][]contract.Answer{}}
	b.answer(a, chat.Decision{Err: chat.Public(why)})
	to.N = w.at.N
	b.commit = chat.Commit{Partition: w.partition, From: w.at, To: to,
		Dead: []chat.DeadCommand{{LogSeq: a.logSeq, Command: *a.cmd, Reason: why.Error(), At: w.cfg.Clock.Now().UnixMilli()}}}
	return w.finish(ctx, b)
}

// decide lets the rooms admit or refuse the commands, commits and speaks. A
// panic of the rules comes back as an error. With repeats, what the commands make
// is added to them: a room remembers fewer nonces than a batch may hold.
func (w *worker) decide(ctx context.Context, commands []asked, to chat.Position, repeats map[chat.NonceKey]uint64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while deciding: %v", p)
		}
		if err != nil {
			w.forget(commands)
		}
	}()
	b := &batch{touched: map[chat.RoomID]*chat.Room{}, answers: map[uint64][]contract.Answer{}}
	if err := w.learn(ctx, commands, b.touched); err != nil {
		return err
	}
	now, n := w.cfg.Clock.Now().UnixMilli(), w.at.N
	for _, a := range commands {
		d := w.judge(a, b.touched[a.cmd.Room], repeats)
		if d.Event == nil {
			b.answer(a, d)
			w.count(d)
			continue
		}
		n++
		d.Event.N = n
		d.Event.Origin = chat.Origin{Gateway: a.gateway, LogSeq: a.logSeq, Batch: w.at.N + 1, Committed: now}
		b.touched[a.cmd.Room].Apply(d.Event)
		if repeats != nil {
			repeats[a.cmd.Key()] = d.Event.Seq
		}
		b.commit.Events = append(b.commit.Events, d.Event)
		if a.cmd.Alias != nil {
			b.commit.Aliases = append(b.commit.Aliases, chat.Named{Alias: *a.cmd.Alias, ID: aliased(d.Event)})
		}
	}
	to.N = n
	b.commit.Partition, b.commit.From, b.commit.To = w.partition, w.at, to
	b.commit.Rooms = changed(b.commit.Events, b.touched)
	return w.finish(ctx, b)
}

// aliased is what an alias stands for: the room for the event that creates one,
// the event otherwise.
func aliased(e *chat.Event) chat.ID {
	if e.Kind == chat.KindRoom && e.Body.Op == chat.OpCreate {
		return e.Room
	}
	return e.ID
}

func changed(events []*chat.Event, touched map[chat.RoomID]*chat.Room) []chat.Info {
	seen := make(map[chat.RoomID]bool, len(touched))
	infos := make([]chat.Info, 0, len(touched))
	for _, e := range events {
		if !seen[e.Room] {
			seen[e.Room] = true
			infos = append(infos, touched[e.Room].Info)
		}
	}
	return infos
}

func (w *worker) judge(a asked, room *chat.Room, repeats map[chat.NonceKey]uint64) chat.Decision {
	if seq, is := repeats[a.cmd.Key()]; is {
		return chat.Decision{Repeat: seq}
	}
	if chat.PartitionOf(a.cmd.Room, w.partitions) != w.partition {
		return chat.Decision{Err: chat.Errorf(chat.Invalid, "room %s is not of partition %d", a.cmd.Room, w.partition)}
	}
	return room.Admit(a.cmd, a.at)
}

func (w *worker) count(d chat.Decision) {
	switch {
	case d.Repeat != 0:
		w.metrics.repeats.Inc()
	case d.Err != nil:
		w.metrics.refused.WithLabelValues(string(d.Err.Code)).Inc()
	}
}

func (b *batch) answer(a asked, d chat.Decision) {
	b.answers[a.gateway] = append(b.answers[a.gateway],
		contract.Answer{Key: a.cmd.Key(), Repeat: d.Repeat, Err: d.Err})
}

// learn brings the rooms of the commands into memory with what the commands
// need to know of them: at most one query for rooms and one for facts.
func (w *worker) learn(ctx context.Context, commands []asked, touched map[chat.RoomID]*chat.Room) error {
	var missing []chat.RoomID
	for _, a := range commands {
		id := a.cmd.Room
		if _, have := touched[id]; have {
			continue
		}
		room := w.rooms.get(id)
		if room == nil {
			missing = append(missing, id)
		}
		touched[id] = room
	}
	if len(missing) > 0 {
		infos, err := w.shard.Rooms(ctx, missing)
		if err != nil {
			return err
		}
		for _, info := range infos {
			touched[info.ID] = chat.NewRoom(info)
		}
		for _, id := range missing {
			if touched[id] == nil {
				touched[id] = chat.NewRoom(chat.Info{})
			}
			w.rooms.put(id, touched[id])
		}
	}
	want := map[chat.RoomID]chat.Facts{}
	for _, a := range commands {
		if f := touched[a.cmd.Room].Missing(a.cmd); !f.Empty() {
			sum := want[a.cmd.Room]
			sum.Members = append(sum.Members, f.Members...)
			sum.Targets = append(sum.Targets, f.Targets...)
			sum.Reactions = append(sum.Reactions, f.Reactions...)
			sum.Emojis = append(sum.Emojis, f.Emojis...)
			sum.Reactors = append(sum.Reactors, f.Reactors...)
			want[a.cmd.Room] = sum
		}
	}
	if len(want) == 0 {
		return nil
	}
	known, err := w.shard.Facts(ctx, want)
	for id, k := range known {
		touched[id].Learn(k)
	}
	return err
}

// finish makes the batch true, moves the position and speaks.
func (w *worker) finish(ctx context.Context, b *batch) error {
	started := time.Now()
	if err := w.shard.Commit(ctx, &b.commit); err != nil {
		return err
	}
	w.at = b.commit.To
	w.decided = w.at.Seq
	w.metrics.commit.Observe(time.Since(started).Seconds())
	w.metrics.batch.Observe(float64(len(b.commit.Events)))
	w.metrics.events.Add(float64(len(b.commit.Events)))
	w.rooms.settle(b.touched)
	w.announce(ctx, b)
	return nil
}
