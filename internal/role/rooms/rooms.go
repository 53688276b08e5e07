// Package rooms is the directory: whose rooms are which, who is in them, and
// what each member set for themselves. What happens in a room is the sequencer's;
// this role writes marks, settings and handles only, and carries out stored jobs.
package rooms

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Store is the directory.
type Store interface {
	Mine(ctx context.Context, user chat.UserID, cursor string, limit int) ([]chat.Mine, string, error)
	MineByID(ctx context.Context, user chat.UserID, cursor string, limit int) ([]chat.Mine, string, error)
	One(ctx context.Context, user chat.UserID, room chat.RoomID) (m chat.Mine, member, found bool, err error)
	Public(ctx context.Context, query, cursor string, limit int) ([]chat.Info, string, error)
	All(ctx context.Context, query, cursor string, limit int) ([]chat.Info, string, error)
	Members(ctx context.Context, room chat.RoomID, only []chat.UserID, cursor string, limit int) ([]chat.Member, string, error)
}

// Marks is what members write for themselves.
type Marks interface {
	// Marks returns those that moved, as they are then.
	Marks(ctx context.Context, marks []chat.Mark) ([]chat.Mark, error)
	Receipts(ctx context.Context, room chat.RoomID, cursor string, limit int) (marks []chat.Mark, next string, err error)
	SetMine(ctx context.Context, user chat.UserID, room chat.RoomID, set chat.Settings) error
	ReserveHandle(ctx context.Context, handle string, room chat.RoomID) error
	ReleaseHandle(ctx context.Context, handle string, room chat.RoomID) error
}

// Roles says who runs the installation.
type Roles interface {
	Role(ctx context.Context, user chat.UserID) (role chat.OrgRole, found bool, err error)
}

// Limits of a page.
const (
	mostRooms   = 500
	mostMembers = 1000
)

// Rooms is the role.
type Rooms struct {
	bus     *bus.Bus
	store   Store
	own     Marks
	roles   Roles
	clerk   *clerk
	log     *slog.Logger
	metrics *metrics
}

// New makes the role; it does no I/O.
func New(b *bus.Bus, store Store, own Marks, roles Roles, jobs Jobs, events Events, log *slog.Logger, reg prometheus.Registerer) *Rooms {
	log = log.With("role", "rooms")
	m := newMetrics(reg)
	clerk := &clerk{bus: b, jobs: jobs, events: events, reserve: own.ReserveHandle, log: log, metrics: m, kick: make(chan struct{}, 1), idle: map[uint64]bool{}}
	return &Rooms{bus: b, store: store, own: own, roles: roles, clerk: clerk, log: log, metrics: m}
}

// Name is the role's name.
func (r *Rooms) Name() string { return "rooms" }

// Run answers, and carries out jobs, until ctx ends.
func (r *Rooms) Run(ctx context.Context, ready func()) error {
	subs := r.listen()
	if err := subs.Err(); err != nil {
		_ = subs.Stop()
		return err
	}
	ready()
	r.clerk.run(ctx)
	return subs.Stop()
}

func (r *Rooms) listen() *bus.Subscriptions {
	var subs bus.Subscriptions
	seen := r.metrics.seen
	subs.Add(contract.MyRooms.Answer(r.bus, r.mine, seen))
	subs.Add(contract.Room.Answer(r.bus, r.one, seen))
	subs.Add(contract.PublicRooms.Answer(r.bus, r.public, seen))
	subs.Add(contract.AllRooms.Answer(r.bus, r.all, seen))
	subs.Add(contract.Members.Answer(r.bus, r.members, seen))
	subs.Add(contract.Receipts.Answer(r.bus, r.receipts, seen))
	subs.Add(contract.SetMarks.Answer(r.bus, r.mark, seen))
	subs.Add(contract.SetMine.Answer(r.bus, r.setMine, seen))
	subs.Add(contract.ReserveHandle.Answer(r.bus, r.reserve, seen))
	subs.Add(contract.ReleaseHandle.Answer(r.bus, r.release, seen))
	subs.Add(contract.JobsWait.Subscribe(r.bus, func(context.Context, *contract.None) { r.clerk.wake() }))
	return &subs
}

func bounded(asked, most int) int {
	if asked <= 0 {
		return most
	}
	return min(asked, most)
}

func (r *Rooms) mine(ctx context.Context, q *contract.MyRoomsAsk) (*contract.MyRoomsPage, error) {
	mine := r.store.Mine
	if q.ByID {
		mine = r.store.MineByID
	}
	list, next, err := mine(ctx, q.User, q.Cursor, bounded(q.Limit, mostRooms))
	return &contract.MyRoomsPage{Rooms: list, Next: next}, err
}

// see finds a room that the asker may see: a member any room, everybody a
// channel, who runs the installation all of them. What they may not see is not
// there.
func (r *Rooms) see(ctx context.Context, q *contract.RoomAsk) (m chat.Mine, member bool, err error) {
	m, member, found, err := r.store.One(ctx, q.User, q.Room)
	if err == nil && (!found || !member && m.Kind != chat.Channel && !q.Runs) {
		err = chat.Errorf(chat.NotFound, "there is no such room")
	}
	return m, member, err
}

func (r *Rooms) one(ctx context.Context, q *contract.RoomAsk) (*chat.Mine, error) {
	m, _, err := r.see(ctx, q)
	return &m, err
}

func (r *Rooms) public(ctx context.Context, q *contract.FindRoomsAsk) (*contract.RoomList, error) {
	list, next, err := r.store.Public(ctx, q.Query, q.Cursor, bounded(q.Limit, mostRooms))
	return &contract.RoomList{Rooms: list, Next: next}, err
}

func (r *Rooms) all(ctx context.Context, q *contract.FindRoomsAsk) (*contract.RoomList, error) {
	if !q.By.IsZero() { // the zero id is an operator at the machine
		role, _, err := r.roles.Role(ctx, q.By)
		if err != nil {
			return nil, err
		}
		if !role.Runs() {
			return nil, chat.Errorf(chat.Forbidden, "that takes an owner or admin")
		}
	}
	list, next, err := r.store.All(ctx, q.Query, q.Cursor, bounded(q.Limit, mostRooms))
	return &contract.RoomList{Rooms: list, Next: next}, err
}

func (r *Rooms) members(ctx context.Context, q *contract.MembersAsk) (*contract.MemberList, error) {
	if _, _, err := r.see(ctx, &q.RoomAsk); err != nil {
		return nil, err
	}
	list, next, err := r.store.Members(ctx, q.Room, q.Only, q.Cursor, bounded(q.Limit, mostMembers))
	return &contract.MemberList{Members: list, Next: next}, err
}

func (r *Rooms) receipts(ctx context.Context, q *contract.ReceiptsAsk) (*contract.MarkList, error) {
	if _, _, err := r.see(ctx, &q.RoomAsk); err != nil {
		return nil, err
	}
	list, next, err := r.own.Receipts(ctx, q.Room, q.Cursor, bounded(q.Limit, mostMembers))
	return &contract.MarkList{Marks: list, Next: next}, err
}

// mark writes what a gateway has gathered, and then tells those who watch what is
// true by that: clients may say any number.
func (r *Rooms) mark(ctx context.Context, q *contract.MarkList) (*contract.None, error) {
	moved, err := r.own.Marks(ctx, q.Marks)
	if len(moved) == 0 {
		return &contract.None{}, err
	}
	if err := contract.Marked.Publish(ctx, r.bus, &contract.MarkList{Marks: moved, From: q.From}); err != nil {
		r.log.Debug("receipts were not told", "err", err)
	}
	return &contract.None{}, err
}

func (r *Rooms) setMine(ctx context.Context, q *contract.SetMineAsk) (*chat.Mine, error) {
	if n := q.Settings.Notify; n != nil && *n != chat.NotifyAll && *n != chat.NotifyMentions && *n != chat.NotifyNone {
		return nil, chat.Errorf(chat.Invalid, "notify is all, mentions or none")
	}
	ask := contract.RoomAsk{User: q.User, Room: q.Room}
	_, member, err := r.see(ctx, &ask)
	if err == nil && !member {
		err = chat.Errorf(chat.Forbidden, "join the channel first")
	}
	if err == nil {
		err = r.own.SetMine(ctx, q.User, q.Room, q.Settings)
	}
	if err != nil {
		return nil, err
	}
	if err := contract.MineChanged.Publish(ctx, r.bus, &ask); err != nil {
		r.log.Debug("changed settings were not told", "err", err)
	}
	return r.one(ctx, &ask)
}

// reserve keeps a handle for a room that is about to be made. One that exists has
// the handle that it was made with: who makes it again, with the same key, is given
// that room, and another handle would stay reserved for ever.
func (r *Rooms) reserve(ctx context.Context, q *contract.HandleAsk) (*contract.None, error) {
	m, _, found, err := r.store.One(ctx, chat.UserID{}, q.Room)
	if err != nil || found && m.Handle != q.Handle {
		return &contract.None{}, err
	}
	return &contract.None{}, r.own.ReserveHandle(ctx, q.Handle, q.Room)
}

func (r *Rooms) release(ctx context.Context, q *contract.HandleAsk) (*contract.None, error) {
	return &contract.None{}, r.own.ReleaseHandle(ctx, q.Handle, q.Room)
}
