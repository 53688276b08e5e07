package native

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// How long a request waits for its event.
const (
	defaultWait = 5 * time.Second
	maxWait     = 30 * time.Second
	// leastWait is for handing the command to the log: 202 says that it is there.
	leastWait = time.Second
)

// messageRoutes are saying something, and reading what was said.
func (d *Door) messageRoutes(api huma.API) {
	changes := []chat.Code{chat.Forbidden, chat.NotFound, chat.Conflict, chat.TooLarge}
	queued := map[int]other{http.StatusAccepted: {"queued, not acknowledged: repeat the request with this nonce", reflect.TypeFor[queuedShape]()}}
	unchanged := map[int]other{http.StatusNoContent: {"nothing needed changing", nil}}
	seen := []chat.Code{chat.NotFound}
	const at, reacting = "/v1/rooms/{room}/messages/{seq}", "/v1/rooms/{room}/messages/{seq}/reactions/{emoji}"
	on(d, api, route{method: http.MethodPost, path: "/v1/rooms/{room}/messages", name: "send-message", status: http.StatusCreated,
		spends: gateway.LimitCommand, errors: changes, also: queued,
		summary: "Say something, and wait for its event"}, d.send)
	on(d, api, route{method: http.MethodPatch, path: at, name: "edit-message",
		spends: gateway.LimitCommand, errors: changes, summary: "Change a message's text"}, d.edit)
	on(d, api, route{method: http.MethodDelete, path: at, name: "delete-message",
		spends: gateway.LimitCommand, errors: changes, also: unchanged,
		summary: "Clear a message; its number stays"}, d.remove)
	on(d, api, route{method: http.MethodPut, path: reacting, name: "react",
		spends: gateway.LimitCommand, errors: changes, also: unchanged, summary: "Put an emoji under a message"}, d.react)
	on(d, api, route{method: http.MethodDelete, path: reacting, name: "unreact",
		spends: gateway.LimitCommand, errors: changes, also: unchanged, summary: "Take an emoji away"}, d.unreact)
	on(d, api, route{method: http.MethodGet, path: "/v1/rooms/{room}/messages", name: "history",
		spends: gateway.LimitRead, errors: seen, summary: "Messages as they stand now, ascending"}, d.history)
	on(d, api, route{method: http.MethodGet, path: "/v1/rooms/{room}/events", name: "events",
		spends: gateway.LimitRead, errors: seen, summary: "What happened after a number: for catching up"}, d.events)
	on(d, api, route{method: http.MethodGet, path: "/v1/search", name: "search",
		spends: gateway.LimitRead, summary: "Messages with these words in my rooms, the newest first"}, d.search)
}

type eventOut struct {
	Status int
	Body   event
}

// happened is the answer to a command: its event, or nothing, when nothing
// needed changing.
func happened(e *chat.Event, status int, err error) (*eventOut, error) {
	if err != nil {
		return nil, err
	}
	if e == nil {
		return &eventOut{Status: http.StatusNoContent}, nil
	}
	return &eventOut{status, event{e, true}}, nil
}

type sendIn struct {
	InRoom
	Key
	Prefer string `header:"Prefer" maxLength:"200" doc:"wait=<seconds>: how long to wait for the event; default 5, 1 to 30"`
	Body   struct {
		Text        string          `json:"text,omitempty" doc:"at most 32 KiB; may be empty only with attachments or meta"`
		Nonce       string          `json:"nonce,omitempty" maxLength:"128" doc:"the same as Idempotency-Key"`
		ReplyTo     uint64          `json:"reply_to,omitempty"`
		Thread      uint64          `json:"thread,omitempty" doc:"the root's number"`
		Attachments json.RawMessage `json:"attachments,omitempty" doc:"a JSON array of at most 10"`
		Meta        json.RawMessage `json:"meta,omitempty" doc:"a JSON object of at most 4 KiB that is kept and handed on"`
	}
}

// sent is the event, or, while its fate is open, what it will be called.
type sent struct {
	Status int
	Body   sentBody
}

type sentBody struct {
	event  *chat.Event
	queued queuedShape
}

type queuedShape struct {
	ID    chat.ID `json:"id" doc:"what the event will be called"`
	Nonce string  `json:"nonce"`
}

// MarshalJSON writes the event where there is one.
func (s sentBody) MarshalJSON() ([]byte, error) {
	if s.event != nil {
		return appendEvent(nil, s.event, true), nil
	}
	return json.Marshal(s.queued)
}

// Schema describes the event, which is what a client waits for.
func (sentBody) Schema(r huma.Registry) *huma.Schema { return event{}.Schema(r) }

func (d *Door) send(ctx context.Context, who *caller, in *sendIn) (*sent, error) {
	b := &in.Body
	nonce := b.Nonce
	if nonce == "" {
		nonce = in.IdempotencyKey
	}
	cmd := &chat.Command{Kind: chat.KindMessage, Room: in.Room, Nonce: nonce, Body: chat.Body{
		Text: b.Text, ReplyTo: b.ReplyTo, Thread: b.Thread, Attachments: present(b.Attachments), Meta: present(b.Meta)}}
	patience, cancel := context.WithTimeout(ctx, waits(in.Prefer))
	defer cancel()
	e, err := d.gateway.Do(patience, &who.Identity, cmd)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return &sent{http.StatusAccepted, sentBody{queued: queuedShape{cmd.ID, cmd.Nonce}}}, nil
	case err != nil:
		return nil, err
	}
	return &sent{http.StatusCreated, sentBody{event: e}}, nil
}

// present makes JSON's null the same as a field that is not there.
func present(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// waits reads RFC 7240's wait preference.
func waits(prefer string) time.Duration {
	for part := range strings.SplitSeq(prefer, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		if seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 16); err == nil {
			return max(leastWait, min(time.Duration(seconds)*time.Second, maxWait))
		}
	}
	return defaultWait
}

// MessageIn is a message in a path.
type MessageIn struct {
	InRoom
	Seq uint64 `path:"seq" minimum:"1"`
}

type editIn struct {
	MessageIn
	Body struct {
		Text string `json:"text"`
	}
}

func (d *Door) edit(ctx context.Context, who *caller, in *editIn) (*eventOut, error) {
	e, err := d.do(ctx, who, &chat.Command{Kind: chat.KindEdit, Room: in.Room, Target: in.Seq, Body: chat.Body{Text: in.Body.Text}})
	return happened(e, http.StatusOK, err)
}

func (d *Door) remove(ctx context.Context, who *caller, in *MessageIn) (*eventOut, error) {
	e, err := d.do(ctx, who, &chat.Command{Kind: chat.KindDelete, Room: in.Room, Target: in.Seq})
	return happened(e, http.StatusOK, err)
}

type reactionIn struct {
	MessageIn
	Emoji string `path:"emoji" maxLength:"64"`
}

func (d *Door) reacting(ctx context.Context, who *caller, in *reactionIn, op chat.Op) (*eventOut, error) {
	e, err := d.do(ctx, who, &chat.Command{Kind: chat.KindReaction, Room: in.Room, Target: in.Seq,
		Body: chat.Body{Emoji: in.Emoji, Op: op}})
	return happened(e, http.StatusOK, err)
}

func (d *Door) react(ctx context.Context, who *caller, in *reactionIn) (*eventOut, error) {
	return d.reacting(ctx, who, in, chat.OpAdd)
}

func (d *Door) unreact(ctx context.Context, who *caller, in *reactionIn) (*eventOut, error) {
	return d.reacting(ctx, who, in, chat.OpRemove)
}

type historyIn struct {
	InRoom
	Before     uint64    `query:"before" doc:"of before, after, around and around_time at most one; none: the newest"`
	After      place     `query:"after" doc:"0: the oldest"`
	Around     uint64    `query:"around"`
	AroundTime time.Time `query:"around_time" doc:"around what was first said at or after this time"`
	Thread     uint64    `query:"thread" doc:"only this thread: its root and the replies"`
	Limit      int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// place is a number in a room that may be given or not: 0 is before the first.
type place struct {
	N     uint64
	given bool
}

// Schema, Receiver and OnParamSet are how huma reads it as a number.
func (p place) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[uint64]())
}

func (p *place) Receiver() reflect.Value { return reflect.ValueOf(p).Elem().Field(0) }

func (p *place) OnParamSet(given bool, _ any) { p.given = given }

type historyOut struct {
	Body struct {
		Messages []message `json:"messages"`
		Head     uint64    `json:"head" doc:"the room's newest number"`
		HasMore  bool      `json:"has_more"`
	}
}

func (d *Door) history(ctx context.Context, who *caller, in *historyIn) (*historyOut, error) {
	ask := contract.HistoryAsk{RoomAsk: in.ask(who), Before: in.Before, After: in.After.N, Around: in.Around, Thread: in.Thread, Limit: in.Limit}
	given := 0
	for _, is := range []bool{in.Before != 0, in.After.N != 0, in.Around != 0, !in.AroundTime.IsZero()} {
		if is {
			given++
		}
	}
	if given > 1 {
		return nil, chat.Errorf(chat.Invalid, "before, after, around or around_time: one of them")
	}
	if !in.AroundTime.IsZero() {
		ask.AroundTime = max(1, in.AroundTime.UnixMilli())
	}
	if given == 0 && in.After.given {
		ask.Around = 1 // and what follows: there is nothing before it
	}
	found, err := contract.History.Ask(ctx, d.gateway.Bus(), &ask)
	if err != nil {
		return nil, err
	}
	out := new(historyOut)
	out.Body.Messages, out.Body.Head, out.Body.HasMore = each(found.Messages, messageOf), found.Head, found.HasMore
	return out, nil
}

type eventsIn struct {
	InRoom
	Stretch
}

// Stretch is a part of a room's events.
type Stretch struct {
	After uint64 `query:"after"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type eventsOut struct {
	Body struct {
		Events []event `json:"events"`
		Head   uint64  `json:"head" doc:"the room's newest number: there is more while the last event is before it"`
	}
}

// pageBytes is about how large a page of events becomes at most.
const pageBytes = 256 << 10

func (d *Door) events(ctx context.Context, who *caller, in *eventsIn) (*eventsOut, error) {
	events, head, err := d.eventsAfter(ctx, who.User.ID, who.runs(), in.Room, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := new(eventsOut)
	out.Body.Events, out.Body.Head = events, head
	return out, nil
}

// eventsAfter reads the raw stream, for REST and for the socket.
func (d *Door) eventsAfter(ctx context.Context, asker chat.UserID, runs bool, room chat.RoomID, after uint64, limit int) ([]event, uint64, error) {
	found, err := contract.Events.Ask(ctx, d.gateway.Bus(), &contract.EventsAsk{User: asker, Runs: runs,
		Cursors: []contract.Cursor{{Room: room, After: after}}, Limit: limit, Bytes: pageBytes})
	if err != nil {
		return nil, 0, err
	}
	if len(found.Rooms) == 0 || found.Rooms[0].Gone {
		return nil, 0, chat.Errorf(chat.NotFound, "there is no such room")
	}
	r := &found.Rooms[0]
	return each(r.Events, func(e *chat.Event) event { return event{e, e.By == asker} }), r.Head, nil
}

type searchIn struct {
	Page
	Words
}

// Words are what is searched for, and where.
type Words struct {
	Q      string    `query:"q" required:"true" minLength:"1" maxLength:"200"`
	Room   string    `query:"room" doc:"only this room"`
	From   string    `query:"from" maxLength:"64" doc:"only this author: an id, or @username"`
	Before time.Time `query:"before" doc:"only what is older"`
}

type searchOut struct {
	Body struct {
		Results    []hit  `json:"results"`
		NextCursor string `json:"next_cursor,omitempty"`
	}
}

func (d *Door) search(ctx context.Context, who *caller, in *searchIn) (*searchOut, error) {
	ask := contract.SearchAsk{User: who.User.ID, Query: in.Q, Cursor: in.Cursor, Limit: in.Limit}
	if in.Room != "" {
		var err error
		if ask.Room, err = chat.ParseID(in.Room); err != nil {
			return nil, err
		}
	}
	if in.From != "" {
		users, err := d.resolve(ctx, []string{in.From})
		if err != nil {
			return nil, err
		}
		ask.From = users[0].ID
	}
	if !in.Before.IsZero() {
		ask.Before = in.Before.UnixMilli()
	}
	found, err := contract.Search.Ask(ctx, d.gateway.Bus(), &ask)
	if err != nil {
		return nil, err
	}
	out := new(searchOut)
	out.Body.Results, out.Body.NextCursor = each(found.Hits, hitOf), found.Next
	return out, nil
}
