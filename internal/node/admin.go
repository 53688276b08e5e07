package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/store"
)

// admin answers operators at the machine, over a socket in the data folder that
// only its owner can open.
type admin struct {
	bus    *bus.Bus
	store  *store.Store
	health *health
	url    string // where people find the server; empty: not known here
}

var errNoStore = chat.Errorf(chat.Invalid, "that takes the database: give --store")

// The questions of operators' commands. A user or room is named by id, by
// @username, or by handle or a name that no other has.
type (
	// AddUser makes a password account, or a bot without one.
	AddUser struct {
		Username    string       `json:"username"`
		Password    string       `json:"password"`
		DisplayName string       `json:"display_name"`
		Bot         bool         `json:"bot"`
		Role        chat.OrgRole `json:"role"` // empty: as sign-up gives
	}
	// SetPassword replaces somebody's password and ends their sessions.
	SetPassword struct {
		User     string `json:"user"`
		Password string `json:"password"`
	}
	// SetBan bans somebody or lifts the ban.
	SetBan struct {
		User   string `json:"user"`
		Banned bool   `json:"banned"`
	}
	// MakeInvite makes an invite for so many people and seconds, into a room or none.
	MakeInvite struct {
		MaxUses int    `json:"max_uses"`
		Seconds int64  `json:"seconds"`
		Room    string `json:"room"`
	}
	// Invitation is an invite, and where people find the server that it is for:
	// empty where that is not known.
	Invitation struct {
		contract.MadeInvite
		URL string `json:"url,omitempty"`
	}
	// List pages through users or rooms.
	List struct {
		Query  string `json:"query"`
		Cursor string `json:"cursor"`
	}
	// Explain asks where an event came from.
	Explain struct {
		Room string `json:"room"`
		Seq  uint64 `json:"seq"`
	}
	// Explanation is what is known of an event.
	Explanation struct {
		Event     chat.Event `json:"event"`
		Head      uint64     `json:"head"`
		Partition int        `json:"partition"`
		Watchers  []uint64   `json:"watchers"`          // gateway runs
		Unknown   string     `json:"unknown,omitempty"` // why the watchers are not known
	}
)

// Progress is one line of an answer that takes long; the last one has Done or
// Error.
type Progress struct {
	Said   string          `json:"said,omitempty"`
	Done   bool            `json:"done,omitempty"`
	Error  *chat.Error     `json:"error,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"`
}

func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	a.health.mountPrivate(mux)
	answer(mux, "user/add", a.addUser)
	answer(mux, "user/list", a.listUsers)
	answer(mux, "user/passwd", a.setPassword)
	answer(mux, "user/ban", a.setBan)
	answer(mux, "user/invite", a.makeInvite)
	answer(mux, "room/list", a.listRooms)
	answer(mux, "explain", a.explain)
	answer(mux, "roles", a.roles)
	stream(mux, "verify", a.verify)
	return mux
}

// answer mounts a question with a short answer.
func answer[Q, A any](mux *http.ServeMux, path string, fn func(context.Context, *Q) (*A, error)) {
	mux.HandleFunc("POST /"+path, func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			say(w, http.StatusBadRequest, chat.Errorf(chat.Malformed, "%v", err))
			return
		}
		a, err := fn(r.Context(), &q)
		if err != nil {
			say(w, http.StatusConflict, told(err))
			return
		}
		say(w, http.StatusOK, a)
	})
}

// told is what an operator may see of an error: all of it.
func told(err error) *chat.Error {
	var e *chat.Error
	if errors.As(err, &e) {
		return e
	}
	return &chat.Error{Code: chat.Internal, Text: err.Error()}
}

// stream mounts a question whose answer takes long: it tells how it goes.
func stream[Q, A any](mux *http.ServeMux, path string, fn func(ctx context.Context, q *Q, say func(string)) (*A, error)) {
	mux.HandleFunc("POST /"+path, func(w http.ResponseWriter, r *http.Request) {
		lines := json.NewEncoder(w)
		tell := func(p Progress) {
			_ = lines.Encode(p)
			_ = http.NewResponseController(w).Flush()
		}
		var q Q
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			tell(Progress{Error: chat.Errorf(chat.Malformed, "%v", err)})
			return
		}
		a, err := fn(r.Context(), &q, func(said string) { tell(Progress{Said: said}) })
		if err != nil {
			tell(Progress{Error: told(err)})
			return
		}
		raw, err := json.Marshal(a)
		if err != nil {
			tell(Progress{Error: told(err)})
			return
		}
		tell(Progress{Done: true, Answer: raw})
	})
}

func (a *admin) addUser(ctx context.Context, q *AddUser) (*chat.User, error) {
	name := chat.FoldUsername(q.Username)
	if err := chat.CheckUsername(name); err != nil {
		return nil, err
	}
	if !q.Bot || q.Password != "" {
		if err := chat.CheckPassword(q.Password); err != nil {
			return nil, err
		}
	}
	if q.Role != "" && q.Role != chat.OrgOwner && !q.Bot {
		if a, err := contract.Owners.Ask(ctx, a.bus, &contract.None{}); err != nil {
			return nil, err
		} else if a.Owners == 0 {
			return nil, chat.Errorf(chat.Conflict, "the first account owns the installation: add the owner first, and then %s as %s", name, q.Role)
		}
	}
	made, err := contract.SignUp.Ask(ctx, a.bus, &contract.SignUpAsk{
		Username: name, Password: q.Password, DisplayName: q.DisplayName, Bot: q.Bot, Quiet: true})
	if err != nil {
		return nil, err
	}
	if q.Role == "" {
		return &made.User, nil
	}
	return contract.SetUser.Ask(ctx, a.bus, &contract.SetUserAsk{User: made.User.ID, Role: &q.Role})
}

func (a *admin) listUsers(ctx context.Context, q *List) (*contract.UserList, error) {
	return contract.ListUsers.Ask(ctx, a.bus, &contract.ListUsersAsk{Query: q.Query, Cursor: q.Cursor, Limit: 200})
}

func (a *admin) setPassword(ctx context.Context, q *SetPassword) (*chat.User, error) {
	u, err := a.user(ctx, q.User)
	if err != nil {
		return nil, err
	}
	if err := chat.CheckPassword(q.Password); err != nil {
		return nil, err
	}
	return contract.EditProfile.Ask(ctx, a.bus, &contract.EditProfileAsk{User: u.ID, NewPassword: q.Password, Operator: true})
}

func (a *admin) setBan(ctx context.Context, q *SetBan) (*chat.User, error) {
	u, err := a.user(ctx, q.User)
	if err != nil {
		return nil, err
	}
	return contract.SetUser.Ask(ctx, a.bus, &contract.SetUserAsk{User: u.ID, Banned: &q.Banned})
}

func (a *admin) makeInvite(ctx context.Context, q *MakeInvite) (*Invitation, error) {
	ask := contract.MakeInviteAsk{MaxUses: q.MaxUses, Seconds: q.Seconds}
	if q.Room != "" {
		room, err := a.room(ctx, q.Room)
		if err != nil {
			return nil, err
		}
		ask.Room = room.ID
	}
	made, err := contract.MakeInvite.Ask(ctx, a.bus, &ask)
	if err != nil {
		return nil, err
	}
	return &Invitation{*made, a.url}, nil
}

// user finds somebody by id or name.
func (a *admin) user(ctx context.Context, who string) (*chat.User, error) {
	ask := contract.LookupAsk{Names: []string{chat.FoldUsername(strings.TrimPrefix(who, "@"))}}
	if id, err := chat.ParseID(who); err == nil {
		ask = contract.LookupAsk{IDs: []chat.UserID{id}}
	}
	found, err := contract.Lookup.Ask(ctx, a.bus, &ask)
	if err != nil {
		return nil, err
	}
	if len(found.Users) == 0 {
		return nil, chat.Errorf(chat.NotFound, "there is no user %q", who)
	}
	return &found.Users[0], nil
}

func (a *admin) listRooms(ctx context.Context, q *List) (*contract.RoomList, error) {
	return contract.AllRooms.Ask(ctx, a.bus, &contract.FindRoomsAsk{Query: q.Query, Cursor: q.Cursor, Limit: 200})
}

// WhoRuns is every process that answered, and the partitions that nobody owns.
type WhoRuns struct {
	Processes []contract.Process `json:"processes"`
	Orphans   []int              `json:"orphans,omitempty"`
	Unknown   string             `json:"unknown,omitempty"` // why the number of partitions is not known
}

// order is where the first of the roles stands in the order in which they start.
func order(playing []contract.Role) int {
	if len(playing) == 0 {
		return -1
	}
	return slices.Index(contract.Roles, playing[0])
}

func (a *admin) roles(ctx context.Context, _ *contract.None) (*WhoRuns, error) {
	processes, err := contract.WhoRuns.Ask(ctx, a.bus, &contract.None{})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(processes, func(a, b contract.Process) int {
		return cmp.Or(order(a.Roles)-order(b.Roles), cmp.Compare(a.Host, b.Host), a.PID-b.PID)
	})
	who := &WhoRuns{Processes: processes}
	owned := map[int]bool{}
	for _, p := range processes {
		for _, s := range p.Partitions {
			owned[s.Partition] = true
		}
	}
	partitions, err := contract.Partitions.Ask(ctx, a.bus, &contract.None{})
	if err != nil {
		who.Unknown = "no sequencer says how many partitions there are"
		return who, nil
	}
	for p := range partitions.Partitions {
		if !owned[p] {
			who.Orphans = append(who.Orphans, p)
		}
	}
	return who, nil
}

func (a *admin) explain(ctx context.Context, q *Explain) (*Explanation, error) {
	room, err := a.room(ctx, q.Room)
	if err != nil {
		return nil, err
	}
	if a.store == nil {
		return nil, errNoStore
	}
	e, found, err := a.store.Explain(ctx, room.ID, q.Seq)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, chat.Errorf(chat.NotFound, "room %s has no number %d; it stands at %d", room.ID, q.Seq, room.Head)
	}
	partitions, err := a.store.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Event: e, Head: room.Head, Partition: chat.PartitionOf(room.ID, partitions)}
	watchers, err := contract.Watchers.At(contract.Partition(x.Partition)).Ask(ctx, a.bus, &contract.WatchersAsk{Room: room.ID})
	if err != nil {
		x.Unknown = "the partition's owner does not answer"
	} else {
		x.Watchers = watchers.Runs
	}
	return x, nil
}

// room finds a room by id, handle or name: the one with the handle, or the only
// one with the name. Everybody may give a room the name of another.
func (a *admin) room(ctx context.Context, which string) (*chat.Info, error) {
	if id, err := chat.ParseID(which); err == nil {
		m, err := contract.Room.Ask(ctx, a.bus, &contract.RoomAsk{Room: id, Runs: true})
		if err != nil {
			return nil, err
		}
		return &m.Info, nil
	}
	name := strings.TrimPrefix(which, "#")
	var named []chat.Info
	ask := contract.FindRoomsAsk{Query: name, Limit: 200}
	for more := name != ""; more; more = ask.Cursor != "" {
		list, err := contract.AllRooms.Ask(ctx, a.bus, &ask)
		if err != nil {
			return nil, err
		}
		for i := range list.Rooms {
			switch r := &list.Rooms[i]; name {
			case r.Handle:
				return r, nil
			case r.Name:
				named = append(named, *r)
			}
		}
		ask.Cursor = list.Next
	}
	switch len(named) {
	case 0:
		return nil, chat.Errorf(chat.NotFound, "there is no room %q", which)
	case 1:
		return &named[0], nil
	}
	return nil, ambiguous(which, named)
}

// mostNamed is how many rooms of one name are listed.
const mostNamed = 20

func ambiguous(which string, named []chat.Info) error {
	var ids []string
	for i := range named[:min(len(named), mostNamed)] {
		ids = append(ids, fmt.Sprint(named[i].ID))
	}
	if more := len(named) - len(ids); more > 0 {
		ids = append(ids, fmt.Sprintf("and %d more", more))
	}
	return chat.Errorf(chat.Conflict, "%d rooms have the name %q: say which by its id: %s", len(named), which, strings.Join(ids, ", "))
}

func (a *admin) verify(ctx context.Context, _ *contract.None, say func(string)) (*store.Report, error) {
	if a.store == nil {
		return nil, errNoStore
	}
	report, err := a.store.Verify(ctx, say)
	return &report, err
}

// openSocket opens the socket in the data folder, to the folder's owner only. The
// folder is ours: it is locked.
func (n *Node) openSocket() (net.Listener, error) {
	path := Socket(n.cfg.Data)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// serveAdmin opens the socket where there is a data folder and, where asked for,
// the admin port with pprof and metrics.
func (n *Node) serveAdmin(a *admin, operators net.Listener, ends *ends, failed chan<- error) error {
	if n.cfg.usesData() {
		l, err := n.openSocket()
		if err != nil {
			return fmt.Errorf("opening the socket for operators: %w", err)
		}
		n.serveOperators(l, a.handler(), ends, failed)
	}
	if operators == nil {
		return nil
	}
	mux := http.NewServeMux()
	a.health.mountPrivate(mux)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	n.serveOperators(operators, mux, ends, failed)
	n.log.Info("admin port open", "listen", operators.Addr().String())
	return nil
}

func (n *Node) serveOperators(l net.Listener, handler http.Handler, ends *ends, failed chan<- error) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ends.add("admin", server.Shutdown)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serving operators: %w", err)
		}
	}()
}
