// Package bench is the load generator behind parley bench.
//
// It is an open loop: every message has the time it is due, and latency counts
// from there, so a server that stalls cannot hide it. It checks every message
// that it receives: on each connection the numbers of a room must follow one
// another. Preparing people, rooms and connections is not part of what is
// measured.
//
// The generator is meant to share a machine with the server, so its inner loop
// does as little as it can: large reads into one buffer, frames taken apart in
// place, room, number and stamp found by position.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Timing is how long a run with traffic takes.
type Timing struct {
	Duration time.Duration `name:"duration" default:"30s" help:"How long to measure."`
	Warmup   time.Duration `name:"warmup" default:"3s" help:"How long to send before measuring."`
}

func (t Timing) check() error {
	if t.Duration <= 0 {
		return fmt.Errorf("--duration %v: give some time", t.Duration)
	}
	return noLess("warmup", t.Warmup)
}

// Idle holds connections that do nothing and reports their memory.
type Idle struct {
	Common `embed:""`
	Conns  int           `name:"conns" default:"10000" help:"Connections."`
	Hold   time.Duration `name:"hold" default:"30s" help:"How long to hold them."`
	Rooms  int           `name:"rooms" default:"0" help:"Rooms that the people are spread over."`
}

// Run measures and prints to out.
func (o *Idle) Run(ctx context.Context, out io.Writer) error {
	r, err := o.Measure(ctx, os.Stderr)
	return finish(out, o.Common, r, err)
}

// Measure holds the connections; notes gets the progress.
func (o *Idle) Measure(ctx context.Context, notes io.Writer) (Report, error) {
	if err := errors.Join(atLeastOne("conns", o.Conns), noLess("rooms", o.Rooms), noLess("hold", o.Hold)); err != nil {
		return Report{}, err
	}
	shown := *o
	shown.Common = o.redacted()
	return stage(ctx, "idle", o.Common, shown, notes, func(ctx context.Context, a *arena) (r Report, err error) {
		if err := a.prepare(ctx, o.Conns, spread(o.Conns, o.Rooms)); err != nil {
			return r, err
		}
		memory, err := a.connectMeasured(ctx, o.Conns)
		if err != nil {
			return r, err
		}
		cost := a.meter()
		a.hold(ctx, o.Hold)
		r.CPU, _ = cost.stop()
		r.Seconds = o.Hold.Seconds()
		r.fill(a, a.counted())
		r.Memory = memory.now(a, o.Conns)
		v, err := a.check(ctx)
		r.judge(v)
		return r, err
	})
}

// Fanout has one room (or several), few who talk and all who listen.
type Fanout struct {
	Common  `embed:""`
	Timing  `embed:""`
	Members int     `name:"members" default:"1000" help:"Members of each room; all receive."`
	Rooms   int     `name:"rooms" default:"1" help:"Rooms."`
	Senders int     `name:"senders" default:"1" help:"Members of each room who talk."`
	Rate    float64 `name:"rate" default:"100" help:"Messages a second over all rooms."`
	Limit   bool    `name:"limit" help:"Search for the highest rate that is sustained, from --rate on."`
	Size    int     `name:"size" default:"64" help:"Bytes of text in a message."`
}

// Run measures and prints to out.
func (o *Fanout) Run(ctx context.Context, out io.Writer) error {
	r, err := o.Measure(ctx, os.Stderr)
	return finish(out, o.Common, r, err)
}

// Measure runs the load; notes gets the progress.
func (o *Fanout) Measure(ctx context.Context, notes io.Writer) (Report, error) {
	if err := errors.Join(atLeastOne("members", o.Members), atLeastOne("rooms", o.Rooms), atLeastOne("senders", o.Senders), someRate(o.Rate), o.Timing.check()); err != nil {
		return Report{}, err
	}
	shown := *o
	shown.Common = o.redacted()
	return stage(ctx, "fanout", o.Common, shown, notes, func(ctx context.Context, a *arena) (Report, error) {
		groups := spread(o.Members*o.Rooms, o.Rooms)
		return a.talk(ctx, groups, min(max(1, o.Senders), o.Members), o.Rate, o.Limit, o.Size, o.Timing)
	})
}

// Pairs has many rooms of two; each message goes to both.
type Pairs struct {
	Common `embed:""`
	Timing `embed:""`
	Pairs  int     `name:"pairs" default:"1000" help:"Rooms of two."`
	Rate   float64 `name:"rate" default:"2000" help:"Messages a second over all pairs."`
	Limit  bool    `name:"limit" help:"Search for the highest rate that is sustained, from --rate on."`
	Size   int     `name:"size" default:"64" help:"Bytes of text in a message."`
}

// Run measures and prints to out.
func (o *Pairs) Run(ctx context.Context, out io.Writer) error {
	r, err := o.Measure(ctx, os.Stderr)
	return finish(out, o.Common, r, err)
}

// Measure runs the load; notes gets the progress.
func (o *Pairs) Measure(ctx context.Context, notes io.Writer) (Report, error) {
	if err := errors.Join(atLeastOne("pairs", o.Pairs), someRate(o.Rate), o.Timing.check()); err != nil {
		return Report{}, err
	}
	shown := *o
	shown.Common = o.redacted()
	return stage(ctx, "pairs", o.Common, shown, notes, func(ctx context.Context, a *arena) (Report, error) {
		return a.talk(ctx, spread(2*o.Pairs, o.Pairs), 2, o.Rate, o.Limit, o.Size, o.Timing)
	})
}

// stage sets an arena up, runs one kind in it and clears it away.
func stage(ctx context.Context, kind string, opts Common, shown any, notes io.Writer, run func(context.Context, *arena) (Report, error)) (Report, error) {
	a, err := newArena(ctx, kind, opts, shown, notes)
	if err != nil {
		return Report{}, err
	}
	r, err := run(ctx, a)
	if closing := a.close(); err == nil {
		err = closing
	}
	return r, err
}

// spread deals n people out to rooms, evenly.
func spread(n, rooms int) [][]int {
	if rooms == 0 {
		return nil
	}
	groups := make([][]int, min(rooms, n))
	for i := range n {
		groups[i%len(groups)] = append(groups[i%len(groups)], i)
	}
	return groups
}

func (a *arena) prepare(ctx context.Context, people int, groups [][]int) error {
	if err := a.gather(ctx, people); err != nil {
		return err
	}
	return a.furnish(ctx, groups)
}

// baseline is the server's memory before anybody connected.
type baseline int64

func (a *arena) connectMeasured(ctx context.Context, n int) (baseline, error) {
	before := baseline(a.server.usage().rss)
	return before, a.connect(ctx, n)
}

// now compares; nil when the server's memory cannot be seen.
func (b baseline) now(a *arena, conns int) *Memory {
	if b == 0 || conns == 0 {
		return nil
	}
	after := a.server.usage().rss
	return &Memory{Before: int64(b), After: after, PerConnection: float64(after-int64(b)) / float64(conns)}
}

// hold waits and tells that it does.
func (a *arena) hold(ctx context.Context, d time.Duration) {
	step := a.progress.step("seconds held", int(d.Seconds()))
	defer step.end()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		select {
		case <-tick.C:
			step.add(1)
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// talk runs fanout and pairs: in each room the first few members talk.
func (a *arena) talk(ctx context.Context, groups [][]int, talkers int, rate float64, limit bool, size int, timing Timing) (Report, error) {
	people := 0
	for _, members := range groups {
		people += len(members)
	}
	if err := a.prepare(ctx, people, groups); err != nil {
		return Report{}, err
	}
	memory, err := a.connectMeasured(ctx, people)
	if err != nil {
		return Report{}, err
	}
	seated := memory.now(a, people)
	t := talk{arena: a, audience: len(groups[0])}
	nonces := newNonces()
	for turn := range talkers {
		for i, members := range groups {
			t.senders = append(t.senders, sender{a.conns[members[turn]], newTemplate(a.rooms[i], nonces, size)})
		}
	}
	run := t.measure
	if limit {
		run = t.limit
	}
	r, err := run(ctx, rate, timing)
	r.Memory = seated
	return r, err
}
