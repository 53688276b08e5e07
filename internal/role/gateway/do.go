package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Do hands in a command of the session's client. What becomes of it comes on the
// sink, with ref: the event in its place in the room's order, Acked when nothing
// needed changing, or Refused. Commands keep the order of their calls. It may
// wait for the names that the text mentions, for nothing else.
func (s *Session) Do(ref string, cmd *chat.Command) {
	if s.expired(s.g.cfg.Clock.Now()) {
		s.end(EndExpired) // it is asked again over a session with a new token
		return
	}
	who := s.who()
	err := s.g.AllowUser(s.user, LimitCommand)
	if err == nil && s.waiting.Load() >= maxWaiting {
		err = &chat.Error{Code: chat.RateLimited, Text: "too many commands wait for their answer", RetryAfter: time.Second}
	}
	if err == nil {
		err = s.g.prepare(context.Background(), &who, cmd) // an ask has a deadline of its own
	}
	if err != nil {
		s.sink.Tell(Refused{ref, chat.Public(err).Traced(cmd.ID.Hex())})
		return
	}
	s.g.hubOf(cmd.Room).submit(&waiter{cmd: cmd, session: s, ref: ref})
}

// Do carries out one command for a request and waits for its event; that is nil
// when nothing needed changing. When ctx ends before the command could be handed
// to the log it did not happen, and the answer is [chat.Unavailable]; when ctx ends
// later the answer is its error: the command is queued, and its fate open.
func (g *Gateway) Do(ctx context.Context, who *contract.Identity, cmd *chat.Command) (*chat.Event, error) {
	if err := g.prepare(ctx, who, cmd); err != nil {
		return nil, notQueued(err)
	}
	h := g.hubOf(cmd.Room)
	r := h.holdFor(cmd.Room)
	defer h.letGo(r)
	if err := h.awaitWatched(ctx, []*room{r}); err != nil {
		return nil, notQueued(err)
	}
	w := &waiter{cmd: cmd, result: make(chan outcome, 1)}
	h.submit(w)
	select {
	case o := <-w.result:
		return o.event, o.err
	case <-ctx.Done():
		h.abandon(w)
		return nil, ctx.Err()
	}
}

// notQueued keeps a context's error from being taken for a queued command.
func notQueued(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return chat.Busy(time.Second, "there was no time to take the command; repeat it")
	}
	return err
}

// prepare stamps a command with who asks and when, finds whom it mentions, and
// refuses what is wrong with it on its own.
func (g *Gateway) prepare(ctx context.Context, who *contract.Identity, cmd *chat.Command) error {
	cmd.ID, cmd.By, cmd.As, cmd.Asked = chat.NewID(), who.User.ID, who.User.Role, g.cfg.Clock.Now().UnixMilli()
	if cmd.Nonce == "" {
		cmd.Nonce = cmd.ID.String()
	}
	if err := cmd.Check(); err != nil {
		return err
	}
	if cmd.Kind != chat.KindMessage {
		return nil
	}
	var err error
	cmd.Body.Mentions, cmd.Body.MentionAll, err = g.names.mentioned(ctx, cmd.ID, cmd.Body.Text)
	if err != nil && ctx.Err() == nil {
		return chat.Busy(time.Second, "the names in the text could not be looked up")
	}
	return err
}
