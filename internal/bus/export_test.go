package bus

// Pretend has the bus believe that so much is free on its disk.
func (cfg *EmbedConfig) Pretend(free func(dir string) (int64, error)) { cfg.free = free }

// Listens is how many subscriptions the connection has.
func (b *Bus) Listens() int { return b.nc.NumSubscriptions() }
