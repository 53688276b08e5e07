package takeover

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestTheOwnersHostIsLost: the owner lives in a network of its own, whose only
// link is taken down. It says nothing any more, nor does its kernel; then the link
// comes back, and the owner with it.
func TestTheOwnersHostIsLost(t *testing.T) {
	host := newHost(t)
	town := newTown(t, func(town *town) ([]string, []string) {
		_, nats := link(t, host.outside, town.servers.URLs()[0])
		_, database := link(t, host.outside, town.database)
		return []string{"ip", "netns", "exec", host.name}, environment(nats, database)
	})
	have := town.evenly(shared)
	one := town.sequencers[0]
	told := len(one.Output())
	since := time.Now()
	host.set("down")
	town.takenOver(t, since, have[one], afterLoss)
	host.set("up")
	finds(t, one, told, "owning a partition") // it was put out, and is given its share again
	town.evenly(shared)
	town.judge()
}

// host is a network namespace with one link to the outside.
type host struct {
	t             *testing.T
	name, outside string
	link          string
}

func newHost(t *testing.T) *host {
	t.Helper()
	id := os.Getpid()
	h := &host{t: t, name: fmt.Sprintf("parley-%d", id), link: fmt.Sprintf("pl%d", id), outside: fmt.Sprintf("10.203.%d.1", id%250+1)}
	inside := strings.TrimSuffix(h.outside, "1") + "2"
	h.ip("netns add " + h.name)
	t.Cleanup(func() { h.ip("netns del " + h.name) })
	h.ip(fmt.Sprintf("link add %s type veth peer name inside netns %s", h.link, h.name))
	h.ip(fmt.Sprintf("addr add %s/30 dev %s", h.outside, h.link))
	h.ip("link set " + h.link + " up")
	h.ip(fmt.Sprintf("-n %s addr add %s/30 dev inside", h.name, inside))
	h.ip("-n " + h.name + " link set inside up")
	h.ip("-n " + h.name + " link set lo up")
	return h
}

func (h *host) set(state string) { h.ip("link set " + h.link + " " + state) }

func (h *host) ip(command string) {
	h.t.Helper()
	if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
		h.t.Fatalf("ip %s: %v\n%s\nThis test makes a network of its own: it needs root, and the package iproute2.", command, err, out)
	}
}
