package bustest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
)

type word struct{ Word string }

var (
	greet = bus.NewCall[word, word]("test.greet")
	news  = bus.NewTopic[word]("test.news")
)

// Conform checks what every bus promises; open gives a fresh one.
func Conform(t *testing.T, open func(t *testing.T) *bus.Bus) {
	for _, promise := range []struct {
		name  string
		check func(*testing.T, *bus.Bus)
	}{
		{"an ask is answered", asked},
		{"a call at a key reaches that answerer", keyed},
		{"who is stopped at a key keeps nobody waiting", stopped},
		{"refusals cross as they are, stories do not", refused},
		{"a panic is an internal error", panicked},
		{"nobody there is unavailable at once", nobody},
		{"an answer that is late is unavailable", late},
		{"deadline and trace travel", travels},
		{"what is too much at once is refused at once", limited},
		{"serial answers keep the order", serial},
		{"announcements keep the order", announced},
		{"stop waits for the handlers that run", drained},
		{"a log is read as it was appended", logged},
		{"an envelope is stored once", once},
		{"a full log says so", filled},
		{"there is no log before it is made", unmade},
		{"trim keeps the record at the position", trimmed},
		{"a log full of what was consumed makes room", crowded},
		{"lanes keep the order", lanes},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.check(t, open(t)) })
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func answer(t *testing.T, b *bus.Bus, c bus.Call[word, word], fn func(context.Context, *word) (*word, error), opts ...bus.AnswerOption) *bus.Subscription {
	t.Helper()
	s, err := c.Answer(b, fn, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func echo(_ context.Context, q *word) (*word, error) { return &word{"hello " + q.Word}, nil }

func asked(t *testing.T, b *bus.Bus) {
	answer(t, b, greet, echo)
	a, err := greet.Ask(within(t), b, &word{"alice"})
	if err != nil || a.Word != "hello alice" {
		t.Fatalf("%v, %v", a, err)
	}
}

// stopped asks a key at which two answer, one of whom never gets to it.
func stopped(t *testing.T, b *bus.Bus) {
	owner := bus.NewKeyedCall[word, word]("test.owner").At("one")
	release := make(chan struct{})
	answer(t, b, owner, func(context.Context, *word) (*word, error) {
		<-release
		return &word{"I was asleep"}, nil
	})
	answer(t, b, owner, echo)
	for range 20 {
		if a, err := owner.Ask(within(t), b, &word{"alice"}); err != nil || a.Word != "hello alice" {
			t.Fatalf("%v, %v", a, err)
		}
	}
	close(release)
}

func keyed(t *testing.T, b *bus.Bus) {
	for _, key := range []string{"one", "two"} {
		answer(t, b, greet.At(key), func(context.Context, *word) (*word, error) { return &word{key}, nil })
	}
	for _, key := range []string{"two", "one"} {
		if a, err := greet.At(key).Ask(within(t), b, &word{}); err != nil || a.Word != key {
			t.Errorf("%s: %v, %v", key, a, err)
		}
	}
}

func refused(t *testing.T, b *bus.Bus) {
	answer(t, b, greet, func(_ context.Context, q *word) (*word, error) {
		switch q.Word {
		case "chat":
			return nil, fmt.Errorf("wrapped: %w", &chat.Error{Code: chat.RateLimited, Text: "slow down", RetryAfter: 3 * time.Second})
		default:
			return nil, errors.New("the password of the database is swordfish")
		}
	})
	var e *chat.Error
	_, err := greet.Ask(within(t), b, &word{"chat"})
	if !errors.As(err, &e) || *e != (chat.Error{Code: chat.RateLimited, Text: "slow down", RetryAfter: 3 * time.Second}) {
		t.Errorf("a refusal came as %#v", err)
	}
	_, err = greet.Ask(within(t), b, &word{"other"})
	if !errors.As(err, &e) || *e != *chat.Public(errors.New("anything")) {
		t.Errorf("a story came as %#v", err)
	}
}

func panicked(t *testing.T, b *bus.Bus) {
	for _, opts := range [][]bus.AnswerOption{nil, {bus.Serial()}} {
		s := answer(t, b, greet, func(_ context.Context, q *word) (*word, error) {
			if q.Word == "boom" {
				panic("boom")
			}
			return q, nil
		}, opts...)
		if _, err := greet.Ask(within(t), b, &word{"boom"}); chat.CodeOf(err) != chat.Internal {
			t.Errorf("a panic came as %v", err)
		}
		if _, err := greet.Ask(within(t), b, &word{"fine"}); err != nil {
			t.Errorf("after a panic: %v", err)
		}
		if err := s.Stop(within(t)); err != nil {
			t.Error(err)
		}
	}
}

func unavailable(t *testing.T, err error) {
	t.Helper()
	var e *chat.Error
	if !errors.As(err, &e) || e.Code != chat.Unavailable || e.RetryAfter != time.Second {
		t.Errorf("%v; want unavailable, again in a second", err)
	}
}

func nobody(t *testing.T, b *bus.Bus) {
	_, err := greet.Ask(within(t), b, &word{})
	unavailable(t, err)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("it took the whole deadline to find that nobody is there")
	}
}

func late(t *testing.T, b *bus.Bus) {
	ended := make(chan error, 1)
	answer(t, b, greet, func(ctx context.Context, _ *word) (*word, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := greet.Ask(ctx, b, &word{})
	unavailable(t, err)
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the answerer's context ended with %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := greet.Ask(ctx, b, &word{}); !errors.Is(err, context.Canceled) || chat.CodeOf(err) == chat.Unavailable {
		t.Errorf("who gave up was told %v", err)
	}
}

func travels(t *testing.T, b *bus.Bus) {
	answer(t, b, greet, func(ctx context.Context, _ *word) (*word, error) {
		end, _ := ctx.Deadline()
		return &word{fmt.Sprint(bus.TraceOf(ctx), " ", time.Until(end).Round(time.Second))}, nil
	})
	ctx, cancel := context.WithTimeout(bus.WithTrace(t.Context(), "t1"), 30*time.Second)
	defer cancel()
	if a, err := greet.Ask(ctx, b, &word{}); err != nil || a.Word != "t1 30s" {
		t.Errorf("%v, %v", a, err)
	}
	if a, err := greet.Ask(t.Context(), b, &word{}); err != nil || a.Word != " 5s" {
		t.Errorf("without a deadline: %v, %v", a, err)
	}
	heard := make(chan string, 1)
	if _, err := news.Subscribe(b, func(ctx context.Context, m *word) { heard <- bus.TraceOf(ctx) + m.Word }); err != nil {
		t.Fatal(err)
	}
	if err := news.Publish(ctx, b, &word{"!"}); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "t1!" {
		t.Errorf("heard %q", got)
	}
}

func limited(t *testing.T, b *bus.Bus) {
	running, release := make(chan struct{}), make(chan struct{})
	answer(t, b, greet, func(context.Context, *word) (*word, error) {
		running <- struct{}{}
		<-release
		return nil, nil
	}, bus.Limit(1))
	first := make(chan error, 1)
	go func() {
		_, err := greet.Ask(within(t), b, &word{})
		first <- err
	}()
	<-running
	_, err := greet.Ask(within(t), b, &word{})
	unavailable(t, err)
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func serial(t *testing.T, b *bus.Bus) {
	const n = 50
	var order []string
	answer(t, b, greet, func(_ context.Context, q *word) (*word, error) {
		order = append(order, q.Word)
		return &word{fmt.Sprint(len(order))}, nil
	}, bus.Serial())
	for i := range n {
		a, err := greet.Ask(within(t), b, &word{fmt.Sprint(i + 1)})
		if err != nil || a.Word != fmt.Sprint(i+1) {
			t.Fatalf("%d: %v, %v", i, a, err)
		}
	}
}

func announced(t *testing.T, b *bus.Bus) {
	const n = 500
	heard := make(chan string, n)
	s, err := news.At("a").Subscribe(b, func(_ context.Context, m *word) {
		if m.Word == "3" {
			panic("one bad announcement")
		}
		heard <- m.Word
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := news.At("a").Publish(within(t), b, &word{fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Stop(within(t)); err != nil {
		t.Fatal(err)
	}
	close(heard)
	next := 0
	for w := range heard {
		if next == 3 {
			next++
		}
		if w != fmt.Sprint(next) {
			t.Fatalf("heard %s instead of %d", w, next)
		}
		next++
	}
	if next != n {
		t.Errorf("heard %d of %d before Stop returned", next, n)
	}
}

func drained(t *testing.T, b *bus.Bus) {
	running, release := make(chan struct{}), make(chan struct{})
	s := answer(t, b, greet, func(context.Context, *word) (*word, error) {
		close(running)
		<-release
		return &word{"done"}, nil
	})
	answered := make(chan error, 1)
	go func() {
		_, err := greet.Ask(within(t), b, &word{})
		answered <- err
	}()
	<-running
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop returned %v while a handler ran", err)
	}
	close(release)
	if err := s.Stop(within(t)); err != nil {
		t.Error(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("the last answer: %v", err)
	}
	_, err := greet.Ask(within(t), b, &word{})
	unavailable(t, err)
}
