package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

type signedInOut struct{ Body signedIn }

// accountRoutes are signing up, in and out.
func (d *Door) accountRoutes(api huma.API) {
	on(d, api, route{method: http.MethodPost, path: "/v1/accounts", name: "sign-up", status: http.StatusCreated, open: true,
		spends: gateway.LimitSignUp, errors: []chat.Code{chat.Forbidden, chat.Conflict},
		summary: "Make an account and sign it in"}, d.signUp)
	on(d, api, route{method: http.MethodPost, path: "/v1/sessions", name: "sign-in", status: http.StatusCreated, open: true,
		spends: gateway.LimitSignIn, errors: []chat.Code{chat.Unauthenticated, chat.Forbidden},
		summary: "Sign in with a password"}, d.signIn)
	on(d, api, route{method: http.MethodPost, path: "/v1/sessions/refresh", name: "refresh", open: true,
		spends: gateway.LimitSignIn, errors: []chat.Code{chat.Unauthenticated},
		summary: "Exchange a refresh token; one that was used before revokes its whole family, unless it comes with the same Idempotency-Key"}, d.refresh)
	on(d, api, route{method: http.MethodGet, path: "/v1/sessions", name: "list-sessions",
		spends: gateway.LimitRead, summary: "My sessions"}, d.listSessions)
	on(d, api, route{method: http.MethodDelete, path: "/v1/sessions/{id}", name: "end-session", status: http.StatusNoContent,
		spends: gateway.LimitRead, errors: []chat.Code{chat.NotFound},
		summary: "End one of my sessions; its live sockets close within a second"}, d.endSession)
	on(d, api, route{method: http.MethodDelete, path: "/v1/sessions/current", name: "sign-out", status: http.StatusNoContent,
		spends: gateway.LimitRead, summary: "End this session"}, d.signOut)
}

type signUpIn struct {
	Key
	Body struct {
		Username    string `json:"username" maxLength:"128" doc:"1 to 32 of a-z, 0-9, dot, underscore and hyphen; case is folded"`
		Password    string `json:"password" maxLength:"512" doc:"8 to 128 bytes"`
		DisplayName string `json:"display_name,omitempty" maxLength:"120"`
		Device      string `json:"device,omitempty" maxLength:"120"`
		Invite      string `json:"invite,omitempty" maxLength:"64" doc:"the code of an invite; needed where signup is invite"`
	}
}

func (d *Door) signUp(ctx context.Context, who *caller, in *signUpIn) (*signedInOut, error) {
	name := chat.FoldUsername(in.Body.Username)
	if err := chat.CheckUsername(name); err != nil {
		return nil, err
	}
	if err := chat.CheckPassword(in.Body.Password); err != nil {
		return nil, err
	}
	if err := printable(in.Body.DisplayName, in.Body.Password, in.Body.Device); err != nil {
		return nil, err
	}
	display := in.Body.DisplayName
	if display == "" {
		display = in.Body.Username
	}
	client := contract.Client{Device: in.Body.Device, Address: who.address}
	made, err := contract.SignUp.Ask(ctx, d.gateway.Bus(),
		&contract.SignUpAsk{Client: client, Username: name, Password: in.Body.Password, DisplayName: display, Invite: in.Body.Invite,
			Key: in.IdempotencyKey})
	if code := chat.CodeOf(err); (code == chat.Conflict || code == chat.Forbidden) && in.IdempotencyKey != "" {
		return d.signUpAgain(ctx, &contract.SignInAsk{Client: client, Username: name, Password: in.Body.Password, Key: in.IdempotencyKey}, err)
	}
	return signed(made, err)
}

// repeatable is how long a sign-up that is repeated with its Idempotency-Key is
// taken for the same one.
const repeatable = time.Hour

// signUpAgain answers a sign-up of which the client has lost the answer, and may
// have used up its invite. Who knows the password of so young an account has made
// it.
func (d *Door) signUpAgain(ctx context.Context, ask *contract.SignInAsk, refused error) (*signedInOut, error) {
	in, err := contract.SignIn.Ask(ctx, d.gateway.Bus(), ask)
	switch {
	case chat.CodeOf(err) == chat.RateLimited:
		return nil, err
	case err != nil || time.Since(time.UnixMilli(in.User.CreatedAt)) > repeatable:
		return nil, refused
	}
	return signed(in, nil)
}

// signed is the answer to everything that signs somebody in.
func signed(s *contract.SignedIn, err error) (*signedInOut, error) {
	if err != nil {
		return nil, err
	}
	return &signedInOut{signedInOf(s)}, nil
}

type signInIn struct {
	Key
	Body signInInBody
}

type signInInBody struct {
	Username string `json:"username" maxLength:"128"`
	Password string `json:"password" maxLength:"512"`
	Device   string `json:"device,omitempty" maxLength:"120" doc:"how the session is called in the list of sessions"`
}

func (d *Door) signIn(ctx context.Context, who *caller, in *signInIn) (*signedInOut, error) {
	if err := printable(in.Body.Device); err != nil {
		return nil, err
	}
	return signed(contract.SignIn.Ask(ctx, d.gateway.Bus(), &contract.SignInAsk{
		Client:   contract.Client{Device: in.Body.Device, Address: who.address},
		Username: chat.FoldUsername(in.Body.Username), Password: in.Body.Password, Key: in.IdempotencyKey}))
}

type refreshIn struct {
	Key
	Body refreshInBody
}

type refreshInBody struct {
	RefreshToken string `json:"refresh_token" maxLength:"1000"`
}

func (d *Door) refresh(ctx context.Context, who *caller, in *refreshIn) (*signedInOut, error) {
	return signed(contract.Refresh.Ask(ctx, d.gateway.Bus(), &contract.RefreshAsk{
		Client: contract.Client{Address: who.address}, Token: in.Body.RefreshToken, Key: in.IdempotencyKey}))
}

type sessionsOut struct {
	Body struct {
		Sessions []login `json:"sessions"`
	}
}

func (d *Door) listSessions(ctx context.Context, who *caller, _ *none) (*sessionsOut, error) {
	found, err := contract.Logins.Ask(ctx, d.gateway.Bus(), &contract.LoginsAsk{User: who.User.ID})
	if err != nil {
		return nil, err
	}
	out := new(sessionsOut)
	out.Body.Sessions = each(found.Logins, func(l *chat.Login) login {
		return login{l.ID, l.Device, stamp(l.CreatedAt), stamp(l.LastUsed), l.Address, l.ID == who.Login}
	})
	return out, nil
}

type sessionIn struct {
	ID chat.ID `path:"id"`
}

func (d *Door) endSession(ctx context.Context, who *caller, in *sessionIn) (*none, error) {
	_, err := contract.SignOut.Ask(ctx, d.gateway.Bus(), &contract.SignOutAsk{User: who.User.ID, Login: in.ID})
	if err != nil {
		return nil, err
	}
	d.gateway.HearRevoked(ctx)
	return nil, nil
}

func (d *Door) signOut(ctx context.Context, who *caller, _ *none) (*none, error) {
	if who.Foreign {
		return nil, chat.Errorf(chat.Invalid, "this token is not one of ours: it ends where it was made")
	}
	return d.endSession(ctx, who, &sessionIn{who.Login})
}
