package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// handle takes one frame. It reports whether it was the welcome. An error
// means that the server does not make sense; coming back is all there is to do.
func (s *Session) handle(l *link, frame []byte) (welcomed bool, err error) {
	h, err := headOf(frame)
	if err != nil {
		return false, err
	}
	switch string(h.Type) {
	case "event":
		err = s.takeEvent(h)
	case "ack":
		err = s.takeAck(h)
	case "error":
		err = s.takeError(frame)
	case "welcome":
		welcomed = true
		err = s.takeWelcome(frame)
	case "bye":
		err = s.takeBye(l, frame)
	default:
		err = s.takeNews(h, frame)
	}
	signal(s.news)
	return welcomed, err
}

func (s *Session) takeEvent(h Head) error {
	var ev Event
	if err := json.Unmarshal(h.Event, &ev); err != nil {
		return fmt.Errorf("parley: event from the server: %w", err)
	}
	s.mu.Lock()
	s.in.event(ev)
	gaps := len(s.in.gaps) > 0
	s.mu.Unlock()
	if gaps {
		signal(s.space)
	}
	return nil
}

// takeAck delivers the event that the ack stands for, then answers whoever
// waits for it.
func (s *Session) takeAck(h Head) error {
	var ev Event
	if h.Event != nil {
		if err := json.Unmarshal(h.Event, &ev); err != nil {
			return fmt.Errorf("parley: event from the server: %w", err)
		}
	}
	s.mu.Lock()
	if h.Event != nil {
		s.in.event(ev)
	}
	p := s.out.refs[string(h.Ref)]
	gaps := len(s.in.gaps) > 0
	s.mu.Unlock()
	if gaps {
		signal(s.space)
	}
	s.settle(p, ev, nil)
	return nil
}

// settle removes an answered command everywhere and says what came of it.
func (s *Session) settle(p *Pending, ev Event, refusal error) {
	if p == nil {
		return
	}
	if err := s.cfg.Outbox.Remove(s.ctx, p.entry.ID); err != nil {
		// Repeating it in a later session does no harm.
		s.cfg.Log.Warn("outbox", "error", err)
	}
	s.mu.Lock()
	s.out.remove(p)
	s.mu.Unlock()
	p.resolve(ev, refusal)
	signal(s.wake)
}

type errorFrame struct {
	Ref          string `json:"ref"`
	Code         Code   `json:"code"`
	Detail       string `json:"detail"`
	RetryAfterMS int64  `json:"retry_after_ms"`
}

// retryPause is the wait before a command whose fate is open is repeated when
// the server names none; it doubles up to a limit.
var retryPause = FullJitter(400*time.Millisecond, 10*time.Second)

func (s *Session) takeError(frame []byte) error {
	var f errorFrame
	if err := json.Unmarshal(frame, &f); err != nil {
		return fmt.Errorf("parley: error from the server: %w", err)
	}
	refusal := &Error{Code: f.Code, Detail: f.Detail, RetryAfter: time.Duration(f.RetryAfterMS) * time.Millisecond}
	s.mu.Lock()
	p := s.out.refs[f.Ref]
	if p == nil {
		s.in.tell(Refused{Err: refusal})
		s.mu.Unlock()
		return nil
	}
	if refusal.FateOpen() || refusal.Code == CodeRateLimited {
		after := refusal.RetryAfter
		if after <= 0 {
			after = retryPause(p.tries)
		}
		s.out.retry(p, after)
		s.mu.Unlock()
		signal(s.wake)
		return nil
	}
	s.mu.Unlock()
	s.settle(p, Event{}, refusal)
	return nil
}

func (s *Session) takeWelcome(frame []byte) error {
	var f struct {
		Session string `json:"session"`
		User    User   `json:"user"`
		Rooms   []Room `json:"rooms"`
		Server  struct {
			Version string `json:"version"`
		} `json:"server"`
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		return fmt.Errorf("parley: welcome from the server: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in.tell(Welcome{Session: f.Session, User: f.User, Rooms: f.Rooms, Version: f.Server.Version})
	for _, room := range f.Rooms {
		s.in.enter(room, true)
	}
	s.out.connected()
	s.cfg.Log.Info("connected", "session", f.Session, "rooms", len(f.Rooms))
	return nil
}

// takeBye plans the return that a draining server asks for. The server closes
// the connection; should it not, we do.
func (s *Session) takeBye(l *link, frame []byte) error {
	var f struct {
		ReconnectAfterMS int64 `json:"reconnect_after_ms"`
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		return fmt.Errorf("parley: bye from the server: %w", err)
	}
	after := time.Duration(f.ReconnectAfterMS) * time.Millisecond
	s.mu.Lock()
	s.bye = time.Now().Add(after)
	s.mu.Unlock()
	return l.sock.SetReadDeadline(time.Now().Add(after))
}

// takeNews handles what is neither an event nor an answer. Types that this
// version does not know are left alone.
func (s *Session) takeNews(h Head, frame []byte) error {
	var err error
	switch string(h.Type) {
	case "room":
		var f RoomChanged
		if err = json.Unmarshal(frame, &f); err == nil {
			s.withInbox(func(in *inbox) {
				in.enter(f.Room, false)
				in.tell(f)
			})
		}
	case "room_gone":
		s.withInbox(func(in *inbox) { in.leave(string(h.Room)) })
	case "truncated":
		var f struct {
			From uint64 `json:"from"`
		}
		if err = json.Unmarshal(frame, &f); err == nil {
			s.withInbox(func(in *inbox) { in.cut(string(h.Room), f.From, s.cfg.Gaps) })
			signal(s.space)
		}
	case "reset":
		var f struct {
			Head uint64 `json:"head"`
		}
		if err = json.Unmarshal(frame, &f); err == nil {
			s.withInbox(func(in *inbox) { in.reset(string(h.Room), f.Head) })
		}
	case "typing":
		err = tellLossy[Typing](s, frame)
	case "presence":
		err = tellLossy[Presence](s, frame)
	case "receipt":
		err = tellLossy[Receipt](s, frame)
	case "user":
		err = tellLossy[UserChanged](s, frame)
	}
	if err != nil {
		return fmt.Errorf("parley: %s from the server: %w", h.Type, err)
	}
	return nil
}

func (s *Session) withInbox(f func(*inbox)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.in)
}

// tellLossy passes on what may get lost, and loses it when the program is behind.
func tellLossy[N Notice](s *Session, frame []byte) error {
	var n N
	if err := json.Unmarshal(frame, &n); err != nil {
		return err
	}
	s.withInbox(func(in *inbox) {
		if len(in.queue) < in.limit {
			in.tell(n)
		}
	})
	return nil
}

// pageSize is how many events one call for a gap asks for, the server's most.
const pageSize = 200

// patience is how many empty answers in a row make a gap be given up. The
// server's promise of dense numbers makes that a fault on its side.
const patience = 6

// fillGaps fetches what is missing, one page at a time and only while the
// program keeps up.
func (s *Session) fillGaps() {
	for {
		select {
		case <-s.space:
		case <-s.ctx.Done():
			return
		}
		for s.fillOne() {
		}
	}
}

// fillOne fetches one page for the gap that waits longest. It returns false
// when there is none or no room for it.
func (s *Session) fillOne() bool {
	s.mu.Lock()
	if len(s.in.gaps) == 0 || !s.in.roomy() {
		s.mu.Unlock()
		return false
	}
	room := s.in.gaps[0]
	s.in.gaps = s.in.gaps[1:]
	p := s.in.places[room]
	fill, after := p.fill, p.cursor
	open := p.filling
	s.mu.Unlock()
	if !open {
		return true
	}
	events, _, err := s.rest.Events(s.ctx, room, after, pageSize)
	pause := s.takePage(room, fill, events, err)
	signal(s.news)
	return pause == 0 || sleep(s.ctx, pause) == nil
}

// takePage applies a fetched page unless the gap is no longer that gap. It
// returns how long to leave the server alone.
func (s *Session) takePage(room string, fill int, events []Event, err error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.in.places[room]
	if p == nil || p.fill != fill || !p.filling {
		return 0
	}
	if CodeOf(err) == CodeNotFound || CodeOf(err) == CodeForbidden {
		// No longer a member: room_gone is on its way.
		p.filling, p.parked = false, nil
		return 0
	}
	more, progress := s.in.page(p, events)
	if progress {
		p.tries = 0
	} else if more {
		p.tries++
		s.cfg.Log.Warn("gap not filled", "room", room, "after", p.cursor, "try", p.tries, "error", err)
		if err == nil && p.tries >= patience {
			more = s.in.skip(room, p)
		}
	}
	if more {
		s.in.gaps = append(s.in.gaps, room)
	}
	if progress || !more {
		return 0
	}
	return FullJitter(100*time.Millisecond, 5*time.Second)(p.tries)
}
