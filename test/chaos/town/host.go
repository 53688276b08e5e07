package town

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Host is a machine of its own for one process: a network namespace, and a cable
// to here that can be pulled. Nothing then arrives any more, either way, and
// nobody is told; that is how a machine dies.
type Host struct {
	name         string // of the namespace, and of the cable's end here
	outer, inner string // addresses of the two ends
}

// newHost makes the nth machine. It needs root.
func newHost(ctx context.Context, n int) (*Host, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("machines of their own are network namespaces, which need root")
	}
	outer, inner, err := freeNetwork()
	if err != nil {
		return nil, err
	}
	h := &Host{name: fmt.Sprintf("parley%d-%d", os.Getpid()%100_000, n), outer: outer, inner: inner}
	for _, command := range []string{
		"netns add NAME",
		"link add NAME type veth peer name eth0 netns NAME",
		"addr add OUTER/30 dev NAME",
		"link set NAME up",
		"-n NAME addr add INNER/30 dev eth0",
		"-n NAME link set eth0 up",
		"-n NAME link set lo up",
	} {
		words := strings.Fields(strings.NewReplacer("NAME", h.name, "OUTER", h.outer, "INNER", h.inner).Replace(command))
		if err := ip(ctx, words...); err != nil {
			return nil, errors.Join(err, h.close())
		}
	}
	return h, nil
}

// freeNetwork is two addresses of a network that this machine is not in: another
// town may be on it, with machines of its own.
func freeNetwork() (outer, inner string, err error) {
	mine, err := net.InterfaceAddrs()
	if err != nil {
		return "", "", err
	}
	for range 1000 {
		network := netip.AddrFrom4([4]byte{10, 213, byte(rand.IntN(256)), byte(4 * rand.IntN(64))})
		outer, inner := network.Next(), network.Next().Next()
		if !slices.ContainsFunc(mine, func(a net.Addr) bool {
			taken, err := netip.ParsePrefix(a.String())
			return err == nil && taken.Contains(outer)
		}) {
			return outer.String(), inner.String(), nil
		}
	}
	return "", "", errors.New("this machine is in every network of 10.213.0.0/16: there is none for another machine")
}

func ip(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Unplug pulls the cable. It is pulled at the far end: this one keeps its route, so
// that what is sent there gets lost instead of finding another way.
func (h *Host) Unplug() error {
	return ip(context.Background(), "-n", h.name, "link", "set", "eth0", "down")
}

// Plug puts the cable back.
func (h *Host) Plug() error {
	return ip(context.Background(), "-n", h.name, "link", "set", "eth0", "up")
}

// close removes the machine and its cable.
func (h *Host) close() error { return ip(context.Background(), "netns", "delete", h.name) }

// within makes a command run on the machine.
func (h *Host) within(args []string) []string {
	if h == nil {
		return args
	}
	return append([]string{"ip", "netns", "exec", h.name}, args...)
}

// at is where a process on the machine listens, as seen from here.
func (h *Host) at(port int) string {
	if h == nil {
		return here(port)
	}
	return fmt.Sprintf("%s:%d", h.inner, port)
}

// gate is where a process on the machine reaches what is here.
func (h *Host) gate() string {
	if h == nil {
		return "127.0.0.1"
	}
	return h.outer
}
