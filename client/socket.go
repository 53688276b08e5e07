package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// SocketOptions tune a [Socket]. The zero value is usable.
type SocketOptions struct {
	// Dial opens the TCP connection; nil means net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for wss addresses; nil means the defaults.
	TLS *tls.Config
	// ReadBuffer is how many bytes one system call may read (default 64 KiB).
	// A longer message makes the buffer grow for as long as the socket lives.
	ReadBuffer int
	// MaxMessage bounds one message in bytes (default 16 MiB).
	MaxMessage int
	// WriteTimeout bounds one write (default 10 s).
	WriteTimeout time.Duration
}

func (o SocketOptions) withDefaults() SocketOptions {
	if o.ReadBuffer <= 0 {
		o.ReadBuffer = 64 << 10
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = 16 << 20
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 10 * time.Second
	}
	return o
}

// Socket is a websocket without any knowledge of the protocol inside: it has
// no cursors, no repeats, no reconnecting. Programs want a [Session]; load
// generators and fault checkers want this. One goroutine may read while others
// write.
type Socket struct {
	conn net.Conn
	opts SocketOptions

	buf  []byte
	from int
	to   int
	part []byte // a fragmented message so far

	mu  sync.Mutex
	out []byte
}

// DialSocket opens a websocket. address has the scheme ws, wss, http or https.
// An answer other than an upgrade is an *Error with its status.
func DialSocket(ctx context.Context, address string, header http.Header, opts SocketOptions) (*Socket, error) {
	opts = opts.withDefaults()
	target, err := socketURL(address)
	if err != nil {
		return nil, err
	}
	var refusal *Error
	dialer := ws.Dialer{
		Header:    ws.HandshakeHeaderHTTP(header),
		NetDial:   opts.Dial,
		TLSConfig: opts.TLS,
		OnStatusError: func(status int, _ []byte, answer io.Reader) {
			refusal = &Error{Status: status, Code: codeOfStatus(status)}
			if resp, err := http.ReadResponse(bufio.NewReader(answer), nil); err == nil {
				refusal = errorOf(resp)
				resp.Body.Close()
			}
		},
	}
	conn, early, _, err := dialer.Dial(ctx, target)
	if refusal != nil {
		return nil, refusal
	}
	if err != nil {
		return nil, fmt.Errorf("parley: connect: %w", err)
	}
	s := &Socket{conn: conn, opts: opts}
	if early == nil {
		return s, nil
	}
	defer ws.PutReader(early)
	s.buf = make([]byte, max(opts.ReadBuffer, early.Buffered()))
	s.to, err = io.ReadFull(early, s.buf[:early.Buffered()])
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("parley: connect: %w", err)
	}
	return s, nil
}

func socketURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("parley: address: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", fmt.Errorf("parley: address %q has no scheme of http, https, ws or wss", address)
	}
	return u.String(), nil
}

// ReadText returns the next text message. The bytes are good until the next
// call. Pings are answered on the way. The server's closing is a *CloseError;
// a connection that ends without one is a *CloseError with CloseAbnormal.
func (s *Socket) ReadText() ([]byte, error) {
	for {
		f, err := s.next()
		if err != nil {
			return nil, err
		}
		switch f.Op {
		case OpText, OpBinary, OpContinuation:
			if f.Fin && len(s.part) == 0 {
				return f.Payload, nil
			}
			if message, done := s.join(f); done {
				return message, nil
			}
			if len(s.part) > s.opts.MaxMessage {
				return nil, ErrFrame
			}
		case OpPing:
			if err := s.write(OpPong, f.Payload); err != nil {
				return nil, err
			}
		case OpClose:
			return nil, s.closed(f.Payload)
		}
	}
}

// join adds a fragment and returns the whole message with its last one.
func (s *Socket) join(f Frame) ([]byte, bool) {
	s.part = append(s.part, f.Payload...)
	if !f.Fin {
		return nil, false
	}
	message := s.part
	s.part = nil
	return message, true
}

// maxHead is the size of a server frame's head at most, in bytes.
const maxHead = 10

// next returns the next frame, reading as much as there is when it must read.
func (s *Socket) next() (Frame, error) {
	for {
		f, n, err := SplitFrame(s.buf[s.from:s.to])
		if err != nil {
			return f, err
		}
		if n > s.opts.MaxMessage+maxHead {
			return f, ErrFrame
		}
		if n <= s.to-s.from {
			s.from += n
			return f, nil
		}
		if err := s.fill(n); err != nil {
			return f, err
		}
	}
}

// fill reads once more, making room for a frame of n bytes.
func (s *Socket) fill(n int) error {
	if size := max(n, s.opts.ReadBuffer); size > len(s.buf) {
		grown := make([]byte, size)
		s.to = copy(grown, s.buf[s.from:s.to])
		s.from, s.buf = 0, grown
	} else if s.from > 0 {
		s.to = copy(s.buf, s.buf[s.from:s.to])
		s.from = 0
	}
	got, err := s.conn.Read(s.buf[s.to:])
	s.to += got
	if got > 0 || err == nil {
		return nil
	}
	if timeout := (net.Error)(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return &CloseError{Code: CloseAbnormal, Reason: err.Error()}
}

func (s *Socket) closed(payload []byte) error {
	if len(payload) < 2 {
		return &CloseError{Code: CloseAbnormal}
	}
	code := CloseCode(binary.BigEndian.Uint16(payload))
	return &CloseError{Code: code, Reason: string(payload[2:])}
}

// WriteText sends text messages, all in one write.
func (s *Socket) WriteText(messages ...[]byte) error { return s.write(OpText, messages...) }

// WriteJSON sends v as one text message.
func (s *Socket) WriteJSON(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("parley: encode: %w", err)
	}
	return s.WriteText(data)
}

func (s *Socket) write(op byte, payloads ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = s.out[:0]
	for _, payload := range payloads {
		var mask [4]byte
		binary.NativeEndian.PutUint32(mask[:], rand.Uint32())
		s.out = appendFrame(s.out, op, mask, payload)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.opts.WriteTimeout)); err != nil {
		return fmt.Errorf("parley: write: %w", err)
	}
	if _, err := s.conn.Write(s.out); err != nil {
		return fmt.Errorf("parley: write: %w", err)
	}
	return nil
}

// SetReadDeadline bounds the reads to come; the zero time lifts the bound. A
// read that it ends fails with a timeout, after which the socket can still be read.
func (s *Socket) SetReadDeadline(t time.Time) error { return s.conn.SetReadDeadline(t) }

// closeGrace bounds how long saying goodbye may take.
const closeGrace = time.Second

// Close says goodbye with code and closes the connection without waiting for
// the answer.
func (s *Socket) Close(code CloseCode) error {
	// The write deadline moves first, so that a stuck writer lets go.
	err := s.conn.SetWriteDeadline(time.Now().Add(closeGrace))
	if err == nil && s.mu.TryLock() {
		s.out = appendFrame(s.out[:0], OpClose, [4]byte{}, binary.BigEndian.AppendUint16(nil, uint16(code)))
		_, err = s.conn.Write(s.out)
		s.mu.Unlock()
	}
	return errors.Join(err, s.conn.Close())
}

// Drop ends the connection without a goodbye, as a lost network or a killed
// process would; over TCP the server sees a reset.
func (s *Socket) Drop() {
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is gone already is dropped, too
	}
	_ = s.conn.Close()
}

// Detach hands over the connection with the bytes that were read from it and
// not returned yet. The Socket must not be used afterwards.
func (s *Socket) Detach() (net.Conn, []byte) { return s.conn, s.buf[s.from:s.to] }
