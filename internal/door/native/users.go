package native

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

type userOut struct{ Body user }

type usersOut struct {
	Body struct {
		Users      []user `json:"users"`
		NextCursor string `json:"next_cursor,omitempty"`
	}
}

// userRoutes are profiles, the directory and presence.
func (d *Door) userRoutes(api huma.API) {
	on(d, api, route{method: http.MethodGet, path: "/v1/users/me", name: "me",
		spends: gateway.LimitRead, summary: "Who I am"}, d.me)
	on(d, api, route{method: http.MethodPatch, path: "/v1/users/me", name: "edit-me",
		spends: gateway.LimitCommand, errors: []chat.Code{chat.Forbidden}, summary: "Change my profile or password"}, d.editMe)
	on(d, api, route{method: http.MethodDelete, path: "/v1/users/me", name: "delete-me", status: http.StatusNoContent,
		spends: gateway.LimitCommand, errors: []chat.Code{chat.Conflict},
		summary: "Delete my account; what I said stays under a tombstone name"}, d.deleteMe)
	on(d, api, route{method: http.MethodGet, path: "/v1/users", name: "find-users",
		spends: gateway.LimitRead, summary: "The directory, by the beginning of a name"}, d.findUsers)
	on(d, api, route{method: http.MethodGet, path: "/v1/users/{user}", name: "get-user",
		spends: gateway.LimitRead, errors: []chat.Code{chat.NotFound}, summary: "One user"}, d.getUser)
	on(d, api, route{method: http.MethodPost, path: "/v1/users/lookup", name: "lookup-users",
		spends: gateway.LimitRead, summary: "Many users by name or id; unknown ones are left out"}, d.lookupUsers)
	on(d, api, route{method: http.MethodGet, path: "/v1/users/presence", name: "presence",
		spends: gateway.LimitRead, summary: "Who is here"}, d.presenceOf)
}

// me asks for the profile as it is now; the identity may be half a minute old.
func (d *Door) me(ctx context.Context, who *caller, _ *none) (*userOut, error) {
	return d.getUser(ctx, who, &Named{who.User.ID.String()})
}

type editMeIn struct {
	Body editMeInBody
}

type editMeInBody struct {
	DisplayName *string         `json:"display_name,omitempty" minLength:"1" maxLength:"120"`
	StatusText  *string         `json:"status_text,omitempty" maxLength:"200"`
	Password    *passwordStruct `json:"password,omitempty"`
}

type passwordStruct struct { // its name is one of the description's
	Old string `json:"old" maxLength:"512"`
	New string `json:"new" maxLength:"512"`
}

func (d *Door) editMe(ctx context.Context, who *caller, in *editMeIn) (*userOut, error) {
	ask := &contract.EditProfileAsk{User: who.User.ID, DisplayName: in.Body.DisplayName, StatusText: in.Body.StatusText, Keep: who.Login}
	for _, s := range []*string{ask.DisplayName, ask.StatusText} {
		if s == nil {
			continue
		}
		if err := printable(*s); err != nil {
			return nil, err
		}
	}
	if p := in.Body.Password; p != nil {
		if err := chat.CheckPassword(p.New); err != nil {
			return nil, err
		}
		ask.OldPassword, ask.NewPassword = p.Old, p.New
	}
	u, err := contract.EditProfile.Ask(ctx, d.gateway.Bus(), ask)
	if err != nil {
		return nil, err
	}
	if ask.NewPassword != "" {
		d.gateway.HearRevoked(ctx)
	}
	return &userOut{userOf(u)}, nil
}

func (d *Door) deleteMe(ctx context.Context, who *caller, _ *none) (*none, error) {
	if _, err := contract.CloseAccount.Ask(ctx, d.gateway.Bus(), &contract.CloseAccountAsk{User: who.User.ID}); err != nil {
		return nil, err
	}
	d.gateway.HearRevoked(ctx)
	return nil, nil
}

type findUsersIn struct {
	Page
	Query string `query:"query" maxLength:"100"`
}

func (d *Door) findUsers(ctx context.Context, _ *caller, in *findUsersIn) (*usersOut, error) {
	found, err := contract.FindUsers.Ask(ctx, d.gateway.Bus(), &contract.FindUsersAsk{Query: in.Query, Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := new(usersOut)
	out.Body.Users, out.Body.NextCursor = each(found.Users, userOf), found.Next
	return out, nil
}

func (d *Door) getUser(ctx context.Context, _ *caller, in *Named) (*userOut, error) {
	users, err := d.resolve(ctx, []string{in.Which})
	if err != nil {
		return nil, err
	}
	return &userOut{userOf(&users[0])}, nil
}

// resolve finds users by id or @username, in the order asked. One that is not
// there is not_found.
func (d *Door) resolve(ctx context.Context, which []string) ([]chat.User, error) {
	var ask contract.LookupAsk
	if len(which) == 0 {
		return nil, nil
	}
	for _, w := range which {
		if name, is := strings.CutPrefix(w, "@"); is {
			ask.Names = append(ask.Names, chat.FoldUsername(name))
		} else if id, err := chat.ParseID(w); err == nil {
			ask.IDs = append(ask.IDs, id)
		} else {
			return nil, err
		}
	}
	found, err := contract.Lookup.Ask(ctx, d.gateway.Bus(), &ask)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]chat.User, 2*len(found.Users))
	for _, u := range found.Users {
		byName["@"+u.Username], byName[u.ID.String()] = u, u
	}
	users := make([]chat.User, len(which))
	for i, w := range which {
		u, there := byName[chat.FoldUsername(w)]
		if !there {
			return nil, chat.Errorf(chat.NotFound, "there is no user %.64s", w)
		}
		users[i] = u
	}
	return users, nil
}

type lookupIn struct {
	Body lookupInBody
}

type lookupInBody struct {
	Usernames []string      `json:"usernames,omitempty" maxItems:"1000"`
	IDs       []chat.UserID `json:"ids,omitempty" maxItems:"1000"`
}

func (d *Door) lookupUsers(ctx context.Context, _ *caller, in *lookupIn) (*usersOut, error) {
	ask := contract.LookupAsk{IDs: in.Body.IDs}
	for _, name := range in.Body.Usernames {
		ask.Names = append(ask.Names, chat.FoldUsername(strings.TrimPrefix(name, "@")))
	}
	found, err := contract.Lookup.Ask(ctx, d.gateway.Bus(), &ask)
	if err != nil {
		return nil, err
	}
	out := new(usersOut)
	out.Body.Users = each(found.Users, userOf)
	return out, nil
}

type presenceIn struct {
	IDs []string `query:"ids" maxItems:"800" required:"true" doc:"user ids, separated by commas: as many as fit in the address"`
}

type presenceOut struct {
	Body struct {
		Presence []presence `json:"presence"`
	}
}

func (d *Door) presenceOf(ctx context.Context, _ *caller, in *presenceIn) (*presenceOut, error) {
	ask := contract.PresenceAsk{Users: make([]chat.UserID, len(in.IDs))}
	for i, s := range in.IDs {
		var err error
		if ask.Users[i], err = chat.ParseID(s); err != nil {
			return nil, err
		}
	}
	found, err := contract.PresenceOf.Ask(ctx, d.gateway.Bus(), &ask)
	if err != nil {
		return nil, err
	}
	out := new(presenceOut)
	out.Body.Presence = each(found.Presence, presenceOf)
	return out, nil
}

// printable refuses what no store and no screen wants in a name.
func printable(texts ...string) error {
	for _, s := range texts {
		if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
			return chat.Errorf(chat.Invalid, "text is UTF-8 without U+0000")
		}
	}
	return nil
}
