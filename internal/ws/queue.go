package ws

import "sync"

const (
	// writeSize is the most that one write takes: beyond it the system call is no longer what a frame costs.
	writeSize = 32 << 10
	// directSize is the frame size from which a frame is written by itself. Smaller ones are copied together: that costs
	// 30 to 250 ns a frame, a vectored write of small ones measured no better, and another system call would cost 5 µs.
	directSize = writeSize / 2
	// frameCost is charged for a frame's place in a queue, so that a flood of tiny frames is bounded in memory too.
	frameCost = 24
	// keepFrames is the longest emptied queue worth keeping for the next connection that needs one.
	keepFrames = 256
)

// queue holds the frames that wait for one connection, oldest first. A connection has one only while something waits.
type queue struct {
	frames []Frame
	head   int // frames before it have left
	off    int // bytes of frames[head] that have left
	bytes  int // what waits, places included
	flying int // bytes handed to a write that has not returned
}

var queues = sync.Pool{New: func() any { return new(queue) }}

func (q *queue) push(f Frame) {
	if q.head > 0 && len(q.frames) == cap(q.frames) && q.head >= len(q.frames)/2 {
		n := copy(q.frames, q.frames[q.head:])
		clear(q.frames[n:])
		q.frames, q.head = q.frames[:n], 0
	}
	q.frames = append(q.frames, f)
	q.bytes += len(f) + frameCost
}

func (q *queue) empty() bool { return q.head == len(q.frames) }

// gather returns the bytes that the next write should take: a frame itself when it is alone or large, else as much as
// fits into buf. They count as flying until landed.
func (q *queue) gather(buf []byte) []byte {
	if q.empty() {
		return nil
	}
	first := q.frames[q.head][q.off:]
	if q.head == len(q.frames)-1 || len(first) >= directSize {
		q.flying = len(first)
		return first
	}
	n := copy(buf, first)
	for _, f := range q.frames[q.head+1:] {
		if n == len(buf) {
			break
		}
		n += copy(buf[n:], f)
	}
	q.flying = n
	return buf[:n]
}

// landed takes the first n bytes, which have been written, off the queue and says how many frames they completed.
func (q *queue) landed(n int) (frames int) {
	q.flying = 0
	q.bytes -= n
	q.off += n
	for q.head < len(q.frames) && q.off >= len(q.frames[q.head]) {
		q.off -= len(q.frames[q.head])
		q.bytes -= frameCost
		q.frames[q.head] = nil
		q.head++
		frames++
	}
	return frames
}

// cut drops every frame of which no byte is written or being written: the rest must stay, or the peer would read the
// next frame as the remainder of a broken one.
func (q *queue) cut() {
	begun := q.off + q.flying
	end := q.head
	for end < len(q.frames) && begun > 0 {
		begun -= len(q.frames[end])
		end++
	}
	for _, f := range q.frames[end:] {
		q.bytes -= len(f) + frameCost
	}
	clear(q.frames[end:])
	q.frames = q.frames[:end]
}

// free gives the queue back. Nobody may use it afterwards.
func (q *queue) free() {
	if cap(q.frames) > keepFrames {
		return
	}
	clear(q.frames)
	*q = queue{frames: q.frames[:0]}
	queues.Put(q)
}
