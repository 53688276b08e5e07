package ws

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
)

func eachBench(b *testing.B, bench func(b *testing.B, cfg Config)) {
	for name, mode := range modes() {
		b.Run(name, func(b *testing.B) { bench(b, Config{Mode: mode, Log: slog.New(slog.DiscardHandler)}) })
	}
}

// BenchmarkFanOut sends one frame of 300 bytes to 1 000 connections per operation, clients in the same process. At
// most a few frames wait per connection, as when one room speaks as fast as its members read.
func BenchmarkFanOut(b *testing.B) {
	eachBench(b, func(b *testing.B, cfg Config) {
		tn := newTown(b, cfg)
		conns := make([]*Conn, 1000)
		for i := range conns {
			p := tn.dial()
			conns[i] = p.conn
			go io.Copy(io.Discard, struct{ io.Reader }{p.sock})
		}
		before := tn.srv.Stats()
		payload := []byte(strings.Repeat("x", 300))
		for b.Loop() {
			f := TextFrame(payload)
			for _, c := range conns {
				if c.Queued() > 8<<10 {
					if err := c.Wait(context.Background(), 4<<10); err != nil {
						b.Fatal(err)
					}
				}
				if err := c.Send(f); err != nil {
					b.Fatal(err)
				}
			}
		}
		for _, c := range conns {
			if err := c.Wait(context.Background(), 1); err != nil {
				b.Fatal(err)
			}
		}
		st := tn.srv.Stats()
		frames := float64(st.Frames - before.Frames)
		b.ReportMetric(frames/b.Elapsed().Seconds(), "frames/s")
		b.ReportMetric(frames/float64(st.Writes-before.Writes), "frames/write")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkEcho is the way of a lone message in and a lone frame out.
func BenchmarkEcho(b *testing.B) {
	eachBench(b, func(b *testing.B, cfg Config) {
		p := newTown(b, cfg).dial()
		f := func(c *Conn, msg []byte) { _ = c.SendText(msg) }
		p.onText.Store(&f)
		out, in := text(strings.Repeat("x", 100)), make([]byte, 102)
		for b.Loop() {
			p.sends(out)
			if _, err := io.ReadFull(p.in, in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

type quiet struct{}

func (quiet) Text(*Conn, []byte)       {}
func (quiet) Closed(*Conn, int, error) {}

// BenchmarkIdleMemory reports what an idle connection costs after it has spoken once: heap and stack, of the server
// side alone: what is free again when the connections have gone. The sockets are made without net/http, whose memory
// is not this package's.
func BenchmarkIdleMemory(b *testing.B) {
	eachBench(b, func(b *testing.B, cfg Config) {
		const n = 2000
		srv, err := NewServer(cfg)
		if err != nil {
			b.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer ln.Close()
		var heap, stack uint64
		for b.Loop() {
			clients, servers := pairs(b, ln, n)
			conns := make([]*Conn, n)
			for i, sock := range servers {
				if conns[i], err = srv.serve(sock, text("hello"), quiet{}); err != nil {
					b.Fatal(err)
				}
				servers[i] = nil
				if err := conns[i].SendText([]byte("welcome")); err != nil {
					b.Fatal(err)
				}
			}
			for i, c := range conns {
				if _, err := io.ReadFull(clients[i], make([]byte, len("..welcome"))); err != nil {
					b.Fatal(err)
				}
				if err := c.Wait(context.Background(), 1); err != nil {
					b.Fatal(err)
				}
			}
			used := memory()
			for _, c := range conns {
				c.Drop()
			}
			for srv.Len() > 0 {
				runtime.Gosched()
			}
			clear(conns)
			rest := memory()
			heap, stack = used.HeapAlloc-rest.HeapAlloc, used.StackInuse-rest.StackInuse
			for _, c := range clients {
				c.Close()
			}
		}
		b.ReportMetric(float64(int64(heap))/n, "heap-B/conn")
		b.ReportMetric(float64(int64(stack))/n, "stack-B/conn")
		if err := srv.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	})
}

func memory() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC() // the second empties what sync.Pools kept over the first
	runtime.ReadMemStats(&m)
	return m
}

func pairs(b *testing.B, ln net.Listener, n int) (clients, servers []net.Conn) {
	for range n {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		s, err := ln.Accept()
		if err != nil {
			b.Fatal(err)
		}
		clients, servers = append(clients, c), append(servers, s)
	}
	return clients, servers
}

// BenchmarkGather is what copying frames together costs per frame, against the 4.9 µs of the write that it saves.
func BenchmarkGather(b *testing.B) {
	for _, size := range []int{100, 1000, 8000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var q queue
			f, buf := TextFrame(make([]byte, size)), make([]byte, writeSize)
			for b.Loop() {
				for range 16 {
					q.push(f)
				}
				for p := q.gather(buf); len(p) > 0; p = q.gather(buf) {
					q.landed(len(p))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(16*b.N), "ns/frame")
		})
	}
}
