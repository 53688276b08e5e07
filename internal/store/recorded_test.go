package store_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// A small database was recorded when version 1 was done; every later version
// must open it, find nothing wrong with it and go on with it.
//
//	go test ./internal/store -run Recorded -record
//
// makes the recording where there is none.
var record = flag.Bool("record", false, "record the database if there is no recording yet")

const recording = "../../testdata/wire-1/parley.db"

func TestTheRecordedDatabaseIsOpened(t *testing.T) {
	if _, err := os.Stat(recording); os.IsNotExist(err) && *record {
		s := open(t, t.TempDir())
		storetest.Everything(t, storetest.NewWorker(t, s))
		file, err := filepath.Abs(recording)
		if err == nil {
			err = s.Backup(t.Context(), file, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	if err := store.Restore(t.Context(), recording, dir); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	report, err := s.Verify(t.Context(), nil)
	if err != nil || len(report.Findings) > 0 || report.Rooms != 2 || report.Events != 17 {
		t.Fatalf("%+v, %v", report, err)
	}
	events, n, _, err := s.Archive().Feed(t.Context(), 0, 0, 100, 1<<20)
	if err != nil || n != 17 || len(events) != 17 || events[2].Body.Text != "two" || !events[4].Body.Deleted {
		t.Fatalf("the feed ends at %d: %+v, %v", n, events, err)
	}
	w := storetest.NewWorker(t, s)
	if e := w.Event(storetest.Say(events[0].By, events[0].Room, "we go on")); e.N != 18 || e.Kind != chat.KindMessage {
		t.Errorf("the next event is %+v", e)
	}
}

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
