package access

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// register is who is what, in memory: the rules are this role's, the rest is the
// store's own test's matter.
type register map[chat.UserID]*chat.User

func (r register) User(_ context.Context, id chat.UserID) (chat.User, error) {
	if u := r[id]; u != nil {
		return *u, nil
	}
	return chat.User{}, chat.Errorf(chat.NotFound, "no such user")
}

func (r register) Users(context.Context, string, string, int) ([]chat.User, string, error) {
	return nil, "", nil
}

func (r register) Owners(context.Context) (n int, err error) {
	for _, u := range r {
		if u.Role == chat.OrgOwner && !u.Banned {
			n++
		}
	}
	return n, nil
}

func (r register) InTurn(ctx context.Context, _ string, work func(context.Context) error) error {
	return work(ctx)
}

func (r register) SetRole(_ context.Context, id chat.UserID, role chat.OrgRole, _ int64) (chat.User, error) {
	r[id].Role = role
	return *r[id], nil
}

func (r register) SetBanned(_ context.Context, id chat.UserID, banned bool, _ int64) (chat.User, error) {
	r[id].Banned = banned
	return *r[id], nil
}

func (r register) Stats(context.Context) (chat.Stats, error) { return chat.Stats{}, nil }

func TestWhoMayChangeWhom(t *testing.T) {
	id := func(n byte) chat.UserID { return chat.UserID{15: n} }
	owner, second, admin, member, operator := id(1), id(2), id(3), id(4), chat.UserID{}
	role := func(r chat.OrgRole) *chat.OrgRole { return &r }
	yes := true
	for name, c := range map[string]struct {
		by, user chat.UserID
		role     *chat.OrgRole
		ban      *bool
		owners   int
		want     chat.Code
	}{
		"a member gives nothing":                  {by: member, user: member, role: role(chat.OrgAdmin), want: chat.Forbidden},
		"an admin bans a member":                  {by: admin, user: member, ban: &yes},
		"an admin does not ban an owner":          {by: admin, user: owner, ban: &yes, want: chat.Forbidden},
		"an admin makes no admin":                 {by: admin, user: member, role: role(chat.OrgAdmin), want: chat.Forbidden},
		"an admin makes a guest":                  {by: admin, user: member, role: role(chat.OrgGuest)},
		"an owner makes an admin":                 {by: owner, user: member, role: role(chat.OrgAdmin)},
		"the last owner stays":                    {by: owner, user: owner, role: role(chat.OrgMember), want: chat.Conflict},
		"the last owner is not banned":            {by: operator, user: owner, ban: &yes, want: chat.Conflict},
		"one of two owners may go":                {by: owner, user: owner, role: role(chat.OrgMember), owners: 2},
		"the operator makes an owner":             {by: operator, user: member, role: role(chat.OrgOwner)},
		"nobody becomes the system":               {by: operator, user: member, role: role(chat.OrgSystem), want: chat.Invalid},
		"the system is not changed":               {by: operator, user: chat.System, ban: &yes, want: chat.Forbidden},
		"somebody who is not there is not found":  {by: operator, user: id(99), ban: &yes, want: chat.NotFound},
		"a banned admin changes nobody any more":  {by: id(5), user: member, ban: &yes, want: chat.Forbidden},
		"saying what is true already is harmless": {by: owner, user: owner, role: role(chat.OrgOwner)},
	} {
		t.Run(name, func(t *testing.T) {
			people := register{
				owner: {ID: owner, Role: chat.OrgOwner}, admin: {ID: admin, Role: chat.OrgAdmin}, member: {ID: member, Role: chat.OrgMember},
				chat.System: {ID: chat.System, Role: chat.OrgSystem}, id(5): {ID: id(5), Role: chat.OrgAdmin, Banned: true},
			}
			if c.owners == 2 {
				people[second] = &chat.User{ID: second, Role: chat.OrgOwner}
			}
			a := New(bustest.Embedded(t), people, bustest.Log(t), prometheus.NewRegistry())
			_, err := a.set(t.Context(), &contract.SetUserAsk{By: c.by, User: c.user, Role: c.role, Banned: c.ban})
			if chat.CodeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
