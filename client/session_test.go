package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEventsComeOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config(), Room{ID: room1, Head: 4})
		defer closeSession(t, s)
		go p.say(live(room1, 4), live(room1, 5), live(room1, 5), live(room2, 9),
			ackFrame("unknown", message(room1, 6, "mine")), live(room1, 6), ackFrame("unknown", message(room1, 5, "late")), live(room1, 7))
		if got, want := seqs(t, s, 4), []uint64{5, 9, 6, 7}; !slices.Equal(got, want) {
			t.Fatalf("delivered %v, want %v", got, want)
		}
	})
}

func TestLostConnectionResumesFromCursors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config(), Room{ID: room1, Head: 4})
		defer closeSession(t, s)
		p.say(live(room1, 5))
		p.conn.Close()
		p = st.next()
		hello := p.hello(Room{ID: room1, Head: 7})
		if got := hello["cursors"].(map[string]any)[room1]; got != float64(5) {
			t.Fatalf("cursor in hello is %v, want 5", got)
		}
		go p.say(live(room1, 6), live(room1, 7), live(room1, 8))
		if got, want := seqs(t, s, 4), []uint64{5, 6, 7, 8}; !slices.Equal(got, want) {
			t.Fatalf("delivered %v, want %v", got, want)
		}
	})
}

func TestSendIsRepeatedInOrderWithItsNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		cfg := st.config()
		cfg.Pipeline = 8
		s, p := st.start(cfg, Room{ID: room1, Head: 0})
		defer closeSession(t, s)
		var pending []*Pending
		for i := range 3 {
			q, err := s.SendAsync(t.Context(), room1, Message{Text: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
			pending = append(pending, q)
		}
		first := []map[string]any{p.expect("send"), p.expect("send"), p.expect("send")}
		p.say(ackFrame(first[0]["ref"], message(room1, 1, "0")))
		p.conn.Close()

		p = st.next()
		p.hello(Room{ID: room1, Head: 2})
		p.say(live(room1, 2)) // the server had taken the second one, too
		for i, want := range first[1:] {
			again := p.expect("send")
			if again["nonce"] != want["nonce"] || again["text"] != want["text"] {
				t.Fatalf("repeat %d is %v, want %v", i, again, want)
			}
			p.say(ackFrame(again["ref"], message(room1, uint64(i+2), fmt.Sprint(i+1))))
		}
		for i, q := range pending {
			ev, err := q.Wait(t.Context())
			if err != nil || ev.Seq != uint64(i+1) {
				t.Fatalf("message %d: seq %d, %v", i, ev.Seq, err)
			}
		}
		if got, want := seqs(t, s, 3), []uint64{1, 2, 3}; !slices.Equal(got, want) {
			t.Fatalf("delivered %v, want %v", got, want)
		}
	})
}

func TestUnavailableIsRepeatedAfterItsTimeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config(), Room{ID: room1}, Room{ID: room2})
		defer closeSession(t, s)
		for _, text := range []string{"a", "b"} {
			if _, err := s.SendAsync(t.Context(), room1, Message{Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		refused := p.expect("send")
		since := time.Now()
		p.say(map[string]any{"type": "error", "ref": refused["ref"], "code": "unavailable", "detail": "busy", "retry_after_ms": 3000})
		other, err := s.SendAsync(t.Context(), room2, Message{Text: "elsewhere"})
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := p.expect("send")
		if elsewhere["room"] != room2 || time.Since(since) >= time.Second {
			t.Fatalf("another room waited %v: %v", time.Since(since), elsewhere)
		}
		p.say(ackFrame(elsewhere["ref"], message(room2, 1, "elsewhere")))
		if ev, err := other.Wait(t.Context()); err != nil || ev.Seq != 1 {
			t.Fatalf("other room: %v %v", ev, err)
		}
		again := p.expect("send")
		if again["nonce"] != refused["nonce"] || time.Since(since) != 3*time.Second {
			t.Fatalf("repeated %v after %v", again, time.Since(since))
		}
		p.say(ackFrame(again["ref"], message(room1, 1, "a")))
		if b := p.expect("send"); b["text"] != "b" {
			t.Fatalf("then came %v", b)
		}
	})
}

// Who says too much at once says it a little later, in the same order.
func TestALimitIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config(), Room{ID: room1})
		defer closeSession(t, s)
		for _, text := range []string{"a", "b"} {
			if _, err := s.SendAsync(t.Context(), room1, Message{Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		limited, since := p.expect("send"), time.Now()
		p.say(map[string]any{"type": "error", "ref": limited["ref"], "code": "rate_limited", "detail": "slow down", "retry_after_ms": 1500})
		again := p.expect("send")
		if again["nonce"] != limited["nonce"] || time.Since(since) != 1500*time.Millisecond {
			t.Fatalf("repeated %v after %v", again, time.Since(since))
		}
		p.say(ackFrame(again["ref"], message(room1, 1, "a")))
		if b := p.expect("send"); b["text"] != "b" {
			t.Fatalf("then came %v", b)
		}
	})
}

func TestRefusalIsTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config(), Room{ID: room1})
		defer closeSession(t, s)
		go func() {
			f := p.expect("send")
			p.say(map[string]any{"type": "error", "ref": f["ref"], "code": "forbidden", "detail": "the room is read-only"})
			f = p.expect("react")
			if f["nonce"] == nil {
				t.Error("a reaction without a nonce is done again when it is repeated")
			}
			p.say(map[string]any{"type": "ack", "ref": f["ref"]})
		}()
		_, err := s.Send(t.Context(), room1, Message{Text: "x"})
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != CodeForbidden || refusal.Detail == "" {
			t.Fatalf("Send: %v", err)
		}
		if ev, err := s.React(t.Context(), room1, 1, "+"); err != nil || ev.Seq != 0 {
			t.Fatalf("React with nothing to change: %v %v", ev, err)
		}
		_, err = s.Send(t.Context(), room1, Message{Text: string(make([]byte, MaxText+1))})
		if CodeOf(err) != CodeTooLarge {
			t.Fatalf("long text: %v", err)
		}
	})
}

func TestGapsAreFilled(t *testing.T) {
	all := make([]Event, 900)
	for i := range all {
		all[i] = message(room1, uint64(i+1), "x")
	}
	for name, script := range map[string]func(p *peer){
		"truncated": func(p *peer) {
			p.say(map[string]any{"type": "truncated", "room": room1, "from": 891})
			for seq := uint64(891); seq <= 900; seq++ {
				p.say(live(room1, seq))
			}
		},
		"hole":               func(p *peer) { p.say(live(room1, 101), live(room1, 900)) },
		"truncated to head":  func(p *peer) { p.say(map[string]any{"type": "truncated", "room": room1, "from": 901}) },
		"truncated, no more": func(p *peer) { p.say(live(room1, 500), live(room1, 700), live(room1, 900)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStage(t)
				st.rest = eventsHandler(t, func(string) []Event { return all })
				s, p := st.start(st.config(), Room{ID: room1, Head: 100})
				defer closeSession(t, s)
				go script(p)
				for i, seq := range seqs(t, s, 800) {
					if seq != uint64(101+i) {
						t.Fatalf("event %d is %d", i, seq)
					}
				}
			})
		})
	}
}

func TestGapIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		cfg := st.config()
		cfg.Gaps = ReportGaps
		s, p := st.start(cfg, Room{ID: room1, Head: 100})
		defer closeSession(t, s)
		go p.say(map[string]any{"type": "truncated", "room": room1, "from": 800}, live(room1, 800))
		if got, want := await[Truncated](t, s), (Truncated{Room: room1, After: 100, From: 800}); got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
		if got := seqs(t, s, 1); got[0] != 800 {
			t.Fatalf("went on with %v", got)
		}
	})
}

func TestGapThatTheServerCannotFillIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		st.rest = eventsHandler(t, func(string) []Event { return nil })
		s, p := st.start(st.config(), Room{ID: room1, Head: 1})
		defer closeSession(t, s)
		go p.say(live(room1, 4), live(room1, 5))
		if got, want := await[Truncated](t, s), (Truncated{Room: room1, After: 1, From: 4}); got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
		if got := seqs(t, s, 2); !slices.Equal(got, []uint64{4, 5}) {
			t.Fatalf("went on with %v", got)
		}
	})
}

func TestSlowProgramLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := make([]Event, 1000)
		for i := range all {
			all[i] = message(room1, uint64(i+1), "x")
		}
		st := newStage(t)
		st.rest = eventsHandler(t, func(string) []Event { return all })
		cfg := st.config()
		cfg.Queue = 16
		s, p := st.start(cfg, Room{ID: room1})
		defer closeSession(t, s)
		for _, ev := range all {
			p.say(eventFrame(ev)) // does not block, although nobody asks for events
		}
		// A handler that sends must not wait for events nobody takes.
		go func() {
			f := p.expect("send")
			p.say(ackFrame(f["ref"], all[0]))
		}()
		if _, err := s.Send(t.Context(), room1, Message{Text: "x"}); err != nil {
			t.Fatal(err)
		}
		for i, seq := range seqs(t, s, len(all)) {
			if seq != uint64(i+1) {
				t.Fatalf("event %d is %d", i, seq)
			}
		}
	})
}

func TestResetStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config(), Room{ID: room1, Head: 100})
		defer closeSession(t, s)
		go p.say(map[string]any{"type": "reset", "room": room1, "head": 40}, live(room1, 41), live(room1, 42),
			map[string]any{"type": "reset", "room": room1, "head": 3}, live(room1, 1), live(room1, 2))
		if got := await[Reset](t, s); got.Head != 40 {
			t.Fatalf("reset to %d", got.Head)
		}
		if got := seqs(t, s, 2); !slices.Equal(got, []uint64{41, 42}) {
			t.Fatalf("after the reset: %v", got)
		}
		if got := await[Reset](t, s); got.Head != 3 {
			t.Fatalf("reset to %d", got.Head)
		}
		if got := seqs(t, s, 2); !slices.Equal(got, []uint64{1, 2}) {
			t.Fatalf("after the reset: %v", got)
		}
	})
}

func TestRoomsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config(), Room{ID: room1, Head: 5})
		defer closeSession(t, s)
		go p.say(
			live(room1, 6),
			map[string]any{"type": "room_gone", "room": room1},
			ackFrame("late", message(room1, 6, "removed")), // known: must not come again
			map[string]any{"type": "room", "room": Room{ID: room2, Head: 7}},
			live(room2, 6), // the frame's head was read after the event that added me
			live(room2, 7),
			ackFrame("join", message(room1, 20, "joined")),
			map[string]any{"type": "room", "room": Room{ID: room1, Head: 20}},
			live(room1, 21),
		)
		if got := seqs(t, s, 1); got[0] != 6 {
			t.Fatal(got)
		}
		if got := await[RoomGone](t, s); got.Room != room1 {
			t.Fatal(got)
		}
		if got := await[RoomChanged](t, s); got.Room.ID != room2 {
			t.Fatal(got)
		}
		if got := seqs(t, s, 4); !slices.Equal(got, []uint64{6, 7, 20, 21}) {
			t.Fatalf("delivered %v", got)
		}
		if got := s.Cursors(); got[room1] != 21 || got[room2] != 7 {
			t.Fatalf("cursors %v", got)
		}
	})
}

func TestOtherNoticesAreTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config())
		defer closeSession(t, s)
		go p.say(
			`{"type":"from a later version"}`,
			`{"type":"typing","room":"r","user":"u","on":true}`,
			`{"type":"presence","user":"u","status":"busy","status_text":"ill"}`,
			`{"type":"receipt","room":"r","user":"u","read":7}`,
			`{"type":"user","user":{"id":"u","username":"bob"}}`,
			`{"type":"error","code":"invalid","detail":"no such seq"}`,
		)
		want := []Notice{
			Typing{Room: "r", User: "u", On: true},
			Presence{User: "u", Status: "busy", StatusText: "ill"},
			Receipt{Room: "r", User: "u", Read: 7},
			UserChanged{User: User{ID: "u", Username: "bob"}},
		}
		for _, n := range want {
			if got := next(t, s); got != n {
				t.Fatalf("got %#v, want %#v", got, n)
			}
		}
		if got := await[Refused](t, s); got.Err.Code != CodeInvalid {
			t.Fatalf("got %v", got.Err)
		}
	})
}

func TestCloseCodes(t *testing.T) {
	for code, back := range map[CloseCode]bool{
		CloseDraining: true, CloseInternal: true, CloseSlowConsumer: true, CloseTooMany: true,
		CloseNormal: false, CloseMalformed: false, CloseForbidden: false, CloseRevoked: false, CloseTooLarge: false,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStage(t)
				s, p := st.start(st.config())
				defer closeSession(t, s)
				waiting, err := s.SendAsync(t.Context(), room1, Message{Text: "x"})
				if err != nil {
					t.Fatal(err)
				}
				p.expect("send")
				p.shut(code)
				if back {
					p = st.next()
					p.hello()
					await[Offline](t, s)
					await[Welcome](t, s)
					return
				}
				_, err = s.Next(t.Context())
				var closed *CloseError
				if !errors.As(err, &closed) || closed.Code != code {
					t.Fatalf("Next: %v", err)
				}
				if _, err := waiting.Wait(t.Context()); !errors.As(err, &closed) {
					t.Fatalf("what was unanswered: %v", err)
				}
				if _, err := s.SendAsync(t.Context(), room1, Message{Text: "x"}); !errors.As(err, &closed) {
					t.Fatalf("send after the end: %v", err)
				}
			})
		})
	}
}

func TestExpiredTokenIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		cfg := st.config()
		cfg.Tokens = TokenFunc(func(_ context.Context, refused string) (string, error) {
			if refused == "old" {
				return "new", nil
			}
			return "old", nil
		})
		s, p := st.start(cfg)
		defer closeSession(t, s)
		since := time.Now()
		p.shut(CloseUnauthenticated)
		p = st.next()
		if hello := p.hello(); hello["token"] != "new" || time.Since(since) != 0 {
			t.Fatalf("came back after %v with %v", time.Since(since), hello)
		}
	})
}

func TestTokenThatCannotBeReplacedIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config())
		defer closeSession(t, s)
		p.shut(CloseUnauthenticated)
		await[Offline](t, s)
		if _, err := s.Next(t.Context()); CodeOf(err) != CodeUnauthenticated {
			t.Fatalf("Next: %v", err)
		}
	})
}

func TestServerThatRefusesEveryTokenIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		cfg := st.config()
		n := 0
		cfg.Tokens = TokenFunc(func(context.Context, string) (string, error) { n++; return fmt.Sprint(n), nil })
		s, p := st.start(cfg)
		defer closeSession(t, s)
		for range 3 {
			p.shut(CloseUnauthenticated)
			select {
			case p = <-st.peers:
				p.expect("hello")
			case <-s.Done():
			}
		}
		<-s.Done()
		if n > 4 {
			t.Fatalf("%d tokens shown", n)
		}
	})
}

func TestDrainingServerIsLeftAndComeBackTo(t *testing.T) {
	for name, closes := range map[string]bool{"closes": true, "forgets to close": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStage(t)
				cfg := st.config()
				cfg.Backoff = func(int) time.Duration { t.Error("backoff asked"); return time.Hour }
				s, p := st.start(cfg)
				defer closeSession(t, s)
				since := time.Now()
				p.say(map[string]any{"type": "bye", "reason": "draining", "reconnect_after_ms": 1234})
				if closes {
					p.shut(CloseDraining)
				}
				st.next().hello()
				if time.Since(since) != 1234*time.Millisecond {
					t.Fatalf("came back after %v", time.Since(since))
				}
			})
		})
	}
}

func TestSilentServerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config())
		defer closeSession(t, s)
		since := time.Now()
		p.expect("ping")
		if time.Since(since) != 25*time.Second {
			t.Fatalf("pinged after %v", time.Since(since))
		}
		p.say(`{"type":"pong"}`)
		p.expect("ping")
		if off := await[Offline](t, s); !isTimeout(off.Err) || time.Since(since) != 60*time.Second {
			t.Fatalf("left after %v: %v", time.Since(since), off.Err)
		}
		st.next().hello()
	})
}

func TestAccessTokenIsRenewedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		cfg := st.config()
		first, second := jwt(time.Now().Add(15*time.Minute)), jwt(time.Now().Add(30*time.Minute))
		cfg.Tokens = TokenFunc(func(_ context.Context, refused string) (string, error) {
			if refused == first {
				return second, nil
			}
			return first, nil
		})
		s, p := st.start(cfg)
		defer closeSession(t, s)
		since := time.Now()
		for {
			f := <-p.got
			if f["type"] == "ping" {
				p.say(`{"type":"pong"}`)
				continue
			}
			if f["type"] != "auth" || f["token"] != second || time.Since(since) != 14*time.Minute {
				t.Fatalf("after %v: %v", time.Since(since), f)
			}
			return
		}
	})
}

func TestBackoffGrowsWhileTheServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		down := false
		st.dial = func() error {
			if down {
				return errors.New("refused")
			}
			return nil
		}
		cfg := st.config()
		var asked []int
		cfg.Backoff = func(attempt int) time.Duration { asked = append(asked, attempt); return time.Second }
		s, p := st.start(cfg)
		defer closeSession(t, s)
		down = true
		p.conn.Close()
		for range 4 {
			await[Offline](t, s)
		}
		if !slices.Equal(asked, []int{0, 1, 2, 3}) {
			t.Fatalf("attempts %v", asked)
		}
	})
}

func TestFullJitterStaysInItsRange(t *testing.T) {
	wait := FullJitter(500*time.Millisecond, 20*time.Second)
	for attempt, most := range map[int]time.Duration{0: 500 * time.Millisecond, 1: time.Second, 5: 16 * time.Second, 6: 20 * time.Second, 1000: 20 * time.Second} {
		for range 200 {
			if d := wait(attempt); d < 0 || d > most {
				t.Fatalf("attempt %d waits %v, at most %v", attempt, d, most)
			}
		}
	}
}

func TestConnectFailsOrWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		tries := 0
		st.dial = func() error {
			if tries++; tries < 4 {
				return errors.New("refused")
			}
			return nil
		}
		if _, err := Connect(t.Context(), st.config()); err == nil || tries != 1 {
			t.Fatalf("Connect: %v after %d tries", err, tries)
		}
		cfg := st.config()
		cfg.WaitForServer = true
		s, _ := st.start(cfg)
		closeSession(t, s)
		if tries != 4 {
			t.Fatalf("%d tries", tries)
		}
		if _, err := s.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Fatalf("Next after Close: %v", err)
		}
	})
}

func TestHandshakeRefusalIsTyped(t *testing.T) {
	srv := startHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"code":"forbidden","detail":"wrong origin"}`)
	})
	_, err := Connect(t.Context(), Config{URL: srv, Tokens: StaticToken("x")})
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Status != 403 || refusal.Detail != "wrong origin" || judge(err) != final {
		t.Fatalf("Connect: %v", err)
	}
}

func TestCursorsAndOutboxOutliveASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		cfg := st.config()
		cfg.Cursors, cfg.Outbox = NewMemoryCursors(), NewMemoryOutbox()
		s, p := st.start(cfg, Room{ID: room1, Head: 5}, Room{ID: room2, Head: 1})
		p.say(live(room1, 6), live(room1, 7))
		seqs(t, s, 2) // 7 is in the program's hands and not handled yet
		q, err := s.SendAsync(t.Context(), room1, Message{Text: "unanswered"})
		if err != nil {
			t.Fatal(err)
		}
		p.expect("send")
		closeSession(t, s)
		if _, err := q.Wait(t.Context()); !errors.Is(err, ErrClosed) {
			t.Fatalf("unanswered: %v", err)
		}

		go func() {
			p := <-st.peers
			hello := p.expect("hello")
			cursors := hello["cursors"].(map[string]any)
			if cursors[room1] != float64(6) || cursors[room2] != float64(1) {
				t.Errorf("cursors %v", cursors)
			}
			p.welcome(Room{ID: room1, Head: 7}, Room{ID: room2, Head: 1})
			p.say(live(room1, 7))
			f := p.expect("send")
			if f["nonce"] != q.Nonce() {
				t.Errorf("repeated with nonce %v", f["nonce"])
			}
			p.say(ackFrame(f["ref"], message(room1, 8, "unanswered")))
		}()
		s, err = Connect(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer closeSession(t, s)
		if got := seqs(t, s, 2); !slices.Equal(got, []uint64{7, 8}) {
			t.Fatalf("delivered %v", got)
		}
		if left, err := cfg.Outbox.Load(t.Context()); err != nil || len(left) != 0 {
			t.Fatalf("outbox %v, %v", left, err)
		}
	})
}

func TestManyCursorsAreSplit(t *testing.T) {
	cursors := map[string]uint64{}
	for i := range 2000 {
		cursors[fmt.Sprintf("01890000-0000-8000-8000-%012d", i)] = 1 << 50
	}
	frames := helloFrames(helloFrame{Type: "hello", Token: strings.Repeat("t", 8000)}, cursors)
	if len(frames) != 3 {
		t.Fatalf("%d frames", len(frames))
	}
	seen := 0
	for i, frame := range frames {
		if len(frame) > 64<<10 {
			t.Errorf("frame %d is %d bytes", i, len(frame))
		}
		var f helloFrame
		mustDecode(t, frame, &f)
		if f.More != (i < 2) {
			t.Errorf("frame %d has more=%v", i, f.More)
		}
		for room := range f.Cursors {
			if _, ok := cursors[room]; !ok {
				t.Errorf("strange room %s", room)
			}
			seen++
		}
	}
	if seen != len(cursors) {
		t.Fatalf("%d cursors", seen)
	}
}

func TestMarksAreMergedAndWatchIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		s, p := st.start(st.config())
		defer closeSession(t, s)
		s.WatchPresence([]string{"u"})
		p.expect("watch_presence")
		p.conn.Close()
		await[Offline](t, s)
		s.SetTyping(room1, true) // nobody to tell
		s.MarkRead(room1, 9)
		s.MarkRead(room1, 8)
		p = st.next()
		p.hello()
		p.expect("watch_presence")
		if f := p.expect("read"); f["seq"] != float64(9) {
			t.Fatalf("mark %v", f)
		}
		s.SetTyping(room1, true)
		p.expect("typing")
	})
}
