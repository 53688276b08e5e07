package nodetest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/client"
)

// Every metric that the guide for operators names is there, under that name.
func TestTheMetricsOfTheGuideExist(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	town := New(t)
	alice, bob := town.Person("alice"), town.Person("bob")
	room := alice.Creates(client.Group, "plans")
	alice.Says(room, "a message")
	if _, err := bob.Tries(room, "may I?"); err == nil { // some are there once they have counted something
		t.Fatal("bob spoke in a room that is not his")
	}
	devices, err := alice.REST().Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.REST().Revoke(t.Context(), devices[0].ID); err != nil {
		t.Fatal(err)
	}
	<-alice.done
	resp, err := http.Get(town.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	served, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`parley_[a-z]+_[a-z_]+[a-z]`).FindAllString(string(guide), -1)
	if len(named) < 15 {
		t.Errorf("the guide names %d metrics only", len(named))
	}
	for _, name := range named {
		if !strings.Contains(string(served), fmt.Sprintf("# TYPE %s ", strings.TrimSuffix(name, "_bucket"))) {
			t.Errorf("there is no metric %s", name)
		}
	}
}
