//go:build !linux

package bus_test

import "testing"

// small is a disk that is only said to be full: there is no small one to be had.
func small(t *testing.T, _ int64) *disk { return pretended(t) }
