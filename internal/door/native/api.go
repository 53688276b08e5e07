package native

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

const (
	maxBody = 256 << 10 // a text of 32 KiB may be escaped to six times that
	// bodyTimeout is how long a client may take to send a body.
	bodyTimeout = 30 * time.Second
)

// caller is who asks over REST, and from where.
type caller struct {
	contract.Identity
	token   string
	address string
	base    string // where they find us: a URL without a slash at its end
}

func (c *caller) runs() bool { return c.User.Role.Runs() }

type callerKey struct{}

// open marks a route that needs no token; its limit is by address.
const open = "open"

// spends says which bucket a route spends from.
const spends = "spends"

// register lists every route. The description is made from the same lines.
func (d *Door) register() huma.API {
	config := huma.DefaultConfig("Parley", d.cfg.Version)
	config.Components.Schemas = newRegistry()
	config.Info.Description = "The native protocol of Parley, version 1. Times are RFC 3339 in UTC with milliseconds, ids are UUIDs. " +
		"Every refusal is a problem document with a stable `code`. `unavailable` and `internal` leave a command's fate open: " +
		"repeat it with the same nonce; every other code says that it did not happen. `malformed` is 400; 405 where the path does not know the method " +
		"(`Allow` says which it knows), and 426 at /v1/ws for what is no websocket handshake, bear it too. The socket is described in /v1/asyncapi.json."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks, config.Transformers = nil, nil
	config.AllowAdditionalPropertiesByDefault = true // a newer client's fields are ignored
	config.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
	}
	api := humago.New(d.routes, config)
	api.UseMiddleware(d.identify)
	d.accountRoutes(api)
	d.inviteRoutes(api)
	d.userRoutes(api)
	d.roomRoutes(api)
	d.memberRoutes(api)
	d.messageRoutes(api)
	d.adminRoutes(api)
	d.capabilityRoutes(api)
	return api
}

// newRegistry names shapes as the protocol does.
func newRegistry() huma.Registry {
	return huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Shape")
	})
}

var errUTF8 = errors.New("the body is not UTF-8")

var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		if !utf8.Valid(data) {
			return errUTF8
		}
		if err := json.Unmarshal(data, v); err != nil {
			return errors.New(explain(err))
		}
		if !sound(data) {
			return errors.New(errUnsound.Text)
		}
		return nil
	},
}

// route is one line of the protocol's table.
type route struct {
	method, path string
	name         string // operationId
	summary      string
	status       int // of a success; 0: 200, or 204 without a body
	open         bool
	spends       gateway.Limit
	errors       []chat.Code // beside those that every route has
	also         map[int]other
	body         bool // it takes one
}

// takesBody says whether huma reads a body into an input.
func takesBody(input reflect.Type) bool {
	_, takes := input.FieldByName("Body")
	return takes
}

// other is a successful answer beside the usual one.
type other struct {
	meaning string
	shape   reflect.Type // of its body; nil: it has none
}

func (o other) response(r huma.Registry) *huma.Response {
	described := &huma.Response{Description: o.meaning}
	if o.shape != nil {
		described.Content = inJSON(r.Schema(o.shape, true, ""))
	}
	return described
}

func inJSON(s *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: s}}
}

// on registers a route. what err says about whose fault it is decides the
// answer; see [refusal].
func on[I, O any](d *Door, api huma.API, r route, fn func(ctx context.Context, who *caller, in *I) (*O, error)) {
	out := outputOf(reflect.TypeFor[O](), r.status)
	doing := r.method + " " + r.path
	r.body = takesBody(reflect.TypeFor[I]())
	huma.Register(api, r.operation(out, api.OpenAPI().Components.Schemas), func(ctx context.Context, in *I) (*reply, error) {
		who, _ := ctx.Value(callerKey{}).(*caller)
		answer, err := fn(ctx, who, in)
		if err != nil {
			return nil, refusal(ctx, d.log, doing, err)
		}
		return out.reply(answer), nil
	})
}

func (r *route) operation(out output, shapes huma.Registry) huma.Operation {
	op := huma.Operation{
		OperationID: r.name, Method: r.method, Path: r.path, Summary: r.summary, DefaultStatus: out.usual,
		Tags: []string{tag(r.path)}, MaxBodyBytes: maxBody + 1, BodyReadTimeout: bodyTimeout,
		Metadata: map[string]any{open: r.open, spends: r.spends},
	}
	op.Responses = map[string]*huma.Response{strconv.Itoa(out.usual): out.response(shapes)}
	for status, o := range r.also {
		op.Responses[strconv.Itoa(status)] = o.response(shapes)
	}
	if !r.open {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized)
	}
	if r.body {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	}
	for _, code := range r.errors {
		op.Errors = append(op.Errors, answers[code].status)
	}
	op.Errors = append(op.Errors, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	return op
}

// tag groups routes in the description by the first step of their path.
func tag(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	return first
}

// identify finds out who asks, before anything of the request is read, and
// spends from their allowance.
func (d *Door) identify(hc huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(hc)
	op := hc.Operation()
	// Everything is JSON here, whatever a client calls it; curl -d, for one.
	r.Header.Set("Content-Type", "application/json")
	limit := op.Metadata[spends].(gateway.Limit)
	who := &caller{address: d.proxies.client(r), token: bearer(r.Header.Get("Authorization")), base: d.base(r)}
	var err error
	if op.Metadata[open] == true {
		err = d.gateway.AllowAddress(who.address, limit)
	} else if who.Identity, err = d.gateway.Identify(r.Context(), who.token); err == nil {
		err = d.gateway.AllowUser(who.User.ID, limit)
	}
	if err == nil {
		err = readable(r)
	}
	if err != nil {
		refusal(r.Context(), d.log, "who asks for "+op.Path, err).write(w)
		return
	}
	next(huma.WithValue(hc, callerKey{}, who))
}

// readable refuses what nobody can have written and no database takes, wherever
// a request says something outside of its body.
func readable(r *http.Request) error {
	err := printable(r.URL.Path, r.Header.Get("Idempotency-Key"))
	for _, values := range r.URL.Query() {
		if err == nil {
			err = printable(values...)
		}
	}
	return err
}

// none is an input or output without anything in it.
type none struct{}

// What follows is embedded in inputs. huma finds the fields of exported types
// only. Bodies of some length are named types as well: what an input is made of
// stands in the names of a dozen functions, and so in the binary.

// Page is how lists are asked for in pieces.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"next_cursor of the page before"`
}

// Key makes repeats of a POST harmless.
type Key struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"128" doc:"a nonce: repeating the request with it does nothing twice"`
}

// Named is a user in a path: an id, or @username.
type Named struct {
	Which string `path:"user" maxLength:"64" doc:"an id, or @username"`
}

// InRoom is a room in a path.
type InRoom struct {
	Room chat.RoomID `path:"room"`
}

func (r *InRoom) ask(who *caller) contract.RoomAsk {
	return contract.RoomAsk{User: who.User.ID, Room: r.Room, Runs: who.runs()}
}

// do carries out a command within the time that a client waits by default.
func (d *Door) do(ctx context.Context, who *caller, cmd *chat.Command) (*chat.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultWait)
	defer cancel()
	return d.gateway.Do(ctx, &who.Identity, cmd)
}
