//go:build !linux && !darwin

package bus

import "math"

// freeBytes is not known here: that the disk is full is learned from the server
// and from writing a probe.
func freeBytes(string) (int64, error) { return math.MaxInt64, nil }
