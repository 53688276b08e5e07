package chat

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	by, other := userID(1), userID(2)
	name, blank, long, zero, bad := "name", " ", strings.Repeat("n", MaxTopic+1), "a\x00b", "\xff"
	longName := strings.Repeat("n", MaxName+1)
	people := make([]UserID, MaxFirst+1)
	for i := range people {
		people[i] = NewID()
	}
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	create := func(b Body) Command {
		b.Op = OpCreate
		return Command{Kind: KindRoom, Room: CreatedRoomID(by, "n"), Body: b}
	}
	for what, c := range map[string]struct {
		cmd  Command
		want Code
	}{
		"a message":              {Command{Kind: KindMessage, Body: Body{Text: "hi"}}, ""},
		"attachments only":       {Command{Kind: KindMessage, Body: Body{Attachments: raw(` [{"url":"x"}]`)}}, ""},
		"meta only":              {Command{Kind: KindMessage, Body: Body{Meta: raw(`{}`)}}, ""},
		"an empty message":       {Command{Kind: KindMessage}, Invalid},
		"the longest text":       {Command{Kind: KindMessage, Body: Body{Text: strings.Repeat("x", MaxText)}}, ""},
		"a longer text":          {Command{Kind: KindMessage, Body: Body{Text: strings.Repeat("x", MaxText+1)}}, TooLarge},
		"U+0000":                 {Command{Kind: KindMessage, Body: Body{Text: zero}}, Invalid},
		"no UTF-8":               {Command{Kind: KindMessage, Body: Body{Text: bad}}, Invalid},
		"meta is no object":      {Command{Kind: KindMessage, Body: Body{Meta: raw(`[]`)}}, Invalid},
		"meta is no JSON":        {Command{Kind: KindMessage, Body: Body{Meta: raw(`{`)}}, Invalid},
		"meta is empty":          {Command{Kind: KindMessage, Body: Body{Meta: raw(``)}}, Invalid},
		"much meta":              {Command{Kind: KindMessage, Body: Body{Meta: raw(`{"a":"` + strings.Repeat("x", MaxMeta) + `"}`)}}, TooLarge},
		"attachments no array":   {Command{Kind: KindMessage, Body: Body{Attachments: raw(`{}`)}}, Invalid},
		"attachments no JSON":    {Command{Kind: KindMessage, Body: Body{Attachments: raw(`[1,`)}}, Invalid},
		"10 attachments":         {Command{Kind: KindMessage, Body: Body{Attachments: raw(`[1,2,3,4,5,6,7,8,9,10]`)}}, ""},
		"11 attachments":         {Command{Kind: KindMessage, Body: Body{Attachments: raw(`[1,2,3,4,5,6,7,8,9,10,11]`)}}, Invalid},
		"much attached":          {Command{Kind: KindMessage, Body: Body{Attachments: raw(`["` + strings.Repeat("x", MaxText) + `"]`)}}, TooLarge},
		"many mentions":          {Command{Kind: KindMessage, Body: Body{Text: "x", Mentions: people[:MaxMentions+1]}}, TooLarge},
		"an edit":                {Command{Kind: KindEdit, Target: 1, Body: Body{Text: "x"}}, ""},
		"an edit of nothing":     {Command{Kind: KindEdit, Body: Body{Text: "x"}}, Invalid},
		"an edit to nothing":     {Command{Kind: KindEdit, Target: 1, Body: Body{Text: " \n"}}, Invalid},
		"a delete":               {Command{Kind: KindDelete, Target: 1}, ""},
		"a delete of nothing":    {Command{Kind: KindDelete}, Invalid},
		"a reaction":             {Command{Kind: KindReaction, Target: 1, Body: Body{Emoji: "👍", Op: OpAdd}}, ""},
		"a reaction to nothing":  {Command{Kind: KindReaction, Body: Body{Emoji: "👍", Op: OpAdd}}, Invalid},
		"no emoji":               {Command{Kind: KindReaction, Target: 1, Body: Body{Op: OpAdd}}, Invalid},
		"a long emoji":           {Command{Kind: KindReaction, Target: 1, Body: Body{Emoji: strings.Repeat("x", MaxEmoji+1), Op: OpAdd}}, Invalid},
		"a reaction's op":        {Command{Kind: KindReaction, Target: 1, Body: Body{Emoji: "x", Op: OpJoin}}, Invalid},
		"join":                   {Command{Kind: KindMember, Body: Body{Op: OpJoin, User: by}}, ""},
		"join somebody else":     {Command{Kind: KindMember, Body: Body{Op: OpJoin, User: other}}, Invalid},
		"leave for somebody":     {Command{Kind: KindMember, Body: Body{Op: OpLeave, User: other}}, Invalid},
		"add":                    {Command{Kind: KindMember, Body: Body{Op: OpAdd, User: other}}, ""},
		"add as boss":            {Command{Kind: KindMember, Body: Body{Op: OpAdd, User: other, Role: "boss"}}, Invalid},
		"add nobody":             {Command{Kind: KindMember, Body: Body{Op: OpAdd}}, Invalid},
		"no role":                {Command{Kind: KindMember, Body: Body{Op: OpRole, User: other}}, Invalid},
		"remove":                 {Command{Kind: KindMember, Body: Body{Op: OpRemove, User: other}}, ""},
		"a member's op":          {Command{Kind: KindMember, Body: Body{Op: "kick", User: other}}, Invalid},
		"rename":                 {Command{Kind: KindRoom, Body: Body{Op: OpRename, Name: &name}}, ""},
		"rename to blank":        {Command{Kind: KindRoom, Body: Body{Op: OpRename, Name: &blank}}, Invalid},
		"rename to nothing":      {Command{Kind: KindRoom, Body: Body{Op: OpRename}}, Invalid},
		"a long name":            {Command{Kind: KindRoom, Body: Body{Op: OpRename, Name: &longName}}, TooLarge},
		"no topic":               {Command{Kind: KindRoom, Body: Body{Op: OpTopic}}, Invalid},
		"a blank topic":          {Command{Kind: KindRoom, Body: Body{Op: OpTopic, Topic: &blank}}, ""},
		"a long topic":           {Command{Kind: KindRoom, Body: Body{Op: OpTopic, Topic: &long}}, TooLarge},
		"no settings":            {Command{Kind: KindRoom, Body: Body{Op: OpSettings}}, Invalid},
		"settings without name":  {Command{Kind: KindRoom, Body: Body{Op: OpSettings, Name: &blank}}, Invalid},
		"archive":                {Command{Kind: KindRoom, Body: Body{Op: OpArchive}}, ""},
		"a room's op":            {Command{Kind: KindRoom, Body: Body{Op: "burn"}}, Invalid},
		"create":                 {create(Body{RoomKind: Channel, Name: &name, Handle: "a.b-c_1"}), ""},
		"create without a name":  {create(Body{RoomKind: Channel}), Invalid},
		"create with a blank":    {create(Body{RoomKind: Group, Name: &blank}), Invalid},
		"create a palace":        {create(Body{RoomKind: "palace", Name: &name}), Invalid},
		"create with nobody":     {create(Body{RoomKind: Group, Name: &name, Members: []UserID{{}}}), Invalid},
		"create for a thousand":  {create(Body{RoomKind: Group, Name: &name, Members: people[:MaxFirst]}), ""},
		"create for more":        {create(Body{RoomKind: Group, Name: &name, Members: people}), TooLarge},
		"a handle":               {create(Body{RoomKind: Channel, Name: &name, Handle: "No Handle"}), Invalid},
		"a group's handle":       {create(Body{RoomKind: Group, Name: &name, Handle: "h"}), Invalid},
		"a name with U+0000":     {create(Body{RoomKind: Group, Name: &zero}), Invalid},
		"create under an own id": {Command{Kind: KindRoom, Room: other, Body: Body{Op: OpCreate, RoomKind: Group, Name: &name}}, Invalid},
		"direct":                 {Command{Kind: KindRoom, Room: DirectRoomID(by, other), Body: Body{Op: OpCreate, RoomKind: Direct, Members: []UserID{other}}}, ""},
		"direct, naming both":    {Command{Kind: KindRoom, Room: DirectRoomID(by, other), Body: Body{Op: OpCreate, RoomKind: Direct, Members: []UserID{other, by}}}, ""},
		"direct of others":       {Command{Kind: KindRoom, Room: DirectRoomID(other, userID(3)), Body: Body{Op: OpCreate, RoomKind: Direct, Members: []UserID{other}}}, Invalid},
		"direct of three":        {Command{Kind: KindRoom, Room: DirectRoomID(by, other, userID(3)), Body: Body{Op: OpCreate, RoomKind: Direct, Members: []UserID{other, userID(3)}}}, Invalid},
		"no kind":                {Command{}, Invalid},
		"an unknown kind":        {Command{Kind: 7}, Invalid},
		"a long nonce":           {Command{Kind: KindDelete, Target: 1, Nonce: strings.Repeat("n", MaxNonce+1)}, Invalid},
		"a nonce with U+0000":    {Command{Kind: KindDelete, Target: 1, Nonce: zero}, Invalid},
		"an alias without UTF-8": {Command{Kind: KindDelete, Target: 1, Alias: &Alias{Foreign: bad}}, Invalid},
	} {
		cmd := c.cmd
		cmd.ID, cmd.By, cmd.As = NewID(), by, OrgMember
		if cmd.Room.IsZero() {
			cmd.Room = other
		}
		if cmd.Nonce == "" {
			cmd.Nonce = "n"
		}
		if got := codeOf(cmd.Check()); got != c.want {
			t.Errorf("%s: got %q, want %q", what, got, c.want)
		}
	}
}

func codeOf(err *Error) Code {
	if err == nil {
		return ""
	}
	return err.Code
}

func TestACommandNamesItsRoomItsAuthorAndItself(t *testing.T) {
	whole := Command{ID: NewID(), Room: NewID(), By: NewID(), Nonce: "n", Kind: KindDelete, Target: 1}
	if err := whole.Check(); err != nil {
		t.Fatal(err)
	}
	for i, c := range []Command{whole, whole, whole, whole} {
		switch i {
		case 0:
			c.ID = ID{}
		case 1:
			c.Room = ID{}
		case 2:
			c.By = ID{}
		case 3:
			c.Nonce = ""
		}
		if got := codeOf(c.Check()); got != Invalid {
			t.Errorf("%d: %q", i, got)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	for kind, want := range map[Kind]string{0: "unknown", 1: "message", 2: "edit", 3: "delete", 4: "reaction", 5: "member", 6: "room", 7: "unknown", 255: "unknown"} {
		if kind.String() != want || kind.Known() != (want != "unknown") {
			t.Errorf("%d is %s, known: %v", kind, kind, kind.Known())
		}
	}
}

// What a careless gateway puts beside what a kind can say does not get into the
// record.
func TestAnEventSaysOnlyWhatItsKindCanSay(t *testing.T) {
	w := newTown(t, Channel)
	name, bad, yes := "smuggled", "\xff", true
	full := Body{Text: "x", Emoji: "👍", User: w.people["outsider"], Role: RoleMember, RoomKind: Group, Name: &name, Handle: "h",
		Topic: &name, ReadOnly: &yes, Members: []UserID{w.people["outsider"]}, Deleted: true, Op: Op(bad)}
	for _, c := range []struct {
		kind   Kind
		op     Op
		target uint64
		want   Body
	}{
		{KindMessage, Op(bad), 2, Body{Text: "x"}},
		{KindReaction, OpAdd, 2, Body{Emoji: "👍", Op: OpAdd}},
		{KindMember, OpRemove, 2, Body{Op: OpRemove, User: w.people["other"]}},
		{KindRoom, OpRename, 2, Body{Op: OpRename, Name: &name}},
		{KindRoom, OpTopic, 2, Body{Op: OpTopic, Topic: &name}},
		{KindDelete, Op(bad), 2, Body{}},
	} {
		cmd := w.command("owner", c.kind)
		cmd.Target, cmd.Body = c.target, full
		cmd.Body.Op = c.op
		if c.kind == KindMember {
			cmd.Body.User = w.people["other"]
		}
		e := w.must(cmd)
		if !reflect.DeepEqual(e.Body, c.want) {
			t.Errorf("%s %s says %+v, want %+v", c.kind, c.op, e.Body, c.want)
		}
		if about := c.kind == KindReaction || c.kind == KindDelete; about != (e.Target == 2) {
			t.Errorf("%s is about %d", c.kind, e.Target)
		}
	}
}

// Any command at all: nobody panics, what is refused changes nothing, and what
// is admitted can be applied.
func FuzzAdmit(f *testing.F) {
	seed := func(c Command) {
		b, _ := json.Marshal(c)
		f.Add(b, uint8(1), uint8(0))
	}
	name := "x"
	seed(Command{Nonce: "n", Kind: KindMessage, Body: Body{Text: "hi", ReplyTo: 2}})
	seed(Command{Nonce: "n", Kind: KindEdit, Target: 2, Body: Body{Text: "hi"}})
	seed(Command{Nonce: "n", Kind: KindDelete, Target: 2})
	seed(Command{Nonce: "n", Kind: KindReaction, Target: 2, Body: Body{Emoji: "👍", Op: OpAdd}})
	seed(Command{Nonce: "n", Kind: KindMember, Body: Body{Op: OpJoin, User: userID(5)}})
	seed(Command{Nonce: "n", Kind: KindRoom, Body: Body{Op: OpRename, Name: &name}})
	seed(Command{Nonce: "n", Kind: KindRoom, Body: Body{Op: OpCreate, RoomKind: Direct, Name: &name}})
	f.Fuzz(func(t *testing.T, data []byte, who, kind uint8) {
		var c Command
		if json.Unmarshal(data, &c) != nil {
			return
		}
		people := []string{"owner", "moderator", "member", "other", "outsider", "guest", "admin", "system"}
		kinds := []RoomKind{Channel, Group, Direct}
		w := newTown(t, kinds[int(kind)%len(kinds)])
		name := people[int(who)%len(people)]
		c.ID, c.By, c.As = NewID(), w.people[name], w.as[name]
		if c.Room.IsZero() {
			c.Room = w.id
		}
		for _, r := range []*Room{w.room, NewRoom(Info{}), NewRoom(w.room.Info)} {
			before := clone(r)
			r.Missing(&c)
			d := r.Admit(&c, 5)
			if !reflect.DeepEqual(before, r) {
				t.Fatalf("deciding about %+v changed the room", c)
			}
			if refused := c.Check(); refused != nil && d.Event != nil {
				t.Fatalf("%+v was admitted against %v", c, refused)
			}
			if d.Event != nil {
				r.Apply(d.Event)
			}
		}
	})
}
