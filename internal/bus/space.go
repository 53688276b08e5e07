package bus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// reserve is what must be free for appends to go on: two looks apart, a log
	// grows by less, so that a disk that fills slowly never breaks a write. What
	// is in the log already can still be committed.
	reserve = 4 << 20
	enough  = 2 * reserve // for appends to begin again

	lookEvery   = 250 * time.Millisecond
	failingFor  = 750 * time.Millisecond // how long the server says that it cannot write, until it is believed
	reopenEvery = 2 * time.Second        // at most: each time, the bus is away for a moment
)

// watcher looks after the disk under an embedded server.
//
//	open ──little space, or the server cannot write──► shut
//	open ◄──server started anew◄──enough space, a probe is written── shut
//
// The server needs that: a write that failed makes a log dead, without an answer
// to who appends, until it is opened again. What was acknowledged before is in
// it still.
type watcher struct {
	bus     *Bus
	dir     string
	free    func(dir string) (int64, error)
	failing time.Time // since when the server cannot write; zero when it can
	opened  time.Time // when the server was last started anew
}

// watch looks until ctx ends.
func (w *watcher) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(ctx)
		}
	}
}

func (w *watcher) look(ctx context.Context) {
	if w.bus.gate.err() == nil {
		if err := w.trouble(); err != nil {
			w.shut(err)
		}
		return
	}
	if time.Since(w.opened) < reopenEvery || w.writable() != nil {
		return
	}
	w.opened, w.failing = time.Now(), time.Time{}
	if err := w.bus.reopen(ctx); err != nil {
		if ctx.Err() == nil {
			w.bus.log.Error("the log under "+w.dir+" cannot be opened", "err", err)
		}
		return
	}
	w.bus.gate.open()
	w.bus.log.Info("there is space under " + w.dir + " again: commands are taken")
}

func (w *watcher) shut(why error) {
	w.bus.gate.shut()
	what := "the log under " + w.dir + " cannot be written: commands are refused until it can"
	if errors.Is(why, ErrDiskFull) {
		what = "the disk under " + w.dir + " is full: commands are refused until there is space"
	}
	w.bus.log.Error(what, "err", why)
}

// trouble says why appends cannot go on, or nil.
func (w *watcher) trouble() error {
	if err := w.space(reserve); err != nil {
		return err
	}
	err := w.bus.server.failing()
	switch {
	case err == nil:
		w.failing = time.Time{}
		return nil
	case w.failing.IsZero(): // perhaps a log is just being made
		w.failing = time.Now()
		return nil
	case time.Since(w.failing) < failingFor:
		return nil
	}
	return err
}

// space is ErrDiskFull when less than least is free. A folder that cannot be
// asked, because somebody removed it, has space.
func (w *watcher) space(least int64) error {
	if free, err := w.free(w.dir); err == nil && free < least {
		return fmt.Errorf("%w: %d bytes are free; when %d are, it goes on", ErrDiskFull, free, enough)
	}
	return nil
}

// writable says why nothing can be written to the folder, whatever the reason:
// a quota and a disk that has become read-only show only so.
func (w *watcher) writable() error {
	if err := w.space(enough); err != nil {
		return err
	}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(w.dir, "probe-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probe))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

const probe = MaxBytes
