package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// memberRoutes are who is in a room, who is there now, and how far they have
// read.
func (d *Door) memberRoutes(api huma.API) {
	changes := []chat.Code{chat.Forbidden, chat.NotFound, chat.Conflict}
	seen := []chat.Code{chat.NotFound}
	on(d, api, route{method: http.MethodPost, path: "/v1/rooms/{room}/join", name: "join-room",
		spends: gateway.LimitCommand, errors: changes, summary: "Enter a channel"}, d.join)
	on(d, api, route{method: http.MethodPost, path: "/v1/rooms/{room}/leave", name: "leave-room", status: http.StatusNoContent,
		spends: gateway.LimitCommand, errors: changes, summary: "Leave a room"}, d.leave)
	on(d, api, route{method: http.MethodGet, path: "/v1/rooms/{room}/members", name: "list-members",
		spends: gateway.LimitRead, errors: seen, summary: "Who is in a room"}, d.listMembers)
	on(d, api, route{method: http.MethodPut, path: "/v1/rooms/{room}/members/{user}", name: "set-member",
		spends: gateway.LimitCommand, errors: changes, summary: "Add somebody, or change their role"}, d.setMember)
	on(d, api, route{method: http.MethodDelete, path: "/v1/rooms/{room}/members/{user}", name: "remove-member", status: http.StatusNoContent,
		spends: gateway.LimitCommand, errors: changes, summary: "Put somebody out of a room"}, d.removeMember)
	on(d, api, route{method: http.MethodGet, path: "/v1/rooms/{room}/online", name: "online",
		spends: gateway.LimitRead, errors: seen, summary: "Who of a room is connected now"}, d.online)
	on(d, api, route{method: http.MethodPost, path: "/v1/rooms/{room}/read", name: "mark-read", status: http.StatusNoContent,
		spends: gateway.LimitRead, errors: seen, summary: "I have read up to this number"}, d.markRead)
	on(d, api, route{method: http.MethodGet, path: "/v1/rooms/{room}/receipts", name: "receipts",
		spends: gateway.LimitRead, errors: seen, summary: "How far everybody has read"}, d.receipts)
}

type enterIn struct {
	InRoom
	Key
}

func (d *Door) member(ctx context.Context, who *caller, room chat.RoomID, nonce string, b chat.Body) error {
	_, err := d.do(ctx, who, &chat.Command{Kind: chat.KindMember, Room: room, Nonce: nonce, Body: b})
	return err
}

func (d *Door) join(ctx context.Context, who *caller, in *enterIn) (*roomOut, error) {
	if err := d.member(ctx, who, in.Room, in.IdempotencyKey, chat.Body{Op: chat.OpJoin, User: who.User.ID}); err != nil {
		return nil, err
	}
	return d.getRoom(ctx, who, &in.InRoom)
}

func (d *Door) leave(ctx context.Context, who *caller, in *enterIn) (*none, error) {
	return nil, d.member(ctx, who, in.Room, in.IdempotencyKey, chat.Body{Op: chat.OpLeave, User: who.User.ID})
}

type membersIn struct {
	InRoom
	Page
}

type membersOut struct {
	Body struct {
		Members    []member `json:"members"`
		NextCursor string   `json:"next_cursor,omitempty"`
	}
}

func (d *Door) listMembers(ctx context.Context, who *caller, in *membersIn) (*membersOut, error) {
	found, err := contract.Members.Ask(ctx, d.gateway.Bus(), &contract.MembersAsk{RoomAsk: in.ask(who), Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := new(membersOut)
	out.Body.Members, out.Body.NextCursor = each(found.Members, memberOf), found.Next
	return out, nil
}

type setMemberIn struct {
	InRoom
	Named
	Body *setMemberInBody `required:"false"`
}

type setMemberInBody struct {
	Role chat.Role `json:"role,omitempty" enum:"owner,moderator,member"`
}

type memberOut struct{ Body member }

// setMember adds somebody who is not there and changes the role of somebody who
// is: two commands, of which the member list says which.
func (d *Door) setMember(ctx context.Context, who *caller, in *setMemberIn) (*memberOut, error) {
	users, err := d.resolve(ctx, []string{in.Which})
	if err != nil {
		return nil, err
	}
	if users[0].Deleted {
		return nil, chat.Errorf(chat.NotFound, "that account was closed")
	}
	b := chat.Body{Op: chat.OpAdd, User: users[0].ID}
	if in.Body != nil {
		b.Role = in.Body.Role
	}
	now, err := d.memberNow(ctx, who, &in.InRoom, b.User)
	if err != nil {
		return nil, err
	}
	if now != nil {
		if b.Role == "" || b.Role == now.Role {
			return &memberOut{memberOf(now)}, nil
		}
		b.Op = chat.OpRole
	}
	if err := d.member(ctx, who, in.Room, "", b); err != nil {
		return nil, err
	}
	if now, err = d.memberNow(ctx, who, &in.InRoom, b.User); err != nil {
		return nil, err
	}
	if now == nil {
		return nil, chat.Errorf(chat.NotFound, "they have left the room again")
	}
	return &memberOut{memberOf(now)}, nil
}

func (d *Door) memberNow(ctx context.Context, who *caller, in *InRoom, id chat.UserID) (*chat.Member, error) {
	found, err := contract.Members.Ask(ctx, d.gateway.Bus(), &contract.MembersAsk{RoomAsk: in.ask(who), Only: []chat.UserID{id}, Limit: 1})
	if err != nil || len(found.Members) == 0 {
		return nil, err
	}
	return &found.Members[0], nil
}

type memberIn struct {
	InRoom
	Named
}

func (d *Door) removeMember(ctx context.Context, who *caller, in *memberIn) (*none, error) {
	users, err := d.resolve(ctx, []string{in.Which})
	if err != nil {
		return nil, err
	}
	return nil, d.member(ctx, who, in.Room, "", chat.Body{Op: chat.OpRemove, User: users[0].ID})
}

// seated is somebody who is connected.
type seated struct {
	ID       chat.UserID `json:"id"`
	Username string      `json:"username"`
}

type onlineOut struct {
	Body struct {
		Users []seated `json:"users"`
	}
}

func (d *Door) online(ctx context.Context, who *caller, in *InRoom) (*onlineOut, error) {
	found, err := contract.OnlineIn.Ask(ctx, d.gateway.Bus(), &contract.OnlineAsk{RoomAsk: in.ask(who)})
	if err != nil {
		return nil, err
	}
	users, err := d.people.of(ctx, found.Users)
	if err != nil {
		return nil, err
	}
	out := new(onlineOut)
	out.Body.Users = each(found.Users, func(id *chat.UserID) seated { return seated{*id, users[*id].Username} })
	return out, nil
}

type readIn struct {
	InRoom
	Body struct {
		Seq uint64 `json:"seq" minimum:"1"`
	}
}

func (d *Door) markRead(ctx context.Context, who *caller, in *readIn) (*none, error) {
	if now, err := d.memberNow(ctx, who, &in.InRoom, who.User.ID); err != nil {
		return nil, err
	} else if now == nil {
		return nil, chat.Errorf(chat.NotFound, "you are no member of this room")
	}
	marks := &contract.MarkList{Marks: []chat.Mark{{Room: in.Room, User: who.User.ID, Read: in.Body.Seq, Delivered: in.Body.Seq}}, From: d.gateway.ID()}
	_, err := contract.SetMarks.Ask(ctx, d.gateway.Bus(), marks)
	return nil, err
}

type receiptsOut struct {
	Body struct {
		Receipts   []receipt `json:"receipts"`
		NextCursor string    `json:"next_cursor,omitempty"`
	}
}

func (d *Door) receipts(ctx context.Context, who *caller, in *membersIn) (*receiptsOut, error) {
	found, err := contract.Receipts.Ask(ctx, d.gateway.Bus(), &contract.ReceiptsAsk{RoomAsk: in.ask(who), Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := new(receiptsOut)
	out.Body.Receipts, out.Body.NextCursor = each(found.Marks, receiptOf), found.Next
	return out, nil
}
