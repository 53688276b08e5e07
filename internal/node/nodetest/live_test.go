package nodetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/node"
)

// Without a word from the owner the hub looks at the feed by itself.
func TestNobodyNeedsNotices(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		silence := town.Faults.Drop(bustest.Match{What: bus.PassNotice, Subject: contract.Noticed.Subject()})
		began := time.Now()
		alice.Says(room, "can you hear me?")
		bob.Hears(room, "can you hear me?")
		bustest.Prompt(t, "that", began, 5*time.Second)
		silence.Off()
		bob.Says(room, "now I do")
		alice.Hears(room, "now I do")
	})
}

// A gateway whose asks do not reach the owner serves its people all the same.
func TestNobodyNeedsToBeRegistered(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		deaf := town.Faults.Drop(bustest.Match{What: bus.PassQuestion, Subject: contract.Watch.Subject()})
		<-deaf.First()
		carol := town.Person("carol") // comes while there is no owner to tell
		alice.Adds(room, carol)
		carol.IsIn(room)
		alice.Says(room, "welcome")
		carol.Hears(room, "welcome")
		bob.Hears(room, "welcome")
		deaf.Off()
		carol.Says(room, "thank you")
		bob.Hears(room, "thank you")
	})
}

func TestARevokedSessionEndsWithinASecond(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice := town.Person("alice")
		phone := alice.AnotherDevice()
		devices, err := alice.REST().Devices(t.Context())
		if err != nil || len(devices) != 2 {
			t.Fatalf("%+v, %v", devices, err)
		}
		began := time.Now()
		for _, d := range devices {
			if !d.Current {
				if err := alice.REST().Revoke(t.Context(), d.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		<-phone.done
		bustest.Prompt(t, "ending the session", began, time.Second)
		if _, err := phone.REST().Me(t.Context()); client.CodeOf(err) != client.CodeUnauthenticated {
			t.Errorf("the phone's token still works: %v", err)
		}
		alice.Says(alice.General(), "still here")
	})
}

// A gateway that is cut off from accounts cannot know what was revoked meanwhile.
// It knows within a second of hearing of accounts again.
func TestAGatewayThatWasCutOffLearnsWhatWasRevoked(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice := town.Person("alice")
		phone := alice.AnotherDevice()
		room := alice.Creates(client.Group, "plans")
		phone.IsIn(room)
		cut := cutFromAccounts(town)
		devices, err := alice.REST().Devices(t.Context())
		if err != nil || len(devices) != 2 {
			t.Fatalf("%+v, %v", devices, err)
		}
		for _, d := range devices {
			if !d.Current {
				if err := alice.REST().Revoke(t.Context(), d.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		<-cut.news.First() // accounts says so, and no gateway hears it
		alice.Says(room, "can the phone still hear me?")
		phone.Hears(room, "can the phone still hear me?")
		began := time.Now()
		cut.heal()
		<-phone.done
		bustest.Prompt(t, "ending the session, once the gateway heard of accounts again,", began, time.Second)
		alice.Says(room, "and now?")
		if slices.Contains(phone.Texts(room), "and now?") {
			t.Error("the phone was given what was said after its session ended")
		}
	})
}

// Whatever a gateway does not hear, no socket outlives its token.
func TestASocketEndsWithItsTokenOnAGatewayThatIsCutOff(t *testing.T) {
	secret := []byte(strings.Repeat("s", 32))
	Each(t, func(t *testing.T, town *Town) {
		const lives = 6 * time.Second // long enough to be let in, also on a busy machine
		expires := time.Now().Add(lives).Truncate(time.Second)
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "carol", "name": "carol", "exp": expires.Unix()}).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		s, err := client.DialSocket(t.Context(), strings.Replace(town.URL(), "http", "ws", 1)+"/v1/ws", nil, client.SocketOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Drop()
		if err := s.WriteJSON(map[string]any{"type": "hello", "token": token}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadText(); err != nil { // the welcome
			t.Fatal(err)
		}
		cut := cutFromAccounts(town)
		defer cut.heal()
		for err == nil {
			_, err = s.ReadText()
		}
		var closed *client.CloseError
		if !errors.As(err, &closed) || closed.Code != client.CloseUnauthenticated {
			t.Errorf("the socket ends with %v", err)
		}
		if early := time.Until(expires); early > 0 {
			t.Errorf("the socket ended %v before its token", early)
		}
		bustest.Prompt(t, "ending the socket after its token", expires, 2*time.Second)
	}, func(c *node.Config) { c.Accounts.JWTSecret = secret })
}

// noAccounts is what keeps gateways from hearing of accounts.
type noAccounts struct{ news, asks *bustest.Rule }

func cutFromAccounts(town *Town) noAccounts {
	return noAccounts{
		news: town.Faults.Drop(bustest.Match{What: bus.PassNotice, Way: bustest.In, Subject: contract.Revoked.Subject()}),
		asks: town.Faults.Drop(bustest.Match{What: bus.PassQuestion, Subject: contract.Revocations.Subject()}),
	}
}

func (c noAccounts) heal() {
	c.asks.Off()
	c.news.Off()
}

func TestUnreadMentionsAndSearch(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		alice.Says(room, "nothing special")
		last := alice.Says(room, "look here @bob, a zeppelin")
		bob.Hears(room, "look here @bob, a zeppelin")
		mine := find(t, bob, room)
		if mine.Unread != 2 || mine.Mentions != 1 {
			t.Errorf("bob has %d unread and %d mentions", mine.Unread, mine.Mentions)
		}
		bob.Session().MarkRead(room, last.Seq)
		alice.Until("bob's receipt", func(n client.Notice) bool {
			r, ok := n.(client.Receipt)
			return ok && r.User == bob.ID && r.Read == last.Seq
		})
		if mine = find(t, bob, room); mine.Unread != 0 || mine.Mentions != 0 {
			t.Errorf("after reading bob has %d unread and %d mentions", mine.Unread, mine.Mentions)
		}
		eventually(t, "the search finds it", func() bool {
			hits, _, err := bob.REST().Search(t.Context(), client.Query{Text: "zepp"}, client.Page{})
			return err == nil && len(hits) == 1 && hits[0].Message.Seq == last.Seq
		})
		carol := town.Person("carol")
		if hits, _, err := carol.REST().Search(t.Context(), client.Query{Text: "zeppelin"}, client.Page{}); err != nil || len(hits) != 0 {
			t.Errorf("carol finds %+v, %v", hits, err)
		}
	})
}

func find(t *testing.T, p *Person, room string) client.Room {
	t.Helper()
	rooms, _, err := p.REST().Rooms(t.Context(), client.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms {
		if r.ID == room {
			return r
		}
	}
	t.Fatalf("%s is not in room %s", p.Name, room)
	return client.Room{}
}

func TestTypingAndPresenceAreTold(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		eventually(t, "bob sees alice typing", func() bool { // it may be lost: she goes on typing
			alice.Session().SetTyping(room, true)
			return bob.Heard(func(n client.Notice) bool {
				x, ok := n.(client.Typing)
				return ok && x.Room == room && x.User == alice.ID && x.On
			})
		})
		bob.Session().WatchPresence([]string{alice.ID})
		is := func(status string) func(client.Notice) bool {
			return func(n client.Notice) bool {
				x, ok := n.(client.Presence)
				return ok && x.User == alice.ID && x.Status == status
			}
		}
		bob.Until("alice online", is("online"))
		alice.Session().SetStatus("busy", "in a meeting")
		bob.Until("alice busy", is("busy"))
		eventually(t, "both are connected", func() bool {
			online, err := bob.REST().Online(t.Context(), room)
			return err == nil && len(online) == 2
		})
		alice.Goes()
		bob.Until("alice offline", is("offline"))
	})
}

func TestAChannelIsFoundJoinedAndLeft(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		news := alice.Creates(client.Channel, "news")
		alice.Says(news, "first")
		_, err := bob.Tries(news, "may I?")
		bob.MayNot(err, client.CodeForbidden)
		if texts := bob.History(news); len(texts) != 1 {
			t.Errorf("a channel is open to readers: %q", texts)
		}
		bob.Joins(news)
		alice.Says(news, "hello bob")
		bob.Hears(news, "hello bob")
		if _, err := bob.Session().Leave(t.Context(), news); err != nil {
			t.Fatal(err)
		}
		bob.IsOutOf(news)
		closed := true
		if _, err := alice.REST().UpdateRoom(t.Context(), news, client.RoomChange{ReadOnly: &closed}); err != nil {
			t.Fatal(err)
		}
		bob.Joins(news)
		_, err = bob.Tries(news, "me too")
		bob.MayNot(err, client.CodeForbidden)
	})
}

// socket says hello on a bare connection and returns the frames' types in order,
// with the frames, until one of the type last.
func socket(t *testing.T, town *Town, p *Person, hello map[string]any, last string) (frames []map[string]any) {
	t.Helper()
	token, err := p.Login.Token(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.DialSocket(t.Context(), strings.Replace(town.URL(), "http", "ws", 1)+"/v1/ws", nil, client.SocketOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Drop()
	hello["type"], hello["token"] = "hello", token
	if err := s.WriteJSON(hello); err != nil {
		t.Fatal(err)
	}
	for {
		b, err := s.ReadText()
		if err != nil {
			t.Fatalf("behind %d frames: %v", len(frames), err)
		}
		var f map[string]any
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
		if f["type"] == last {
			return frames
		}
	}
}

func TestCursorsDecideWhatIsReplayed(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		var head uint64
		for i := range 30 {
			head = alice.Says(room, fmt.Sprint(i)).Seq
		}
		stranger := alice.Creates(client.Group, "not for bob")

		t.Run("a limit leaves out the oldest and says so", func(t *testing.T) {
			frames := socket(t, town, bob, map[string]any{"cursors": map[string]uint64{room: 1}, "replay_limit": 10}, "event")
			if got := frames[1]; got["type"] != "truncated" || got["from"] != float64(head-9) {
				t.Errorf("%v", frames)
			}
			first := frames[len(frames)-1]["event"].(map[string]any)
			if first["seq"] != float64(head-9) {
				t.Errorf("the replay begins with %v", first)
			}
		})
		t.Run("a number beyond the head resets", func(t *testing.T) {
			frames := socket(t, town, bob, map[string]any{"cursors": map[string]uint64{room: head + 5}}, "event")
			if got := frames[1]; got["type"] != "reset" || got["head"] != float64(head) {
				t.Errorf("%v", frames)
			}
			if first := frames[len(frames)-1]["event"].(map[string]any); first["seq"] != float64(1) {
				t.Errorf("what follows starts anew: %v", first)
			}
		})
		t.Run("a room that is not mine is gone", func(t *testing.T) {
			frames := socket(t, town, bob, map[string]any{"cursors": map[string]uint64{stranger: 1}}, "room_gone")
			if got := frames[len(frames)-1]; got["room"] != stranger {
				t.Errorf("%v", got)
			}
		})
	})
}

// Who has more rooms than a welcome holds is told of the others one page after the
// other. One in which something happens meanwhile must not slip between the pages:
// the client would be told that it is gone.
func TestARoomThatWakesUpWhileRoomsAreListedIsNotForgotten(t *testing.T) {
	town := New(t)
	alice, bob := town.Person("alice"), town.Person("bob")
	quiet := alice.Creates(client.Group, "quiet", bob)
	for i := range 501 {
		if _, err := alice.REST().CreateRoom(t.Context(), client.NewRoom{Kind: client.Group, Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var asked atomic.Int64
	pause, goOn := town.Faults.Hold(bustest.Match{What: bus.PassQuestion, Way: bustest.Out, Subject: contract.MyRooms.Subject(),
		If: func(bus.Passage) bool { return asked.Add(1) > 1 }})
	go func() {
		<-pause.First()
		bob.Says(quiet, "is anybody here?")
		pause.Off()
		goOn()
	}()
	var shown, told bool
	for _, f := range socket(t, town, alice, map[string]any{"cursors": map[string]uint64{quiet: 1}}, "event") {
		switch f["type"] {
		case "room":
			r, _ := f["room"].(map[string]any)
			shown = shown || r["id"] == quiet
		case "room_gone":
			t.Errorf("%v", f)
		case "event":
			e, _ := f["event"].(map[string]any)
			told = e["room"] == quiet && e["seq"] == float64(2)
		}
	}
	if !shown || !told {
		t.Errorf("the room was shown: %v; its event came: %v", shown, told)
	}
}

func TestASlowReaderIsClosedAndNobodyElseNotices(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		carol := town.Person("carol")
		room := alice.Creates(client.Group, "noise", bob, carol)
		token, err := carol.Login.Token(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		carol.Goes()
		stalled, err := client.DialSocket(t.Context(), strings.Replace(town.URL(), "http", "ws", 1)+"/v1/ws", nil, client.SocketOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer stalled.Drop()
		if err := stalled.WriteJSON(map[string]any{"type": "hello", "token": token}); err != nil {
			t.Fatal(err)
		}
		if _, err := stalled.ReadText(); err != nil { // the welcome; then it reads no more
			t.Fatal(err)
		}
		text := strings.Repeat("long ", 6000)
		const many = 400 // 12 MB: more than the kernel's buffers and the queue hold
		for range many {
			if _, err := alice.Session().SendAsync(t.Context(), room, client.Message{Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		if err := alice.Session().Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		last := alice.Says(room, "the end")
		bob.Hears(room, "the end")
		if n := len(bob.Texts(room)); n != many+1 {
			t.Errorf("bob heard %d messages", n)
		}
		var heard uint64
		for {
			b, err := stalled.ReadText()
			if err != nil {
				var closed *client.CloseError
				if !errors.As(err, &closed) || closed.Code != client.CloseSlowConsumer && closed.Code != client.CloseAbnormal {
					t.Errorf("the slow reader's end: %v", err)
				}
				break
			}
			if h, ok := client.ScanHead(b); ok && h.Event != nil {
				if h.Seq != heard+1 && heard != 0 {
					t.Errorf("%d follows %d", h.Seq, heard)
				}
				heard = h.Seq
			}
		}
		if heard >= last.Seq {
			t.Error("the slow reader was given everything")
		}
		again := town.connect("carol", carol.Login)
		again.Says(room, "I am back")
		if texts := again.History(room); len(texts) == 0 {
			t.Error("nothing is there")
		}
	})
}

func TestWhatOneDeviceMutesTheOthersKnow(t *testing.T) {
	Each(t, func(t *testing.T, town *Town) {
		alice, bob := town.Person("alice"), town.Person("bob")
		room := alice.Creates(client.Group, "plans", bob)
		bob.IsIn(room)
		phone := bob.AnotherDevice()
		yes := true
		if _, err := bob.REST().Prefer(bob.within(), room, client.Preferences{Muted: &yes}); err != nil {
			t.Fatal(err)
		}
		for _, device := range []*Person{bob, phone} {
			device.Until("that the room is muted", func(n client.Notice) bool {
				changed, is := n.(client.RoomChanged)
				return is && changed.Room.ID == room && changed.Room.Muted
			})
		}
		alice.Says(room, "still here")
		bob.Hears(room, "still here")
		phone.Hears(room, "still here")
	})
}

func TestABackupOfARunningTownComesBack(t *testing.T) {
	town := New(t)
	alice, bob := town.Person("alice"), town.Person("bob")
	room := alice.Creates(client.Group, "plans", bob)
	alice.Says(room, "in the backup")
	bob.Hears(room, "in the backup")
	remote, err := node.Reach(t.Context(), town.Config, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := node.Backup(t.Context(), town.Config, file, func(string) {}); err != nil {
		t.Fatal(err)
	}
	lost := alice.Says(room, "after the backup")
	bob.Hears(room, "after the backup")
	town.Stop()
	town.Config.Data = filepath.Join(t.TempDir(), "restored")
	if err := node.Restore(t.Context(), file, town.Config.Data); err != nil {
		t.Fatal(err)
	}
	town.Start()
	bob.Until("the reset", func(n client.Notice) bool {
		r, ok := n.(client.Reset)
		return ok && r.Room == room && r.Head < lost.Seq
	})
	alice.Says(room, "from here on")
	bob.Hears(room, "from here on")
	if texts := bob.History(room); len(texts) != 2 || texts[0] != "in the backup" {
		t.Errorf("%q", texts)
	}
	if _, err := node.Follow[struct{}](t.Context(), remote, "verify", struct{}{}, func(string) {}); err == nil {
		t.Error("the old socket still answers")
	}
}
