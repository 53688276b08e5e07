package chat

// PartitionOf says which of n partitions orders a room: FNV-1a-64 over the
// room's 16 bytes, modulo n. It is an on-disk format.
func PartitionOf(room RoomID, n int) int {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, b := range room {
		h = (h ^ uint64(b)) * prime
	}
	return int(h % uint64(n))
}
