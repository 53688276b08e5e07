package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// BenchmarkMove moves a folder with a million events in a thousand rooms, or what
// is left of that with -short, into PostgreSQL, and tells the rate of each part.
func BenchmarkMove(b *testing.B) {
	dir := b.TempDir()
	n := filled(b, "sqlite:"+dir)
	if err := n.shard.Release(b.Context()); err != nil {
		b.Fatal(err)
	}
	events := 0
	for i := range n.rooms {
		events += int(n.rooms[i].Head)
	}
	if err := n.s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		target := pgtest.Empty(b)
		b.StartTimer()
		parts, step, began := map[string]time.Duration{}, "", time.Now()
		hear := func(p store.MoveProgress) {
			if p.Step != step {
				step, began = p.Step, time.Now()
			}
			if p.Ended {
				parts[strings.Fields(p.Step)[0]] += time.Since(began)
			}
		}
		if _, err := store.Move(b.Context(), "sqlite:"+dir, target, store.MoveOptions{Progress: hear}); err != nil {
			b.Fatal(err)
		}
		for _, part := range []string{"events", "index", "checking"} {
			b.ReportMetric(parts[part].Seconds(), part+"-s")
		}
		b.ReportMetric(float64(events)/parts["events"].Seconds(), "copied/s")
	}
	b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
}
