package chat

import (
	"strconv"
	"strings"
	"testing"
)

// town is a room with somebody of every kind in and around it.
type town struct {
	t      *testing.T
	room   *Room
	id     RoomID
	people map[string]UserID
	as     map[string]OrgRole
	n      int
}

// newTown makes a room in which owner, moderator, member and other are, and
// around which outsider, guest, admin and system stand. Message 2 is other's.
// In a direct room there are only owner and other.
func newTown(t *testing.T, kind RoomKind) *town {
	w := &town{t: t, room: NewRoom(Info{}), people: map[string]UserID{}, as: map[string]OrgRole{}}
	for i, who := range []string{"owner", "moderator", "member", "other", "outsider", "guest", "admin"} {
		w.people[who], w.as[who] = userID(byte(i+1)), OrgMember
	}
	w.people["system"], w.as["system"], w.as["guest"], w.as["admin"] = System, OrgSystem, OrgGuest, OrgAdmin
	c := w.command("owner", KindRoom)
	name := "room"
	c.Body = Body{Op: OpCreate, RoomKind: kind, Name: &name}
	if kind == Direct {
		c.Body.Members = []UserID{w.people["other"]}
		c.Room = DirectRoomID(c.By, w.people["other"])
	} else {
		c.Body.Members = []UserID{w.people["moderator"], w.people["member"], w.people["other"]}
		c.Room = CreatedRoomID(c.By, c.Nonce)
	}
	w.id = c.Room
	w.must(c)
	w.say("other", "")
	if kind != Direct {
		w.must(w.parse("owner", "role moderator moderator"))
	}
	return w
}

func (w *town) command(who string, kind Kind) *Command {
	w.n++
	return &Command{ID: NewID(), Room: w.id, By: w.people[who], As: w.as[who], Nonce: "n" + strconv.Itoa(w.n), Kind: kind}
}

func (w *town) must(c *Command) *Event {
	w.t.Helper()
	d := w.room.Admit(c, 1000)
	if d.Event == nil {
		w.t.Fatalf("%+v was not admitted: %+v", c, d)
	}
	w.room.Apply(d.Event)
	return d.Event
}

func (w *town) say(who, nonce string) *Event {
	w.t.Helper()
	c := w.command(who, KindMessage)
	c.Body.Text = "hello"
	if nonce != "" {
		c.Nonce = nonce
	}
	return w.must(c)
}

// parse reads an ask as the tables write it: a word for what, then its words.
func (w *town) parse(who, ask string) *Command {
	f := strings.Fields(ask)
	arg := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	number := func(i int) uint64 { n, _ := strconv.ParseUint(arg(i), 10, 64); return n }
	text, yes, no := "text", true, false
	c := w.command(who, KindMember)
	switch f[0] {
	case "say":
		c.Kind, c.Body = KindMessage, Body{Text: "hi", ReplyTo: number(1), Thread: number(2)}
	case "edit":
		c.Kind, c.Target, c.Body.Text = KindEdit, number(1), "better"
	case "delete":
		c.Kind, c.Target = KindDelete, number(1)
	case "react", "unreact":
		c.Kind, c.Target, c.Body = KindReaction, number(1), Body{Emoji: "👍", Op: OpAdd}
		if f[0] == "unreact" {
			c.Body.Op = OpRemove
		}
	case "join", "leave":
		c.Body = Body{Op: Op(f[0]), User: c.By}
	case "add", "remove", "role":
		c.Body = Body{Op: Op(f[0]), User: w.people[arg(1)], Role: Role(arg(2))}
	case "rename":
		c.Kind, c.Body = KindRoom, Body{Op: OpRename, Name: &text}
	case "topic":
		c.Kind, c.Body = KindRoom, Body{Op: OpTopic, Topic: &text}
	case "close":
		c.Kind, c.Body = KindRoom, Body{Op: OpSettings, ReadOnly: &yes}
	case "open":
		c.Kind, c.Body = KindRoom, Body{Op: OpSettings, ReadOnly: &no}
	case "archive":
		c.Kind, c.Body = KindRoom, Body{Op: OpArchive}
	default:
		w.t.Fatalf("what is %q?", ask)
	}
	return c
}

// verdict is what became of an ask: "yes" an event, "-" nothing, or the code.
func verdict(d Decision) string {
	switch {
	case d.Event != nil:
		return "yes"
	case d.Err != nil:
		return string(d.Err.Code)
	case d.Repeat != 0:
		return "repeat"
	}
	return "-"
}

// matrix reads a table of asks by people, and asks each of a fresh room in which
// the given asks were admitted before.
func matrix(t *testing.T, kind RoomKind, before []string, table string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(table), "\n")
	people := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		ask, cells, _ := strings.Cut(line, "|")
		want := strings.Fields(cells)
		if len(want) != len(people) {
			t.Fatalf("%q has %d verdicts for %d people", line, len(want), len(people))
		}
		for i, who := range people {
			w := newTown(t, kind)
			for _, first := range before {
				name, what, _ := strings.Cut(first, ": ")
				w.must(w.parse(name, what))
			}
			if got := verdict(w.room.Admit(w.parse(who, strings.TrimSpace(ask)), 2000)); got != want[i] {
				t.Errorf("%s %s: %s is told %s, want %s", kind, strings.TrimSpace(ask), who, got, want[i])
			}
		}
	}
}

func TestWhoMayWhatInAChannel(t *testing.T) {
	matrix(t, Channel, nil, `
		owner     moderator  member     other      outsider   guest      admin      system
say             | yes       yes        yes        yes        forbidden  forbidden  forbidden  forbidden
say 2           | yes       yes        yes        yes        forbidden  forbidden  forbidden  forbidden
say 1           | not_found not_found  not_found  not_found  forbidden  forbidden  forbidden  forbidden
say 99          | not_found not_found  not_found  not_found  forbidden  forbidden  forbidden  forbidden
say 0 2         | yes       yes        yes        yes        forbidden  forbidden  forbidden  forbidden
say 0 3         | not_found not_found  not_found  not_found  forbidden  forbidden  forbidden  forbidden
edit 2          | forbidden forbidden  forbidden  yes        forbidden  forbidden  forbidden  forbidden
edit 1          | not_found not_found  not_found  not_found  forbidden  forbidden  not_found  not_found
delete 2        | yes       yes        forbidden  yes        forbidden  forbidden  yes        yes
delete 99       | not_found not_found  not_found  not_found  forbidden  forbidden  not_found  not_found
react 2         | yes       yes        yes        yes        forbidden  forbidden  forbidden  forbidden
unreact 2       | -         -          -          -          forbidden  forbidden  forbidden  forbidden
react 3         | not_found not_found  not_found  not_found  forbidden  forbidden  not_found  not_found
join            | -         -          -          -          yes        yes        yes        yes
leave           | yes       yes        yes        yes        forbidden  forbidden  -          -
add outsider    | yes       yes        yes        yes        forbidden  forbidden  yes        yes
add member      | -         -          -          -          forbidden  forbidden  -          -
add outsider moderator | yes forbidden forbidden  forbidden  forbidden  forbidden  yes        yes
add outsider owner     | yes forbidden forbidden  forbidden  forbidden  forbidden  yes        yes
remove other    | yes       yes        forbidden  yes        forbidden  forbidden  yes        yes
remove moderator| yes       yes        forbidden  forbidden  forbidden  forbidden  yes        yes
remove owner    | yes       forbidden  forbidden  forbidden  forbidden  forbidden  yes        yes
remove outsider | -         -          forbidden  forbidden  forbidden  forbidden  -          -
role other moderator | yes  forbidden  forbidden  forbidden  forbidden  forbidden  yes        yes
role other member    | -    forbidden  forbidden  forbidden  forbidden  forbidden  -          -
role outsider member | not_found forbidden forbidden forbidden forbidden forbidden not_found not_found
role owner member    | conflict  forbidden forbidden forbidden forbidden forbidden conflict  conflict
rename          | yes       yes        forbidden  forbidden  forbidden  forbidden  yes        yes
topic           | yes       yes        forbidden  forbidden  forbidden  forbidden  yes        yes
close           | yes       yes        forbidden  forbidden  forbidden  forbidden  yes        yes
open            | -         -          forbidden  forbidden  forbidden  forbidden  -          -
archive         | yes       forbidden  forbidden  forbidden  forbidden  forbidden  yes        yes
`)
}

func TestWhoMayWhatInAGroup(t *testing.T) {
	matrix(t, Group, nil, `
		owner     moderator  member     outsider   guest      admin      system
say             | yes       yes        yes        not_found  not_found  not_found  not_found
edit 2          | forbidden forbidden  forbidden  not_found  not_found  forbidden  forbidden
delete 2        | yes       yes        forbidden  not_found  not_found  yes        yes
react 2         | yes       yes        yes        not_found  not_found  not_found  not_found
join            | -         -          -          not_found  not_found  not_found  not_found
leave           | yes       yes        yes        not_found  not_found  -          -
add outsider    | yes       yes        yes        not_found  not_found  yes        yes
remove other    | yes       yes        forbidden  not_found  not_found  yes        yes
role other owner| yes       forbidden  forbidden  not_found  not_found  yes        yes
rename          | yes       yes        forbidden  not_found  not_found  yes        yes
archive         | yes       forbidden  forbidden  not_found  not_found  yes        yes
`)
}

func TestWhoMayWhatInADirectRoom(t *testing.T) {
	matrix(t, Direct, nil, `
		owner     other      outsider   admin      system
say             | yes       yes        not_found  not_found  not_found
edit 2          | forbidden yes        not_found  forbidden  forbidden
delete 2        | yes       yes        not_found  yes        yes
react 2         | yes       yes        not_found  not_found  not_found
join            | forbidden forbidden  forbidden  forbidden  forbidden
leave           | forbidden forbidden  not_found  forbidden  forbidden
add outsider    | forbidden forbidden  not_found  forbidden  forbidden
remove other    | forbidden forbidden  not_found  forbidden  yes
role other member | forbidden forbidden not_found forbidden  forbidden
rename          | forbidden forbidden  not_found  forbidden  forbidden
archive         | forbidden forbidden  not_found  forbidden  forbidden
`)
}

func TestWhoMayWhatWhereOnlyModeratorsWrite(t *testing.T) {
	matrix(t, Channel, []string{"owner: close"}, `
		owner     moderator  member     outsider   admin
say             | yes       yes        forbidden  forbidden  forbidden
react 2         | yes       yes        yes        forbidden  forbidden
delete 2        | yes       yes        forbidden  forbidden  yes
join            | -         -          -          yes        yes
add outsider    | yes       yes        forbidden  forbidden  yes
open            | yes       yes        forbidden  forbidden  yes
close           | -         -          forbidden  forbidden  -
`)
}

func TestNothingHappensInAnArchivedRoomButLeaving(t *testing.T) {
	matrix(t, Channel, []string{"owner: archive"}, `
		owner     moderator  member     outsider   admin      system
say             | conflict  conflict   conflict   forbidden  conflict   conflict
edit 2          | conflict  conflict   conflict   forbidden  conflict   conflict
delete 2        | conflict  conflict   conflict   forbidden  conflict   conflict
react 2         | conflict  conflict   conflict   forbidden  conflict   conflict
join            | conflict  conflict   conflict   conflict   conflict   conflict
add outsider    | conflict  conflict   conflict   forbidden  conflict   conflict
role other owner| conflict  conflict   conflict   forbidden  conflict   conflict
rename          | conflict  conflict   conflict   forbidden  conflict   conflict
archive         | conflict  conflict   conflict   forbidden  conflict   conflict
leave           | yes       yes        yes        forbidden  -          -
remove other    | yes       yes        forbidden  forbidden  yes        yes
`)
}

func TestADeletedMessageStaysDeleted(t *testing.T) {
	matrix(t, Channel, []string{"member: react 2", "other: delete 2"}, `
		owner     other      member
edit 2          | not_found not_found  not_found
delete 2        | -         -          -
react 2         | not_found not_found  not_found
unreact 2       | not_found not_found  not_found
say 2           | yes       yes        yes
say 0 2         | yes       yes        yes
`)
}

func TestReactionsStandOnce(t *testing.T) {
	matrix(t, Channel, []string{"member: react 2"}, `
		member other
react 2   | -   yes
unreact 2 | yes -
`)
}

func TestThoseWhoLeftHaveNoSay(t *testing.T) {
	matrix(t, Group, []string{"other: leave"}, `
		other
say      | not_found
edit 2   | not_found
delete 2 | not_found
join     | not_found
`)
}

func TestARoomKeepsOneOwner(t *testing.T) {
	matrix(t, Group, []string{"owner: role member owner"}, `
		owner member
role owner member | yes yes
remove owner      | yes yes
remove member     | yes yes
`)
}

func TestThreadsHaveOneLevel(t *testing.T) {
	w := newTown(t, Channel)
	reply := w.must(w.parse("member", "say 0 2"))
	if reply.Body.Thread != 2 {
		t.Fatalf("the reply is %+v", reply.Body)
	}
	if got := verdict(w.room.Admit(w.parse("owner", "say 0 "+strconv.FormatUint(reply.Seq, 10)), 0)); got != "invalid" {
		t.Errorf("a thread in a thread: %s", got)
	}
}

func TestMentionsAreOfMembers(t *testing.T) {
	w := newTown(t, Channel)
	for _, c := range []struct {
		who string
		all bool
	}{{"owner", true}, {"moderator", true}, {"member", false}} {
		ask := w.command(c.who, KindMessage)
		ask.Body = Body{Text: "@all", MentionAll: true, Mentions: []UserID{w.people["other"], w.people["outsider"], w.people["other"], w.people["member"]}}
		e := w.must(ask)
		if e.Body.MentionAll != c.all {
			t.Errorf("%s addresses all of a channel: %v", c.who, e.Body.MentionAll)
		}
		if len(e.Body.Mentions) != 2 || e.Body.Mentions[0] != w.people["member"] || e.Body.Mentions[1] != w.people["other"] {
			t.Errorf("mentioned are %v", e.Body.Mentions)
		}
	}
	g := newTown(t, Group)
	ask := g.command("member", KindMessage)
	ask.Body = Body{Text: "@all", MentionAll: true}
	if !g.must(ask).Body.MentionAll {
		t.Error("in a group everybody may address all")
	}
}

func TestCreating(t *testing.T) {
	name, topic := "room", "what for"
	create := func(as OrgRole, kind RoomKind, by UserID, members ...UserID) Decision {
		c := &Command{ID: NewID(), By: by, As: as, Nonce: "n", Kind: KindRoom, Room: CreatedRoomID(by, "n")}
		c.Body = Body{Op: OpCreate, RoomKind: kind, Name: &name, Topic: &topic, Members: members}
		if kind == Direct {
			c.Room = DirectRoomID(append([]UserID{by}, members...)...)
		}
		return NewRoom(Info{}).Admit(c, 5)
	}
	ann, bob := userID(1), userID(2)
	for _, c := range []struct {
		as   OrgRole
		kind RoomKind
		want string
	}{
		{OrgMember, Channel, "yes"}, {OrgMember, Group, "yes"}, {OrgMember, Direct, "yes"},
		{OrgGuest, Channel, "forbidden"}, {OrgGuest, Group, "forbidden"}, {OrgGuest, Direct, "yes"},
		{OrgBot, Group, "yes"}, {OrgAdmin, Channel, "yes"}, {OrgOwner, Channel, "yes"}, {OrgSystem, Channel, "yes"},
	} {
		if got := verdict(create(c.as, c.kind, ann, bob)); got != c.want {
			t.Errorf("%s creates a %s: %s, want %s", c.as, c.kind, got, c.want)
		}
	}
	e := create(OrgMember, Group, bob, ann, ann).Event
	if e.Seq != 1 || e.At != 5 || len(e.Body.Members) != 2 || FirstRole(e, ann) != RoleMember || FirstRole(e, bob) != RoleOwner {
		t.Errorf("the first event is %+v", e)
	}
	r := NewRoom(Info{})
	r.Apply(e)
	if r.MemberCount != 2 || r.Owners != 1 || r.Name != name || r.Topic != topic || r.CreatedBy != bob || r.CreatedAt != 5 || r.Kind != Group {
		t.Errorf("the room is %+v", r.Info)
	}
	if e := create(OrgSystem, Channel, System).Event; len(e.Body.Members) != 0 {
		t.Errorf("the system became a member: %v", e.Body.Members)
	}
	direct := create(OrgMember, Direct, ann, bob).Event
	if direct.Body.Name != nil || FirstRole(direct, ann) != RoleOwner || FirstRole(direct, bob) != RoleOwner {
		t.Errorf("a direct room is both people's and has no name: %+v", direct.Body)
	}
	if notes := create(OrgMember, Direct, ann).Event; len(notes.Body.Members) != 1 {
		t.Errorf("notes to self are %+v", notes.Body)
	}
}

func TestCreatingAgain(t *testing.T) {
	for kind, want := range map[RoomKind]string{Channel: "conflict", Group: "conflict", Direct: "-"} {
		w := newTown(t, kind)
		c := w.command("owner", KindRoom)
		name := "again"
		c.Body = Body{Op: OpCreate, RoomKind: kind, Name: &name, Members: []UserID{w.people["other"]}}
		if kind != Direct {
			c.Nonce = "n1"
			w.room.nonces = nonces{} // as if long ago
		}
		if got := verdict(w.room.Admit(c, 0)); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}

func TestNothingIsDoneToARoomThatDoesNotExist(t *testing.T) {
	w := newTown(t, Channel)
	for _, ask := range []string{"say", "edit 2", "delete 2", "react 2", "join", "leave", "add other", "remove other", "role other owner", "rename", "archive"} {
		for _, who := range []string{"owner", "admin", "system"} {
			if got := verdict(NewRoom(Info{}).Admit(w.parse(who, ask), 0)); got != "not_found" {
				t.Errorf("%s %s: %s", who, ask, got)
			}
		}
	}
}

func TestARepeatIsTheAuthorsOwn(t *testing.T) {
	w := newTown(t, Channel)
	first := w.say("owner", "same")
	again := w.command("owner", KindRoom)
	again.Nonce, again.Body = "same", Body{Op: OpArchive}
	if d := w.room.Admit(again, 0); d.Repeat != first.Seq {
		t.Errorf("another command with the nonce became %+v", d)
	}
	if e := w.say("other", "same"); e.Seq != first.Seq+1 {
		t.Errorf("somebody else's nonce made %+v", e)
	}
}

func TestTimeDoesNotGoBack(t *testing.T) {
	w := newTown(t, Channel)
	c := w.parse("owner", "say")
	if e := w.room.Admit(c, 10).Event; e.At != 1000 {
		t.Errorf("it happened at %d", e.At)
	}
	if e := w.room.Admit(c, 5000).Event; e.At != 5000 {
		t.Errorf("it happened at %d", e.At)
	}
}

func TestOnlyMessagesAreCounted(t *testing.T) {
	w := newTown(t, Channel)
	before := w.room.Messages
	w.must(w.parse("other", "edit 2"))
	w.must(w.parse("member", "react 2"))
	if w.room.Messages != before {
		t.Errorf("%d became %d", before, w.room.Messages)
	}
	if e := w.say("other", ""); e.Messages != before+1 || w.room.Messages != before+1 {
		t.Errorf("the message counts %d, the room %d", e.Messages, w.room.Messages)
	}
}

func TestJoinsAndLeaves(t *testing.T) {
	w := newTown(t, Channel)
	for _, c := range []struct {
		who, ask string
		joins    int
		leaves   string
	}{
		{"outsider", "join", 1, ""}, {"outsider", "leave", 0, "outsider"}, {"owner", "add outsider", 1, ""},
		{"owner", "remove outsider", 0, "outsider"}, {"owner", "role other moderator", 0, ""}, {"owner", "say", 0, ""}, {"owner", "rename", 0, ""},
	} {
		e := w.must(w.parse(c.who, c.ask))
		if len(e.Joins()) != c.joins || e.Leaves() != w.people[c.leaves] {
			t.Errorf("%s: joins %v, leaves %v", c.ask, e.Joins(), e.Leaves())
		}
	}
}
