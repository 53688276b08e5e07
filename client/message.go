package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// newNonce returns a fresh UUIDv7.
func newNonce() string { return uuid.Must(uuid.NewV7()).String() }

// Post says something in a room over REST and returns when it is committed.
// While the server has it queued Post asks on, until ctx ends. After an error
// that is no *Error, or one whose fate is open, repeat it with the same nonce.
func (c *Client) Post(ctx context.Context, room string, message Message) (Event, error) {
	if message.Nonce == "" {
		message.Nonce = newNonce()
	}
	for {
		var out Event
		status, err := c.do(ctx, call{method: http.MethodPost, path: path("rooms", room, "messages"), in: message, out: &out})
		if err != nil || status != http.StatusAccepted {
			return out, err
		}
		if err := ctx.Err(); err != nil {
			return Event{}, err
		}
	}
}

// Edit replaces a message's text.
func (c *Client) Edit(ctx context.Context, room string, seq uint64, text string) (Event, error) {
	in := struct {
		Text string `json:"text"`
	}{text}
	var out Event
	_, err := c.do(ctx, call{method: http.MethodPatch, path: path("rooms", room, "messages", seqText(seq)), in: in, out: &out})
	return out, err
}

// Delete clears a message; its number stays.
func (c *Client) Delete(ctx context.Context, room string, seq uint64) (Event, error) {
	var out Event
	_, err := c.do(ctx, call{method: http.MethodDelete, path: path("rooms", room, "messages", seqText(seq)), out: &out})
	return out, err
}

// React puts my emoji under a message.
func (c *Client) React(ctx context.Context, room string, seq uint64, emoji string) (Event, error) {
	return c.react(ctx, http.MethodPut, room, seq, emoji)
}

// Unreact takes my emoji away again.
func (c *Client) Unreact(ctx context.Context, room string, seq uint64, emoji string) (Event, error) {
	return c.react(ctx, http.MethodDelete, room, seq, emoji)
}

func (c *Client) react(ctx context.Context, method, room string, seq uint64, emoji string) (Event, error) {
	var out Event
	_, err := c.do(ctx, call{method: method, path: path("rooms", room, "messages", seqText(seq), "reactions", emoji), out: &out})
	return out, err
}

// Span picks a part of a room's history: the newest, or what lies before, after
// or around a seq, or around a time. Set at most one of them; the oldest are those
// around 1. With Thread it is of that thread only, its root included. Limit is at
// most 200.
type Span struct {
	Before, After, Around uint64
	AroundTime            time.Time
	Thread                uint64
	Limit                 int
}

// History is a part of a room's messages, oldest first.
type History struct {
	Messages []Posted `json:"messages"`
	Head     uint64   `json:"head"`
	HasMore  bool     `json:"has_more"`
}

// History returns messages with their latest text and reactions.
func (c *Client) History(ctx context.Context, room string, span Span) (History, error) {
	q := url.Values{}
	for name, seq := range map[string]uint64{"before": span.Before, "after": span.After, "around": span.Around, "thread": span.Thread} {
		if seq > 0 {
			q.Set(name, seqText(seq))
		}
	}
	if !span.AroundTime.IsZero() {
		q.Set("around_time", span.AroundTime.UTC().Format(time.RFC3339Nano))
	}
	if span.Limit > 0 {
		q.Set("limit", strconv.Itoa(span.Limit))
	}
	var out History
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("rooms", room, "messages"), query: q, out: &out})
	return out, err
}

// Events returns the raw events after a seq, in order, and the room's head.
// limit 0 is the server's default, at most 200.
func (c *Client) Events(ctx context.Context, room string, after uint64, limit int) ([]Event, uint64, error) {
	q := url.Values{"after": {seqText(after)}}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	var out struct {
		Events []Event `json:"events"`
		Head   uint64  `json:"head"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("rooms", room, "events"), query: q, out: &out})
	return out.Events, out.Head, err
}

// MarkRead says that I have read a room up to seq.
func (c *Client) MarkRead(ctx context.Context, room string, seq uint64) error {
	in := struct {
		Seq uint64 `json:"seq"`
	}{seq}
	_, err := c.do(ctx, call{method: http.MethodPost, path: path("rooms", room, "read"), in: in})
	return err
}

// Receipts lists how far each member has read a room, of those who have read
// anything: all of them, in as many requests as that takes.
func (c *Client) Receipts(ctx context.Context, room string) ([]Mark, error) {
	var all []Mark
	for page := (Page{Limit: 200}); ; {
		var out struct {
			Receipts   []Mark `json:"receipts"`
			NextCursor string `json:"next_cursor"`
		}
		_, err := c.do(ctx, call{method: http.MethodGet, path: path("rooms", room, "receipts"), query: page.query(), out: &out})
		all = append(all, out.Receipts...)
		if err != nil || out.NextCursor == "" {
			return all, err
		}
		page.Cursor = out.NextCursor
	}
}

// Query is a full-text search over my rooms. What is empty does not restrict.
type Query struct {
	Text string
	Room string
	// From is the author's id or @username.
	From string
	// Before is a time or seq as the server's documentation describes it.
	Before string
}

// Found is one search result. Highlights are [start, end) offsets into the text.
type Found struct {
	Message    Posted   `json:"message"`
	Highlights [][2]int `json:"highlights"`
}

// Search finds messages. The second result is the next page's cursor, "" at
// the end.
func (c *Client) Search(ctx context.Context, query Query, page Page) ([]Found, string, error) {
	q := page.query()
	q.Set("q", query.Text)
	for name, value := range map[string]string{"room": query.Room, "from": query.From, "before": query.Before} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var out struct {
		Results    []Found `json:"results"`
		NextCursor string  `json:"next_cursor"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: path("search"), query: q, out: &out})
	return out.Results, out.NextCursor, err
}
