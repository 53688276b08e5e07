package bus

import "github.com/nats-io/nats.go/jetstream"

// Pretend has the bus believe that so much is free on its disk.
func (cfg *EmbedConfig) Pretend(free func(dir string) (int64, error)) { cfg.free = free }

// Listens is how many subscriptions the connection has.
func (b *Bus) Listens() int { return b.nc.NumSubscriptions() }

// Behind is where a trim would cut.
func (t *Tally) Behind(first, last, all, bytes uint64) uint64 {
	return t.behind(jetstream.StreamState{FirstSeq: first, LastSeq: last, Bytes: all}, bytes)
}
