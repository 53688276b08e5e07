package chat

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"
)

func TestCodesAreAsTheProtocolNamesThem(t *testing.T) {
	want := []Code{"invalid", "malformed", "unauthenticated", "forbidden", "not_found", "conflict", "too_large", "rate_limited", "unavailable", "internal"}
	if len(Codes) != len(want) {
		t.Fatalf("there are %d codes", len(Codes))
	}
	for i, c := range Codes {
		if c != want[i] || !regexp.MustCompile(`^[a-z_]+$`).MatchString(string(c)) {
			t.Errorf("code %d is %q, want %q", i, c, want[i])
		}
	}
}

func TestCodeOf(t *testing.T) {
	refused := Errorf(Forbidden, "no, %s", "ann")
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, ""},
		{errors.New("disk on fire"), Internal},
		{refused, Forbidden},
		{fmt.Errorf("ask rooms: %w", refused), Forbidden},
		{Busy(time.Second, "later"), Unavailable},
		{fmt.Errorf("read: %w: disk full", ErrUnreachable), Unavailable},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
	if refused.Error() != "forbidden: no, ann" {
		t.Errorf("it says %q", refused)
	}
}

func TestIsAsksForTheCodeAlone(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", Errorf(Conflict, "taken"))
	if !errors.Is(err, &Error{Code: Conflict}) {
		t.Error("the code was not found")
	}
	if errors.Is(err, &Error{Code: Forbidden}) || errors.Is(err, &Error{Code: Conflict, Text: "other"}) {
		t.Error("something else was found")
	}
}

func TestPublicKeepsTheStoryInside(t *testing.T) {
	refused := Errorf(NotFound, "there is no such room")
	if got := Public(fmt.Errorf("asked: %w", refused)); got != refused {
		t.Errorf("got %v", got)
	}
	got := Public(errors.New("pq: password of 10.0.0.1 is wrong"))
	if got.Code != Internal || regexp.MustCompile(`10\.0`).MatchString(got.Text) {
		t.Errorf("the story leaked: %v", got)
	}
	if !Transient(fmt.Errorf("x: %w", ErrUnreachable)) || !Transient(ErrNotOwner) || Transient(ErrRepeat) || Transient(nil) {
		t.Error("only an unreachable store and lost ownership are transient")
	}
}
