package nodetest

import (
	"net/http"
	"testing"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/contract"
)

// TestWhoSignsOutIsOut when they are told so, also where no announcement comes.
func TestWhoSignsOutIsOut(t *testing.T) {
	town := New(t)
	login, err := client.New(town.URL()).SignUp(t.Context(), "ann", "ann's password", "")
	if err != nil {
		t.Fatal(err)
	}
	asks := func() int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, town.URL()+"/v1/users/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+login.Tokens().AccessToken)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if status := asks(); status != http.StatusOK {
		t.Fatalf("ann gets %d", status)
	}
	town.Faults.Drop(bustest.Match{What: bus.PassNotice, Way: bustest.In, Subject: contract.Revoked.Subject()})
	if err := client.New(town.URL()).As(login).SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status := asks(); status != http.StatusUnauthorized {
		t.Errorf("with the token of before she gets %d", status)
	}
}
