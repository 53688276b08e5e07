package bustest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is one or more NATS servers of their own on the loopback, with
// JetStream. Each can be taken away and come back, with its folder or without.
// It is not safe for concurrent use.
type Cluster struct {
	dir     string
	conf    string // of every server, in the words of its configuration file
	members []*member
}

type member struct {
	name  string
	port  int // where clients connect
	route int // where the others do; 0 when there are none
	now   *server.Server
}

// NewCluster starts servers, which the end of the test stops.
func NewCluster(t testing.TB, servers int, conf string) *Cluster {
	t.Helper()
	c, err := StartCluster(t.TempDir(), servers, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.StopAll)
	return c
}

// StartCluster starts servers that keep their logs under dir and are configured
// by conf besides. More than one are a cluster; they are ready when all of them
// know each other. Who starts them stops them.
func StartCluster(dir string, servers int, conf string) (*Cluster, error) {
	c := &Cluster{dir: dir, conf: conf}
	for i := range servers {
		m := &member{name: "server-" + strconv.Itoa(i+1)}
		var err error
		if m.port, err = FreePort(); err != nil {
			return nil, err
		}
		if servers > 1 { // which must know where the others are before they start
			if m.route, err = FreePort(); err != nil {
				return nil, err
			}
		}
		c.members = append(c.members, m)
	}
	err := c.StartAll()
	return c, err
}

// StartAll starts those that are stopped, on their ports, and waits until the
// cluster can keep logs.
func (c *Cluster) StartAll() error {
	for i := range c.members {
		if c.members[i].now == nil {
			if err := c.launch(i); err != nil {
				c.StopAll()
				return err
			}
		}
	}
	for deadline := time.Now().Add(patience); !c.whole(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.StopAll()
			return errors.New("the servers do not find each other")
		}
	}
	return nil
}

// Start starts one of them again.
func (c *Cluster) Start(i int) error {
	if c.members[i].now != nil {
		return nil
	}
	return c.launch(i)
}

func (c *Cluster) launch(i int) error {
	m := c.members[i]
	opts := &server.Options{}
	if c.conf != "" {
		if err := opts.ProcessConfigString(c.conf); err != nil {
			return err
		}
	}
	opts.Host, opts.Port, opts.ServerName, opts.NoSigs, opts.NoLog = "127.0.0.1", m.port, m.name, true, true
	opts.JetStream, opts.StoreDir, opts.JetStreamMaxStore = true, c.Folder(i), 1<<50 // the disk limits it
	if m.route != 0 {
		opts.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: m.route, NoAdvertise: true}
		for _, other := range c.members {
			if other != m {
				opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats", Host: at(other.route)})
			}
		}
	}
	now, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	now.Start()
	if !now.ReadyForConnections(patience) {
		now.Shutdown()
		return fmt.Errorf("%s does not start", m.name)
	}
	m.now = now
	return nil
}

// whole says whether somebody leads and all know each other.
func (c *Cluster) whole() bool {
	if len(c.members) == 1 {
		return true
	}
	led := false
	for _, m := range c.members {
		led = led || m.now.JetStreamIsLeader() && len(m.now.JetStreamClusterPeers()) == len(c.members)
		if m.now.NumRoutes() == 0 || !m.now.JetStreamIsCurrent() {
			return false
		}
	}
	return led
}

// Stop takes one away; its folder stays.
func (c *Cluster) Stop(i int) {
	if m := c.members[i]; m.now != nil {
		m.now.Shutdown()
		m.now.WaitForShutdown()
		m.now = nil
	}
}

// StopAll takes all away.
func (c *Cluster) StopAll() {
	for i := range c.members {
		c.Stop(i)
	}
}

// Wipe removes what a stopped server has kept.
func (c *Cluster) Wipe(i int) error { return os.RemoveAll(c.Folder(i)) }

// Folder is where a server keeps its logs.
func (c *Cluster) Folder(i int) string { return filepath.Join(c.dir, c.members[i].name) }

// Len is how many servers there are, running or not.
func (c *Cluster) Len() int { return len(c.members) }

// URLs are where to dial.
func (c *Cluster) URLs() []string {
	urls := make([]string, len(c.members))
	for i, m := range c.members {
		urls[i] = "nats://" + at(m.port)
	}
	return urls
}

func at(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Leader is which of them leads the log of a partition, or -1.
func (c *Cluster) Leader(partition int) int {
	for i, m := range c.members {
		if m.now != nil && m.now.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, "log-"+strconv.Itoa(partition)) {
			return i
		}
	}
	return -1
}

// Copies says on how many servers the log of a partition is kept.
func (c *Cluster) Copies(t testing.TB, partition int) (n int) {
	t.Helper()
	c.ask(t, nil, func(ctx context.Context, js jetstream.JetStream) error {
		s, err := js.Stream(ctx, "log-"+strconv.Itoa(partition))
		if err == nil {
			n = s.CachedInfo().Config.Replicas
		}
		return err
	})
	return n
}

// Forget removes the log of a partition, if there is one.
func (c *Cluster) Forget(t testing.TB, partition int) {
	t.Helper()
	c.ask(t, nil, func(ctx context.Context, js jetstream.JetStream) error {
		if err := js.DeleteStream(ctx, "log-"+strconv.Itoa(partition)); !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
		return nil
	})
}

// Usurp removes the log of a partition and gives its subject to another stream, so
// that it cannot be made again before free.
func (c *Cluster) Usurp(t testing.TB, partition int) (free func()) {
	t.Helper()
	c.Forget(t, partition)
	name := "usurper-" + strconv.Itoa(partition)
	c.ask(t, nil, func(ctx context.Context, js jetstream.JetStream) error {
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{"log." + strconv.Itoa(partition)}})
		return err
	})
	return func() {
		t.Helper()
		c.ask(t, nil, func(ctx context.Context, js jetstream.JetStream) error { return js.DeleteStream(ctx, name) })
	}
}

// ForgetAll removes all logs of an account, as one of its users.
func (c *Cluster) ForgetAll(t testing.TB, user, password string) {
	t.Helper()
	c.ask(t, nats.UserInfo(user, password), func(ctx context.Context, js jetstream.JetStream) error {
		streams := js.StreamNames(ctx)
		for name := range streams.Name() {
			if err := js.DeleteStream(ctx, name); err != nil {
				return err
			}
		}
		return streams.Err()
	})
}

func (c *Cluster) ask(t testing.TB, as nats.Option, do func(context.Context, jetstream.JetStream) error) {
	t.Helper()
	nc, err := nats.Connect(strings.Join(c.URLs(), ","), as)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := do(ctx, js); err != nil {
		t.Fatal(err)
	}
}
