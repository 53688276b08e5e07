package store

import (
	"context"
	"hash/fnv"
)

// nameKey is a name as the second key of an advisory lock.
func nameKey(name string) int32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int32(h.Sum32())
}

var _ = context.Background
