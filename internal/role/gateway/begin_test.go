package gateway

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// slow is a client that reads only while somebody waits for it.
type slow struct {
	notebook
	all    int // it has rooms, or had
	unread int
	most   int
	rooms  map[chat.RoomID]bool
	gone   int
	done   context.CancelFunc
}

func (s *slow) Tell(n Note) {
	size := func(rooms ...chat.Mine) {
		for _, r := range rooms {
			s.rooms[r.ID] = true
			s.unread += 500
			if r.Last != nil {
				s.unread += len(r.Last.Body.Text) + len(r.Last.Body.Attachments)
			}
		}
	}
	switch n := n.(type) {
	case Welcome:
		size(n.Rooms...)
	case Entered:
		size(n.Room)
	case Gone:
		s.gone++
		s.unread += 200
	default:
		s.unread += 200
	}
	s.most = max(s.most, s.unread)
	if len(s.rooms)+s.gone == s.all {
		s.done()
	}
}

func (s *slow) Wait(ctx context.Context) error {
	s.unread = 0
	return ctx.Err()
}

// Who comes back to many rooms, each with a long message, or after long and was
// taken out of many, is told of them no faster than it reads: it could never come
// back otherwise.
func TestAWelcomeKeepsTheClientsPace(t *testing.T) {
	const rooms, gone, atOnce = 120, 10_000, 12
	b := bustest.Embedded(t)
	if _, err := b.MakeLog(t.Context(), 0, bus.LogConfig{}); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", chat.MaxText)
	mine, err := contract.MyRooms.Answer(b, func(_ context.Context, q *contract.MyRoomsAsk) (*contract.MyRoomsPage, error) {
		first := 0
		if q.Cursor != "" {
			first = int(q.Cursor[0])
		}
		page := &contract.MyRoomsPage{}
		for i := first; i < min(first+atOnce, rooms); i++ {
			last := &chat.Event{Seq: 9, Kind: chat.KindMessage, Body: chat.Body{Text: long, Attachments: []byte(`["` + long[2:] + `"]`)}}
			page.Rooms = append(page.Rooms, chat.Mine{Info: chat.Info{ID: chat.RoomID{14: 1, 15: byte(i)}, Head: 9}, Last: last})
		}
		if first+atOnce < rooms {
			page.Next = string([]byte{byte(first + atOnce)})
		}
		return page, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mine.Stop(context.Background()) }()
	g := New(Config{}, b, bustest.Log(t), prometheus.NewRegistry())
	h := newHub(g, 0, 1<<20)
	defer func() { _ = h.appender.Close(context.Background()) }()
	g.hubs.Store(&[]*hub{h})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client := &slow{all: rooms + gone, rooms: map[chat.RoomID]bool{}, done: cancel}
	s := &Session{g: g, user: chat.UserID{15: 2}, sink: client, arriving: true}
	cursors := map[chat.RoomID]uint64{}
	for i := range gone {
		cursors[chat.RoomID{13: 1, 14: byte(i >> 8), 15: byte(i)}] = 1
	}
	for i := range rooms {
		cursors[chat.RoomID{14: 1, 15: byte(i)}] = 20 // beyond the head: reset
	}
	s.begin(ctx, Hello{Cursors: cursors})
	if len(client.rooms) != rooms || client.gone != gone {
		t.Errorf("told of %d rooms, and that %d are gone", len(client.rooms), client.gone)
	}
	if client.most > 1<<20-64<<10 {
		t.Errorf("%d bytes waited for it", client.most)
	}
}

// A welcome is one frame, and has to fit whatever the rooms are like.
func TestAWelcomeIsBounded(t *testing.T) {
	var few, long []chat.Mine
	for range 500 {
		r := chat.Mine{Info: chat.Info{Name: "a room"}, Last: &chat.Event{Body: chat.Body{Text: strings.Repeat("word ", 20)}}}
		few = append(few, r)
		r.Last = &chat.Event{Body: chat.Body{Text: strings.Repeat("\x01", 10_000)}}
		long = append(long, r)
	}
	if n := fitting(few); n != len(few) {
		t.Errorf("%d usual rooms fit", n)
	}
	if n := fitting(long); n == 0 || n*60_000 > welcomeBytes {
		t.Errorf("%d rooms fit whose message grows in JSON", n)
	}
}

// Who is welcome stays while the database is away, for however long, and catches
// up when it is back; who is not welcome yet is soon told to come back.
func TestAWelcomeSocketOutlastsTheDatabase(t *testing.T) {
	for _, c := range []struct {
		name           string
		patience, away time.Duration
		want           chat.Code
	}{
		{"welcome", forever, time.Hour, ""},
		{"not yet", welcomeWithin, time.Hour, chat.Unavailable},
		{"not yet, and it is soon back", welcomeWithin, 5 * time.Second, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				_, err := retry(t.Context(), c.patience, func(context.Context) (*contract.EventsPage, error) {
					time.Sleep(time.Second) // what a role takes to find that its database is away
					if time.Since(begun) < c.away {
						return nil, chat.Errorf(chat.Unavailable, "the database is away")
					}
					return &contract.EventsPage{}, nil
				})
				if code := chat.CodeOf(err); code != c.want {
					t.Errorf("it ends with %v, want %q", err, c.want)
				}
				if took := time.Since(begun); c.want != "" && took > welcomeWithin+5*time.Second {
					t.Errorf("it is told after %v", took)
				}
			})
		})
	}
}
