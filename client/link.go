package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// link is one connection of a session.
type link struct {
	sock  *Socket
	token string
	pulse pulse
}

// pulse watches that the server answers pings. Any frame is a sign of life,
// because a pong may stand behind a long replay.
type pulse struct {
	mu      sync.Mutex
	waiting bool
}

func (p *pulse) expect(sock *Socket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = true
	return sock.SetReadDeadline(time.Now().Add(pongWithin))
}

func (p *pulse) beat(sock *Socket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waiting {
		return nil
	}
	p.waiting = false
	return sock.SetReadDeadline(time.Time{})
}

// connect makes one attempt, up to the welcome. When a token was at hand the
// link names it, also beside an error.
func (s *Session) connect(ctx context.Context, refused string) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	token, err := s.cfg.Tokens.Token(ctx, refused)
	if err != nil {
		return nil, &tokenError{err}
	}
	l := &link{token: token}
	l.sock, err = DialSocket(ctx, strings.TrimRight(s.cfg.URL, "/")+"/v1/ws", nil, s.cfg.Socket)
	if err != nil {
		return l, err
	}
	stop := context.AfterFunc(ctx, l.sock.Drop)
	err = s.greet(l)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		l.sock.Drop()
		return l, err
	}
	return l, nil
}

type helloFrame struct {
	Type        string            `json:"type"`
	Token       string            `json:"token,omitempty"`
	Device      string            `json:"device,omitempty"`
	Cursors     map[string]uint64 `json:"cursors,omitempty"`
	ReplayLimit int               `json:"replay_limit,omitempty"`
	More        bool              `json:"more,omitempty"`
}

// cursorsPerFrame keeps frames with cursors below the server's limit of
// 64 KiB: a cursor takes at most 60 bytes, and a token shares the first frame.
const cursorsPerFrame = 800

// greet says hello and waits for the welcome.
func (s *Session) greet(l *link) error {
	s.mu.Lock()
	cursors := s.in.cursors()
	s.mu.Unlock()
	hello := helloFrame{Type: "hello", Token: l.token, Device: s.cfg.Device, ReplayLimit: s.cfg.ReplayLimit}
	if err := l.sock.WriteText(helloFrames(hello, cursors)...); err != nil {
		return err
	}
	if err := l.sock.SetReadDeadline(time.Now().Add(welcomeWithin)); err != nil {
		return fmt.Errorf("parley: connect: %w", err)
	}
	for welcomed := false; !welcomed; {
		frame, err := l.sock.ReadText()
		if err != nil {
			return err
		}
		if welcomed, err = s.handle(l, frame); err != nil {
			return err
		}
	}
	return l.sock.SetReadDeadline(time.Time{})
}

// helloFrames splits the cursors over as many frames as they need.
func helloFrames(hello helloFrame, cursors map[string]uint64) [][]byte {
	var frames [][]byte
	hello.Cursors = map[string]uint64{}
	left := len(cursors)
	for room, seq := range cursors {
		hello.Cursors[room] = seq
		left--
		if len(hello.Cursors) == cursorsPerFrame && left > 0 {
			hello.More = true
			frames = append(frames, mustJSON(hello))
			hello = helloFrame{Type: "cursors", Cursors: map[string]uint64{}}
		}
	}
	return append(frames, mustJSON(hello))
}

// serve works a welcomed connection until it ends.
func (s *Session) serve(l *link) error {
	ctx, cancel := context.WithCancel(s.ctx)
	var workers sync.WaitGroup
	workers.Go(func() { s.write(ctx, l) })
	workers.Go(func() { s.renewAuth(ctx, l) })
	goodbye := context.AfterFunc(s.ctx, func() { _ = l.sock.Close(CloseNormal) })
	err := s.read(l)
	cancel()
	goodbye()
	l.sock.Drop()
	workers.Wait()

	s.mu.Lock()
	s.in.disconnected()
	s.out.disconnected()
	s.mu.Unlock()
	return err
}

func (s *Session) read(l *link) error {
	for {
		frame, err := l.sock.ReadText()
		if err != nil {
			return err
		}
		if err := l.pulse.beat(l.sock); err != nil {
			return err
		}
		if _, err := s.handle(l, frame); err != nil {
			return err
		}
	}
}

// write sends what is due and keeps the pulse.
func (s *Session) write(ctx context.Context, l *link) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	// Frames due at a later time than any wake-up are found by this timer.
	later := time.NewTimer(0)
	defer later.Stop()
	for {
		s.mu.Lock()
		frames, wait := s.out.due(time.Now())
		s.mu.Unlock()
		if len(frames) > 0 && l.sock.WriteText(frames...) != nil {
			l.sock.Drop() // the reader finds out and tells
			return
		}
		later.Stop()
		if wait > 0 {
			later.Reset(wait)
		}
		select {
		case <-s.wake:
		case <-later.C:
		case <-ping.C:
			if l.pulse.expect(l.sock) != nil || l.sock.WriteText([]byte(`{"type":"ping"}`)) != nil {
				l.sock.Drop()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// renewAuth shows the server a new token before the shown one runs out. When
// it cannot, the server closes with 4401 and the session comes back that way.
func (s *Session) renewAuth(ctx context.Context, l *link) {
	for token := l.token; ; {
		life := lifeOf(token)
		if life <= 0 {
			return
		}
		if sleep(ctx, max(life/2, life-renewAuthAhead)) != nil {
			return
		}
		next, err := s.cfg.Tokens.Token(ctx, token)
		if err != nil || next == token {
			s.cfg.Log.Warn("access token not renewed", "error", err)
			return
		}
		token = next
		s.control("", authFrame{Type: "auth", Ref: "auth", Token: token})
	}
}

// headOf is ScanHead with the long way round.
func headOf(frame []byte) (Head, error) {
	if h, ok := ScanHead(frame); ok {
		return h, nil
	}
	var full struct {
		Type  string          `json:"type"`
		Ref   string          `json:"ref"`
		Room  json.RawMessage `json:"room"`
		Event json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal(frame, &full); err != nil {
		return Head{}, fmt.Errorf("parley: frame from the server: %w", err)
	}
	h := Head{Type: []byte(full.Type), Ref: []byte(full.Ref)}
	if len(full.Event) > 0 && full.Event[0] == '{' {
		var ev struct {
			Room  string `json:"room"`
			Seq   uint64 `json:"seq"`
			Nonce string `json:"nonce"`
		}
		if err := json.Unmarshal(full.Event, &ev); err != nil {
			return Head{}, fmt.Errorf("parley: event from the server: %w", err)
		}
		h.Event, h.Room, h.Seq, h.Nonce = full.Event, []byte(ev.Room), ev.Seq, []byte(ev.Nonce)
		return h, nil
	}
	var room string
	if len(full.Room) > 0 && full.Room[0] == '"' {
		if err := json.Unmarshal(full.Room, &room); err != nil {
			return Head{}, fmt.Errorf("parley: frame from the server: %w", err)
		}
	}
	h.Room = []byte(room)
	return h, nil
}
