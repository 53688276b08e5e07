package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

func TestAnswersAreObserved(t *testing.T) {
	b := bustest.Embedded(t)
	call := bus.NewCall[string, string]("test.observed")
	seen := make(chan error, 1)
	var subs bus.Subscriptions
	subs.Add(call.Answer(b, func(_ context.Context, q *string) (*string, error) {
		switch *q {
		case "refuse":
			return nil, chat.Errorf(chat.Conflict, "no")
		case "panic":
			panic("on purpose")
		}
		return q, nil
	}, bus.Observe(func(name string, took time.Duration, err error) {
		if name != "test.observed" || took <= 0 {
			t.Errorf("%s took %v", name, took)
		}
		seen <- err
	})))
	if err := subs.Err(); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string]chat.Code{"fine": "", "refuse": chat.Conflict, "panic": chat.Internal} {
		_, err := call.Ask(t.Context(), b, &q)
		if got := chat.CodeOf(err); got != want {
			t.Errorf("%s: asked, got %q", q, got)
		}
		if got := chat.CodeOf(<-seen); got != want {
			t.Errorf("%s: observed %q", q, got)
		}
	}
	if err := subs.Stop(); err != nil {
		t.Fatal(err)
	}
	q := "fine"
	if _, err := call.Ask(t.Context(), b, &q); chat.CodeOf(err) != chat.Unavailable {
		t.Errorf("stopped, it answered: %v", err)
	}
	subs.Add(nil, errors.New("not heard"))
	if subs.Err() == nil {
		t.Error("what could not be listened to is forgotten")
	}
}

type page struct {
	Limit int
}

func (p *page) Shrink() bool { p.Limit /= 2; return p.Limit > 0 }

func TestAPageThatIsTooLargeIsAskedForAgain(t *testing.T) {
	b := bustest.Embedded(t)
	call := bus.NewCall[page, []string]("test.page")
	item := strings.Repeat("x", 100<<10)
	sub, err := call.Answer(b, func(_ context.Context, q *page) (*[]string, error) {
		list := make([]string, q.Limit)
		for i := range list {
			list[i] = item
		}
		return &list, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[int]int{1: 1, 9: 9, 40: 10, 100: 6} {
		if got, err := call.Ask(t.Context(), b, &page{asked}); err != nil || len(*got) != want {
			t.Errorf("of %d come %d, %v; want %d", asked, len(*got), err, want)
		}
	}
	item = strings.Repeat("x", 2<<20)
	if _, err := call.Ask(t.Context(), b, &page{3}); chat.CodeOf(err) != chat.TooLarge {
		t.Errorf("one that never fits: %v", err)
	}
	if err := sub.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
