package gateway

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// presence tells role/presence who is on this gateway, and its sessions what
// they asked about. All of it may be lost or late; messages do not wait for it.
type presence struct {
	g *Gateway

	mu       sync.Mutex
	here     map[chat.UserID]*sitting
	changed  map[chat.UserID]struct{}
	watchers map[chat.UserID][]*Session
	watching map[chat.UserID]int               // how many all sessions of a user watch together
	told     map[chat.UserID]contract.Presence // of watched users, what was told last
	rewatch  bool                              // the set of watched users has changed
}

type sitting struct {
	sessions int
	status   contract.Status
	text     string
}

func newPresence(g *Gateway) *presence {
	return &presence{g: g, here: map[chat.UserID]*sitting{}, changed: map[chat.UserID]struct{}{},
		watchers: map[chat.UserID][]*Session{}, watching: map[chat.UserID]int{},
		told: map[chat.UserID]contract.Presence{}}
}

func (p *presence) came(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.here[s.user]
	if at == nil {
		at = &sitting{status: contract.Online}
		p.here[s.user] = at
	}
	at.sessions++
	s.here = true
	p.changed[s.user] = struct{}{}
}

func (p *presence) went(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unwatch(s)
	if !s.here {
		return // it never came: the gateway was draining, or it was refused
	}
	s.here = false
	at := p.here[s.user]
	if at.sessions--; at.sessions == 0 {
		delete(p.here, s.user)
	}
	p.changed[s.user] = struct{}{}
}

// SetStatus says how present the user is; the most present of their sessions'
// gateways counts.
func (s *Session) SetStatus(ref string, status contract.Status, text string) {
	if status != contract.Online && status != contract.Away && status != contract.Busy && status != contract.Offline {
		s.sink.Tell(Refused{ref, chat.Errorf(chat.Invalid, "a status is online, away, busy or offline")})
		return
	}
	if err := s.Allow(); err != nil {
		s.sink.Tell(Refused{ref, chat.Public(err)})
		return
	}
	p := s.g.presence
	p.mu.Lock()
	if at := p.here[s.user]; at != nil {
		at.status, at.text = status, text
		p.changed[s.user] = struct{}{}
	}
	p.mu.Unlock()
	s.sink.Tell(Acked{ref})
}

// beat tells what has changed since the last beat; told nothing for some
// seconds, presence takes this gateway for dead.
func (p *presence) beat(ctx context.Context) {
	p.mu.Lock()
	var changed []contract.Sitting
	for id := range p.changed {
		if len(changed) == changesAtOnce {
			break // the others go with the next beat
		}
		changed = append(changed, p.sittingOf(id))
		delete(p.changed, id)
	}
	var watched []chat.UserID
	rewatch := p.rewatch
	if rewatch {
		p.rewatch = false
		watched = slices.Collect(maps.Keys(p.watchers))
	}
	p.mu.Unlock()
	if rewatch { // first: what follows may be about them
		p.publishWatched(ctx, watched)
	}
	p.publish(ctx, false, changed)
}

// How many go in one message of the bus, whatever the status texts, and how many
// with one beat.
const (
	sittingsAtOnce = 500
	changesAtOnce  = 2000
	watchedAtOnce  = 20_000
)

// publishWatched tells whom this gateway asks about, all of them; what cannot be
// told is told with the next beat.
func (p *presence) publishWatched(ctx context.Context, all []chat.UserID) {
	for on := false; !on || len(all) > 0; on = true {
		n := min(len(all), watchedAtOnce)
		watch := contract.PresenceWatch{Run: p.g.id, Users: all[:n], On: on, More: n < len(all)}
		if watch.Users == nil {
			watch.Users = []chat.UserID{}
		}
		all = all[n:]
		if err := contract.WatchPresence.Publish(ctx, p.g.bus, &watch); err != nil {
			p.g.log.Warn("whom we watch was not told; it is told again", "err", err)
			p.mu.Lock()
			p.rewatch = true
			p.mu.Unlock()
			return
		}
	}
}

// announceAll tells a presence that starts everything: the first notice clears
// what it knew, the others add to it.
func (p *presence) announceAll(ctx context.Context) {
	p.mu.Lock()
	all := make([]contract.Sitting, 0, len(p.here))
	for id := range p.here {
		all = append(all, p.sittingOf(id))
	}
	p.rewatch = true
	p.mu.Unlock()
	p.publish(ctx, true, all)
}

func (p *presence) sittingOf(id chat.UserID) contract.Sitting {
	if at := p.here[id]; at != nil {
		return contract.Sitting{User: id, Sessions: at.sessions, Status: at.status, Text: at.text}
	}
	return contract.Sitting{User: id}
}

// publish tells in as many notices as it takes, in one at least: it is the
// heartbeat.
func (p *presence) publish(ctx context.Context, all bool, list []contract.Sitting) {
	for first := true; first || len(list) > 0; first = false {
		n := min(len(list), sittingsAtOnce)
		notice := contract.HereNotice{Run: p.g.id, All: all && first, Sittings: list[:n]}
		list = list[n:]
		if err := contract.Here.Publish(ctx, p.g.bus, &notice); err != nil {
			p.g.log.Debug("who is here was not told", "err", err)
		}
	}
}

// MaxWatched is how many users a session can watch, MaxWatchedByUser how many all
// sessions of a user on one gateway together: what one gateway watches is told as a
// whole.
const (
	MaxWatched       = 1000
	MaxWatchedByUser = 5000
)

// WatchPresence replaces the users whose presence the client hears of: now, and
// when it changes.
func (s *Session) WatchPresence(ref string, users []chat.UserID) {
	if len(users) > MaxWatched {
		s.sink.Tell(Refused{ref, chat.Errorf(chat.TooLarge, "at most %d users are watched", MaxWatched)})
		return
	}
	if err := s.Allow(); err != nil {
		s.sink.Tell(Refused{ref, chat.Public(err)})
		return
	}
	p := s.g.presence
	p.mu.Lock()
	s.mu.Lock()
	most := MaxWatchedByUser + len(s.watches)
	s.mu.Unlock()
	if p.watching[s.user]+len(users) > most && !s.g.limits.off {
		p.mu.Unlock()
		s.sink.Tell(Refused{ref, chat.Errorf(chat.TooLarge, "your connections watch at most %d users together", MaxWatchedByUser)})
		return
	}
	p.unwatch(s)
	s.mu.Lock()
	if s.over.Load() { // nobody would take it out again
		s.mu.Unlock()
		p.mu.Unlock()
		return
	}
	s.watches = chat.SortIDs(users)
	p.watching[s.user] += len(s.watches)
	for _, id := range s.watches {
		p.watchers[id] = append(p.watchers[id], s)
	}
	asks := s.asks
	s.asks = true
	s.mu.Unlock()
	p.rewatch = true
	p.mu.Unlock()
	s.sink.Tell(Acked{ref})
	if !asks { // one task is enough, however often the client changes its mind
		s.later(s.askPresence)
	}
}

// askPresence tells how those are whom the client watches, as it reads: asking
// much is no slow reading.
func (s *Session) askPresence(ctx context.Context) {
	s.mu.Lock()
	users := s.watches
	s.asks = false
	s.mu.Unlock()
	for part := range slices.Chunk(users, presencesAtOnce) {
		now, err := contract.PresenceOf.Ask(ctx, s.g.bus, &contract.PresenceAsk{Users: part})
		if err != nil || s.sink.Wait(ctx) != nil {
			return // unknown counts as away; changes follow when presence is back
		}
		for _, one := range now.Presence {
			s.sink.Tell(Here{one})
		}
	}
}

// presencesAtOnce is how many are asked for at once, so that the answer fits into
// a message of the bus whatever their status texts.
const presencesAtOnce = 500

// unwatch takes the session from everybody it watches. p is locked.
func (p *presence) unwatch(s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.watches {
		list := p.watchers[id]
		if i := slices.Index(list, s); i >= 0 {
			list = slices.Delete(list, i, i+1)
		}
		if p.watchers[id] = list; len(list) == 0 {
			delete(p.watchers, id)
			delete(p.told, id)
			p.rewatch = true
		}
	}
	if p.watching[s.user] -= len(s.watches); p.watching[s.user] <= 0 {
		delete(p.watching, s.user)
	}
	s.watches = nil
}

func (p *presence) watchersOf(id chat.UserID) []*Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.watchers[id])
}

// news hands changes to the sessions that asked. Each instance of presence tells
// them, and only the first one is news.
func (p *presence) news(_ context.Context, list *contract.PresenceList) {
	for _, one := range list.Presence {
		for _, s := range p.whoHearsOf(&one) {
			s.sink.Tell(Here{one})
		}
	}
}

func (p *presence) whoHearsOf(one *contract.Presence) []*Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, told := p.told[one.User]
	watchers := p.watchers[one.User]
	if len(watchers) == 0 || told && last.Status == one.Status && last.Text == one.Text {
		return nil
	}
	p.told[one.User] = *one
	return slices.Clone(watchers)
}
