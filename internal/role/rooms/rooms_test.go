package rooms

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

var (
	ann, bob, carl = storetest.ID(1), storetest.ID(2), storetest.ID(3)
	boss           = storetest.ID(4)
)

// house is the role at work over a real bus and a real store. Ann and Bob are in
// every room; Carl is in none; Boss runs the installation.
type house struct {
	t      *testing.T
	bus    *bus.Bus
	worker *storetest.Worker
	jobs   interface {
		Jobs
		AddJobs(ctx context.Context, jobs []chat.Command) error
	}
	events                 Events
	handles                Marks
	channel, group, direct chat.RoomID
	stop                   func()
	start                  func()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	s := storetest.SQLite(t)
	for id, role := range map[chat.UserID]chat.OrgRole{ann: chat.OrgMember, boss: chat.OrgAdmin} {
		u := chat.User{ID: id, Username: id.String()[:8], DisplayName: "x", Kind: chat.Person, Role: role}
		if _, err := s.Accounts().Create(t.Context(), chat.Account{User: u}, nil, chat.Admission{}); err != nil {
			t.Fatal(err)
		}
	}
	h := &house{t: t, bus: bustest.Embedded(t), worker: storetest.NewWorker(t, s), jobs: s.Accounts(), events: s.Archive(), handles: s.Rooms()}
	h.channel = h.worker.Event(storetest.Create(chat.Channel, "open", ann, bob)).Room
	h.group = h.worker.Event(storetest.Create(chat.Group, "closed", ann, bob)).Room
	h.direct = h.worker.Event(storetest.Create(chat.Direct, "", ann, bob)).Room
	for _, room := range []chat.RoomID{h.channel, h.group, h.direct} {
		h.worker.Event(storetest.Say(bob, room, "hello"))
	}
	h.start = func() {
		role := New(h.bus, s.Rooms(), s.Rooms(), s.Access(), s.Accounts(), s.Archive(), bustest.Log(t), prometheus.NewRegistry())
		ctx, cancel := context.WithCancel(context.Background())
		ready, done := make(chan struct{}), make(chan error, 1)
		go func() { done <- role.Run(ctx, func() { close(ready) }) }()
		<-ready
		h.stop = func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("it ended with %v", err)
			}
		}
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

func TestWhoSeesWhichRoom(t *testing.T) {
	h := newHouse(t)
	mute := true
	calls := map[string]func(q contract.RoomAsk) error{
		"room": func(q contract.RoomAsk) error {
			m, err := contract.Room.Ask(t.Context(), h.bus, &q)
			if err == nil && (m.ID != q.Room || m.Head != 2) {
				t.Errorf("the room is %+v", m)
			}
			return err
		},
		"members": func(q contract.RoomAsk) error {
			m, err := contract.Members.Ask(t.Context(), h.bus, &contract.MembersAsk{RoomAsk: q})
			if err == nil && len(m.Members) != 2 {
				t.Errorf("the members are %+v", m)
			}
			return err
		},
		"receipts": func(q contract.RoomAsk) error {
			_, err := contract.Receipts.Ask(t.Context(), h.bus, &contract.ReceiptsAsk{RoomAsk: q})
			return err
		},
		"set mine": func(q contract.RoomAsk) error {
			m, err := contract.SetMine.Ask(t.Context(), h.bus, &contract.SetMineAsk{User: q.User, Room: q.Room, Settings: chat.Settings{Muted: &mute}})
			if err == nil && !m.Muted {
				t.Errorf("it is not muted: %+v", m)
			}
			return err
		},
	}
	absent := chat.NewID()
	rooms := []chat.RoomID{h.channel, h.group, h.direct, absent}
	for _, c := range []struct {
		who  contract.RoomAsk
		may  [4]chat.Code // see each of the rooms
		mine [4]chat.Code // have something of their own there
	}{
		{contract.RoomAsk{User: ann}, [4]chat.Code{3: chat.NotFound}, [4]chat.Code{3: chat.NotFound}},
		{contract.RoomAsk{User: carl}, [4]chat.Code{"", chat.NotFound, chat.NotFound, chat.NotFound},
			[4]chat.Code{chat.Forbidden, chat.NotFound, chat.NotFound, chat.NotFound}},
		{contract.RoomAsk{User: boss, Runs: true}, [4]chat.Code{3: chat.NotFound},
			[4]chat.Code{chat.Forbidden, chat.NotFound, chat.NotFound, chat.NotFound}},
		{contract.RoomAsk{}, [4]chat.Code{"", chat.NotFound, chat.NotFound, chat.NotFound},
			[4]chat.Code{chat.Forbidden, chat.NotFound, chat.NotFound, chat.NotFound}},
	} {
		for i, room := range rooms {
			for name, ask := range calls {
				want := c.may[i]
				if name == "set mine" {
					want = c.mine[i]
				}
				q := c.who
				q.Room = room
				if err := ask(q); chat.CodeOf(err) != want {
					t.Errorf("%s of room %d for %+v: %v, want %q", name, i, c.who, err, want)
				}
			}
		}
	}
}

func TestMyRoomsAndWhatIsMine(t *testing.T) {
	h := newHouse(t)
	page, err := contract.MyRooms.Ask(t.Context(), h.bus, &contract.MyRoomsAsk{User: ann, Limit: 2})
	if err != nil || len(page.Rooms) != 2 || page.Rooms[0].ID != h.direct || page.Rooms[0].Peer != bob || page.Rooms[0].Unread != 1 {
		t.Fatalf("ann's rooms are %+v, %v", page, err)
	}
	page, err = contract.MyRooms.Ask(t.Context(), h.bus, &contract.MyRoomsAsk{User: ann, Limit: 2, Cursor: page.Next})
	if err != nil || len(page.Rooms) != 1 || page.Next != "" {
		t.Errorf("and then %+v, %v", page, err)
	}
	if page, err := contract.MyRooms.Ask(t.Context(), h.bus, &contract.MyRoomsAsk{User: carl}); err != nil || len(page.Rooms) != 0 {
		t.Errorf("carl's rooms are %+v, %v", page, err)
	}
	loud := chat.Notify("loud")
	_, err = contract.SetMine.Ask(t.Context(), h.bus, &contract.SetMineAsk{User: ann, Room: h.group, Settings: chat.Settings{Notify: &loud}})
	if chat.CodeOf(err) != chat.Invalid {
		t.Errorf("notify loud: %v", err)
	}
	only, err := contract.Members.Ask(t.Context(), h.bus, &contract.MembersAsk{RoomAsk: contract.RoomAsk{User: ann, Room: h.group}, Only: []chat.UserID{carl, bob}})
	if err != nil || len(only.Members) != 1 || only.Members[0].User != bob {
		t.Errorf("of carl and bob, %+v are members, %v", only, err)
	}
}

// Whose rooms all end in the longest message there is can sign in all the same.
func TestRoomsOfLongMessagesComeOnMorePages(t *testing.T) {
	h := newHouse(t)
	const rooms = 60
	for range rooms {
		room := h.worker.Event(storetest.Create(chat.Group, "group", carl)).Room
		h.worker.Event(storetest.Say(carl, room, strings.Repeat("x", chat.MaxText)))
	}
	seen := map[chat.RoomID]bool{}
	ask := contract.MyRoomsAsk{User: carl}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		page, err := contract.MyRooms.Ask(ctx, h.bus, &ask)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Rooms {
			seen[page.Rooms[i].ID] = true
		}
		if ask.Cursor = page.Next; ask.Cursor == "" {
			break
		}
	}
	if len(seen) != rooms {
		t.Errorf("%d rooms came", len(seen))
	}
}

func TestFindingRooms(t *testing.T) {
	h := newHouse(t)
	public, err := contract.PublicRooms.Ask(t.Context(), h.bus, &contract.FindRoomsAsk{By: carl, Query: "OP"})
	if err != nil || len(public.Rooms) != 1 || public.Rooms[0].ID != h.channel {
		t.Errorf("public are %+v, %v", public, err)
	}
	if public, err := contract.PublicRooms.Ask(t.Context(), h.bus, &contract.FindRoomsAsk{By: carl, Query: "closed"}); err != nil || len(public.Rooms) != 0 {
		t.Errorf("a group is public: %+v, %v", public, err)
	}
	for by, want := range map[chat.UserID]chat.Code{ann: chat.Forbidden, carl: chat.Forbidden, boss: "", {}: ""} {
		all, err := contract.AllRooms.Ask(t.Context(), h.bus, &contract.FindRoomsAsk{By: by})
		if chat.CodeOf(err) != want || want == "" && len(all.Rooms) != 3 {
			t.Errorf("all rooms for %s: %+v, %v", by, all, err)
		}
	}
}

func TestMarksOnlyGrowAndAreTold(t *testing.T) {
	h := newHouse(t)
	told := make(chan *contract.MarkList, 10)
	sub, err := contract.Marked.Subscribe(h.bus, func(_ context.Context, l *contract.MarkList) { told <- l })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop(context.Background())
	say := func(marks ...chat.Mark) {
		t.Helper()
		for i := range marks {
			marks[i].Room, marks[i].User = h.group, ann
		}
		if _, err := contract.SetMarks.Ask(t.Context(), h.bus, &contract.MarkList{Marks: marks, From: 7}); err != nil {
			t.Fatal(err)
		}
	}
	hears := func(want chat.Mark) {
		t.Helper()
		want.Room, want.User = h.group, ann
		if l := <-told; l.From != 7 || len(l.Marks) != 1 || l.Marks[0] != want {
			t.Errorf("told: %+v, want %+v", l, want)
		}
	}
	say(chat.Mark{Read: 1, Delivered: 1})
	hears(chat.Mark{Read: 1, Delivered: 1})
	say(chat.Mark{Read: 1 << 60}) // beyond the head: up to it
	hears(chat.Mark{Read: 2, Delivered: 1})
	say(chat.Mark{Read: 1, Delivered: 1}) // back: nobody is told
	say(chat.Mark{Delivered: 99})
	hears(chat.Mark{Read: 2, Delivered: 2})
	list, err := contract.Receipts.Ask(t.Context(), h.bus, &contract.ReceiptsAsk{RoomAsk: contract.RoomAsk{User: bob, Room: h.group}})
	if err != nil || len(list.Marks) != 1 || list.Marks[0].Read != 2 || list.Marks[0].Delivered != 2 || list.Marks[0].User != ann {
		t.Errorf("receipts: %+v, %v", list, err)
	}
}

func TestHandles(t *testing.T) {
	h := newHouse(t)
	one, other := contract.HandleAsk{Handle: "plans", Room: chat.NewID()}, contract.HandleAsk{Handle: "plans", Room: chat.NewID()}
	reserve := func(q contract.HandleAsk) chat.Code {
		_, err := contract.ReserveHandle.Ask(t.Context(), h.bus, &q)
		return chat.CodeOf(err)
	}
	for i := range 2 {
		if got := reserve(one); got != "" {
			t.Errorf("time %d: %q", i, got)
		}
	}
	if got := reserve(other); got != chat.Conflict {
		t.Errorf("another room's: %q", got)
	}
	if _, err := contract.ReleaseHandle.Ask(t.Context(), h.bus, &one); err != nil {
		t.Fatal(err)
	}
	if got := reserve(other); got != "" {
		t.Errorf("a released handle: %s", got)
	}
}

// work orders what the clerk appends, as a sequencer does, until the test ends.
func (h *house) work() {
	h.t.Helper()
	log, err := h.bus.MakeLog(h.t.Context(), 0, bus.LogConfig{})
	if err != nil {
		h.t.Fatal(err)
	}
	reader, err := log.Read(h.t.Context(), chat.Position{})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	decided := make(chan uint64, 1)
	decided <- 0
	go func() {
		defer close(done)
		for {
			records, err := reader.Next(ctx)
			if err != nil {
				return
			}
			for _, r := range records {
				h.worker.Do(r.Envelope.Commands...)
				<-decided
				decided <- r.Seq
			}
		}
	}()
	var subs bus.Subscriptions
	subs.Add(contract.Partitions.Answer(h.bus, func(context.Context, *contract.None) (*contract.PartitionsAnswer, error) {
		return &contract.PartitionsAnswer{Partitions: 1}, nil
	}))
	subs.Add(contract.Watchers.At(contract.Partition(0)).Answer(h.bus, func(context.Context, *contract.WatchersAsk) (*contract.WatchersAnswer, error) {
		seq := <-decided
		decided <- seq
		return &contract.WatchersAnswer{Decided: seq}, nil
	}))
	if err := subs.Err(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		cancel()
		<-done
		reader.Close()
		_ = subs.Stop()
	})
}

// store stores jobs and says so.
func (h *house) store(jobs ...chat.Command) {
	h.t.Helper()
	if err := h.jobs.AddJobs(h.t.Context(), jobs); err != nil {
		h.t.Fatal(err)
	}
	if err := contract.JobsWait.Publish(h.t.Context(), h.bus, &contract.None{}); err != nil {
		h.t.Fatal(err)
	}
}

// allDone waits until no job is stored, and says how long it took.
func (h *house) allDone() time.Duration {
	h.t.Helper()
	started := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		jobs, err := h.jobs.Jobs(h.t.Context(), 0, 1)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(jobs) == 0 {
			break
		}
		if time.Since(started) > patience {
			h.t.Fatalf("this job is not done: %+v", jobs[0])
		}
	}
	return time.Since(started)
}

func create(name, handle string) chat.Command {
	return chat.Command{ID: chat.NewID(), Room: chat.CreatedRoomID(chat.System, name), By: chat.System, As: chat.OrgSystem, Nonce: name,
		Kind: chat.KindRoom, Body: chat.Body{Op: chat.OpCreate, RoomKind: chat.Channel, Name: &name, Handle: handle}}
}

func join(user chat.UserID, room chat.RoomID, nonce string) chat.Command {
	return chat.Command{ID: chat.NewID(), Room: room, By: user, As: chat.OrgMember, Nonce: nonce,
		Kind: chat.KindMember, Body: chat.Body{Op: chat.OpJoin, User: user}}
}

// one is the room as somebody sees it.
func (h *house) one(user chat.UserID, room chat.RoomID) *chat.Mine {
	h.t.Helper()
	m, err := contract.Room.Ask(h.t.Context(), h.bus, &contract.RoomAsk{User: user, Room: room, Runs: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

func TestStoredJobsAreCarriedOutOnceInOrder(t *testing.T) {
	h := newHouse(t)
	h.work()
	general := chat.CreatedRoomID(chat.System, "general")
	began := time.Now()
	h.store(create("general", "general"), join(carl, general, "default:general"))
	t.Logf("it took %v", h.allDone())
	bustest.Prompt(t, "carrying them out", began, time.Second)
	if m := h.one(carl, general); m.Role != chat.RoleMember || m.Head != 2 || m.Handle != "general" {
		t.Errorf("carl's general is %+v", m)
	}
	h.store(create("general", "general"), join(carl, general, "default:general"), join(carl, h.group, "sneak"), join(carl, general, "again"))
	h.allDone()
	if m := h.one(carl, general); m.Head != 2 || m.MemberCount != 1 {
		t.Errorf("the same jobs again changed %+v", m)
	}
	if m := h.one(carl, h.group); m.Role != "" || m.Head != 2 {
		t.Errorf("a refused job changed %+v", m)
	}
	err := h.handles.ReserveHandle(t.Context(), "general", chat.NewID())
	if chat.CodeOf(err) != chat.Conflict {
		t.Errorf("the default room's handle was free: %v", err)
	}
}

// TestARoomThatExistsReservesNoOtherHandle: it keeps the one that it was made with.
func TestARoomThatExistsReservesNoOtherHandle(t *testing.T) {
	h := newHouse(t)
	for _, room := range []chat.RoomID{h.channel, chat.NewID()} { // the first exists, and has none
		if _, err := contract.ReserveHandle.Ask(t.Context(), h.bus, &contract.HandleAsk{Handle: "plans", Room: room}); err != nil {
			t.Errorf("for %s: %v", room, err)
		}
	}
}

func TestADefaultRoomWhoseHandleIsTakenIsMadeWithoutIt(t *testing.T) {
	h := newHouse(t)
	h.work()
	if err := h.handles.ReserveHandle(t.Context(), "general", h.channel); err != nil {
		t.Fatal(err)
	}
	h.store(create("general", "general"))
	h.allDone()
	if m := h.one(boss, chat.CreatedRoomID(chat.System, "general")); m.Handle != "" || m.Name != "general" {
		t.Errorf("general is %+v", m)
	}
}

// Jobs outlive whoever began them: here nobody orders commands at first, and the
// role is stopped over it and started again.
func TestJobsSurviveARestart(t *testing.T) {
	h := newHouse(t)
	var jobs []chat.Command
	general := chat.CreatedRoomID(chat.System, "general")
	jobs = append(jobs, create("general", ""))
	for i := range 500 {
		jobs = append(jobs, join(chat.UserID{1, byte(i), byte(i >> 8), 15: 9}, general, "default:general"+strconv.Itoa(i)))
	}
	h.store(jobs...)
	h.stop()
	h.work()
	h.start()
	t.Logf("%d jobs took %v", len(jobs), h.allDone())
	if m := h.one(boss, general); m.MemberCount != 500 || m.Head != 501 {
		t.Errorf("general is %+v", m)
	}
}
