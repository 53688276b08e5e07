package accounts

import (
	"container/list"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

const (
	maxHolders   = 50_000
	holdersLast  = 30 * time.Second // then the store is asked again
	maxTokenSize = 8 << 10
)

// holders remembers who holds which token, the last used ones, by the SHA-256 of
// the token.
type holders struct {
	most int

	mu     sync.Mutex
	byHash map[[32]byte]*list.Element
	byUser map[chat.UserID]map[*list.Element]struct{}
	order  *list.List // the last used first
}

type holder struct {
	hash     [32]byte
	identity contract.Identity
	until    time.Time
}

func newHolders(most int) *holders {
	return &holders{most: most, byHash: map[[32]byte]*list.Element{},
		byUser: map[chat.UserID]map[*list.Element]struct{}{}, order: list.New()}
}

func (h *holders) get(hash [32]byte, now time.Time) (contract.Identity, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.byHash[hash]
	if e == nil {
		return contract.Identity{}, false
	}
	v := e.Value.(*holder)
	if !now.Before(v.until) || v.identity.Expires <= now.UnixMilli() {
		h.drop(e)
		return contract.Identity{}, false
	}
	h.order.MoveToFront(e)
	return v.identity, true
}

func (h *holders) put(hash [32]byte, id contract.Identity, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.byHash[hash]; e != nil {
		h.drop(e)
	}
	e := h.order.PushFront(&holder{hash, id, now.Add(holdersLast)})
	h.byHash[hash] = e
	mine := h.byUser[id.User.ID]
	if mine == nil {
		mine = map[*list.Element]struct{}{}
		h.byUser[id.User.ID] = mine
	}
	mine[e] = struct{}{}
	if h.order.Len() > h.most {
		h.drop(h.order.Back())
	}
}

// forget drops what is remembered of a user.
func (h *holders) forget(id chat.UserID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for e := range h.byUser[id] {
		h.drop(e)
	}
}

// drop removes one. h is locked.
func (h *holders) drop(e *list.Element) {
	v := e.Value.(*holder)
	h.order.Remove(e)
	delete(h.byHash, v.hash)
	mine := h.byUser[v.identity.User.ID]
	if delete(mine, e); len(mine) == 0 {
		delete(h.byUser, v.identity.User.ID)
	}
}

func (h *holders) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.order.Len()
}
