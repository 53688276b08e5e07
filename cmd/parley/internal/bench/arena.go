package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/parley-chat/parley/client"
)

// Common are the options of every kind of run.
type Common struct {
	URLs      []string       `name:"url" default:"http://127.0.0.1:8080" sep:"," help:"Address of the server; connections are spread over several."`
	JWTSecret string         `name:"jwt-secret" env:"PARLEY_AUTH_JWT_SECRET" help:"Secret that the server was given as --auth-jwt-secret; users are tokens signed with it."`
	Accounts  string         `name:"accounts" placeholder:"FILE" help:"Users as lines username:password, in place of --jwt-secret."`
	JSON      string         `name:"json" placeholder:"FILE" help:"Write the report as JSON, too; - is standard output, in place of the table."`
	ServerPID int            `name:"server-pid" help:"Process whose memory and CPU are reported; by default whoever listens on the first address."`
	Meter     map[string]int `name:"meter" placeholder:"NAME=PID;…" help:"Other processes whose memory and CPU are reported, each with its children."`
	Readers   int            `name:"readers" help:"Reading threads of the generator; by default half of the cores."`

	// Version is the generator's own, as the program that it is in says it.
	Version string `kong:"-" json:"-"`
}

// first is the address for everything but the sockets.
func (o *Common) first() string { return o.URLs[0] }

func (o *Common) check() (first *url.URL, err error) {
	if len(o.URLs) == 0 {
		return nil, errors.New("url: give the address of the server")
	}
	for _, address := range o.URLs {
		u, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("url: %w", err)
		}
		if first == nil {
			first = u
		}
	}
	if n := len(o.JWTSecret); n > 0 && n < minSecret {
		return nil, fmt.Errorf("--jwt-secret: it has %d bytes, a server takes %d or more", n, minSecret)
	}
	return first, nil
}

// minSecret is what --auth-jwt-secret of a server must have.
const minSecret = 32

// atLeastOne refuses counts of which there must be some.
func atLeastOne(flag string, n int) error {
	if n < 1 {
		return fmt.Errorf("--%s %d: give at least 1", flag, n)
	}
	return nil
}

// someRate refuses rates at which nothing is ever due.
func someRate(rate float64) error {
	if !(rate > 0) || math.IsInf(rate, 0) {
		return fmt.Errorf("--rate %v: give more than 0 messages a second", rate)
	}
	return nil
}

// noLess refuses what cannot be less than nothing.
func noLess[N int | time.Duration](flag string, n N) error {
	if n < 0 {
		return fmt.Errorf("--%s %v: it cannot be less than 0", flag, n)
	}
	return nil
}

// arena is what every run needs: people, rooms, connections and who reads them.
type arena struct {
	kind     string
	opts     Common
	shown    any // the options as the report shows them
	version  string
	rest     *client.Client
	progress *progress
	server   *process
	others   []*process // metered, too
	host     string

	people  []person
	rooms   []string
	ours    map[string]bool // the same rooms
	conns   []*conn
	readers []*reader

	// away counts connections that the server ended, other than on purpose.
	away    atomic.Int64
	failed  atomic.Int64 // attempts to come back
	dialing chan struct{}
	gale    atomic.Pointer[gale] // the storm under way, if any
	back    sync.WaitGroup       // connections on their way back
	knocks  singleflight.Group   // by address, while nobody listens there
	ctx     context.Context
	leave   context.CancelFunc
}

func newArena(ctx context.Context, kind string, opts Common, shown any, notes io.Writer) (*arena, error) {
	first, err := opts.check()
	if err != nil {
		return nil, err
	}
	if opts.Readers <= 0 {
		opts.Readers = max(1, runtime.NumCPU()/2)
	}
	a := &arena{
		kind: kind, opts: opts, shown: shown, host: first.Hostname(),
		rest:     &client.Client{URL: opts.first(), HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: restCalls}, Timeout: time.Minute}},
		progress: newProgress(notes),
		dialing:  make(chan struct{}, 4*dialers),
	}
	a.server = a.findServer()
	for _, name := range slices.Sorted(maps.Keys(opts.Meter)) {
		a.others = append(a.others, &process{pid: opts.Meter[name], name: name, tree: true})
	}
	a.ctx, a.leave = context.WithCancel(ctx)
	for range opts.Readers {
		w := &worker{lost: a.lost}
		r, err := newReader(w)
		if err != nil {
			return nil, errors.Join(err, a.close())
		}
		a.readers = append(a.readers, r)
	}
	return a, nil
}

// findServer returns the server's process if it can be seen from here.
func (a *arena) findServer() *process {
	if a.opts.ServerPID > 0 {
		return &process{pid: a.opts.ServerPID}
	}
	u, err := url.Parse(a.opts.first())
	if err != nil {
		return nil
	}
	return listener(u)
}

func (a *arena) close() error {
	a.leave()
	a.back.Wait()
	var errs []error
	for _, r := range a.readers {
		errs = append(errs, r.close())
	}
	a.rest.HTTP.CloseIdleConnections()
	return errors.Join(errs...)
}

// dialers is how many connections are opened at once.
const dialers = 64

// portsPerAddress is how many connections one source address is used for:
// fewer than Linux has ephemeral ports.
const portsPerAddress = 20_000

// connect opens n connections, one for each of the first n people.
func (a *arena) connect(ctx context.Context, n int) error {
	files, err := raiseFileLimit()
	if err != nil {
		return err
	}
	if uint64(n)+200 > files {
		return fmt.Errorf("%d connections need more open files than the system allows (%d): raise the limit with ulimit -n", n, files)
	}
	step := a.progress.step("connect", n)
	defer step.end()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dialers)
	for i := range n {
		c := &conn{person: &a.people[i], reader: a.readers[i%len(a.readers)], number: i}
		a.conns = append(a.conns, c)
		group.Go(func() error {
			w, err := a.open(ctx, c)
			if err != nil {
				return fmt.Errorf("connection %d: %w", i+1, err)
			}
			if i == 0 {
				a.version = w.Server.Version
			}
			step.add(1)
			return nil
		})
	}
	return group.Wait()
}

// source is the local address for a connection. On loopback there are many.
func (a *arena) source(number int) net.Addr {
	ip := net.ParseIP(a.host)
	if number < portsPerAddress || ip == nil || !ip.IsLoopback() || ip.To4() == nil {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+number/portsPerAddress))}
}

// welcome is what a run needs of the server's first frame.
type welcome struct {
	Type  string `json:"type"`
	Rooms []struct {
		ID   string `json:"id"`
		Head uint64 `json:"head"`
	} `json:"rooms"`
	Server struct {
		Version string `json:"version"`
	} `json:"server"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// replayLimit is beyond what any run leaves behind.
const replayLimit = 1_000_000

// dialWithin bounds opening one connection up to its welcome.
const dialWithin = 30 * time.Second

// open connects c with what it has of its rooms and hands it to its reader.
func (a *arena) open(ctx context.Context, c *conn) (welcome, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	dialer := &net.Dialer{LocalAddr: a.source(c.number)}
	s, err := client.DialSocket(ctx, strings.TrimRight(a.address(c), "/")+"/v1/ws", nil,
		client.SocketOptions{Dial: dialer.DialContext, ReadBuffer: 4 << 10})
	if err != nil {
		return welcome{}, err
	}
	hello := map[string]any{"type": "hello", "token": c.person.token, "device": "bench", "replay_limit": replayLimit}
	if cursors := c.cursors(); len(cursors) > 0 {
		hello["cursors"] = cursors
	}
	w, err := greet(s, hello)
	if err != nil {
		s.Drop()
		return w, err
	}
	c.welcomed(w, a.ours)
	nc, early := s.Detach()
	return w, c.reader.add(c, nc, early)
}

// address is where c connects to.
func (a *arena) address(c *conn) string { return a.opts.URLs[c.number%len(a.opts.URLs)] }

func greet(s *client.Socket, hello map[string]any) (w welcome, err error) {
	if err := s.WriteJSON(hello); err != nil {
		return w, err
	}
	if err := s.SetReadDeadline(time.Now().Add(dialWithin)); err != nil {
		return w, err
	}
	frame, err := s.ReadText()
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(frame, &w); err != nil {
		return w, fmt.Errorf("first frame: %w", err)
	}
	if w.Type != "welcome" {
		return w, fmt.Errorf("the server said %s %s %s in place of welcome", w.Type, w.Code, w.Detail)
	}
	return w, s.SetReadDeadline(time.Time{})
}

// welcomed begins to check the rooms of this run that are new to c; people
// may be in rooms of earlier runs, too.
func (c *conn) welcomed(w welcome, ours map[string]bool) {
	c.reading.Lock()
	defer c.reading.Unlock()
	heads := map[string]uint64{}
	for _, room := range w.Rooms {
		if !ours[room.ID] {
			continue
		}
		heads[room.ID] = room.Head
		if c.track([]byte(room.ID)) == nil {
			t := track{next: room.Head + 1}
			copy(t.room[:], room.ID)
			c.tracks = append(c.tracks, t)
		}
	}
	if c.caught != nil && len(c.tracks) > 0 {
		c.target = heads[string(c.tracks[0].room[:])]
		c.reached()
	}
}

// lost brings a connection that the server ended back with its numbers, so
// that the checking goes on over the loss.
func (a *arena) lost(c *conn, _ error) {
	if a.ctx.Err() != nil {
		return
	}
	a.away.Add(1)
	if g := a.gale.Load(); g != nil {
		g.gone()
	}
	a.back.Go(func() { a.comeBack(c) })
}

// comeBackWait is shorter than what a polite client waits: the server is what
// is measured.
var comeBackWait = client.FullJitter(20*time.Millisecond, 100*time.Millisecond)

// comeBack tries until it works or the run ends.
func (a *arena) comeBack(c *conn) {
	for tries := 0; a.ctx.Err() == nil; tries++ {
		a.dialing <- struct{}{}
		_, err := a.open(a.ctx, c)
		<-a.dialing
		if err == nil {
			if g := a.gale.Load(); g != nil {
				g.returned()
			}
			return
		}
		a.failed.Add(1)
		if errors.Is(err, syscall.ECONNREFUSED) {
			a.knock(a.address(c))
			continue
		}
		select {
		case <-time.After(comeBackWait(tries)):
		case <-a.ctx.Done():
		}
	}
}

// knock returns when somebody listens at address, or the run ends. One tries
// for all: thousands that are refused would take the processors from the
// server that is starting.
func (a *arena) knock(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return // checked at the start
	}
	_, _, _ = a.knocks.Do(u.Host, func() (any, error) {
		for a.ctx.Err() == nil {
			nc, err := net.Dial("tcp", u.Host)
			if err == nil {
				return nil, nc.Close()
			}
			nap(5 * time.Millisecond)
		}
		return nil, nil
	})
}

// begin forgets what was counted; messages due before from do not count.
func (a *arena) begin(from int64) {
	for _, r := range a.readers {
		r.worker.mu.Lock()
		r.worker.tally = tally{}
		r.worker.from = from
		r.worker.mu.Unlock()
	}
}

// counted sums what all workers have counted up to now.
func (a *arena) counted() *tally {
	sum := &tally{}
	for _, r := range a.readers {
		r.worker.mu.Lock()
		sum.merge(&r.worker.tally)
		r.worker.mu.Unlock()
	}
	return sum
}

// delivered is cheaper than counted.
func (a *arena) delivered() (delivered, acked uint64) {
	for _, r := range a.readers {
		r.worker.mu.Lock()
		delivered += r.worker.delivered
		acked += r.worker.acked
		r.worker.mu.Unlock()
	}
	return delivered, acked
}

// settle waits until all that was expected is here, or until nothing has come
// for quiet. It returns how long that took.
func (a *arena) settle(ctx context.Context, expected uint64, quiet time.Duration) time.Duration {
	since, last := time.Now(), time.Now()
	before, _ := a.delivered()
	for ctx.Err() == nil {
		now, _ := a.delivered()
		if now >= expected || time.Since(last) > quiet {
			break
		}
		if now != before {
			before, last = now, time.Now()
		}
		nap(2 * time.Millisecond)
	}
	return time.Since(since)
}

// verdict is what checking every number came to.
type verdict struct{ lost, doubled, outOfOrder uint64 }

// check asks for each room's head and counts what each connection lacks of it.
func (a *arena) check(ctx context.Context) (verdict, error) {
	heads, err := a.heads(ctx)
	if err != nil {
		return verdict{}, err
	}
	var v verdict
	for _, c := range a.conns {
		c.reading.Lock()
		for i := range c.tracks {
			t := &c.tracks[i]
			v.doubled += t.doubled
			v.outOfOrder += t.outOfOrder
			if head, ours := heads[string(t.room[:])]; ours {
				v.lost += t.lost(head)
			}
		}
		c.reading.Unlock()
	}
	return v, nil
}

func (a *arena) heads(ctx context.Context) (map[string]uint64, error) {
	heads := make([]uint64, len(a.rooms))
	member := a.members()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(restCalls)
	for i, room := range a.rooms {
		group.Go(func() error {
			got, err := a.rest.As(client.StaticToken(member[room].token)).Room(ctx, room)
			heads[i] = got.Head
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("heads of the rooms: %w", err)
	}
	out := make(map[string]uint64, len(heads))
	for i, room := range a.rooms {
		out[room] = heads[i]
	}
	return out, nil
}

// members names somebody in each room.
func (a *arena) members() map[string]*person {
	out := map[string]*person{}
	for _, c := range a.conns {
		c.reading.Lock()
		for i := range c.tracks {
			out[string(c.tracks[i].room[:])] = c.person
		}
		c.reading.Unlock()
	}
	return out
}
