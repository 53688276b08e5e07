package nodetest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/node"
	"github.com/parley-chat/parley/internal/store/pgtest"
)

// TestRolesAsProcesses: the real binary, a process for each role, all started at
// once on an empty database; each with a credential of its own, the gateway and
// presence without the database's address; operators' commands from outside.
func TestRolesAsProcesses(t *testing.T) {
	conf, err := node.Permissions(nil, "conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range append(contract.Roles[:len(contract.Roles):len(contract.Roles)], contract.RoleOperator) {
		t.Setenv("PARLEY_NATS_"+strings.ToUpper(string(role))+"_PASSWORD", "of-"+string(role))
	}
	servers := bustest.NewCluster(t, 1, conf)
	database := pgtest.Empty(t)
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	env := func(role contract.Role) []string {
		all := []string{"PARLEY_NATS=" + servers.URLs()[0], "PARLEY_NATS_USER=" + string(role), "PARLEY_NATS_PASSWORD=of-" + string(role)}
		if role != contract.RoleGateway && role != contract.RolePresence {
			all = append(all, "PARLEY_STORE="+database)
		}
		return all
	}
	Binary(t)
	empty := t.TempDir()
	t.Chdir(empty)
	processes := map[contract.Role]*Process{}
	for _, role := range contract.Roles {
		processes[role] = NewRole(t, string(role), env(role))
	}
	gateway := processes[contract.RoleGateway]
	gateway.AwaitReady()

	operator := NewOperator(t, env(contract.RoleOperator))
	t.Setenv("PARLEY_LOG_LEVEL", "warn")
	login, err := client.New(gateway.URL()).SignUp(t.Context(), "ann", "a long password", "")
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.Connect(t.Context(), client.Config{URL: gateway.URL(), Tokens: login})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	room, err := session.REST().CreateRoom(t.Context(), client.NewRoom{Kind: client.Group, Name: "plans"})
	if err != nil {
		t.Fatal(err)
	}
	said, err := session.Send(t.Context(), room.ID, client.Message{Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}

	t.Run("operators see who runs where", func(t *testing.T) {
		shown := operator.Run("roles")
		for role, p := range processes {
			if !strings.Contains(shown, fmt.Sprintf(":%d ", p.PID())) || !strings.Contains(shown, string(role)) {
				t.Errorf("%s, process %d, is not shown:\n%s", role, p.PID(), shown)
			}
		}
		if strings.Contains(shown, "nobody owns") || strings.Contains(shown, "forbidden") {
			t.Errorf("%s", shown)
		}
	})
	t.Run("operators' commands reach the cluster over its bus", func(t *testing.T) {
		if list := operator.Run("user", "list"); !strings.Contains(list, "ann") {
			t.Errorf("%s", list)
		}
		if told := operator.Run("explain", room.ID, fmt.Sprint(said.Seq)); !strings.Contains(told, "commit") || !strings.Contains(told, "watch the room now") {
			t.Errorf("%s", told)
		}
		if told := operator.Run("verify"); !strings.Contains(told, "as it must be") {
			t.Errorf("%s", told)
		}
	})
	t.Run("a role that is restarted is missed for a moment only", func(t *testing.T) {
		for _, role := range []contract.Role{contract.RoleSequencer, contract.RoleArchive, contract.RoleRooms, contract.RoleAccess, contract.RolePresence} {
			if code := processes[role].Stop(); code != 0 {
				t.Errorf("%s ended with %d\n%s", role, code, processes[role].Output())
			}
			processes[role].Launch()
			if _, err := session.Send(t.Context(), room.ID, client.Message{Text: "after " + string(role)}); err != nil {
				t.Errorf("after %s: %v", role, err)
			}
		}
		gateway.AwaitReady()
	})
	for role, p := range processes {
		if code := p.Stop(); code != 0 {
			t.Errorf("%s ended with %d", role, code)
		}
		if strings.Contains(p.Output(), "of-"+string(role)) {
			t.Errorf("%s logs its password", role)
		}
		if password, _ := at.User.Password(); strings.Contains(p.Output(), password) {
			t.Errorf("%s logs the database's password", role)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("processes that keep nothing have left %v (%v)", left, err)
	}
}

// TestAWrongPasswordOfTheDatabaseIsNoReasonToWait.
func TestAWrongPasswordOfTheDatabaseIsNoReasonToWait(t *testing.T) {
	database := pgtest.Fresh(t, partitions)
	at := strings.Index(database, "@")
	colon := strings.LastIndex(database[:at], ":")
	n := node.New(node.Config{Data: filepath.Join(t.TempDir(), "data"), Store: database[:colon+1] + "swordfish" + database[at:]}, bustest.Log(t))
	began := time.Now()
	err := n.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "password") || strings.Contains(err.Error(), "swordfish") || time.Since(began) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}
