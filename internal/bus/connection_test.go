package bus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

// TestCloseDrains: who asked before Close is answered, and nothing works after.
func TestCloseDrains(t *testing.T) {
	s := bustest.NewServer(t)
	asker, answerer := s.Dial(nil), s.Dial(nil)
	running, release := make(chan struct{}), make(chan struct{})
	if _, err := question.Answer(answerer, func(ctx context.Context, _ *note) (*note, error) {
		close(running)
		<-release
		return &note{"done"}, ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	if err := answerer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	answered, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := question.Ask(t.Context(), asker, &note{})
		answered <- err
	}()
	<-running
	go func() { closed <- answerer.Close(t.Context()) }()
	close(release)
	if err := errors.Join(<-answered, <-closed, answerer.Close(t.Context())); err != nil {
		t.Error(err)
	}
	if answerer.Connected() || answerer.Status().Connected {
		t.Error("closed, but connected")
	}
	if _, err := question.Ask(t.Context(), answerer, &note{}); chat.CodeOf(err) != chat.Unavailable {
		t.Errorf("ask on a closed bus: %v", err)
	}
	if _, err := rumour.Subscribe(answerer, func(context.Context, *note) {}); err == nil {
		t.Error("a closed bus let somebody listen")
	}
	if err := rumour.Publish(t.Context(), answerer, &note{}); err == nil {
		t.Error("a closed bus published")
	}
}

// TestCloseGivesUp: a handler that does not end does not keep the bus open, and
// its context ends.
func TestCloseGivesUp(t *testing.T) {
	b := bustest.Embedded(t)
	running, ended := make(chan struct{}), make(chan struct{})
	if _, err := rumour.Subscribe(b, func(ctx context.Context, _ *note) {
		close(running)
		<-ctx.Done()
		close(ended)
	}); err != nil {
		t.Fatal(err)
	}
	if err := rumour.Publish(t.Context(), b, &note{}); err != nil {
		t.Fatal(err)
	}
	<-running
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	<-ended
}

// occupy puts a file where the log's folder is, which it moves away; restore
// undoes it.
func occupy(t *testing.T, dir string) (restore func()) {
	t.Helper()
	logs, aside := filepath.Join(dir, "jetstream"), filepath.Join(dir, "aside")
	if err := os.Rename(logs, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(logs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.Remove(logs), os.Rename(aside, logs)); err != nil {
			t.Error(err)
		}
	}
}

func TestNoBus(t *testing.T) {
	if _, err := bus.Embed(t.Context(), bus.EmbedConfig{}); err == nil {
		t.Error("embedded without a folder")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Embed(t.Context(), bus.EmbedConfig{Dir: file}); err == nil {
		t.Error("embedded in a file")
	}
	dir := t.TempDir()
	occupy(t, dir)
	if _, err := bus.Embed(t.Context(), bus.EmbedConfig{Dir: dir}); err == nil || !strings.Contains(err.Error(), "Can't start JetStream") {
		t.Errorf("embedded although a file is in the way: %v", err)
	}
	if _, err := bus.Dial(t.Context(), bus.DialConfig{}); err == nil {
		t.Error("dialled nobody")
	}
	s := bustest.NewServer(t)
	s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := bus.Dial(ctx, bus.DialConfig{URLs: []string{s.URL()}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dialled a server that is away: %v", err)
	}
}
