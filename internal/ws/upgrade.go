package ws

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Upgrade turns a request into a websocket connection served by h. Where the request is no proper handshake, or the
// server is closed, it answers with a 4xx or 503 itself and returns the error. Checking Origin, and who is asking, is
// the caller's. h.Text may be called before Upgrade returns. When Upgrade returns an error, h is never called.
// The connection keeps neither r nor its context.
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request, h Handler) (*Conn, error) {
	if status, err := checkHandshake(r); err != nil {
		if status == http.StatusUpgradeRequired {
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Sec-WebSocket-Version", "13")
		}
		http.Error(w, err.Error(), status)
		return nil, err
	}
	if s.conns.isClosed() {
		http.Error(w, "server is going away", http.StatusServiceUnavailable)
		return nil, ErrServerClosed
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot become a websocket", http.StatusBadRequest)
		return nil, fmt.Errorf("ws: hijack: %w", err)
	}
	if err := s.accept(conn, r); err != nil {
		conn.Close()
		return nil, fmt.Errorf("ws: answer handshake: %w", err)
	}
	return s.serve(conn, unread(rw.Reader), h)
}

// serve hands a socket that speaks websocket from now on to a link.
func (s *Server) serve(conn net.Conn, first []byte, h Handler) (*Conn, error) {
	c := &Conn{srv: s, handler: h, link: s.linkFor(conn)}
	c.heard.Store(s.now())
	c.pinged = s.now()
	if !s.conns.add(c) {
		c.link.release()
		return nil, ErrServerClosed
	}
	c.link.start(c, first)
	return c, nil
}

// linkFor prefers the event loop and is content with a goroutine: a socket that the loop cannot take is no reason to
// turn a client away.
func (s *Server) linkFor(conn net.Conn) link {
	// Only the plain type: what wraps a TCP connection wants to see its reads, writes and close.
	if tcp, ok := conn.(*net.TCPConn); ok && s.poll != nil {
		l, err := s.poll.adopt(tcp)
		if err == nil {
			return l
		}
		s.cfg.Log.Warn("event loop cannot take a connection, it gets a goroutine", "err", err)
	}
	return newNetLink(conn)
}

// acceptTimeout is for writing a few bytes into an empty socket buffer: only a stalled machine needs more than an instant.
const acceptTimeout = 10 * time.Second

// accept writes the 101. The write has a deadline, as nothing else watches over the socket yet.
func (s *Server) accept(conn net.Conn, r *http.Request) error {
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + acceptKey(r.Header.Get("Sec-WebSocket-Key")) + "\r\n"
	if p := s.subprotocol(r); p != "" {
		answer += "Sec-WebSocket-Protocol: " + p + "\r\n"
	}
	if err := conn.SetWriteDeadline(time.Now().Add(acceptTimeout)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(answer + "\r\n")); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

func (s *Server) subprotocol(r *http.Request) string {
	for _, p := range tokens(r.Header, "Sec-WebSocket-Protocol") {
		if slices.Contains(s.cfg.Subprotocols, p) {
			return p
		}
	}
	return ""
}

// unread is what the client has sent behind its handshake and net/http has read already.
func unread(r *bufio.Reader) []byte {
	b, _ := r.Peek(r.Buffered()) // what is buffered cannot fail
	return slices.Clone(b)
}

// checkHandshake is RFC 6455 §4.2.1.
func checkHandshake(r *http.Request) (status int, err error) {
	has := func(header, token string) bool {
		return slices.ContainsFunc(tokens(r.Header, header), func(s string) bool { return strings.EqualFold(s, token) })
	}
	key, keyErr := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, errors.New("ws: handshake is not a GET")
	case !has("Connection", "upgrade") || !has("Upgrade", "websocket"):
		return http.StatusUpgradeRequired, errors.New("ws: request asks for no websocket")
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return http.StatusBadRequest, errors.New("ws: handshake is not HTTP/1.1")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return http.StatusUpgradeRequired, errors.New("ws: only websocket version 13 is spoken")
	case keyErr != nil || len(key) != 16:
		return http.StatusBadRequest, errors.New("ws: Sec-WebSocket-Key is not 16 bytes in base64")
	}
	return 0, nil
}

// tokens are the members of a header's comma-separated list.
func tokens(h http.Header, name string) (list []string) {
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

// acceptKey proves that the server understood the handshake (RFC 6455 §4.2.2); SHA-1 keeps no secret here.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
