package takeover

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/chaos/proxy"
)

// link is a network to a server that can be made bad, and the server's address by
// way of it.
func link(t *testing.T, host, server string) (*proxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(host, u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, strings.Replace(server, u.Host, p.Addr(), 1)
}

// TestAnOwnerThatIsCutOffLetsGo: silence falls between the owner and its bus, then
// between it and its database. No connection ends: nobody is told anything.
func TestAnOwnerThatIsCutOffLetsGo(t *testing.T) {
	var bus, database *proxy.Proxy
	town := newTown(t, func(town *town) ([]string, []string) {
		var nats, dsn string
		bus, nats = link(t, "127.0.0.1", town.servers.URLs()[0])
		database, dsn = link(t, "127.0.0.1", town.database)
		return nil, environment(nats, dsn)
	})
	one := town.sequencers[0]
	for _, c := range []struct {
		name, says string
		cut        *proxy.Proxy
	}{
		{"from its bus", "letting go of a partition", bus},
		{"from its database", "a partition is another's now", database},
	} {
		t.Run(c.name, func(t *testing.T) {
			have, told := town.evenly(shared), len(one.Output())
			since := time.Now()
			c.cut.Set(proxy.Fault{Hold: true})
			town.takenOver(t, since, have[one], afterCut)
			if struck := c.cut.Heal(); struck.Bytes == 0 {
				t.Error("the cut struck nothing")
			}
			finds(t, one, told, c.says)
			town.evenly(shared)
		})
	}
	town.judge()
}
