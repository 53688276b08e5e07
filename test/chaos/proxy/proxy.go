// Package proxy stands between two processes and makes the network between them
// bad: late, slow, lossy, half-open or cut, and counts what it did that to.
//
//	process ──► Proxy ──► process
//	        up ──►  ◄── down
//
// It works on TCP connections, so that no kernel needs to be asked. What TCP does
// with a bad network is what processes see of it: packets that are lost make
// bytes late, a dead peer makes silence, a reset ends the connection.
package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Fault says how bad the network is. The zero value is a good one.
type Fault struct {
	// Delay is added to every byte, each way. Order is kept.
	Delay time.Duration
	// Rate bounds each connection, each way, in bytes a second; 0: it does not.
	Rate int
	// Loss is the chance of a piece to be lost and sent again after Retransmit
	// (default 200 ms), as TCP does.
	Loss       float64
	Retransmit time.Duration
	// Hold lets nothing through, either way, and loses nothing: what was sent
	// arrives when the fault is over, unless the processes gave up before.
	Hold bool
	// SwallowUp and SwallowDown lose what goes to the target, or what comes from
	// it, while the other way works: a half-open connection. Connections that
	// lost something are reset when the fault is over.
	SwallowUp, SwallowDown bool
	// Cut resets every connection and refuses new ones.
	Cut bool
}

// bad says that there is any fault.
func (f Fault) bad() bool { return f != Fault{} }

// Struck is what a fault was done to.
type Struck struct {
	Conns int   // connections that were open when it began or came while it lasted
	Bytes int64 // bytes that were late, slow, held or swallowed, or on their way when the network was cut
}

// Proxy passes connections to one target.
type Proxy struct {
	target string
	listen net.Listener
	work   sync.WaitGroup

	passed atomic.Int64

	mu      sync.Mutex
	change  chan struct{} // closed when fault changes
	fault   Fault
	struck  Struck
	pipes   map[*pipe]bool
	closing bool
}

// New listens on a free port of host, an address of this machine, and passes on to
// target.
func New(host, target string) (*Proxy, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{target: target, listen: l, change: make(chan struct{}), pipes: map[*pipe]bool{}}
	p.work.Go(p.accept)
	return p, nil
}

// Addr is where to connect instead of to the target.
func (p *Proxy) Addr() string { return p.listen.Addr().String() }

// Passed is how many bytes went through so far, both ways.
func (p *Proxy) Passed() int64 { return p.passed.Load() }

// Conns is how many connections are open.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pipes)
}

// Set makes the network as bad as f from now on and forgets what the fault
// before was done to.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.struck = Struck{Conns: len(p.pipes)}
	p.become(f)
	if f.Cut {
		for c := range p.pipes {
			p.struck.Bytes += c.waiting.Load()
			c.reset()
		}
	}
}

// Heal makes the network good and says what the fault was done to.
func (p *Proxy) Heal() Struck {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.become(Fault{})
	for c := range p.pipes {
		if c.damaged.Load() {
			c.reset()
		}
	}
	return p.struck
}

func (p *Proxy) become(f Fault) {
	p.fault = f
	close(p.change)
	p.change = make(chan struct{})
}

func (p *Proxy) now() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.change
}

func (p *Proxy) hit(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.struck.Bytes += int64(bytes)
}

// Close ends everything and waits until it has.
func (p *Proxy) Close() {
	_ = p.listen.Close()
	p.mu.Lock()
	p.closing = true
	for c := range p.pipes {
		c.reset()
	}
	p.mu.Unlock()
	p.work.Wait()
}

func (p *Proxy) accept() {
	for {
		in, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(in.(*net.TCPConn)) })
	}
}

func (p *Proxy) serve(in *net.TCPConn) {
	if f, _ := p.now(); f.Cut {
		abort(in)
		return
	}
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		abort(in)
		return
	}
	c := &pipe{p: p, in: in, out: out.(*net.TCPConn), over: make(chan struct{})}
	if !p.add(c) {
		c.reset()
		return
	}
	var ways sync.WaitGroup
	ways.Go(func() { c.carry(c.in, c.out, true) })
	ways.Go(func() { c.carry(c.out, c.in, false) })
	ways.Wait()
	c.reset()
	p.mu.Lock()
	delete(p.pipes, c)
	p.mu.Unlock()
}

func (p *Proxy) add(c *pipe) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing || p.fault.Cut {
		return false
	}
	p.pipes[c] = true
	if p.fault.bad() {
		p.struck.Conns++
	}
	return true
}

// abort ends a connection with a reset.
func abort(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// pipe is one connection.
type pipe struct {
	p       *Proxy
	in, out *net.TCPConn
	waiting atomic.Int64 // bytes that were read and not written
	damaged atomic.Bool  // bytes were swallowed
	once    sync.Once
	over    chan struct{}
}

func (c *pipe) reset() {
	c.once.Do(func() {
		close(c.over)
		abort(c.in)
		abort(c.out)
	})
}

// piece is what one read brought, and when.
type piece struct {
	data []byte
	at   time.Time
}

// pieceSize is also what is on its way at most, a hundred times, per direction.
const pieceSize = 16 << 10

// carry moves bytes one way until that way ends, then tells the other side.
func (c *pipe) carry(from, to *net.TCPConn, up bool) {
	pieces := make(chan piece, 100)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pieces)
		for {
			buf := make([]byte, pieceSize)
			n, err := from.Read(buf)
			if n > 0 {
				c.waiting.Add(int64(n))
				select {
				case pieces <- piece{buf[:n], time.Now()}:
				case <-c.over:
					return
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					c.reset()
				}
				return
			}
		}
	})
	for item := range pieces {
		if !c.pass(to, item, up) {
			c.reset()
		}
		c.waiting.Add(-int64(len(item.data)))
	}
	reading.Wait()
	_ = to.CloseWrite()
}

// pass does to one piece what the fault asks for. It is false when the
// connection is over.
func (c *pipe) pass(to *net.TCPConn, item piece, up bool) bool {
	f, changed := c.p.now()
	if f.bad() {
		c.p.hit(len(item.data))
	}
	for f.Hold {
		select {
		case <-changed:
			f, changed = c.p.now()
		case <-c.over:
			return false
		}
	}
	if up && f.SwallowUp || !up && f.SwallowDown {
		c.damaged.Store(true)
		return true
	}
	late := time.Until(item.at.Add(f.Delay))
	if f.Rate > 0 {
		late = max(late, 0) + time.Duration(len(item.data))*time.Second/time.Duration(f.Rate)
	}
	if f.Loss > 0 && rand.Float64() < f.Loss {
		late = max(late, 0) + cmp.Or(f.Retransmit, 200*time.Millisecond)
	}
	if !c.wait(late, changed) {
		return false
	}
	_, err := to.Write(item.data)
	c.p.passed.Add(int64(len(item.data)))
	return err == nil
}

// wait lets time pass, until the fault changes at most.
func (c *pipe) wait(d time.Duration, changed <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-changed:
	case <-c.over:
		return false
	}
	return true
}
