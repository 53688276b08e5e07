package bus_test

import (
	"context"
	"errors"
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
