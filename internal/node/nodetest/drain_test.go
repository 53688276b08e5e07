package nodetest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/node"
)

// Who is sent away is told when to come back: all within the grace and spread over
// it, or over less where a calm pace needs less.
func TestADrainSpreadsTheReturnOverTheGrace(t *testing.T) {
	for name, c := range map[string]struct {
		sessions    int
		grace, over time.Duration
	}{
		"many, over all of it":        {200, 60 * time.Millisecond, 60 * time.Millisecond},
		"few, 2 000 a second at most": {80, 10 * time.Second, 40 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			town := New(t, func(cfg *node.Config) { cfg.DrainGrace = c.grace })
			token, err := town.Person("alice").Login.Token(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			sockets := make([]*client.Socket, c.sessions-1) // one is her own
			for i := range sockets {
				sockets[i] = welcomed(t, town, token)
			}
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				town.Stop()
			}()
			quarters := map[time.Duration]int{}
			for _, s := range sockets {
				after := farewell(t, s)
				s.Drop()
				if after > c.over {
					t.Errorf("somebody is to come back after %v", after)
				}
				quarters[min(3, after*4/c.over)]++
			}
			<-stopped
			for q := range time.Duration(4) {
				if quarters[q] < len(sockets)/24 { // a sixth of what is to be expected: chance gives less once in a million times
					t.Errorf("the quarters of the time have %v", quarters)
					break
				}
			}
		})
	}
}

// welcomed is a bare connection that has been let in.
func welcomed(t *testing.T, town *Town, token string) *client.Socket {
	t.Helper()
	s, err := client.DialSocket(t.Context(), strings.Replace(town.URL(), "http", "ws", 1)+"/v1/ws", nil, client.SocketOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Drop)
	if err := s.WriteJSON(map[string]any{"type": "hello", "token": token}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadText(); err != nil {
		t.Fatal(err)
	}
	return s
}

// farewell is when the connection's client is told to come back.
func farewell(t *testing.T, s *client.Socket) time.Duration {
	t.Helper()
	for {
		b, err := s.ReadText()
		if err != nil {
			t.Fatalf("it ends without a bye: %v", err)
		}
		var f struct {
			Type  string `json:"type"`
			After *int64 `json:"reconnect_after_ms"`
		}
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		if f.Type == "bye" && f.After != nil {
			return time.Duration(*f.After) * time.Millisecond
		}
	}
}
