package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// inviteRoutes are the links with which people sign up. Accounts judges who may
// make them.
func (d *Door) inviteRoutes(api huma.API) {
	mayNot := []chat.Code{chat.Forbidden, chat.NotFound}
	on(d, api, route{method: http.MethodPost, path: "/v1/invites", name: "create-invite", status: http.StatusCreated,
		spends: gateway.LimitCommand, errors: []chat.Code{chat.Forbidden, chat.NotFound, chat.Conflict},
		summary: "Make a link with which people sign up; for owners and admins"}, d.createInvite)
	on(d, api, route{method: http.MethodGet, path: "/v1/invites", name: "list-invites",
		spends: gateway.LimitRead, errors: mayNot, summary: "Every invite, the newest first, also those that let nobody in any more"}, d.listInvites)
	on(d, api, route{method: http.MethodDelete, path: "/v1/invites/{id}", name: "end-invite", status: http.StatusNoContent,
		spends: gateway.LimitCommand, errors: mayNot, summary: "Withdraw an invite; who came with it stays"}, d.endInvite)
	on(d, api, route{method: http.MethodPost, path: "/v1/invites/lookup", name: "lookup-invite", open: true,
		spends: gateway.LimitSignIn, errors: []chat.Code{chat.NotFound}, summary: "Who invites with this code, and where to"}, d.lookupInvite)
}

// invite is an invite; its code is shown to who makes it, and to nobody later.
type invite struct {
	ID        chat.ID      `json:"id"`
	Code      string       `json:"code,omitempty" doc:"only in the answer to who makes it"`
	URL       string       `json:"url,omitempty" doc:"the link to hand on; as code"`
	CreatedBy chat.UserID  `json:"created_by"`
	CreatedAt stamp        `json:"created_at"`
	ExpiresAt stamp        `json:"expires_at"`
	MaxUses   int          `json:"max_uses"`
	Uses      int          `json:"uses"`
	Room      *chat.RoomID `json:"room,omitempty" doc:"who signs up with it is added to this room"`
}

func inviteOf(i *chat.Invite) invite {
	v := invite{ID: i.ID, CreatedBy: i.CreatedBy, CreatedAt: stamp(i.CreatedAt), ExpiresAt: stamp(i.ExpiresAt), MaxUses: i.MaxUses, Uses: i.Uses}
	if !i.Room.IsZero() {
		v.Room = &i.Room
	}
	return v
}

type createInviteIn struct {
	Key
	Body createInviteInBody
}

type createInviteInBody struct {
	MaxUses   int          `json:"max_uses,omitempty" minimum:"1" maximum:"10000" default:"1" doc:"how many people can sign up with it"`
	ExpiresIn int64        `json:"expires_in_s,omitempty" minimum:"1" maximum:"31622400" default:"604800"`
	Room      *chat.RoomID `json:"room,omitempty" doc:"a channel or group to add them to"`
}

type inviteOut struct{ Body invite }

func (d *Door) createInvite(ctx context.Context, who *caller, in *createInviteIn) (*inviteOut, error) {
	if err := mustRun(who); err != nil {
		return nil, err
	}
	ask := contract.MakeInviteAsk{By: who.User.ID, MaxUses: in.Body.MaxUses, Seconds: in.Body.ExpiresIn, Key: in.IdempotencyKey}
	if in.Body.Room != nil {
		ask.Room = *in.Body.Room
		if err := d.canBeInvitedTo(ctx, who, ask.Room); err != nil {
			return nil, err
		}
	}
	made, err := contract.MakeInvite.Ask(ctx, d.gateway.Bus(), &ask)
	if err != nil {
		return nil, err
	}
	out := &inviteOut{inviteOf(&made.Invite)}
	out.Body.Code, out.Body.URL = made.Code, who.base+chat.InvitePath+made.Code
	return out, nil
}

func (d *Door) canBeInvitedTo(ctx context.Context, who *caller, id chat.RoomID) error {
	in := InRoom{id}
	ask := in.ask(who)
	room, err := contract.Room.Ask(ctx, d.gateway.Bus(), &ask)
	switch {
	case err != nil:
		return err
	case room.Kind == chat.Direct:
		return chat.Errorf(chat.Invalid, "a direct room has the people it has")
	case room.Archived:
		return chat.Errorf(chat.Conflict, "this room is archived")
	}
	return nil
}

type invitesOut struct {
	Body struct {
		Invites    []invite `json:"invites"`
		NextCursor string   `json:"next_cursor,omitempty"`
	}
}

func (d *Door) listInvites(ctx context.Context, who *caller, in *struct{ Page }) (*invitesOut, error) {
	if err := mustRun(who); err != nil {
		return nil, err
	}
	found, err := contract.Invites.Ask(ctx, d.gateway.Bus(), &contract.InvitesAsk{By: who.User.ID, Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := new(invitesOut)
	out.Body.Invites, out.Body.NextCursor = each(found.Invites, inviteOf), found.Next
	return out, nil
}

type inviteIn struct {
	ID chat.ID `path:"id"`
}

func (d *Door) endInvite(ctx context.Context, who *caller, in *inviteIn) (*none, error) {
	if err := mustRun(who); err != nil {
		return nil, err
	}
	_, err := contract.EndInvite.Ask(ctx, d.gateway.Bus(), &contract.EndInviteAsk{By: who.User.ID, Invite: in.ID})
	return nil, err
}

type lookupInviteIn struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"64"`
	}
}

// welcome is what an invite tells who holds its code.
type welcome struct {
	InvitedBy user         `json:"invited_by"`
	ExpiresAt stamp        `json:"expires_at"`
	Room      *invitedRoom `json:"room,omitempty"`
}

type invitedRoom struct {
	ID   chat.RoomID   `json:"id"`
	Kind chat.RoomKind `json:"kind" enum:"channel,group"`
	Name string        `json:"name"`
}

type lookupInviteOut struct{ Body welcome }

// lookupInvite takes the code in the body: paths are logged by whatever stands in
// between.
func (d *Door) lookupInvite(ctx context.Context, _ *caller, in *lookupInviteIn) (*lookupInviteOut, error) {
	found, err := contract.FindInvite.Ask(ctx, d.gateway.Bus(), &contract.InviteAsk{Code: in.Body.Code})
	if err != nil {
		return nil, err
	}
	users, err := d.people.of(ctx, []chat.UserID{found.CreatedBy})
	if err != nil {
		return nil, err
	}
	by := users[found.CreatedBy]
	out := &lookupInviteOut{welcome{InvitedBy: userOf(&by), ExpiresAt: stamp(found.ExpiresAt)}}
	if found.Room.IsZero() {
		return out, nil
	}
	room, err := contract.Room.Ask(ctx, d.gateway.Bus(), &contract.RoomAsk{User: found.CreatedBy, Room: found.Room, Runs: true})
	if err != nil {
		return nil, err
	}
	out.Body.Room = &invitedRoom{room.ID, room.Kind, room.Name}
	return out, nil
}
