package bench

import (
	"math/bits"
	"time"
)

// Buckets are log-linear: each power of two is cut into 64, so a value is off
// by at most 1/64 (1.6 %), and values below 64 ns are exact.
const (
	subBits = 6
	sub     = 1 << subBits
	// 42 bits of nanoseconds are 73 minutes; longer counts as that.
	maxValue = 1<<42 - 1
	buckets  = (42 - subBits + 1) * sub
)

// histogram counts durations in fixed buckets. It does not allocate.
type histogram struct {
	counts [buckets]uint64
	total  uint64
	max    int64
}

func bucket(ns int64) int {
	if ns < sub {
		return int(max(ns, 0))
	}
	v := uint64(min(ns, maxValue))
	exp := bits.Len64(v) - subBits - 1
	return exp*sub + int(v>>exp)
}

// upper is the largest value of a bucket.
func upper(b int) int64 {
	if b < 2*sub {
		return int64(b)
	}
	exp := b/sub - 1
	return (int64(b%sub+sub)+1)<<exp - 1
}

func (h *histogram) add(ns int64) {
	h.counts[bucket(ns)]++
	h.total++
	if ns > h.max {
		h.max = ns
	}
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// quantile returns the value that q of all values do not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total))
	if float64(rank) < q*float64(h.total) || rank == 0 {
		rank++
	}
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return time.Duration(min(upper(i), h.max))
		}
	}
	return time.Duration(h.max)
}

// Latency sums up a histogram, in milliseconds.
type Latency struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p99_9_ms"`
	Max   float64 `json:"max_ms"`
}

func (h *histogram) latency() Latency {
	return Latency{
		Count: h.total,
		P50:   ms(h.quantile(0.50)), P99: ms(h.quantile(0.99)), P999: ms(h.quantile(0.999)),
		Max: ms(time.Duration(h.max)),
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
