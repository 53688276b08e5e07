package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
)

// makeRoom makes a room with its first members. The keeper owns all rooms and is
// in them to the end.
func (l *Load) makeRoom(ctx context.Context, r *room, n int) error {
	in := map[string]any{"kind": "group", "name": fmt.Sprint("room ", n)}
	if r.channel {
		in["kind"] = "channel"
	}
	var members []string
	for user := range r.members {
		members = append(members, user)
	}
	in["members"] = members
	var out wireRoom
	if err := l.keeper.insist(ctx, http.MethodPost, "/v1/rooms", l.nonce("room"), in, &out); err != nil {
		return fmt.Errorf("making a room: %w", err)
	}
	r.id = out.ID
	return nil
}

// move puts people out of groups and lets them in again, one at a time, and
// changes roles, until ctx ends. A move that was begun is brought to its end.
func (l *Load) move(ctx context.Context) {
	for Sleep(ctx, time.Duration(l.keeper.rng.ExpFloat64()*float64(300*time.Millisecond))) == nil {
		r := l.rooms[l.keeper.rng.IntN(len(l.rooms))]
		if r.channel || len(l.people) == 0 {
			continue
		}
		p := l.people[l.keeper.rng.IntN(len(l.people))]
		switch {
		case !r.members[p.user]:
			r.members[p.user] = l.moveOne(r, p.user, "add", http.MethodPut, map[string]string{})
		case l.keeper.rng.IntN(3) == 0:
			l.moveOne(r, p.user, "role", http.MethodPut, map[string]string{"role": pick(l.keeper.rng, "member", "moderator")})
		default:
			r.members[p.user] = !l.moveOne(r, p.user, "remove", http.MethodDelete, nil)
		}
	}
}

// moveOne repeats a change of membership until it is answered. These requests
// have no nonce: what they ask for is a state.
func (l *Load) moveOne(r *room, user, do, method string, in any) (done bool) {
	l.flight.Add(1)
	defer l.flight.Add(-1)
	nonce := l.nonce("move")
	rec := history.Record{User: l.keeper.user, Room: r.id, Nonce: nonce, Do: do, Whom: user}
	for repeated := false; ; repeated = true {
		rec.What, rec.Gate, rec.Code = history.Invoke, l.gate(), ""
		l.cfg.Log.Add(rec)
		a, err := l.keeper.ask(l.lives, rec.Gate, method, "/v1/rooms/"+r.id+"/members/"+url.PathEscape(user), "", in, "")
		switch {
		case err == nil && (a.status < 300 || (repeated || l.forgetful.Load()) && a.status == http.StatusNotFound):
			rec.What = history.Ack
			l.cfg.Log.Add(rec)
			return true
		case err == nil && !a.open():
			rec.What, rec.Code = history.Refuse, a.code
			l.cfg.Log.Add(rec)
			l.problem("the keeper's %s of %s: %d %s", do, user, a.status, a.body)
			return false
		}
		if Sleep(l.lives, time.Duration(50+rand.IntN(200))*time.Millisecond) != nil {
			return false
		}
	}
}

// ending is what is stored when all is over.
type ending struct {
	heads  map[string]uint64          // by room
	within map[string]map[string]bool // by room, who is in it
}

// writeStored writes down every event of every room.
func (l *Load) writeStored(ctx context.Context) (*ending, error) {
	end := &ending{heads: map[string]uint64{}, within: map[string]map[string]bool{}}
	for _, r := range slices.Concat(l.rooms, l.quiet) {
		end.within[r.id] = map[string]bool{}
		for after := uint64(0); ; {
			var page struct {
				Events []wireEvent `json:"events"`
				Head   uint64      `json:"head"`
			}
			path := fmt.Sprintf("/v1/rooms/%s/events?limit=200&after=%d", r.id, after)
			if err := l.keeper.insist(ctx, http.MethodGet, path, "", nil, &page); err != nil {
				return nil, fmt.Errorf("reading what is stored: %w", err)
			}
			for i := range page.Events {
				e := page.Events[i].seen()
				l.cfg.Log.Add(history.Record{What: history.Stored, Room: r.id, Event: e})
				end.follow(r.id, e)
				after = e.Seq
			}
			if len(page.Events) == 0 {
				end.heads[r.id] = page.Head
				l.cfg.Log.Add(history.Record{What: history.Head, Room: r.id, Head: page.Head})
				break
			}
		}
	}
	return end, nil
}

// follow notes who an event lets in or out.
func (end *ending) follow(room string, e *history.Event) {
	switch e.Kind + " " + e.Op {
	case "room create":
		for _, user := range append(e.Members, e.By) {
			end.within[room][user] = true
		}
	case "member join", "member add":
		end.within[room][e.Whom] = true
	case "member leave", "member remove":
		delete(end.within[room], e.Whom)
	}
}

// missing is a room that a user is in and that a connection, which stands at pos,
// has not all of; "" if there is none.
func (end *ending) missing(user string, pos map[string]uint64) string {
	for room, head := range end.heads {
		if at, shown := pos[room]; at < head && (shown || end.within[room][user]) {
			return room
		}
	}
	return ""
}

func pick[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }
