package client

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// town is a faithful server with an unfaithful network: it takes each nonce
// once and numbers densely, but connections die at any moment, live events are
// doubled or skipped, replays are cut short and commands are put off.
type town struct {
	t   *testing.T
	rnd *rand.Rand

	mu   sync.Mutex
	logs map[string][]Event
	seen map[string]Event // by nonce
	live *peer
	sent map[string]uint64 // what the live session was given, per room
}

func (w *town) chance(percent int) bool { return w.rnd.IntN(100) < percent }

func (w *town) commit(room, nonce, text string) Event {
	if ev, ok := w.seen[nonce]; ok {
		return ev
	}
	ev := message(room, uint64(len(w.logs[room])+1), text)
	ev.Nonce = nonce
	w.logs[room] = append(w.logs[room], ev)
	w.seen[nonce] = ev
	return ev
}

// give hands the live session everything up to ev, the last by frame.
func (w *town) give(ev Event, frame any) {
	if w.live == nil {
		return
	}
	if ev.Seq > w.sent[ev.Room] {
		w.sent[ev.Room] = ev.Seq
	}
	w.live.say(frame)
	if w.chance(10) {
		w.live.say(frame)
	}
}

func (w *town) handle(p *peer, f map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch f["type"] {
	case "hello":
		w.hello(p, f)
	case "send":
		room := f["room"].(string)
		if w.chance(15) {
			p.say(map[string]any{"type": "error", "ref": f["ref"], "code": "unavailable", "retry_after_ms": 50})
			return
		}
		if w.chance(10) {
			p.conn.Close() // before the commit
			return
		}
		ev := w.commit(room, f["nonce"].(string), f["text"].(string))
		if w.chance(10) {
			p.conn.Close() // after it
			return
		}
		w.give(ev, ackFrame(f["ref"], ev))
	}
}

func (w *town) hello(p *peer, f map[string]any) {
	w.live = p
	cursors, _ := f["cursors"].(map[string]any)
	var rooms []Room
	for room, log := range w.logs {
		rooms = append(rooms, Room{ID: room, Head: uint64(len(log))})
	}
	p.welcome(rooms...)
	for room, log := range w.logs {
		after, known := cursors[room].(float64)
		if !known {
			continue
		}
		missed := log[int(after):]
		if len(missed) > 5 && w.chance(50) {
			missed = missed[len(missed)-5:]
			p.say(map[string]any{"type": "truncated", "room": room, "from": missed[0].Seq})
		}
		for _, ev := range missed {
			p.say(eventFrame(ev))
		}
	}
}

// others talk in the rooms, sometimes without the session hearing of it live.
func (w *town) others(n int) {
	for i := range n {
		time.Sleep(20 * time.Millisecond) // the pace of the script, on synctest's clock
		w.mu.Lock()
		room := room1
		if w.chance(50) {
			room = room2
		}
		ev := w.commit(room, fmt.Sprint("other-", i), fmt.Sprint("other-", i))
		switch {
		case w.chance(3) && w.live != nil:
			w.live.conn.Close()
			w.live = nil
		case w.chance(95):
			w.give(ev, eventFrame(ev))
		}
		w.mu.Unlock()
	}
}

func TestEveryEventOnceInOrderWhateverTheNetwork(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { promise(t, seed) })
		})
	}
}

func promise(t *testing.T, seed uint64) {
	st := newStage(t)
	w := &town{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), seen: map[string]Event{}, sent: map[string]uint64{},
		logs: map[string][]Event{room1: nil, room2: nil}}
	st.rest = func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.chance(20) {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		eventsHandler(t, func(room string) []Event { return w.logs[room] })(rw, r)
	}
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case p := <-st.peers:
				go func() {
					for f := range p.got {
						w.handle(p, f)
					}
				}()
			case <-stop:
				return
			}
		}
	}()
	defer close(stop)
	cfg := st.config()
	cfg.Queue = 20
	cfg.WaitForServer = true
	s, err := Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSession(t, s)

	var talk sync.WaitGroup
	talk.Go(func() { w.others(150) })
	for _, room := range []string{room1, room2} {
		talk.Go(func() {
			for i := range 30 {
				text := fmt.Sprint("mine-", i)
				ev, err := s.Send(t.Context(), room, Message{Text: text})
				if err != nil || ev.Text() != text {
					t.Errorf("send %s: %v %v", text, ev, err)
				}
			}
		})
	}
	talk.Wait()
	// One more in each room, so that what was skipped at the end shows.
	w.mu.Lock()
	for _, room := range []string{room1, room2} {
		ev := w.commit(room, "last-"+room, "last")
		w.give(ev, eventFrame(ev))
	}
	w.mu.Unlock()
	w.check(s)
}

func (w *town) check(s *Session) {
	w.t.Helper()
	at := map[string]uint64{}
	for at[room1] < uint64(len(w.logs[room1])) || at[room2] < uint64(len(w.logs[room2])) {
		switch n := next(w.t, s).(type) {
		case Event:
			if n.Seq != at[n.Room]+1 {
				w.t.Fatalf("room %s: %d after %d", n.Room, n.Seq, at[n.Room])
			}
			if want := w.logs[n.Room][n.Seq-1]; n.Nonce != want.Nonce || n.Text() != want.Text() {
				w.t.Fatalf("room %s %d: got %v, want %v", n.Room, n.Seq, n, want)
			}
			at[n.Room] = n.Seq
		case Offline:
			var closed *CloseError
			if !errors.As(n.Err, &closed) {
				w.t.Logf("offline: %v", n.Err)
			}
		case Truncated:
			w.t.Fatalf("left out: %+v", n)
		}
	}
	mine := map[string]int{}
	for _, log := range w.logs {
		for _, ev := range log {
			mine[ev.Nonce]++
		}
	}
	for nonce, n := range mine {
		if n != 1 {
			w.t.Errorf("nonce %s is there %d times", nonce, n)
		}
	}
}

func TestServerThatMakesNoSenseIsLeftAndComeBackTo(t *testing.T) {
	for _, frame := range []string{`{"type":"event"}`, `{"type":"event","event":7}`, `[]`, `{"type":"welcome","rooms":3}`, `{"type":"room","room":"x"}`, `nonsense`} {
		synctest.Test(t, func(t *testing.T) {
			st := newStage(t)
			s, p := st.start(st.config())
			defer closeSession(t, s)
			p.say(frame)
			await[Offline](t, s)
			st.next().hello()
			await[Welcome](t, s)
		})
	}
}
