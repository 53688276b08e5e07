package takeover

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/node/nodetest"
)

// sessionsGone is how long after a gateway's death its people may still seem to be
// here.
const sessionsGone = 10 * time.Second

// TestADeadGatewayTakesItsPeopleAlong: a gateway is killed; those who were on it
// are not online any more, in a room and by their status, as another gateway
// tells it. Then they come back there.
func TestADeadGatewayTakesItsPeopleAlong(t *testing.T) {
	town := newTown(t, nil)
	second := nodetest.NewRole(t, "gateway", environment(town.servers.URLs()[0], "")[:1], "--no-limits")
	second.AwaitReady()
	login, err := client.New(second.URL()).SignUp(t.Context(), "bob", "a long password", "")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := client.Connect(t.Context(), client.Config{URL: second.URL(), Tokens: login})
	if err != nil {
		t.Fatal(err)
	}
	hears(t, bob)
	room, rest := town.rooms[0], town.session.REST()
	if _, err := rest.SetMember(t.Context(), room, login.User.ID, ""); err != nil {
		t.Fatal(err)
	}
	online := func(want int, status string) bool {
		users, err := rest.Online(t.Context(), room)
		now, nerr := rest.Presence(t.Context(), login.User.ID)
		return errors.Join(err, nerr) == nil && len(users) == want && len(now) == 1 && now[0].Status == status
	}
	await(t, "both are online", func() bool { return online(2, "online") })
	second.Kill()
	began := time.Now()
	await(t, "bob is not online", func() bool { return online(1, "offline") })
	took := time.Since(began)
	t.Logf("who was on the gateway was offline %v after it was killed (promised: %v)", took, sessionsGone)
	if took > sessionsGone {
		t.Errorf("that took too long")
	}
	again, err := client.Connect(t.Context(), client.Config{URL: town.rest.URL(), Tokens: login})
	if err != nil {
		t.Fatal(err)
	}
	hears(t, again)
	await(t, "bob is online again", func() bool { return online(2, "online") })
}

// hears reads a session until the test ends.
func hears(t *testing.T, s *client.Session) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := s.Next(context.Background()); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
}

// await waits for what comes a moment later.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
