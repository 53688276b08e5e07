package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/pgtest"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// furnished is a data folder in which there is something of everything, and
// nobody has it open.
func furnished(t *testing.T, messages int) string {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), "sqlite:"+dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	furnish(t, s, messages)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// people of a furnished store: the owner, a foreign user, a bot, one who is
// banned, one who has left for ever.
var people = []chat.UserID{storetest.ID(1), storetest.ID(2), storetest.ID(3), storetest.ID(4), storetest.ID(5)}

func furnish(t *testing.T, s *store.Store, messages int) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, a := t.Context(), s.Accounts()
	for i, id := range people {
		account := chat.Account{User: chat.User{ID: id, Username: fmt.Sprintf("user%d", i), DisplayName: fmt.Sprintf("Üser № %d", i), Kind: chat.Person,
			Role: chat.OrgMember, CreatedAt: int64(1000 + i), StatusText: "🙂"}, Scheme: "argon2id", Secret: fmt.Sprintf("secret %d", i)}
		if i == 1 {
			account.Issuer, account.Subject, account.Scheme = "https://id.example", "s-1", ""
		}
		_, err := a.Create(ctx, account, nil, chat.Admission{FirstOwns: true})
		must(err)
	}
	w := storetest.NewWorker(t, s)
	rooms := []chat.RoomID{storetest.Everything(t, w)}
	for i := range 12 {
		rooms = append(rooms, w.Event(storetest.Create(chat.Channel, fmt.Sprintf("room %d", i), people[i%3], people...)).Room)
	}
	said := 0
	for said < messages {
		var batch []chat.Command
		for range min(97, messages-said) {
			said++
			c := storetest.Say(people[said%3], rooms[1+rand.IntN(12)], fmt.Sprintf("message %d of the mover's evening", said))
			if said%5 == 0 {
				c.Nonce = fmt.Sprintf("text nonce %5d", said) // 16 bytes, which need care
			}
			if said%50 == 0 {
				c.Alias = &chat.Alias{Door: "rooms", Kind: "message", Foreign: fmt.Sprint("m-", said)}
			}
			batch = append(batch, c)
		}
		w.Do(batch...)
	}
	w.Do(storetest.Edit(people[0], rooms[1], 2, "edited"), storetest.React(people[1], rooms[2], 2, "🎉", chat.OpAdd), storetest.Delete(people[2], rooms[3], 3))
	dead, _ := w.Decide()
	dead.Dead = []chat.DeadCommand{{LogSeq: 7, Command: storetest.Say(people[0], rooms[4], "poison"), Reason: "it broke", At: 9}}
	must(w.Shard.Commit(ctx, dead))

	must(a.AddSigningKey(ctx, chat.SigningKey{ID: "key", Seed: []byte("0123456789abcdef0123456789abcdef"), CreatedAt: 5}))
	for i := range 5 {
		login := chat.Login{ID: storetest.ID(byte(100 + i)), User: people[i%3], Device: "phone", Address: "192.0.2.1", CreatedAt: 1, LastUsed: int64(i)}
		_, _, err := a.CreateLogin(ctx, login, chat.Refresh{Hash: sha256.Sum256(fmt.Append(nil, "first", i)), Expires: 1 << 50}, "")
		must(err)
	}
	_, _, err := a.Rotate(ctx, sha256.Sum256([]byte("first0")), chat.Refresh{Hash: sha256.Sum256([]byte("second0")), Expires: 1 << 50}, 50, "192.0.2.2", "desk")
	must(err)
	must(a.EndLogin(ctx, people[1], storetest.ID(101), 60))
	_, err = a.CreateInvite(ctx, chat.Invite{ID: storetest.ID(110), CreatedBy: people[0], CreatedAt: 9, ExpiresAt: 1 << 50, MaxUses: 3, Uses: 1, Room: rooms[1]},
		sha256.Sum256([]byte("code")))
	must(err)
	must(a.SetToken(ctx, chat.DoorToken{Door: "rooms", Hash: sha256.Sum256([]byte("door")), User: people[2]}))
	must(a.SetAlias(ctx, chat.Named{Alias: chat.Alias{Door: "rooms", Kind: "user", Foreign: "u-1"}, ID: people[0]}))
	_, err = s.Access().SetBanned(ctx, people[3], true, 70)
	must(err)
	must(a.Close(ctx, people[4], "Somebody", 80)) // leaves a job for each room
	jobs, err := a.Jobs(ctx, 0, 3)
	must(err)
	must(a.DoneJob(ctx, jobs[1].ID))
	muted, notify := true, chat.NotifyMentions
	must(s.Rooms().SetMine(ctx, people[0], rooms[1], chat.Settings{Muted: &muted, Notify: &notify}))
	_, err = s.Rooms().Marks(ctx, []chat.Mark{{Room: rooms[1], User: people[0], Read: 1}, {Room: rooms[0], User: people[1], Read: 3, Delivered: 4}})
	must(err)
	must(s.Rooms().ReserveHandle(ctx, "taken", rooms[2]))
	must(w.Shard.Release(ctx))
}

// answers is what a store says through its public methods, about everything;
// feed numbers, which a move makes anew, apart.
func answers(t *testing.T, s *store.Store) map[string]any {
	t.Helper()
	ctx := t.Context()
	all := map[string]any{}
	keep := func(name string, values ...any) {
		t.Helper()
		if err, failed := values[len(values)-1].(error); failed {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = values
	}
	a, r := s.Accounts(), s.Rooms()
	users, next, err := s.Access().Users(ctx, "", "", 100)
	keep("users", users, next, err)
	invite, found, err := a.GoodInvite(ctx, sha256.Sum256([]byte("code")), 1000)
	keep("invite", invite, found, err)
	for _, id := range append([]chat.UserID{chat.System}, people...) {
		account, found, err := a.Account(ctx, id)
		keep("account of "+id.String(), account, found, err)
		logins, err := a.Logins(ctx, id)
		keep("logins of "+id.String(), logins, err)
	}
	foreign, found, err := a.Foreign(ctx, "https://id.example", "s-1")
	keep("foreign", foreign, found, err)
	keys, err := a.SigningKeys(ctx)
	keep("keys", keys, err)
	token, found, err := a.FindToken(ctx, "rooms", sha256.Sum256([]byte("door")), 1)
	keep("door token", token, found, err)
	for _, alias := range []chat.Alias{{Door: "rooms", Kind: "user", Foreign: "u-1"}, {Door: "rooms", Kind: "message", Foreign: "m-50"}} {
		named, err := a.FindAlias(ctx, alias, chat.ID{})
		keep("alias "+alias.Foreign, named, err)
	}
	revocations, last, err := a.Revocations(ctx, 0, 100)
	keep("revocations", revocations, last, err)
	jobs, err := a.Jobs(ctx, 0, 1000)
	keep("jobs", jobs, err)
	stats, err := s.Access().Stats(ctx)
	keep("stats", stats, err)
	owners, err := s.Access().Owners(ctx)
	keep("owners", owners, err)
	rooms, next, err := r.All(ctx, "", "", 100)
	keep("rooms", rooms, next, err)
	keep("handle", chat.CodeOf(r.ReserveHandle(ctx, "taken", people[0])))
	for _, id := range people {
		mine, next, err := r.Mine(ctx, id, "", 100)
		for i := range mine {
			if mine[i].Last != nil {
				mine[i].Last.N, mine[i].Last.Origin.Batch = 0, 0
			}
		}
		keep("rooms of "+id.String(), mine, next, err)
	}
	for i := range rooms {
		answersOf(t, s, &rooms[i], keep)
	}
	return all
}

func answersOf(t *testing.T, s *store.Store, room *chat.Info, keep func(string, ...any)) {
	t.Helper()
	ctx := t.Context()
	members, next, err := s.Rooms().Members(ctx, room.ID, nil, "", 100)
	keep("members of "+room.ID.String(), members, next, err)
	marks, _, err := s.Rooms().Receipts(ctx, room.ID, "", 10)
	keep("marks in "+room.ID.String(), marks, err)
	history, head, more, found, err := s.Archive().History(ctx, people[0], true, room.ID, 0, 0, 0, 0, 200)
	keep("history of "+room.ID.String(), history, head, more, found, err)
	var events []chat.Event
	err = s.Archive().Events(ctx, people[0], true, []chat.RoomID{room.ID}, []uint64{0}, 1<<20, 1<<30,
		func(_ chat.RoomID, _ bool, _, _ uint64, _ bool, page []chat.Event) { events = append(events, page...) })
	for i := range events {
		e, found, xerr := s.Explain(ctx, room.ID, events[i].Seq)
		if xerr != nil || !found {
			t.Fatalf("explain: %v, %v", found, xerr)
		}
		e.N, e.Origin.Batch = 0, 0
		events[i] = e
	}
	keep("events of "+room.ID.String(), events, err)
}

// same fails the test where two stores answer differently.
func same(t *testing.T, want, have map[string]any) {
	t.Helper()
	if len(want) < 50 || len(want) != len(have) {
		t.Errorf("%d answers, then %d", len(want), len(have))
	}
	for name := range want {
		if !reflect.DeepEqual(want[name], have[name]) {
			t.Errorf("%s:\n%+v\nbecame\n%+v", name, want[name], have[name])
		}
	}
}

// feeds are a store's feeds, by partition.
func feeds(t *testing.T, s *store.Store) (all [][]chat.Event) {
	t.Helper()
	partitions, _ := s.Partitions(t.Context())
	for part := range partitions {
		var feed []chat.Event
		for {
			page, n, _, err := s.Archive().Feed(t.Context(), part, uint64(len(feed)), 1000, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			feed = append(feed, page...)
			if len(page) == 0 {
				if n != uint64(len(feed)) {
					t.Fatalf("partition %d stands at %d and has %d events", part, n, len(feed))
				}
				break
			}
		}
		all = append(all, feed)
	}
	return all
}

// sameOrder checks that each new partition has its events in the order in which
// they were committed, numbered densely, and that what was committed together is.
func sameOrder(t *testing.T, before []chat.Event, after [][]chat.Event) {
	t.Helper()
	used := 0
	for part, feed := range after {
		batches := map[uint64]uint64{}
		i := 0
		for _, e := range before {
			if chat.PartitionOf(e.Room, len(after)) != part {
				continue
			}
			if i >= len(feed) || feed[i].ID != e.ID || feed[i].N != uint64(i+1) {
				t.Fatalf("partition %d, number %d is not %s", part, i+1, e.ID)
			}
			first, seen := batches[e.Origin.Batch]
			if !seen {
				first = uint64(i + 1)
				batches[e.Origin.Batch] = first
			}
			if feed[i].Origin.Batch != first {
				t.Fatalf("partition %d, number %d is of batch %d instead of %d", part, i+1, feed[i].Origin.Batch, first)
			}
			i++
		}
		if i != len(feed) {
			t.Fatalf("partition %d has %d events, %d belong there", part, len(feed), i)
		}
		if i > 0 {
			used++
		}
	}
	if used < 2 {
		t.Fatalf("%d partitions are used", used)
	}
}

func TestAMoveKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := furnished(t, 500)
	before := openFolder(t, dir)
	want, order := answers(t, before), feeds(t, before)[0]
	hits := searched(t, before)
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	target := pgtest.Empty(t)
	var steps []string
	report, err := store.Move(t.Context(), "sqlite:"+dir, target, store.MoveOptions{Partitions: 5, Progress: func(p store.MoveProgress) {
		if p.Ended {
			steps = append(steps, p.Step)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Rooms != 14 || report.Events != uint64(len(order)) || report.Resumed || !report.Begun || report.Replaced != 0 {
		t.Errorf("the report is %+v for %d events", report, len(order))
	}
	if !slices.Contains(steps, "events") || !strings.Contains(fmt.Sprint(steps), ", events_nonce") || !slices.Contains(steps, "checking the target") {
		t.Errorf("the steps are %q", steps)
	}
	after := pgtest.Open(t, target, store.Options{})
	if n, err := after.Partitions(t.Context()); n != 5 || err != nil {
		t.Errorf("%d partitions, %v", n, err)
	}
	same(t, want, answers(t, after))
	sameOrder(t, order, feeds(t, after))
	if now := searched(t, after); !reflect.DeepEqual(now, hits) {
		t.Errorf("a search finds\n%+v\nand found\n%+v", now, hits)
	}
	goesOn(t, after)
	same(t, want, answers(t, openFolder(t, dir))) // the source is as it was
}

// searched is what a search finds once the index has caught up.
func searched(t *testing.T, s *store.Store) (found []string) {
	t.Helper()
	for {
		n, err := s.Search().Catch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	hits, _, err := s.Search().Query(t.Context(), people[0], "mover evening 17", chat.RoomID{}, chat.UserID{}, 0, "", 100)
	if err != nil || len(hits) == 0 {
		t.Fatalf("%d hits, %v", len(hits), err)
	}
	for _, h := range hits {
		found = append(found, h.Message.Text)
	}
	slices.Sort(found)
	return found
}

// goesOn checks that life goes on in a store to which everything was moved: rooms
// at their next number, nonces remembered, tokens valid, ids of jobs new.
func goesOn(t *testing.T, s *store.Store) {
	t.Helper()
	partitions, _ := s.Partitions(t.Context())
	rooms, _, err := s.Rooms().All(t.Context(), "room 0", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	room := rooms[0]
	w := storetest.NewWorkerOf(t, s, chat.PartitionOf(room.ID, partitions))
	if e := w.Event(storetest.Say(people[1], room.ID, "and on")); e.Seq != room.Head+1 {
		t.Errorf("after %d comes %d", room.Head, e.Seq)
	}
	old, _, err := s.Explain(t.Context(), room.ID, 2)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := w.Decide(storetest.Say(people[1], room.ID, "again"))
	c.Events[0].By, c.Events[0].Nonce = old.By, old.Nonce
	if err := w.Shard.Commit(t.Context(), c); !errors.Is(err, chat.ErrRepeat) {
		t.Errorf("a nonce of before gives %v", err)
	}
	a := s.Accounts()
	if _, reused, err := a.Rotate(t.Context(), sha256.Sum256([]byte("second0")), chat.Refresh{Hash: sha256.Sum256([]byte("third0")), Expires: 1 << 50}, 90, "", ""); err != nil || reused {
		t.Errorf("a refresh token of before: reused %v, %v", reused, err)
	}
	if _, reused, err := a.Rotate(t.Context(), sha256.Sum256([]byte("first0")), chat.Refresh{Hash: sha256.Sum256([]byte("x")), Expires: 1 << 50}, 91, "", ""); err != nil || !reused {
		t.Errorf("a refresh token that was used before: reused %v, %v", reused, err)
	}
	jobs, err := a.Jobs(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.AddJobs(t.Context(), []chat.Command{storetest.Say(people[0], room.ID, "job")}); err != nil {
		t.Fatal(err)
	}
	more, err := a.Jobs(t.Context(), jobs[len(jobs)-1].ID, 10)
	if err != nil || len(more) != 1 {
		t.Errorf("%d new jobs, %v", len(more), err)
	}
}

// TestAMoveCanEndAnywhere ends a move again and again, at the first to ninth word
// that each run says, and goes on.
func TestAMoveCanEndAnywhere(t *testing.T) {
	t.Parallel()
	dir := furnished(t, 300)
	before := openFolder(t, dir)
	want, order := answers(t, before), feeds(t, before)[0]
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	target := pgtest.Empty(t)
	ended, resumed := 0, 0
	for run := 0; ; run++ {
		at := 1 + run%9
		ctx, cancel := context.WithCancel(t.Context())
		said := 0
		report, err := store.Move(ctx, "sqlite:"+dir, target, store.MoveOptions{Partitions: 3, Progress: func(p store.MoveProgress) {
			if said++; said == at {
				cancel()
			}
		}}.AtOnce(7))
		cancel()
		if report.Resumed {
			resumed++
		}
		if err == nil {
			break
		}
		if ended++; ended > 200 {
			t.Fatalf("it does not end: %v", err)
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("ended at %d with %v", at, err)
		}
	}
	t.Logf("ended %d times, %d runs went on with an earlier one", ended, resumed)
	if ended < 20 || resumed < 15 {
		t.Errorf("only %d ends were tried, %d resumed", ended, resumed)
	}
	after := pgtest.Open(t, target, store.Options{})
	same(t, want, answers(t, after))
	sameOrder(t, order, feeds(t, after))
}

// begun leaves an unfinished move of dir behind in a new database.
func begun(t *testing.T, dir string) string {
	t.Helper()
	target := pgtest.Empty(t)
	begin(t, dir, target)
	return target
}

func begin(t *testing.T, dir, target string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := store.Move(ctx, "sqlite:"+dir, target, store.MoveOptions{Partitions: 3, Progress: func(p store.MoveProgress) {
		if p.Step == "mentions" {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended with %v", err)
	}
}

func TestNobodyOpensWhatIsHalfMoved(t *testing.T) {
	t.Parallel()
	dir := furnished(t, 10)
	target := begun(t, dir)
	for name, open := range map[string]func(context.Context, string, store.Options) (*store.Store, error){"Open": store.Open, "OpenReadOnly": store.OpenReadOnly} {
		if s, err := open(t.Context(), target, store.Options{}); !errors.Is(err, store.ErrUnfinished) {
			t.Errorf("%s gives %v, %v", name, s, err)
		}
	}
	if report, err := store.Move(t.Context(), "sqlite:"+dir, target, store.MoveOptions{}); err != nil || !report.Resumed {
		t.Fatalf("%+v, %v", report, err)
	}
	pgtest.Open(t, target, store.Options{})
}

func TestASourceThatWasUsedIsMovedAnew(t *testing.T) {
	t.Parallel()
	dir := furnished(t, 10)
	target := begun(t, dir)
	s := openFolder(t, dir)
	w := storetest.NewWorker(t, s)
	room := w.Event(storetest.Create(chat.Group, "new", people[0])).Room
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if report, err := store.Move(t.Context(), "sqlite:"+dir, target, store.MoveOptions{}); err != nil || report.Resumed || report.Rooms != 15 {
		t.Fatalf("%+v, %v", report, err)
	}
	after := pgtest.Open(t, target, store.Options{})
	if _, found, err := after.Explain(t.Context(), room, 1); err != nil || !found {
		t.Errorf("the new room is found: %v, %v", found, err)
	}
	if n, _ := after.Partitions(t.Context()); n != 3 {
		t.Errorf("%d partitions", n)
	}
}

// TestAFinishedMoveIsNotMadeAgain: one that was killed before it could say that
// it had finished is not told that its target is in use.
func TestAFinishedMoveIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	dir, target := furnished(t, 10), pgtest.Empty(t)
	first, err := store.Move(t.Context(), "sqlite:"+dir, target, store.MoveOptions{Partitions: 3})
	if err != nil {
		t.Fatal(err)
	}
	is := asItIs(t, target)
	again, err := store.Move(t.Context(), "sqlite:"+dir, target, store.MoveOptions{})
	if err != nil || !again.Before || again.Begun || again.Rooms != first.Rooms || again.Events != first.Events {
		t.Errorf("the first was %+v, the second %+v, %v", first, again, err)
	}
	refused := func(opts store.MoveOptions, because string) {
		t.Helper()
		if report, err := store.Move(t.Context(), "sqlite:"+dir, target, opts); err == nil || !strings.Contains(err.Error(), because) {
			t.Errorf("%+v, %v", report, err)
		}
	}
	refused(store.MoveOptions{Partitions: 4}, "was moved into it already, with 3 partitions")
	s := openFolder(t, dir)
	storetest.NewWorker(t, s).Event(storetest.Create(chat.Group, "new", people[0]))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused(store.MoveOptions{}, "it is not empty")
	if now := asItIs(t, target); now != is {
		t.Error("the target was changed")
	}
}

// asItIs is a fingerprint of a PostgreSQL database: what must not change when a
// move is refused.
func asItIs(t *testing.T, dsn string) string {
	t.Helper()
	k, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close(context.Background())
	rows, err := k.Query(t.Context(), `SELECT c.relname || ' ' || (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I', c.relname), false, true, '')))[1]::text
		FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

func TestAMoveIsRefused(t *testing.T) {
	t.Parallel()
	dir, other := furnished(t, 10), furnished(t, 20)
	move := func(from, to string, partitions int) error {
		_, err := store.Move(t.Context(), from, to, store.MoveOptions{Partitions: partitions})
		return err
	}
	refused := func(name, from, to string, partitions int, says string) {
		t.Helper()
		before := ""
		if strings.HasPrefix(to, "postgres") {
			before = asItIs(t, to)
		}
		if err := move(from, to, partitions); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
		if before != "" && asItIs(t, to) != before {
			t.Errorf("%s: the target was\n%s\nand is\n%s", name, before, asItIs(t, to))
		}
	}
	empty := pgtest.Empty(t)
	refused("no folder", "sqlite:"+t.TempDir(), empty, 0, "there is no ")
	refused("no source", "file:x", empty, 0, "names no database")
	refused("into a folder", "sqlite:"+dir, "sqlite:"+t.TempDir(), 0, "must be a PostgreSQL database")
	refused("too many partitions", "sqlite:"+dir, empty, 257, "1 to 256 partitions")
	refused("into itself", empty, empty, 0, "the same database")
	refused("from nothing", empty, pgtest.Empty(t), 0, "no parley in this database")

	running := openFolder(t, dir)
	refused("the source runs", "sqlite:"+dir, empty, 0, "another parley is running on this folder: stop it")
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
	used := pgtest.Fresh(t, 2)
	server := pgtest.Open(t, used, store.Options{})
	refused("somebody has the target open", "sqlite:"+dir, used, 0, "a parley runs on this database: stop")
	shard, err := server.Claim(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	refused("a partition of the target has an owner", "sqlite:"+dir, used, 0, "a parley runs on this database: stop")
	if err := shard.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Accounts().Create(t.Context(), chat.Account{User: chat.User{ID: people[0], Username: "ann"}}, nil, chat.Admission{}); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	refused("the target has users", "sqlite:"+dir, used, 0, "it is not empty, there are users in it")

	half := begun(t, dir)
	refused("another's unfinished move", "sqlite:"+other, half, 0, "unfinished migration of another source")
	refused("other partitions", "sqlite:"+dir, half, 4, "unfinished migration into 3 partitions")
	refused("from what is half moved", half, empty, 0, "is not finished")

	if _, err := store.Move(t.Context(), "sqlite:"+dir, empty, store.MoveOptions{Ready: func(context.Context, []chat.Position) error { return errors.New("not now") }}); err == nil || err.Error() != "not now" {
		t.Errorf("%v", err)
	}
	broken := openFolder(t, dir)
	if n, err := store.Tamper(t.Context(), broken, `UPDATE events SET messages = messages + 1 WHERE n = 20`); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}
	refused("the source is not sound", "sqlite:"+dir, pgtest.Fresh(t, 1), 0, "checking the source: 1 findings")
}

// TestNobodyStartsWhileAMoveIsAtWork: neither another move nor a server, on
// neither side.
func TestNobodyStartsWhileAMoveIsAtWork(t *testing.T) {
	t.Parallel()
	first, second := furnishedServer(t), pgtest.Empty(t)
	tried := false
	_, err := store.Move(t.Context(), first, second, store.MoveOptions{Partitions: 2, Progress: func(p store.MoveProgress) {
		if p.Step != "events" || tried {
			return
		}
		tried = true
		for _, dsn := range []string{first, second} {
			if _, err := store.Open(t.Context(), dsn, store.Options{}); err == nil || !strings.Contains(err.Error(), "migrat") {
				t.Errorf("a server starts with %v", err)
			}
		}
		if _, err := store.Move(t.Context(), first, pgtest.Empty(t), store.MoveOptions{}); err == nil || !strings.Contains(err.Error(), "another `parley migrate`") {
			t.Errorf("another move gives %v", err)
		}
	}})
	if err != nil || !tried {
		t.Fatalf("tried %v, %v", tried, err)
	}
	before, after := pgtest.Open(t, first, store.Options{}), pgtest.Open(t, second, store.Options{})
	same(t, answers(t, before), answers(t, after))
}

// furnishedServer is a PostgreSQL database of three partitions with everything.
func furnishedServer(t *testing.T) string {
	t.Helper()
	dsn := pgtest.Empty(t)
	if _, err := store.Move(t.Context(), "sqlite:"+furnished(t, 200), dsn, store.MoveOptions{Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// TestWhoLosesTheLocksMovesNoMore: a move whose sessions PostgreSQL has put out
// ends, and one that was stopped for so long that another has gone on writes
// nothing.
func TestWhoLosesTheLocksMovesNoMore(t *testing.T) {
	t.Parallel()
	dir := furnished(t, 300)
	for _, c := range []struct {
		name, sql string
		waits     bool // until the loss is noticed
		says      string
	}{
		{"its locks are lost", `SELECT pg_terminate_backend(l.pid, 5000) FROM (SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND d.datname = current_database()) l`, true, "the locks on a database were lost"},
		{"another has gone on", `UPDATE meta SET value = replace(value, '"Run":"', '"Run":"x') WHERE key = 'moving'`, false, "taken this migration over"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := pgtest.Empty(t)
			var working context.Context
			struck := false
			_, err := store.Move(t.Context(), "sqlite:"+dir, target, store.MoveOptions{Partitions: 2,
				Ready: func(ctx context.Context, _ []chat.Position) error {
					working = ctx
					return nil
				},
				Progress: func(p store.MoveProgress) {
					if p.Step != "events" || struck {
						return
					}
					struck = true
					strike(t, target, c.sql)
					if c.waits {
						<-working.Done()
					}
				}})
			if !struck || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("struck %v, %v", struck, err)
			}
			if _, err := store.Open(t.Context(), target, store.Options{}); err == nil {
				t.Error("the target opens")
			}
		})
	}
}

func strike(t *testing.T, dsn, sql string) {
	t.Helper()
	k, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close(context.Background())
	if tag, err := k.Exec(t.Context(), sql); err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("%s, %v", tag, err)
	}
}

// TestEveryTableIsMoved: a table that a migration of the schema adds is copied,
// or listed with what becomes of it; and both databases have the same columns.
func TestEveryTableIsMoved(t *testing.T) {
	copied, anew := store.TablesMoved()
	folder, server := openFolder(t, t.TempDir()), pgtest.Open(t, pgtest.Fresh(t, 1), store.Options{})
	for _, c := range []struct {
		s           *store.Store
		tables, all string
	}{
		{folder, `SELECT name FROM sqlite_master WHERE type = 'table'`, `SELECT m.name || ' ' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`},
		{server, `SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`,
			`SELECT c.relname::text || ' ' || a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
			WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`},
	} {
		names, err := store.Ask(t.Context(), c.s, c.tables)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !slices.Contains(copied, name) && anew[name] == "" {
				t.Errorf("nobody has said what a move does with the table %s: see movedTables", name)
			}
		}
		for _, name := range copied {
			if !slices.Contains(names, name) {
				t.Errorf("there is no table %s", name)
			}
		}
	}
	columns := func(s *store.Store, sql string) (all []string) {
		found, err := store.Ask(t.Context(), s, sql)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found {
			if name, _, _ := strings.Cut(c, " "); slices.Contains(copied, name) {
				all = append(all, c)
			}
		}
		slices.Sort(all)
		return all
	}
	a := columns(folder, `SELECT m.name || ' ' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`)
	b := columns(server, `SELECT c.relname::text || ' ' || a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`)
	if !slices.Equal(a, b) || len(a) < 60 {
		t.Errorf("the columns are\n%q\nand\n%q", a, b)
	}
}

func TestWhatPostgreSQLCannotKeepIsReplaced(t *testing.T) {
	t.Parallel()
	dir, target := furnished(t, 10), pgtest.Empty(t)
	s := openFolder(t, dir)
	if n, err := store.Tamper(t.Context(), s, `UPDATE logins SET device = CAST(x'61006266ff' AS TEXT) WHERE id = $1`, storetest.ID(100)); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := store.Move(t.Context(), "sqlite:"+dir, target, store.MoveOptions{})
	if err != nil || report.Replaced != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	l, found, err := pgtest.Open(t, target, store.Options{}).Accounts().Login(t.Context(), storetest.ID(100))
	if err != nil || !found || l.Device != "a\uFFFDbf\uFFFD" {
		t.Errorf("%q, %v, %v", l.Device, found, err)
	}
}
