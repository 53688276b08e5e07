package bustest

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync"
)

// given are ports that were handed out: one of them may not be listened on now.
var given struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort is a port of the loopback for a server that goes and comes back on it.
// It is below those that the system gives to connections and to listeners on any
// free port: none of them takes it while the server is away.
func FreePort() (int, error) {
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	for range 100 {
		port := 12_000 + rand.IntN(18_000)
		if given.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", at(port))
		if err != nil {
			continue
		}
		given.ports[port] = true
		return port, l.Close()
	}
	return 0, errors.New("no free port was found on 127.0.0.1")
}
