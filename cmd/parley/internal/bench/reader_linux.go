package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reader reads all connections of one worker with one epoll set and one
// buffer: at a million messages a second neither a goroutine switch nor a
// second, empty read per wake-up nor a cold buffer per connection is affordable.
type reader struct {
	worker *worker
	epoll  int
	stop   [2]int // a pipe whose closing ends the loop
	done   chan struct{}

	mu    sync.Mutex
	conns map[int32]*conn
}

func newReader(w *worker) (*reader, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	r := &reader{worker: w, epoll: epoll, done: make(chan struct{}), conns: map[int32]*conn{}}
	if err := unix.Pipe2(r.stop[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("pipe: %w", err), unix.Close(epoll))
	}
	if err := r.watch(int32(r.stop[0])); err != nil {
		return nil, errors.Join(err, unix.Close(epoll))
	}
	go r.loop()
	return r, nil
}

func (r *reader) watch(fd int32) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: fd}
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, int(fd), &ev); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// add takes over a connection from which early was read already.
func (r *reader) add(c *conn, nc net.Conn, early []byte) error {
	fd, err := takeFD(nc)
	if err != nil {
		return err
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	w := &fdWire{fd: fd}
	c.mu.Lock()
	c.wire, c.out = w, c.out[:0]
	c.mu.Unlock()
	c.partial = append(c.partial[:0], early...)
	if _, err := r.digest(c, c.partial); err != nil {
		w.drop()
		return err
	}
	r.mu.Lock()
	r.conns[int32(fd)] = c
	r.mu.Unlock()
	return r.watch(int32(fd))
}

// takeFD moves the socket out of the runtime's poller, which would be woken
// for every arrival otherwise.
func takeFD(nc net.Conn) (int, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0, errors.New("the generator measures over plain TCP only")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	fd := -1
	var dupErr error
	if err := raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return 0, err
	}
	if dupErr != nil {
		return 0, fmt.Errorf("dup: %w", dupErr)
	}
	return fd, nc.Close()
}

func (r *reader) loop() {
	defer close(r.done)
	events := make([]unix.EpollEvent, 512)
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.EpollWait(r.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		for i := range max(n, 0) {
			fd := events[i].Fd
			if fd == int32(r.stop[0]) {
				return
			}
			r.mu.Lock()
			c := r.conns[fd]
			r.mu.Unlock()
			if c != nil {
				buf = r.read(c, fd, buf)
			}
		}
	}
}

// read takes one chunk off c; it returns the buffer, larger when a frame needed that.
func (r *reader) read(c *conn, fd int32, buf []byte) []byte {
	c.reading.Lock()
	defer c.reading.Unlock()
	// The event may be of an earlier socket with the same number.
	if w, ok := c.wire.(*fdWire); !ok || w.gone || w.fd != int(fd) {
		return buf
	}
	have := copy(buf, c.partial)
	n, err := unix.Read(int(fd), buf[have:])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return buf
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	if err != nil {
		r.remove(c, fd, err)
		return buf
	}
	need, err := r.digest(c, buf[:have+n])
	if err != nil {
		r.remove(c, fd, err)
		return buf
	}
	if need > len(buf) {
		return make([]byte, need)
	}
	return buf
}

// digest takes the whole frames of data and keeps the rest.
func (r *reader) digest(c *conn, data []byte) (need int, err error) {
	taken, need, err := r.worker.feed(c, data, clock())
	c.partial = append(c.partial[:0], data[taken:]...)
	return need, err
}

func (r *reader) remove(c *conn, fd int32, err error) {
	r.mu.Lock()
	delete(r.conns, fd)
	r.mu.Unlock()
	c.wire.(*fdWire).drop()
	r.worker.lost(c, err)
}

// drop ends c's connection with a reset, as a lost network would. Nothing of it
// is read afterwards, and c can be added again.
func (r *reader) drop(c *conn) {
	c.reading.Lock()
	defer c.reading.Unlock()
	w, ok := c.wire.(*fdWire)
	if !ok || w.gone {
		return
	}
	r.mu.Lock()
	delete(r.conns, int32(w.fd))
	r.mu.Unlock()
	w.drop()
}

// close ends the loop and all connections.
func (r *reader) close() error {
	err := unix.Close(r.stop[1])
	<-r.done
	for _, c := range r.conns {
		c.wire.(*fdWire).drop()
	}
	return errors.Join(err, unix.Close(r.stop[0]), unix.Close(r.epoll))
}

// fdWire writes to a socket that no runtime poller watches. It is dropped only
// by who holds its conn's reading lock, so the reader never reads a number that
// belongs to another socket by now.
type fdWire struct {
	mu   sync.Mutex
	fd   int
	gone bool
}

func (w *fdWire) write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return 0, net.ErrClosed
	}
	n, err := unix.Write(w.fd, data)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	return max(n, 0), err
}

// drop ends the connection with a reset: no goodbye, and no port left waiting.
func (w *fdWire) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return
	}
	w.gone = true
	_ = unix.SetsockoptLinger(w.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // at worst an orderly end
	_ = unix.Close(w.fd)                                                                     // nobody could act on its failure
}

// nap sleeps more finely than the runtime's timers, which round to a millisecond.
func nap(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // a signal ends it early, which the pacer does not mind
}

// raiseFileLimit asks for as many open files as the system allows.
func raiseFileLimit() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, os.NewSyscallError("setrlimit", err)
	}
	return limit.Cur, nil
}
