package gateway

import (
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// people is who has a session on this gateway.
type people struct {
	mu       sync.RWMutex
	sessions map[chat.UserID][]*Session
	count    int
}

func (p *people) add(id chat.UserID, s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[id] = append(p.sessions[id], s)
	p.count++
}

func (p *people) remove(id chat.UserID, s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.sessions[id]
	i := slices.Index(list, s)
	if i < 0 {
		return
	}
	p.count--
	if len(list) == 1 {
		delete(p.sessions, id)
		return
	}
	// A new slice: others may be walking the old one.
	p.sessions[id] = slices.Concat(list[:i], list[i+1:])
}

// of lists a user's sessions; the list is not to be changed.
func (p *people) of(id chat.UserID) []*Session {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.sessions[id]
}

func (p *people) len() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.count
}

func (p *people) all() []*Session {
	p.mu.RLock()
	defer p.mu.RUnlock()
	list := make([]*Session, 0, p.count)
	for _, sessions := range p.sessions {
		list = append(list, sessions...)
	}
	return list
}

// closeExpired ends the sessions whose token ran out.
func (g *Gateway) closeExpired(now time.Time) {
	ms := now.UnixMilli()
	for _, s := range g.people.all() {
		if e := s.expires.Load(); e != 0 && e <= ms {
			s.end(EndExpired)
		}
	}
}

func (g *Gateway) closeAll(end End) {
	for _, s := range g.people.all() {
		s.end(end)
	}
}
