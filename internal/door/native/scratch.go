package native

import "sync"

// scratch is room to encode in before the size is known.
type scratch struct{ b []byte }

var scratches = sync.Pool{New: func() any { return &scratch{make([]byte, 0, 1024)} }}
