package nodetest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// topology is a way to lay out a Parley.
type topology struct {
	name     string
	postgres bool // or SQLite
	servers  int  // of NATS; 0: embedded
	each     int  // nodes of each role; 0: one node plays them all
}

// topologies are those that the guide for operators describes; the first is what
// everybody starts with.
var topologies = []topology{
	{name: "one"},
	{name: "one+pg", postgres: true},
	{name: "split", postgres: true, servers: 1, each: 1},
	{name: "town", postgres: true, servers: 3, each: 2},
}

// Each runs a scenario over every topology, over all at once: most of the time
// they wait.
func Each(t *testing.T, scenario func(t *testing.T, town *Town), options ...Option) {
	t.Helper()
	for _, top := range topologies {
		t.Run(top.name, func(t *testing.T) {
			t.Parallel()
			scenario(t, top.build(t, options...))
		})
	}
}

// partitions is fewer than a PostgreSQL database usually has, so that two
// sequencers have more than one each and a town is quickly built.
const partitions = 4

func (top topology) build(t testing.TB, options ...Option) *Town {
	t.Helper()
	town := found(t, options)
	if top.postgres {
		town.Config.Store = pgtest.Fresh(t, partitions)
	}
	if top.servers == 0 {
		town.oneFolder()
	}
	var account *account
	if top.servers > 0 {
		account = openAccount(t, top.servers)
		town.Config.Bus.URLs, town.keeper = account.urls, account.as(keeper)
	}
	if top.each == 0 {
		town.houses = []*house{{town: town, name: "node"}}
	}
	town.addHouses(top.each, func(c *node.Config, role string) { c.Bus.As = account.as(contract.Role(role)) })
	t.Cleanup(town.Stop)
	town.Start()
	return town
}

// addHouses adds nodes of each role, which know only what they need.
func (town *Town) addHouses(each int, own func(c *node.Config, role string)) {
	for _, role := range contract.Roles {
		for i := range each {
			town.houses = append(town.houses, &house{town: town, name: fmt.Sprintf("%s-%d", role, i+1), own: func(c *node.Config) {
				c.Roles = []string{string(role)}
				if role == contract.RoleGateway || role == contract.RolePresence {
					c.Store = ""
				}
				own(c, string(role))
			}})
		}
	}
}

// account is one town's part of the NATS servers, which towns share: nobody hears
// anything of another's. Each role has a credential of its own, which may do what
// `parley nats-permissions` prints and nothing else.
type account struct {
	name string
	urls []string
}

func (a *account) as(role contract.Role) node.Credential {
	return node.Credential{User: a.name + "-" + string(role), Password: a.name + "-password"}
}

// keeper is who empties an account when its town has gone.
const keeper = "keeper"

// bank holds the servers of this test process, by how many they are, and hands
// out their accounts.
type bank struct {
	mu       sync.Mutex
	dir      string
	clusters map[int]*bustest.Cluster
	opened   map[int]int
}

var shared bank

// mostTowns is how many towns one set of servers is made for.
const mostTowns = 64

func openAccount(t testing.TB, servers int) *account {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	cluster, err := shared.cluster(servers)
	if err != nil {
		t.Fatal(err)
	}
	shared.opened[servers]++
	if shared.opened[servers] > mostTowns {
		t.Fatal("this test process has more towns than accounts: make more")
	}
	a := &account{name: fmt.Sprintf("town%d", shared.opened[servers]), urls: cluster.URLs()}
	t.Cleanup(func() {
		as := a.as(keeper)
		cluster.ForgetAll(t, as.User, as.Password)
	})
	return a
}

func (b *bank) cluster(servers int) (c *bustest.Cluster, err error) {
	if b.clusters == nil {
		b.clusters, b.opened = map[int]*bustest.Cluster{}, map[int]int{}
		if b.dir, err = os.MkdirTemp("", "parley-nats-"); err != nil {
			return nil, err
		}
	}
	if b.clusters[servers] == nil {
		dir, err := os.MkdirTemp(b.dir, "cluster-")
		if err != nil {
			return nil, err
		}
		if b.clusters[servers], err = bustest.StartCluster(dir, servers, accountsConf()); err != nil {
			return nil, err
		}
	}
	return b.clusters[servers], nil
}

// accountsConf is the servers' configuration: every account with a user for each
// role.
func accountsConf() string {
	var b strings.Builder
	b.WriteString("accounts {\n")
	for i := range mostTowns {
		a := &account{name: fmt.Sprintf("town%d", i+1)}
		fmt.Fprintf(&b, "%s { jetstream: enabled, users: [\n", a.name)
		for _, role := range contract.Roles {
			as := a.as(role)
			fmt.Fprintf(&b, "{ user: %s, password: %s, permissions: %s }\n", as.User, as.Password, node.PermissionsOf(role))
		}
		as := a.as(keeper)
		fmt.Fprintf(&b, "{ user: %s, password: %s }\n] }\n", as.User, as.Password)
	}
	b.WriteString("}\n")
	return b.String()
}

// CloseShared ends the servers that the towns of this process shared, as the last
// thing that a TestMain does.
func CloseShared() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, c := range shared.clusters {
		c.StopAll()
	}
	if shared.dir == "" {
		return nil
	}
	return errors.Join(os.RemoveAll(shared.dir))
}
