package ws

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// The event loop.
//
// A connection's socket is duplicated away from Go's network poller and waits in an epoll set of ours, edge-triggered
// for reading and writing at once, so it is registered once and never modified. An event is only a hint to go and
// look: it carries the connection's place in the server's table, and one that comes late, for a connection that has
// left or has a successor there, makes somebody look in vain and nothing worse.
//
// Reading. One goroutine at a time, which exists only while there is something to read, so Handler.Text may block:
//
//	         event: start reader             event
//	┌──────┐ ───────────────────► ┌─────────┐ ────► ┌───────┐
//	│ idle │                      │ running │       │ again │ ─┐ more events
//	└──────┘ ◄─────────────────── └─────────┘ ◄──── └───────┘ ◄┘
//	         socket is read empty      │     read empty: look once more
//	                                   ▼
//	               end or error: Conn.finish; never leaves running
//
// A reader that gets less than it asked for has emptied the socket: what comes later makes another event. The one
// exception is the end of the stream, which may lie behind those bytes under an event that was already delivered;
// such an event says so (ended), and then the reader reads until it has seen the end.
//
// Writing. Conn.flushing says that the connection is in somebody's hands, so it is at most once among the dirty:
//
//	Send, nothing queued          flusher: one write of all that waits
//	────────────────────► dirty ───────────────────────► written: at rest
//	                        ▲                      ├────► more was queued meanwhile: to the end of the dirty
//	                        │   event              └────► socket takes nothing: blocked
//	                        └───────────────────────────────────┘
//
// An event between the write and the note that it was refused is kept in Conn.unblocked, so no wake-up is lost. While
// flushers are busy the dirty wait a little and their frames gather: that is what makes one write carry many. There
// is no timer in it; a lone frame leaves at once.
//
// The end. Whoever ends a connection only shuts its socket down; that is an event, and the reader is the one who
// finishes. The descriptor is closed when neither reader nor flusher is using it, so its number cannot become another
// connection's under their hands.
type epoll struct {
	srv   *Server
	sets  []*epollSet
	dirty *ring
	next  chan *Conn    // to a reader at rest
	rests chan struct{} // a place for each reader at rest
}

// connsPerWakeup bounds how many events are taken at once, before the next look at who else waits.
const connsPerWakeup = 256

// readersAtRest bounds how many readers wait for their next connection instead of ending. A new one pays for growing its
// stack, which was 2.6 % of the server's work in rooms of two; those at rest hold 8 KiB each.
const readersAtRest = 256

func newPoller(s *Server) (poller, error) {
	cores := runtime.GOMAXPROCS(0)
	e := &epoll{srv: s, dirty: newRing(), next: make(chan *Conn), rests: make(chan struct{}, readersAtRest)}
	for range (cores + 3) / 4 {
		set, err := newEpollSet(s)
		if err != nil {
			e.close()
			return nil, err
		}
		e.sets = append(e.sets, set)
	}
	for _, set := range e.sets {
		s.stopped.Go(set.run)
	}
	for range cores {
		s.stopped.Go(e.flush)
	}
	return e, nil
}

func (e *epoll) close() {
	for _, set := range e.sets {
		_ = set.file.Close() // nobody is registered any more
	}
	e.dirty.close()
}

func (e *epoll) flush() {
	buf := make([]byte, writeSize)
	for {
		c := e.dirty.pop()
		if c == nil {
			return
		}
		if c.flush(buf) {
			e.dirty.push(c)
		}
	}
}

// read has c read, by a reader at rest or a new one.
func (e *epoll) read(c *Conn, l *epollLink) {
	select {
	case e.next <- c:
	default:
		go e.reader(c, l)
	}
}

func (e *epoll) reader(c *Conn, l *epollLink) {
	for {
		l.read(c)
		select {
		case e.rests <- struct{}{}:
		default:
			return
		}
		select {
		case c = <-e.next:
			l = c.link.(*epollLink)
		case <-e.srv.stop:
			return
		}
		<-e.rests
	}
}

func (e *epoll) adopt(conn *net.TCPConn) (link, error) {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return nil, errors.New("ws: connection without an address")
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	err = raw.Control(func(own uintptr) { fd, dupErr = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(err, dupErr); err != nil {
		return nil, err
	}
	_ = conn.Close() // the socket lives on in fd
	return &epollLink{loop: e, fd: fd, peer: addr.AddrPort()}, nil
}

// epollSet is one kernel set and the goroutine that waits for it. It waits in Go's own poller, as for any file, and
// not in epoll_wait, which would hold a thread and cost a hand-over between threads at every wake-up.
type epollSet struct {
	srv  *Server
	fd   int
	file *os.File
	raw  syscall.RawConn
}

func newEpollSet(s *Server) (*epollSet, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // tells os.NewFile that it can be waited for
		unix.Close(fd)
		return nil, fmt.Errorf("set nonblocking: %w", err)
	}
	set := &epollSet{srv: s, fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	if set.raw, err = set.file.SyscallConn(); err != nil {
		set.file.Close()
		return nil, err
	}
	return set, nil
}

func (set *epollSet) add(fd int, slot int32) error {
	const all = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	return unix.EpollCtl(set.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: all, Fd: slot})
}

func (set *epollSet) run() {
	events := make([]unix.EpollEvent, connsPerWakeup)
	conns := make([]*Conn, connsPerWakeup)
	var failure error
	err := set.raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.EpollWait(int(fd), events, 0)
			if err != nil && err != unix.EINTR {
				failure = err
				return true
			}
			set.dispatch(events[:max(n, 0)], conns)
			if n < len(events) && err == nil {
				return false
			}
		}
	})
	select {
	case <-set.srv.stop:
	default:
		set.srv.cfg.Log.Error("websocket event loop ends", "err", errors.Join(err, failure))
	}
}

func (set *epollSet) dispatch(events []unix.EpollEvent, conns []*Conn) {
	const (
		ended    = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
		readable = unix.EPOLLIN | ended
		writable = unix.EPOLLOUT | unix.EPOLLHUP | unix.EPOLLERR
	)
	set.srv.conns.pick(events, conns)
	for i, ev := range events {
		c := conns[i]
		if c == nil {
			continue
		}
		l, ok := c.link.(*epollLink)
		if !ok {
			continue
		}
		if ev.Events&writable != 0 {
			c.writable()
		}
		if ev.Events&ended != 0 {
			l.ended.Store(true)
		}
		if ev.Events&readable != 0 {
			l.readable(c)
		}
	}
	clear(conns[:len(events)])
}

// pick notes the connection of each event in conns, nil where it has gone.
func (t *table) pick(events []unix.EpollEvent, conns []*Conn) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i, ev := range events {
		conns[i] = t.conns[ev.Fd]
	}
}

// What a connection's reader is doing.
const (
	readIdle uint32 = iota
	readRunning
	readAgain
)

// epollLink is a socket in the event loop.
type epollLink struct {
	loop  *epoll
	next  *Conn // behind this one among the dirty
	peer  netip.AddrPort
	fd    int
	state atomic.Uint32
	ended atomic.Bool // the peer will send nothing more than what is there
}

func (l *epollLink) start(c *Conn, first []byte) {
	l.state.Store(readRunning)
	sets := l.loop.sets
	if err := sets[int(c.slot)%len(sets)].add(l.fd, c.slot); err != nil {
		go c.finish(fmt.Errorf("ws: epoll_ctl: %w", err))
		return
	}
	go func() {
		if len(first) > 0 {
			s := scratches.Get().(*scratch)
			c.feed(s, first)
			scratches.Put(s)
		}
		l.read(c)
	}()
}

func (l *epollLink) readable(c *Conn) {
	for {
		switch state := l.state.Load(); {
		case state == readAgain:
			return
		case state == readIdle && l.state.CompareAndSwap(readIdle, readRunning):
			l.loop.read(c, l)
			return
		case state == readRunning && l.state.CompareAndSwap(readRunning, readAgain):
			return
		}
	}
}

// read is the reader of c until nothing is left to read.
func (l *epollLink) read(c *Conn) {
	for {
		if err := l.empty(c); err != nil {
			c.finish(err)
			return
		}
		if l.state.CompareAndSwap(readRunning, readIdle) {
			return
		}
		l.state.Store(readRunning)
	}
}

// empty reads what the socket has; an error is its end.
func (l *epollLink) empty(c *Conn) error {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for {
		toTheEnd := l.ended.Load()
		n, err := readSome(l.fd, s.buf[:])
		if err == errAgain {
			return nil
		}
		if err != nil {
			return err
		}
		c.feed(s, s.buf[:n])
		if n < len(s.buf) && !toTheEnd {
			return nil
		}
	}
}

func (l *epollLink) schedule(c *Conn) { l.loop.dirty.push(c) }

func (l *epollLink) write(p []byte) (int, error) {
	for {
		n, err := unix.Write(l.fd, p)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, errAgain
		default:
			return 0, err
		}
	}
}

func (l *epollLink) hangup(c *Conn, reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current() == phaseGone {
		return
	}
	if reset {
		_ = unix.SetsockoptLinger(l.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	_ = unix.Shutdown(l.fd, unix.SHUT_RDWR) // a socket that is not connected any more has had its event
}

func (l *epollLink) release() { _ = unix.Close(l.fd) }

func (l *epollLink) remote() net.Addr { return net.TCPAddrFromAddrPort(l.peer) }
