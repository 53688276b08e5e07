package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/test/chaos/history"
)

// sessioner uses the Go client's Session with an account of their own: what the
// program sees must be as if there had been one connection that never failed.
type sessioner struct {
	l       *Load
	name    string
	user    string
	conn    string
	rng     *rand.Rand
	login   *client.Login
	session *client.Session
	rooms   []*room

	mu  sync.Mutex
	pos map[string]uint64
}

func newSessioner(ctx context.Context, l *Load, n int) (*sessioner, error) {
	s := &sessioner{l: l, name: fmt.Sprint("s", n), rng: rand.New(rand.NewPCG(l.cfg.Seed, 1<<40+uint64(n))), pos: map[string]uint64{}}
	s.conn = l.cfg.Tag + s.name
	tries := 0
	err := l.await(ctx, patienceToConnect, func() (err error) {
		tries++ // one whose answer was lost has the name before
		s.login, err = client.New(l.gate()).SignUp(ctx, fmt.Sprintf("%s.%s.%d", l.cfg.Tag, s.name, tries), "a long password", "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("signing up %s: %w", s.conn, err)
	}
	s.user = s.login.User.ID
	return s, nil
}

// connect opens the session. Each of its connections goes through another gateway.
func (s *sessioner) connect(ctx context.Context) error {
	var dialer net.Dialer
	anywhere := func(ctx context.Context, network, _ string) (net.Conn, error) {
		u, err := url.Parse(s.l.gate())
		if err != nil {
			return nil, err
		}
		return dialer.DialContext(ctx, network, u.Host)
	}
	s.l.cfg.Log.Add(history.Record{What: history.Open, User: s.user, Conn: s.conn})
	var err error
	s.session, err = client.Connect(ctx, client.Config{
		URL: s.l.cfg.Gates[0], Tokens: s.login, ReplayLimit: 1 << 30, WaitForServer: true,
		Backoff: client.FullJitter(20*time.Millisecond, 300*time.Millisecond), Socket: client.SocketOptions{Dial: anywhere},
	})
	if err != nil {
		return fmt.Errorf("connecting %s: %w", s.name, err)
	}
	return nil
}

func (s *sessioner) listen(ctx context.Context) {
	for {
		notice, err := s.session.Next(ctx)
		if err != nil {
			if !errors.Is(err, client.ErrClosed) && ctx.Err() == nil {
				s.l.problem("the session of %s ended: %w", s.name, err)
			}
			return
		}
		s.hear(notice)
	}
}

func (s *sessioner) hear(notice client.Notice) {
	r := history.Record{User: s.user, Conn: s.conn}
	switch n := notice.(type) {
	case client.Welcome:
		r.What, r.Heads = history.Welcome, map[string]uint64{}
		for _, room := range n.Rooms {
			r.Heads[room.ID] = room.Head
		}
	case client.Event:
		r.What, r.Room, r.Event = history.Given, n.Room, seen(n)
		s.mu.Lock()
		s.pos[n.Room] = n.Seq
		s.mu.Unlock()
	case client.RoomChanged:
		r.What, r.Room, r.Head = history.Entered, n.Room.ID, n.Room.Head
	case client.RoomGone:
		r.What, r.Room = history.Gone, n.Room
	case client.Truncated:
		r.What, r.Room, r.Head = history.Cut, n.Room, n.From-1
	case client.Reset:
		r.What, r.Room = history.Reset, n.Room // what follows begins with 1
	default:
		return
	}
	s.l.cfg.Log.Add(r)
}

func (s *sessioner) act(ctx context.Context) {
	var answers sync.WaitGroup
	defer answers.Wait()
	for Sleep(ctx, s.l.pause(s.rng)) == nil {
		if len(s.rooms) == 0 {
			return
		}
		nonce := s.l.nonce(s.name)
		r := history.Record{What: history.Invoke, User: s.user, Room: pick(s.rng, s.rooms...).id, Nonce: nonce, Do: "send",
			Text: history.Text(nonce, words(s.rng))}
		s.l.cfg.Log.Add(r)
		s.l.flight.Add(1)
		p, err := s.session.SendAsync(ctx, r.Room, client.Message{Text: r.Text, Nonce: nonce})
		if err != nil {
			s.l.flight.Add(-1)
			continue
		}
		answers.Go(func() {
			defer s.l.flight.Add(-1)
			s.answered(p, r)
		})
	}
}

func (s *sessioner) answered(p *client.Pending, r history.Record) {
	e, err := p.Wait(s.l.lives)
	var refusal *client.Error
	switch {
	case err == nil:
		r.What, r.Text, r.Event = history.Ack, "", seen(e)
	case errors.As(err, &refusal):
		r.What, r.Text, r.Code = history.Refuse, "", string(refusal.Code)
	default:
		return
	}
	s.l.cfg.Log.Add(r)
}

// behind is a room of which the session was not given everything.
func (s *sessioner) behind(end *ending) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return end.missing(s.user, s.pos)
}

func (s *sessioner) end() {
	s.l.cfg.Log.Add(history.Record{What: history.End, User: s.user, Conn: s.conn})
}

func (s *sessioner) hangUp() {
	if s.session != nil {
		_ = s.session.Close()
	}
}
