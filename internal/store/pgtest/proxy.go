package pgtest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between a store and its server, and loses what it is told to.
type Proxy struct {
	listener net.Listener
	dsn      *url.URL
	server   string

	swallow   atomic.Bool
	victim    atomic.Pointer[string] // the question whose answer is swallowed
	swallowed atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]bool
	tasks sync.WaitGroup
}

// NewProxy listens until the test ends.
func NewProxy(t testing.TB, dsn string) *Proxy {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, dsn: u, server: u.Host, conns: map[net.Conn]bool{}}
	p.tasks.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut()
		p.tasks.Wait()
	})
	return p
}

// DSN is the database's address by way of the proxy.
func (p *Proxy) DSN() string {
	u := *p.dsn
	u.Host = p.listener.Addr().String()
	return u.String()
}

// SwallowAnswers lets what is asked through, and ends the connection when the
// answer comes, instead of handing it on.
func (p *Proxy) SwallowAnswers() { p.swallow.Store(true) }

// SwallowAnswerTo does so once, for the answer to the next question that bears the
// text.
func (p *Proxy) SwallowAnswerTo(text string) { p.victim.Store(&text) }

// Heal hands everything on again.
func (p *Proxy) Heal() {
	p.swallow.Store(false)
	p.victim.Store(nil)
}

// Swallowed is how many answers were not handed on.
func (p *Proxy) Swallowed() int { return int(p.swallowed.Load()) }

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.keep(client, server)
		var doomed atomic.Bool // what is answered next is swallowed
		p.tasks.Go(func() {
			p.carry(server, client, func(asked []byte) bool {
				if v := p.victim.Load(); v != nil && bytes.Contains(asked, []byte(*v)) && p.victim.CompareAndSwap(v, nil) {
					doomed.Store(true)
				}
				return true
			})
		})
		p.tasks.Go(func() {
			p.carry(client, server, func([]byte) bool {
				if !doomed.Load() && !p.swallow.Load() {
					return true
				}
				p.swallowed.Add(1)
				return false
			})
		})
	}
}

func (p *Proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
}

func (p *Proxy) carry(to, from net.Conn, handOn func([]byte) bool) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range []net.Conn{to, from} {
			delete(p.conns, c)
			_ = c.Close()
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !handOn(buf[:n]) {
			return
		}
		if _, werr := to.Write(buf[:n]); werr != nil || errors.Is(err, io.EOF) || err != nil {
			return
		}
	}
}
