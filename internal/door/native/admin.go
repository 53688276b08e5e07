package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// adminRoutes are for those who run the installation; access judges who that is.
func (d *Door) adminRoutes(api huma.API) {
	mayNot := []chat.Code{chat.Forbidden, chat.NotFound}
	on(d, api, route{method: http.MethodGet, path: "/v1/admin/users", name: "admin-list-users",
		spends: gateway.LimitRead, errors: mayNot, summary: "Everybody, also the banned and the gone"}, d.adminUsers)
	on(d, api, route{method: http.MethodPatch, path: "/v1/admin/users/{user}", name: "admin-edit-user",
		spends: gateway.LimitCommand, errors: mayNot, summary: "Give an org role, ban, unban"}, d.adminEditUser)
	on(d, api, route{method: http.MethodGet, path: "/v1/admin/rooms", name: "admin-list-rooms",
		spends: gateway.LimitRead, errors: mayNot, summary: "Every room"}, d.adminRooms)
	on(d, api, route{method: http.MethodGet, path: "/v1/admin/stats", name: "admin-stats",
		spends: gateway.LimitRead, errors: mayNot, summary: "Counts"}, d.adminStats)
}

// mustRun keeps everybody else out before anything is asked. Access asks again,
// with the role as it is at that moment.
func mustRun(who *caller) error {
	if !who.runs() {
		return chat.Errorf(chat.Forbidden, "that is for owners and admins")
	}
	return nil
}

type adminFindIn struct {
	Page
	Query string `query:"query" maxLength:"100"`
}

func (d *Door) adminUsers(ctx context.Context, who *caller, in *adminFindIn) (*usersOut, error) {
	if err := mustRun(who); err != nil {
		return nil, err
	}
	found, err := contract.ListUsers.Ask(ctx, d.gateway.Bus(),
		&contract.ListUsersAsk{By: who.User.ID, Query: in.Query, Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := new(usersOut)
	out.Body.Users, out.Body.NextCursor = each(found.Users, adminUserOf), found.Next
	return out, nil
}

type adminEditIn struct {
	Named
	Body adminEditInBody
}

type adminEditInBody struct {
	Role   *chat.OrgRole `json:"role,omitempty" enum:"owner,admin,member,guest,bot"`
	Banned *bool         `json:"banned,omitempty"`
}

func (d *Door) adminEditUser(ctx context.Context, who *caller, in *adminEditIn) (*userOut, error) {
	if err := mustRun(who); err != nil {
		return nil, err
	}
	users, err := d.resolve(ctx, []string{in.Which})
	if err != nil {
		return nil, err
	}
	u, err := contract.SetUser.Ask(ctx, d.gateway.Bus(),
		&contract.SetUserAsk{By: who.User.ID, User: users[0].ID, Role: in.Body.Role, Banned: in.Body.Banned})
	if err != nil {
		return nil, err
	}
	d.gateway.HearRevoked(ctx)
	return &userOut{adminUserOf(u)}, nil
}

func (d *Door) adminRooms(ctx context.Context, who *caller, in *adminFindIn) (*roomsOut, error) {
	if err := mustRun(who); err != nil {
		return nil, err
	}
	found, err := contract.AllRooms.Ask(ctx, d.gateway.Bus(),
		&contract.FindRoomsAsk{By: who.User.ID, Query: in.Query, Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := new(roomsOut)
	out.Body.Rooms, out.Body.NextCursor = each(found.Rooms, roomOf), found.Next
	return out, nil
}

type statsOut struct{ Body chat.Stats }

func (d *Door) adminStats(ctx context.Context, who *caller, _ *none) (*statsOut, error) {
	if err := mustRun(who); err != nil {
		return nil, err
	}
	found, err := contract.OrgStats.Ask(ctx, d.gateway.Bus(), &contract.StatsAsk{By: who.User.ID})
	if err != nil {
		return nil, err
	}
	return &statsOut{*found}, nil
}
