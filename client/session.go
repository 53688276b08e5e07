package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrClosed is what a session's methods return after Close.
var ErrClosed = errors.New("parley: session closed")

// Session is the live connection of one user. It comes back by itself after
// every loss, with its cursors and with what was not answered yet, and promises
// each event of the user's rooms exactly once and in order per room, for as
// long as its [CursorStore] and [Outbox] last.
//
// Next may be used by one goroutine at a time, everything else by many.
type Session struct {
	cfg  Config
	rest *Client

	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup
	done    chan struct{} // closed when the session has ended for good
	news    chan struct{} // the queue got something
	wake    chan struct{} // there may be something to write
	space   chan struct{} // a gap opened, or there is room for a page of it
	handled *item         // what Next returned last; only Next touches it

	// ordering keeps the outbox store and the lanes in one order; it is taken
	// before mu.
	ordering sync.Mutex

	mu    sync.Mutex
	in    inbox
	out   outbound
	bye   time.Time // when the draining server wants us back
	ended bool
	err   error
}

// Connect opens a session. It returns once the server has said welcome, or
// with the first failure; see Config.WaitForServer. ctx bounds the connecting
// only: the session lives until Close or a final refusal.
func Connect(ctx context.Context, cfg Config) (*Session, error) {
	s, err := newSession(ctx, cfg)
	if err != nil {
		return nil, err
	}
	l, err := s.firstLink(ctx)
	if err != nil {
		s.cancel()
		return nil, err
	}
	s.workers.Go(func() { s.run(l) })
	s.workers.Go(s.fillGaps)
	return s, nil
}

// firstLink connects once, or until it works when the program wants to wait.
func (s *Session) firstLink(ctx context.Context) (*link, error) {
	refused := ""
	for attempt := 0; ; attempt++ {
		l, err := s.connect(ctx, refused)
		if err == nil {
			return l, nil
		}
		verdict := judge(err)
		if verdict == renew && refused == "" && l != nil {
			refused = l.token
			continue
		}
		if verdict != again || !s.cfg.WaitForServer || sleep(ctx, s.pause(err, attempt)) != nil {
			return nil, err
		}
	}
}

// newSession loads what earlier sessions left behind.
func newSession(ctx context.Context, cfg Config) (*Session, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	cursors, err := cfg.Cursors.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("parley: load cursors: %w", err)
	}
	entries, err := cfg.Outbox.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("parley: load outbox: %w", err)
	}
	s := &Session{
		cfg:  cfg,
		rest: &Client{URL: cfg.URL, HTTP: cfg.HTTP, Tokens: cfg.Tokens},
		done: make(chan struct{}),
		news: make(chan struct{}, 1), wake: make(chan struct{}, 1), space: make(chan struct{}, 1),
		in:  newInbox(cursors, cfg.Queue),
		out: newOutbound(cfg.Pipeline),
	}
	for _, e := range entries {
		s.out.add(e)
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

// REST returns a client that speaks for the same user.
func (s *Session) REST() *Client { return s.rest }

// Next returns the next notice. Asking for it says that the one before was
// handled, and only then is its cursor stored: a program that dies while it
// handles an event gets it again. Next fails with ctx's error, with a store's
// error (then ask again), or for good: with ErrClosed after Close, and after a
// final refusal with its *CloseError or *Error once everything is delivered.
func (s *Session) Next(ctx context.Context) (Notice, error) {
	for {
		if s.handled != nil {
			if err := s.handled.commit(ctx, s.cfg.Cursors); err != nil {
				return nil, fmt.Errorf("parley: store cursor: %w", err)
			}
			s.handled = nil
		}
		it, err := s.pop(ctx)
		if err != nil {
			return nil, err
		}
		s.handled = &it
		if it.notice != nil {
			return it.notice, nil
		}
	}
}

func (s *Session) pop(ctx context.Context) (item, error) {
	for {
		s.mu.Lock()
		if s.ended && errors.Is(s.err, ErrClosed) {
			s.mu.Unlock()
			return item{}, ErrClosed
		}
		if len(s.in.queue) > 0 {
			it := s.in.queue[0]
			s.in.queue[0] = item{}
			s.in.queue = s.in.queue[1:]
			roomy := len(s.in.gaps) > 0 && s.in.roomy()
			s.mu.Unlock()
			if roomy {
				signal(s.space)
			}
			return it, nil
		}
		ended, err := s.ended, s.err
		s.mu.Unlock()
		if ended {
			return item{}, err
		}
		select {
		case <-s.news:
		case <-s.done:
		case <-ctx.Done():
			return item{}, ctx.Err()
		}
	}
}

// signal wakes the reader of c; one waiting wake-up stands for many.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Done is closed when the session has ended for good.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the session and waits for its goroutines. Unanswered commands
// fail with ErrClosed and stay in the outbox for the next session.
func (s *Session) Close() error {
	s.cancel()
	s.workers.Wait()
	return nil
}

// Cursors returns, per room, the seq up to which events were taken in order.
func (s *Session) Cursors() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in.cursors()
}

// run keeps the session connected until it is closed or finally refused.
func (s *Session) run(l *link) {
	var err error
	for attempt := 0; ; {
		since := time.Now()
		err = s.serve(l)
		if time.Since(since) >= steadyAfter {
			attempt = 0
		}
		if l, attempt, err = s.comeBack(l.token, attempt, err); err != nil {
			break
		}
	}
	s.end(err)
}

// comeBack connects again after err, for as long as that makes sense. A token
// that the server refused is not shown again.
func (s *Session) comeBack(token string, attempt int, err error) (*link, int, error) {
	// A server that refuses even fresh tokens is not worth a third one.
	refused := ""
	for refusals := 0; ; attempt++ {
		if s.ctx.Err() != nil {
			return nil, attempt, ErrClosed
		}
		wait := s.pause(err, attempt)
		switch judge(err) {
		case final:
			return nil, attempt, err
		case renew:
			if refusals++; refusals > 2 {
				return nil, attempt, err
			}
			refused = token
			if attempt == 0 {
				wait = 0
			}
		}
		s.cfg.Log.Info("connection lost", "error", err, "retry_in", wait)
		s.tell(Offline{Err: err, RetryIn: wait})
		if sleep(s.ctx, wait) != nil {
			return nil, attempt, ErrClosed
		}
		var l *link
		if l, err = s.connect(s.ctx, refused); err == nil {
			return l, attempt + 1, nil
		}
		if l != nil {
			token = l.token
		}
	}
}

// pause is the wait before the next attempt: what a draining or busy server
// asked for, else the backoff.
func (s *Session) pause(err error, attempt int) time.Duration {
	s.mu.Lock()
	bye := s.bye
	s.bye = time.Time{}
	s.mu.Unlock()
	if !bye.IsZero() {
		return max(0, time.Until(bye))
	}
	var refusal *Error
	if errors.As(err, &refusal) && refusal.RetryAfter > 0 {
		return refusal.RetryAfter + s.cfg.Backoff(0)
	}
	return s.cfg.Backoff(attempt)
}

// end settles everything that still waits.
func (s *Session) end(err error) {
	s.mu.Lock()
	s.ended, s.err = true, err
	pending := s.out.ids
	s.out = newOutbound(s.cfg.Pipeline)
	s.mu.Unlock()
	for _, p := range pending {
		p.resolve(Event{}, err)
	}
	s.cancel()
	close(s.done)
	if !errors.Is(err, ErrClosed) {
		s.cfg.Log.Warn("session ended", "error", err)
	}
}

func (s *Session) tell(n Notice) {
	s.mu.Lock()
	s.in.tell(n)
	s.mu.Unlock()
	signal(s.news)
}

// verdict is what a failure means for the session.
type verdict int

const (
	again verdict = iota // come back after the backoff
	renew                // come back with another token
	final
)

func judge(err error) verdict {
	var closed *CloseError
	var refusal *Error
	switch {
	case errors.As(err, &closed):
		switch {
		case closed.Code == CloseUnauthenticated:
			return renew
		case closed.Code.ComeBack():
			return again
		}
		return final
	case errors.As(err, &refusal):
		return judgeRefusal(refusal, err)
	}
	return again
}

// judgeRefusal judges an answer to the handshake or to a call of the token source.
func judgeRefusal(refusal *Error, err error) verdict {
	var token *tokenError
	switch {
	case refusal.FateOpen() || refusal.Code == CodeRateLimited:
		return again
	case refusal.Code == CodeUnauthenticated && !errors.As(err, &token):
		return renew
	}
	return final
}

// tokenError says that the token source failed, not the connection.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "parley: access token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }
