package gateway

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestANetworkHasTheLimitsOfOneAddress: moving about in it is no way around them.
func TestANetworkHasTheLimitsOfOneAddress(t *testing.T) {
	g := New(Config{SocketsPerAddress: 1}, nil, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	refused := false
	for i := range 100 {
		refused = refused || g.AllowAddress(fmt.Sprintf("2001:db8::%x", i+1), LimitSignUp) != nil
	}
	if !refused {
		t.Error("a hundred addresses of one network sign up at once")
	}
	if !g.TakeAddress("2001:db8::1") || g.TakeAddress("2001:db8::2") {
		t.Error("each address of a network has its own sockets")
	}
	g.ReleaseAddress("2001:db8::1")
	if !g.TakeAddress("2001:db8::2") || !g.TakeAddress("2001:db8:0:1::1") {
		t.Error("a socket that has gone still counts, or one of another network does")
	}
}
