package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Limits of the protocol, in bytes, checked here so that one message too large
// does not cost the connection.
const (
	MaxText  = 32 << 10
	maxFrame = 60 << 10 // of the server's 64 KiB, leaving room for the ref
)

// ErrOutboxFull means that Config.MaxPending commands are unanswered already.
var ErrOutboxFull = errors.New("parley: outbox full")

// Send says something in a room and returns its event once the server has
// committed it. It is repeated over every loss of the connection with the same
// nonce, so it happens once, and again when the server says to come back later:
// busy, or because I say too much at once. An *Error means that it did not happen.
// Any other error, such as ctx's, leaves that open: the message stays in the
// outbox and is still sent.
func (s *Session) Send(ctx context.Context, room string, message Message) (Event, error) {
	p, err := s.SendAsync(ctx, room, message)
	if err != nil {
		return Event{}, err
	}
	return p.Wait(ctx)
}

// SendAsync is Send that does not wait for the answer. Messages to one room
// take effect in the order of the calls. A message whose nonce is pending
// already is that message.
func (s *Session) SendAsync(ctx context.Context, room string, message Message) (*Pending, error) {
	if len(message.Text) > MaxText {
		return nil, &Error{Code: CodeTooLarge, Detail: fmt.Sprintf("text is %d bytes, at most %d are allowed", len(message.Text), MaxText)}
	}
	if message.Nonce == "" {
		message.Nonce = newNonce()
	}
	return s.enqueue(ctx, room, message.Nonce, sendFrame{Type: "send", Room: room, Message: message})
}

// Edit replaces a message's text.
func (s *Session) Edit(ctx context.Context, room string, seq uint64, text string) (Event, error) {
	return s.act(ctx, actFrame{Type: "edit", Room: room, Seq: seq, Text: &text})
}

// Delete clears a message; its number stays.
func (s *Session) Delete(ctx context.Context, room string, seq uint64) (Event, error) {
	return s.act(ctx, actFrame{Type: "delete", Room: room, Seq: seq})
}

// React puts my emoji under a message. The event's Seq is 0 when it was there.
func (s *Session) React(ctx context.Context, room string, seq uint64, emoji string) (Event, error) {
	return s.act(ctx, actFrame{Type: "react", Room: room, Seq: seq, Emoji: emoji, Op: "add"})
}

// Unreact takes my emoji away again. The event's Seq is 0 when there was none.
func (s *Session) Unreact(ctx context.Context, room string, seq uint64, emoji string) (Event, error) {
	return s.act(ctx, actFrame{Type: "react", Room: room, Seq: seq, Emoji: emoji, Op: "remove"})
}

// Join enters a public channel. The event's Seq is 0 when I was in it.
func (s *Session) Join(ctx context.Context, room string) (Event, error) {
	return s.act(ctx, actFrame{Type: "join", Room: room})
}

// Leave leaves a room.
func (s *Session) Leave(ctx context.Context, room string) (Event, error) {
	return s.act(ctx, actFrame{Type: "leave", Room: room})
}

// act does a command once, however often it is repeated: what was undone since, by
// another device or person, is not done again.
func (s *Session) act(ctx context.Context, f actFrame) (Event, error) {
	f.Nonce = newNonce()
	p, err := s.enqueue(ctx, f.Room, f.Nonce, f)
	if err != nil {
		return Event{}, err
	}
	return p.Wait(ctx)
}

// enqueue stores a command, then lines it up.
func (s *Session) enqueue(ctx context.Context, room, id string, frame any) (*Pending, error) {
	data, err := json.Marshal(frame)
	if err != nil {
		return nil, fmt.Errorf("parley: encode: %w", err)
	}
	if len(data) > maxFrame {
		return nil, &Error{Code: CodeTooLarge, Detail: fmt.Sprintf("command is %d bytes, at most %d are allowed", len(data), maxFrame)}
	}
	s.ordering.Lock()
	defer s.ordering.Unlock()
	s.mu.Lock()
	p, waiting, ended := s.out.ids[id], len(s.out.ids), s.ended
	s.mu.Unlock()
	switch {
	case p != nil:
		return p, nil
	case ended:
		return nil, s.err
	case waiting >= s.cfg.MaxPending:
		return nil, ErrOutboxFull
	}
	entry := Entry{ID: id, Room: room, Frame: data}
	if err := s.cfg.Outbox.Add(ctx, entry); err != nil {
		return nil, fmt.Errorf("parley: outbox: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, s.err
	}
	p = s.out.add(entry)
	signal(s.wake)
	return p, nil
}

// MarkRead says that I have read a room up to seq. Marks are merged, and go
// out when there is a connection.
func (s *Session) MarkRead(room string, seq uint64) { s.mark("read", room, seq) }

// MarkDelivered says that this device has a room up to seq.
func (s *Session) MarkDelivered(room string, seq uint64) { s.mark("delivered", room, seq) }

func (s *Session) mark(kind, room string, seq uint64) {
	s.mu.Lock()
	m := mark{kind: kind, room: room}
	s.out.marks[m] = max(s.out.marks[m], seq)
	s.mu.Unlock()
	signal(s.wake)
}

// SetTyping says that I started or stopped typing. It is lost without a connection.
func (s *Session) SetTyping(room string, on bool) {
	s.control("", typingFrame{Type: "typing", Room: room, On: on})
}

// WatchPresence asks for the presence of users, at most 1 000 ids, in place of
// those asked for before.
func (s *Session) WatchPresence(users []string) {
	s.control("watch", watchFrame{Type: "watch_presence", Ref: "watch", Users: users})
}

// SetStatus says how I am: online, away or busy, with a text that may be empty.
func (s *Session) SetStatus(status, text string) {
	s.control("status", statusFrame{Type: "status", Status: status, Text: text})
}

// control writes a frame that has no answer. Under a name it is kept, in place
// of the one before, for the connections to come.
func (s *Session) control(name string, frame any) {
	data := mustJSON(frame)
	s.mu.Lock()
	if name != "" {
		s.out.standing[name] = data
	}
	if s.out.online {
		s.out.control = append(s.out.control, data)
	}
	s.mu.Unlock()
	signal(s.wake)
}

// Flush returns when everything handed over before has been answered.
func (s *Session) Flush(ctx context.Context) error {
	s.mu.Lock()
	waiting := make([]*Pending, 0, len(s.out.ids))
	for _, p := range s.out.ids {
		waiting = append(waiting, p)
	}
	s.mu.Unlock()
	for _, p := range waiting {
		if _, err := p.Wait(ctx); err != nil && CodeOf(err) == "" {
			return err
		}
	}
	return nil
}
