package bus_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
)

func plainEvent() *chat.Event {
	return &chat.Event{
		Room: chat.NewID(), Seq: 12345, ID: chat.NewID(), Kind: chat.KindMessage, By: chat.NewID(), At: 1_790_000_000_000,
		Nonce: chat.NewID().String(), Body: chat.Body{Text: strings.Repeat("0123456789", 10)}, N: 1234567, Messages: 12000,
		Origin: chat.Origin{Gateway: 1 << 62, LogSeq: 345678, Batch: 1234560, Committed: 1_790_000_000_002},
	}
}

func BenchmarkEncodeEvent(b *testing.B) {
	v := plainEvent()
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()
		var e bus.Encoder
		for b.Loop() {
			e.B = e.B[:0]
			e.Event(v)
		}
		b.ReportMetric(float64(len(e.B)), "B/event")
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		var data []byte
		for b.Loop() {
			data, _ = json.Marshal(v)
		}
		b.ReportMetric(float64(len(data)), "B/event")
	})
}

func BenchmarkDecodeEvent(b *testing.B) {
	v := plainEvent()
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()
		var e bus.Encoder
		e.Event(v)
		var got chat.Event
		for b.Loop() {
			got = chat.Event{}
			d := bus.NewDecoder(e.B)
			d.Event(&got)
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		data, err := json.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			var got chat.Event
			if err := json.Unmarshal(data, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAsk(b *testing.B) {
	bs := bustest.Embedded(b)
	for _, c := range []struct {
		name string
		opts []bus.AnswerOption
	}{{"goroutine", nil}, {"serial", []bus.AnswerOption{bus.Serial()}}} {
		b.Run(c.name, func(b *testing.B) {
			s, err := question.Answer(bs, func(_ context.Context, n *note) (*note, error) { return n, nil }, c.opts...)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := question.Ask(b.Context(), bs, &note{"hello"}); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.Stop(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func benchLog(b *testing.B) *bus.Log {
	l, err := bustest.Embedded(b).MakeLog(b.Context(), 0, bus.LogConfig{MaxBytes: 8 << 30})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func BenchmarkAppender(b *testing.B) {
	for _, c := range []struct {
		name   string
		adders int
	}{{"1", 1}, {"64", 64}, {"1000", 1000}} {
		b.Run(c.name, func(b *testing.B) {
			l := benchLog(b)
			lane := l.Appender(bus.AppenderConfig{Gateway: 1})
			cmd := bustest.Message(strings.Repeat("0123456789", 10))
			cmd.Nonce = "0123456789012345"
			b.ReportAllocs()
			b.ResetTimer()
			var adders sync.WaitGroup
			for a := range c.adders {
				adders.Go(func() {
					told := make(chan error, 1)
					for i := a; i < b.N; i += c.adders {
						err := lane.Add(cmd, func(_ uint64, err error) { told <- err })
						if err == nil {
							err = <-told
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			adders.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			b.StopTimer()
			if err := lane.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
			_, last, _, _ := l.Info(b.Context())
			b.ReportMetric(float64(b.N)/float64(last), "msg/record")
		})
	}
}

// BenchmarkLogLatency is from before Add until Next has returned the command.
func BenchmarkLogLatency(b *testing.B) {
	l := benchLog(b)
	r, err := l.Read(b.Context(), chat.Position{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	lane := l.Appender(bus.AppenderConfig{Gateway: 1})
	cmd := bustest.Message(strings.Repeat("0123456789", 10))
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		stored := make(chan struct{})
		if err := lane.Add(cmd, func(uint64, error) { close(stored) }); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		<-stored
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
	if err := lane.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkReadLog(b *testing.B) {
	l := benchLog(b)
	const records, each = 2000, 50
	for range records {
		if _, err := l.Append(b.Context(), bustest.Envelope(each)); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	read := 0
	for b.Loop() {
		bustest.Read(b, l, chat.Position{}, records)
		read += records * each
	}
	b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "msg/s")
}
