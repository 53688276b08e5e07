package contract

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
)

// Every internal message was recorded when version 1 was done; every later
// version must read those bytes, because processes of both talk to each other
// while a cluster is upgraded. A new message is recorded by
//
//	go test ./internal/contract -run Recorded -record
//
// which never writes over a recording.
var record = flag.Bool("record", false, "record messages that have no recording yet")

const recordings = "../../testdata/wire-1/messages"

// everyMessage is a value of every type that travels, by subject and part.
func everyMessage() map[string]any {
	all := map[string]any{"log.envelope": &bus.Envelope{}}
	call := func(subject string, q, a any) { all[subject+".question"], all[subject+".answer"] = q, a }
	topic := func(subject string, m any) { all[subject+".notice"] = m }
	call(SignUp.Subject(), &SignUpAsk{}, &SignedIn{})
	call(MakeInvite.Subject(), &MakeInviteAsk{}, &MadeInvite{})
	call(Invites.Subject(), &InvitesAsk{}, &InviteList{})
	call(EndInvite.Subject(), &EndInviteAsk{}, &None{})
	call(FindInvite.Subject(), &InviteAsk{}, &chat.Invite{})
	call(SignIn.Subject(), &SignInAsk{}, &SignedIn{})
	call(Refresh.Subject(), &RefreshAsk{}, &SignedIn{})
	call(Identify.Subject(), &IdentifyAsk{}, &Identity{})
	call(Logins.Subject(), &LoginsAsk{}, &LoginList{})
	call(SignOut.Subject(), &SignOutAsk{}, &None{})
	call(EditProfile.Subject(), &EditProfileAsk{}, &chat.User{})
	call(CloseAccount.Subject(), &CloseAccountAsk{}, &None{})
	call(Lookup.Subject(), &LookupAsk{}, &UserList{})
	call(FindUsers.Subject(), &FindUsersAsk{}, &UserList{})
	call(Revocations.Subject(), &RevocationsAsk{}, &RevocationList{})
	topic(Revoked.Subject(), &Number{})
	topic(UserChanged.Subject(), &chat.User{})
	call(SetAlias.Subject(), &chat.Named{}, &None{})
	call(FindAlias.Subject(), &AliasAsk{}, &AliasList{})
	call(SetToken.Subject(), &chat.DoorToken{}, &None{})
	call(FindToken.Subject(), &TokenAsk{}, &chat.DoorToken{})
	call(ListUsers.Subject(), &ListUsersAsk{}, &UserList{})
	call(SetUser.Subject(), &SetUserAsk{}, &chat.User{})
	call(OrgStats.Subject(), &StatsAsk{}, &chat.Stats{})
	call(Owners.Subject(), &None{}, &OwnersAnswer{})
	call(MyRooms.Subject(), &MyRoomsAsk{}, &MyRoomsPage{})
	call(Room.Subject(), &RoomAsk{}, &chat.Mine{})
	call(PublicRooms.Subject(), &FindRoomsAsk{}, &RoomList{})
	call(AllRooms.Subject(), &FindRoomsAsk{}, &RoomList{})
	call(Members.Subject(), &MembersAsk{}, &MemberList{})
	call(Receipts.Subject(), &ReceiptsAsk{}, &MarkList{})
	call(SetMarks.Subject(), &MarkList{}, &None{})
	call(SetMine.Subject(), &SetMineAsk{}, &chat.Mine{})
	call(ReserveHandle.Subject(), &HandleAsk{}, &None{})
	call(ReleaseHandle.Subject(), &HandleAsk{}, &None{})
	topic(JobsWait.Subject(), &None{})
	topic(Marked.Subject(), &MarkList{})
	topic(MineChanged.Subject(), &RoomAsk{})
	call(History.Subject(), &HistoryAsk{}, &HistoryPage{})
	call(Events.Subject(), &EventsAsk{}, &EventsPage{})
	call(EventOf.Subject(), &EventAsk{}, &EventsPage{})
	call(Feed.Subject(), &FeedAsk{}, &FeedPage{})
	call(Search.Subject(), &SearchAsk{}, &SearchPage{})
	call(Partitions.Subject(), &None{}, &PartitionsAnswer{})
	call(Watch.Subject(), &WatchAsk{}, &WatchAnswer{})
	call(Watchers.Subject(), &WatchersAsk{}, &WatchersAnswer{})
	topic(Noticed.Subject(), &Notice{})
	topic(Taken.Subject(), &TakenNotice{})
	topic(Owning.Subject(), &OwningNotice{})
	topic(Here.Subject(), &HereNotice{})
	topic(WhoIsHere.Subject(), &None{})
	call(PresenceOf.Subject(), &PresenceAsk{}, &PresenceList{})
	topic(WatchPresence.Subject(), &PresenceWatch{})
	topic(PresenceNews.Subject(), &PresenceList{})
	call(OnlineIn.Subject(), &OnlineAsk{}, &OnlineList{})
	topic(Typing.Subject(), &TypingNotice{})
	topic(Limited.Subject(), &LimitNotice{})
	for _, v := range all {
		f := filler{}
		f.fill(reflect.ValueOf(v).Elem())
	}
	return all
}

// filler puts something into every field, always the same.
type filler struct{ n uint64 }

// later are fields that were added after their message was recorded.
var later = map[string]bool{"WatchAsk.Registration": true, "Notice.Registration": true, "MyRoomsAsk.ByID": true,
	"SignUpAsk.Invite": true, "HistoryAsk.AroundTime": true, "RefreshAsk.Key": true, "SignInAsk.Key": true, "SignUpAsk.Key": true, "MakeInviteAsk.Key": true,
	"ReceiptsAsk.Cursor": true, "ReceiptsAsk.Limit": true, "MarkList.Next": true, "PresenceWatch.On": true, "PresenceWatch.More": true,
	"Error.Trace": true} // this one does not travel

// own are embedded structs whose fields were the message's own when it was recorded.
var own = map[string]bool{"ReceiptsAsk.RoomAsk": true}

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Interface().(type) {
	case json.RawMessage:
		v.SetBytes([]byte(`{"a":1}`))
		return
	case chat.ID:
		v.Set(reflect.ValueOf(chat.ID{6: 0x70, 8: 0x80, 15: byte(f.n)}))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			if own[name] {
				f.n-- // it is no value of its own
			}
			if !later[name] {
				f.fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.fill(v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.String:
		v.SetString("word" + strings.Repeat("y", int(f.n%3)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(int64(f.n))
	case reflect.Uint8:
		v.SetUint(1) // a kind that exists
	case reflect.Uint64, reflect.Uint32:
		v.SetUint(f.n)
	default:
		panic("a message has a field of a kind that this test does not know: " + v.Type().String())
	}
}

func encoded(v any) ([]byte, error) {
	if h, ok := v.(hot); ok {
		return h.AppendBinary(nil)
	}
	return json.Marshal(v)
}

func decoded(b []byte, v any) error {
	if h, ok := v.(hot); ok {
		return h.UnmarshalBinary(b)
	}
	return json.Unmarshal(b, v)
}

func TestRecordedMessagesAreRead(t *testing.T) {
	all := everyMessage()
	for name, want := range all {
		file := filepath.Join(recordings, name)
		b, err := os.ReadFile(file)
		if os.IsNotExist(err) && *record {
			if b, err = encoded(want); err == nil {
				err = os.WriteFile(file, b, 0o600)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		if err := decoded(b, got); err != nil {
			t.Errorf("%s cannot be read any more: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as something else:\n got %+v\nwant %+v", name, got, want)
		}
	}
	files, err := os.ReadDir(recordings)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if all[f.Name()] == nil {
			t.Errorf("%s was recorded and is unknown now: older processes still send it", f.Name())
		}
	}
}

func TestEveryLineOfTheSwitchboardIsRecorded(t *testing.T) {
	source, err := os.ReadFile("contract.go")
	if err != nil {
		t.Fatal(err)
	}
	all := everyMessage()
	for _, line := range regexp.MustCompile(`= (?:call|keyed|topic)\[.*?\]\("([a-z_.]+?)(?:\.\*)?"`).FindAllStringSubmatch(string(source), -1) {
		if subject := line[1]; all[subject+".question"] == nil && all[subject+".notice"] == nil {
			t.Errorf("%s is not in everyMessage", subject)
		}
	}
}
