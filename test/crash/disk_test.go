package crash

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/node/nodetest"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// smallDisk mounts a file system of so many megabytes that the test can fill.
func smallDisk(t *testing.T, megabytes string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+megabytes+"m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Fatalf("this test mounts a small file system, for which it needs root: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("unmounting: %v\n%s", err, out)
		}
	})
	return dir
}

func TestAFullDiskRefusesSendersAndRecoversWithSpace(t *testing.T) {
	disk := smallDisk(t, "64")
	server := nodetest.NewProcess(t, filepath.Join(disk, "data"), "--no-limits")
	login, err := client.New(server.URL()).SignUp(t.Context(), "ann", "a long password", "")
	if err != nil {
		t.Fatal(err)
	}
	ann := client.New(server.URL()).As(login)
	room, err := ann.CreateRoom(t.Context(), client.NewRoom{Kind: client.Group, Name: "diary"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := login.Token(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	send := func() int { return post(t, server.URL()+"/v1/rooms/"+room.ID+"/messages", token) }
	until := func(what string, status int) (sent int) {
		for deadline := time.Now().Add(patient); ; {
			switch send() {
			case status:
				return sent
			case http.StatusCreated:
				sent++
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: no answer %d", what, status)
			}
		}
	}
	const before = 50
	for range before {
		if status := send(); status != http.StatusCreated {
			t.Fatalf("before: %d", status)
		}
	}

	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	during := until("the disk is full", http.StatusServiceUnavailable)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	until("there is space again", http.StatusCreated)
	recovered := time.Since(freed)
	after := 1
	for range 50 {
		if status := send(); status != http.StatusCreated {
			t.Fatalf("after: %d", status)
		}
		after++
	}
	t.Logf("sent before %d, while it filled up %d, after %d; recovered in %v", before, during, after, recovered)
	if out := server.Output(); !contains(out, "full") {
		t.Error("nothing was said of the full disk")
	}
	if there := messages(t, ann, room.ID); there < before+during+after {
		t.Errorf("%d messages were acknowledged, %d are there", before+during+after, there)
	}
	verify(t, server)
}

// fill writes until there is no space.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 4096; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// post sends one message and answers the status: 201 is acknowledged.
func post(t *testing.T, url, token string) int {
	t.Helper()
	body := strings.NewReader(`{"text":"` + strings.Repeat("ink ", 100) + `"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "wait=1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// messages counts what is in a room.
func messages(t *testing.T, c *client.Client, room string) (n int) {
	t.Helper()
	for after := uint64(0); ; {
		events, _, err := c.Events(t.Context(), room, after, 200)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return n
		}
		for _, e := range events {
			if e.Kind == client.KindMessage {
				n++
			}
		}
		after = events[len(events)-1].Seq
	}
}
