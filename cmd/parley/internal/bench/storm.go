package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
)

// Storm loses all connections at once and measures how long it takes until
// all are back and have what they missed.
type Storm struct {
	Common  `embed:""`
	Conns   int           `name:"conns" default:"10000" help:"Connections."`
	Members int           `name:"members" default:"100" help:"Members of each room."`
	Rate    float64       `name:"rate" default:"100" help:"Messages a second over all rooms, before, during and after."`
	Warmup  time.Duration `name:"warmup" default:"3s" help:"How long to send before the storm."`
	Within  time.Duration `name:"within" default:"2m" help:"Give up when they are not back by then."`
	Restart string        `name:"restart" placeholder:"CMD" help:"Command that restarts the server, in place of dropping the connections from this side."`
}

// Run measures and prints to out.
func (o *Storm) Run(ctx context.Context, out io.Writer) error {
	r, err := o.Measure(ctx, os.Stderr)
	return finish(out, o.Common, r, err)
}

// Measure runs the storm; notes gets the progress.
func (o *Storm) Measure(ctx context.Context, notes io.Writer) (Report, error) {
	if err := errors.Join(atLeastOne("conns", o.Conns), atLeastOne("members", o.Members), someRate(o.Rate), noLess("warmup", o.Warmup)); err != nil {
		return Report{}, err
	}
	shown := *o
	shown.Common = o.redacted()
	return stage(ctx, "storm", o.Common, shown, notes, func(ctx context.Context, a *arena) (Report, error) {
		return o.run(ctx, a)
	})
}

// run has one person more than connections: the one who talks, in every room,
// over a session that repeats what was not acknowledged.
func (o *Storm) run(ctx context.Context, a *arena) (r Report, err error) {
	rooms := max(1, o.Conns/max(1, o.Members))
	groups := spread(o.Conns, rooms)
	for i := range groups {
		groups[i] = append([]int{o.Conns}, groups[i]...)
	}
	if err := a.prepare(ctx, o.Conns+1, groups); err != nil {
		return r, err
	}
	memory, err := a.connectMeasured(ctx, o.Conns)
	if err != nil {
		return r, err
	}
	r.Memory = memory.now(a, o.Conns)
	a.begin(0)
	cost := a.meter() // from the first message to the last: what is delivered is, too
	talker, err := o.talker(ctx, a)
	if err != nil {
		return r, err
	}
	a.hold(ctx, o.Warmup)
	if o.Restart != "" {
		cost = cost.lastOf()
	}
	gust, stormErr := o.blow(ctx, a)
	if o.Restart != "" {
		cost = cost.newServer(a.findServer())
	}
	sent, acked, stopErr := talker.stop(ctx)
	cpu, took := cost.stop()
	if err := errors.Join(stormErr, stopErr); err != nil {
		return r, err
	}
	r.CPU, r.Seconds, r.Offered = cpu, took.Seconds(), o.Rate
	v, err := o.await(ctx, a)
	r.fill(a, a.counted())
	r.Sent, r.Acknowledged, r.Ack, r.Storm = sent, acked.total, acked.latency(), &gust
	r.Expected = r.Delivered + v.lost
	r.judge(v)
	return r, err
}

// await gives the last messages time to arrive before it calls them lost.
func (o *Storm) await(ctx context.Context, a *arena) (v verdict, err error) {
	for range 20 {
		if v, err = a.check(ctx); err != nil || v.lost == 0 {
			return v, err
		}
		nap(100 * time.Millisecond)
	}
	return v, nil
}

// blow ends all connections and waits for their return.
func (o *Storm) blow(ctx context.Context, a *arena) (Gust, error) {
	n := len(a.conns)
	step := a.progress.step("caught up", n)
	defer step.end()
	g := &gale{arena: a, step: step, reconnect: &histogram{}, caught: &histogram{}, all: make(chan struct{}), left: 2 * n}
	for _, c := range a.conns {
		c.reading.Lock()
		// Nothing reaches this target before the next welcome sets the real one.
		c.caught, c.target = g.arrived, math.MaxUint64
		c.reading.Unlock()
	}
	a.gale.Store(g)
	defer a.gale.Store(nil)
	ctx, cancel := context.WithTimeout(ctx, o.Within)
	defer cancel()
	gust := Gust{Dropped: n}
	var err error
	if o.Restart == "" {
		g.drop()
	} else {
		gust.CommandFor, err = restart(ctx, o.Restart)
	}
	if err == nil {
		select {
		case <-g.all:
		case <-ctx.Done():
			err = fmt.Errorf("not all of %d connections caught up: %w", n, ctx.Err())
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	gust.Back, gust.Tries = int(g.caught.total), a.failed.Load()
	gust.Reconnect, gust.CaughtUp = g.reconnect.latency(), g.caught.latency()
	gust.AllBack = gust.CaughtUp.Max
	return gust, err
}

// gale is a storm that is under way.
type gale struct {
	arena *arena
	step  *step

	mu        sync.Mutex
	since     time.Time // when the first connection was gone
	reconnect *histogram
	caught    *histogram
	left      int // returns and arrivals to come
	all       chan struct{}
}

// gone notes that a connection was lost.
func (g *gale) gone() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.since.IsZero() {
		g.since = time.Now()
	}
}

// returned notes that a connection was welcomed.
func (g *gale) returned() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reconnect.add(int64(time.Since(g.since)))
	g.settle()
}

// arrived notes that a connection has what it missed.
func (g *gale) arrived(*conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.caught.add(int64(time.Since(g.since)))
	g.step.add(1)
	g.settle()
}

// settle notes one of the two things that each connection has to do.
func (g *gale) settle() {
	if g.left--; g.left == 0 {
		close(g.all)
	}
}

// drop resets all connections from this side, then lets them come back.
func (g *gale) drop() {
	g.gone()
	for _, c := range g.arena.conns {
		c.reader.drop(c)
	}
	for _, c := range g.arena.conns {
		g.arena.back.Go(func() { g.arena.comeBack(c) })
	}
}

// restart runs the command; the connections notice by themselves.
func restart(ctx context.Context, command string) (took float64, err error) {
	since := time.Now()
	if err := exec.CommandContext(ctx, "sh", "-c", command).Run(); err != nil {
		return 0, fmt.Errorf("restart command: %w", err)
	}
	return ms(time.Since(since)), nil
}

// talker keeps all rooms going.
type talker struct {
	session *client.Session
	quit    context.CancelFunc
	work    sync.WaitGroup
	sent    uint64
	err     error

	mu    sync.Mutex
	acked histogram // from when a message was due
}

func (o *Storm) talker(ctx context.Context, a *arena) (*talker, error) {
	who := a.people[o.Conns]
	session, err := client.Connect(ctx, client.Config{
		URL: o.first(), Tokens: client.StaticToken(who.token), Device: "bench", HTTP: a.rest.HTTP,
		MaxPending: 1 << 20, Pipeline: 16, ReplayLimit: replayLimit,
		Backoff: comeBackWait,
	})
	if err != nil {
		return nil, err
	}
	ctx, quit := context.WithCancel(ctx)
	t := &talker{session: session, quit: quit}
	t.work.Go(func() { t.listen() })
	t.work.Go(func() { t.talk(ctx, a.rooms, o.Rate) })
	return t, nil
}

// listen takes what the session delivers, so that nothing piles up.
func (t *talker) listen() {
	for {
		if _, err := t.session.Next(context.Background()); err != nil {
			if !errors.Is(err, client.ErrClosed) {
				t.err = err
			}
			return
		}
	}
}

func (t *talker) talk(ctx context.Context, rooms []string, rate float64) {
	p := newPacer(clock(), rate, 24*time.Hour)
	p.run(ctx, func(k, due int64) {
		text := fmt.Sprintf("%0*d storm", stampSize, due)
		pending, err := t.session.SendAsync(ctx, rooms[int(k)%len(rooms)], client.Message{Text: text})
		if err != nil {
			return
		}
		t.sent++
		t.work.Go(func() {
			if _, err := pending.Wait(context.Background()); err == nil { // Close ends it
				t.mu.Lock()
				t.acked.add(clock() - due)
				t.mu.Unlock()
			}
		})
	}, func() {})
}

// stop ends the talking and waits for what is unanswered.
func (t *talker) stop(ctx context.Context) (sent uint64, acked *histogram, err error) {
	t.quit()
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	flushErr := t.session.Flush(ctx)
	closeErr := t.session.Close()
	t.work.Wait()
	return t.sent, &t.acked, errors.Join(flushErr, closeErr, t.err)
}
