package client

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
)

// CursorStore keeps, per room, the seq up to which the program has handled
// everything. A program that must not handle an event twice across restarts
// saves cursors where it saves the effects of events.
type CursorStore interface {
	// Load returns all cursors.
	Load(ctx context.Context) (map[string]uint64, error)
	// Save replaces a room's cursor.
	Save(ctx context.Context, room string, seq uint64) error
	// Forget drops the cursor of a room that I am no longer in.
	Forget(ctx context.Context, room string) error
}

// Outbox keeps commands from before they are sent until the server has
// answered them, so that a program that dies in between repeats them with the
// same nonces when it comes back.
type Outbox interface {
	// Load returns all entries in the order of their Add.
	Load(ctx context.Context) ([]Entry, error)
	Add(ctx context.Context, e Entry) error
	// Remove drops an entry; it is no error when there is none.
	Remove(ctx context.Context, id string) error
}

// Entry is one command in an [Outbox]. Only ID and Room have a meaning outside
// this package.
type Entry struct {
	// ID is unique; it is the nonce where the command has one.
	ID    string          `json:"id"`
	Room  string          `json:"room"`
	Frame json.RawMessage `json:"frame"`
}

// MemoryCursors is a [CursorStore] that lasts as long as the program.
type MemoryCursors struct {
	mu   sync.Mutex
	seqs map[string]uint64
}

// NewMemoryCursors returns an empty store.
func NewMemoryCursors() *MemoryCursors { return &MemoryCursors{seqs: map[string]uint64{}} }

// Load implements [CursorStore].
func (m *MemoryCursors) Load(context.Context) (map[string]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.seqs), nil
}

// Save implements [CursorStore].
func (m *MemoryCursors) Save(_ context.Context, room string, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seqs[room] = seq
	return nil
}

// Forget implements [CursorStore].
func (m *MemoryCursors) Forget(_ context.Context, room string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.seqs, room)
	return nil
}

// MemoryOutbox is an [Outbox] that lasts as long as the program.
type MemoryOutbox struct {
	mu      sync.Mutex
	next    uint64
	order   map[string]uint64
	entries map[uint64]Entry
}

// NewMemoryOutbox returns an empty outbox.
func NewMemoryOutbox() *MemoryOutbox {
	return &MemoryOutbox{order: map[string]uint64{}, entries: map[uint64]Entry{}}
}

// Load implements [Outbox].
func (m *MemoryOutbox) Load(context.Context) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := make([]Entry, 0, len(m.entries))
	for _, n := range slices.Sorted(maps.Keys(m.entries)) {
		entries = append(entries, m.entries[n])
	}
	return entries, nil
}

// Add implements [Outbox].
func (m *MemoryOutbox) Add(_ context.Context, e Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	m.order[e.ID], m.entries[m.next] = m.next, e
	return nil
}

// Remove implements [Outbox].
func (m *MemoryOutbox) Remove(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, m.order[id])
	delete(m.order, id)
	return nil
}
