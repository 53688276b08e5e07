package native

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

type roomOut struct {
	Status int
	Body   room
}

type roomsOut struct {
	Body struct {
		Rooms      []room `json:"rooms"`
		NextCursor string `json:"next_cursor,omitempty"`
	}
}

// roomRoutes are the directory of rooms and a room's settings.
func (d *Door) roomRoutes(api huma.API) {
	on(d, api, route{method: http.MethodPost, path: "/v1/rooms", name: "create-room", status: http.StatusCreated,
		spends: gateway.LimitCommand, errors: []chat.Code{chat.Forbidden, chat.NotFound, chat.Conflict},
		also: map[int]other{http.StatusOK: {"the direct room that exists", reflect.TypeFor[room]()}}, summary: "Make a room"}, d.createRoom)
	on(d, api, route{method: http.MethodGet, path: "/v1/rooms", name: "list-rooms",
		spends: gateway.LimitRead, summary: "My rooms, the most recently active first or by id, or with scope=public the channels"}, d.listRooms)
	on(d, api, route{method: http.MethodGet, path: "/v1/rooms/{room}", name: "get-room",
		spends: gateway.LimitRead, errors: []chat.Code{chat.NotFound}, summary: "One room"}, d.getRoom)
	on(d, api, route{method: http.MethodPatch, path: "/v1/rooms/{room}", name: "edit-room",
		spends: gateway.LimitCommand, errors: []chat.Code{chat.Forbidden, chat.NotFound, chat.Conflict},
		summary: "Change name, topic or who may write"}, d.editRoom)
	on(d, api, route{method: http.MethodDelete, path: "/v1/rooms/{room}", name: "archive-room", status: http.StatusNoContent,
		spends: gateway.LimitCommand, errors: []chat.Code{chat.Forbidden, chat.NotFound, chat.Conflict},
		summary: "Archive a room; its history stays"}, d.archiveRoom)
	on(d, api, route{method: http.MethodPatch, path: "/v1/rooms/{room}/me", name: "edit-my-room",
		spends: gateway.LimitRead, errors: []chat.Code{chat.Forbidden, chat.NotFound}, summary: "My own settings of a room"}, d.editMine)
}

type createRoomIn struct {
	Key
	Body createRoomInBody
}

type createRoomInBody struct {
	Kind    chat.RoomKind `json:"kind" enum:"channel,group,direct"`
	Name    string        `json:"name,omitempty" maxLength:"120"`
	Handle  string        `json:"handle,omitempty" maxLength:"32" doc:"a channel's unique short name"`
	Topic   string        `json:"topic,omitempty" maxLength:"1000"`
	Members []string      `json:"members,omitempty" maxItems:"1000" doc:"user ids, or @usernames"`
}

// createRoom makes a room. Its id comes from who creates it and the nonce, or
// from its people, so a repeated request finds the room of the first one.
func (d *Door) createRoom(ctx context.Context, who *caller, in *createRoomIn) (*roomOut, error) {
	members, err := d.resolve(ctx, in.Body.Members)
	if err != nil {
		return nil, err
	}
	cmd := &chat.Command{Kind: chat.KindRoom, Nonce: in.IdempotencyKey, Body: chat.Body{
		Op: chat.OpCreate, RoomKind: in.Body.Kind, Handle: chat.FoldUsername(in.Body.Handle)}}
	for i := range members {
		if members[i].Deleted && in.Body.Kind != chat.Direct {
			return nil, chat.Errorf(chat.NotFound, "the account of %s was closed", members[i].ID)
		}
		cmd.Body.Members = append(cmd.Body.Members, members[i].ID)
	}
	if cmd.Nonce == "" {
		cmd.Nonce = chat.NewID().String()
	}
	if in.Body.Kind == chat.Direct {
		cmd.Room = chat.DirectRoomID(append([]chat.UserID{who.User.ID}, cmd.Body.Members...)...)
	} else {
		cmd.Room = chat.CreatedRoomID(who.User.ID, cmd.Nonce)
		cmd.Body.Name = &in.Body.Name
	}
	if in.Body.Topic != "" {
		cmd.Body.Topic = &in.Body.Topic
	}
	made, err := d.createWithHandle(ctx, who, cmd)
	if err != nil {
		return nil, err
	}
	out, err := d.getRoom(ctx, who, &InRoom{cmd.Room})
	if err == nil && made != nil {
		out.Status = http.StatusCreated
	}
	return out, err
}

// createWithHandle reserves the handle first: two channels cannot have it, and
// they may be in different partitions.
func (d *Door) createWithHandle(ctx context.Context, who *caller, cmd *chat.Command) (*chat.Event, error) {
	if cmd.Body.Handle == "" {
		return d.do(ctx, who, cmd)
	}
	check := *cmd
	check.ID, check.By = chat.NewID(), who.User.ID
	if err := check.Check(); err != nil {
		return nil, err
	}
	handle := &contract.HandleAsk{Handle: cmd.Body.Handle, Room: cmd.Room}
	if _, err := contract.ReserveHandle.Ask(ctx, d.gateway.Bus(), handle); err != nil {
		return nil, err
	}
	made, err := d.do(ctx, who, cmd)
	if refused(err) || made != nil && made.Body.Handle != handle.Handle { // that one was made by a request before
		if _, err := contract.ReleaseHandle.Ask(ctx, d.gateway.Bus(), handle); err != nil {
			d.log.Warn("a handle stays reserved for a room that does not have it", "handle", handle.Handle, "trace", gateway.TraceOf(ctx), "err", err)
		}
	}
	return made, err
}

// refused says whether err means that the command did not happen and will not.
func refused(err error) bool {
	switch chat.CodeOf(err) {
	case "", chat.Unavailable, chat.Internal:
		return false
	}
	return true
}

type listRoomsIn struct {
	Page
	RoomChoice
}

// RoomChoice says which rooms are listed, and in which order.
type RoomChoice struct {
	Scope string `query:"scope" enum:"mine,public" default:"mine"`
	Query string `query:"query" maxLength:"100" doc:"with scope=public: the beginning of a name or handle"`
	Order string `query:"order" enum:"activity,id" default:"activity" doc:"of my rooms; by id no page misses a room that becomes active meanwhile"`
}

func (d *Door) listRooms(ctx context.Context, who *caller, in *listRoomsIn) (*roomsOut, error) {
	out := new(roomsOut)
	if in.Scope == "public" {
		found, err := contract.PublicRooms.Ask(ctx, d.gateway.Bus(),
			&contract.FindRoomsAsk{By: who.User.ID, Query: in.Query, Cursor: in.Cursor, Limit: in.Limit})
		if err != nil {
			return nil, err
		}
		out.Body.Rooms, out.Body.NextCursor = each(found.Rooms, roomOf), found.Next
		return out, nil
	}
	mine, err := contract.MyRooms.Ask(ctx, d.gateway.Bus(),
		&contract.MyRoomsAsk{User: who.User.ID, Cursor: in.Cursor, Limit: in.Limit, ByID: in.Order == "id"})
	if err != nil {
		return nil, err
	}
	peers, err := d.people.peers(ctx, mine.Rooms)
	if err != nil {
		return nil, err
	}
	out.Body.Rooms = each(mine.Rooms, func(r *chat.Mine) room { return myRoomOf(r, peers, who.User.ID) })
	out.Body.NextCursor = mine.Next
	return out, nil
}

func (d *Door) getRoom(ctx context.Context, who *caller, in *InRoom) (*roomOut, error) {
	ask := in.ask(who)
	found, err := contract.Room.Ask(ctx, d.gateway.Bus(), &ask)
	if err != nil {
		return nil, err
	}
	return d.showRoom(ctx, who, found)
}

func (d *Door) showRoom(ctx context.Context, who *caller, r *chat.Mine) (*roomOut, error) {
	peers, err := d.people.peers(ctx, []chat.Mine{*r})
	if err != nil {
		return nil, err
	}
	return &roomOut{Status: http.StatusOK, Body: myRoomOf(r, peers, who.User.ID)}, nil
}

type editRoomIn struct {
	InRoom
	Key
	Body editRoomInBody
}

type editRoomInBody struct {
	Name     *string `json:"name,omitempty" maxLength:"120"`
	Topic    *string `json:"topic,omitempty" maxLength:"1000"`
	ReadOnly *bool   `json:"read_only,omitempty" doc:"only moderators and owners write"`
}

func (d *Door) editRoom(ctx context.Context, who *caller, in *editRoomIn) (*roomOut, error) {
	b := chat.Body{Op: chat.OpSettings, Name: in.Body.Name, Topic: in.Body.Topic, ReadOnly: in.Body.ReadOnly}
	switch {
	case b.Name != nil && b.Topic == nil && b.ReadOnly == nil:
		b.Op = chat.OpRename
	case b.Name == nil && b.Topic != nil && b.ReadOnly == nil:
		b.Op = chat.OpTopic
	}
	_, err := d.do(ctx, who, &chat.Command{Kind: chat.KindRoom, Room: in.Room, Nonce: in.IdempotencyKey, Body: b})
	if err != nil {
		return nil, err
	}
	return d.getRoom(ctx, who, &in.InRoom)
}

func (d *Door) archiveRoom(ctx context.Context, who *caller, in *InRoom) (*none, error) {
	_, err := d.do(ctx, who, &chat.Command{Kind: chat.KindRoom, Room: in.Room, Body: chat.Body{Op: chat.OpArchive}})
	return nil, err
}

type editMineIn struct {
	InRoom
	Body editMineInBody
}

type editMineInBody struct {
	Muted     *bool        `json:"muted,omitempty"`
	Favourite *bool        `json:"favourite,omitempty"`
	Notify    *chat.Notify `json:"notify,omitempty" enum:"all,mentions,none"`
}

func (d *Door) editMine(ctx context.Context, who *caller, in *editMineIn) (*roomOut, error) {
	b := &in.Body
	changed, err := contract.SetMine.Ask(ctx, d.gateway.Bus(), &contract.SetMineAsk{User: who.User.ID, Room: in.Room,
		Settings: chat.Settings{Muted: b.Muted, Favourite: b.Favourite, Notify: b.Notify}})
	if err != nil {
		return nil, err
	}
	return d.showRoom(ctx, who, changed)
}
