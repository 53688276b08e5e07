package native

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// problem is an RFC 9457 problem document, and every refusal over REST.
type problem struct {
	Type   string    `json:"type" doc:"urn:parley:<code>"`
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Code   chat.Code `json:"code" enum:"invalid,malformed,unauthenticated,forbidden,not_found,conflict,too_large,rate_limited,unavailable,internal" doc:"stable, the same on the socket"`
	Detail string    `json:"detail" doc:"a sentence for a person"`
	Trace  string    `json:"trace,omitempty" doc:"with unavailable and internal: what to look for in the server's logs"`

	retryAfter time.Duration
}

// leastRetry is told where nothing better is known.
const leastRetry = time.Second

func problemOf(err *chat.Error) *problem {
	a := answers[err.Code]
	p := &problem{Type: "urn:parley:" + string(err.Code), Title: a.title, Status: a.status, Code: err.Code, Detail: err.Text, Trace: err.Trace}
	if err.Code == chat.RateLimited || err.Code == chat.Unavailable {
		p.retryAfter = max(err.RetryAfter, leastRetry)
	}
	return p
}

func (p *problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus, GetHeaders and ContentType are what huma asks an error.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders are those that belong to the refusal.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="parley"`)
	}
	return h
}

// ContentType is the problem document's own.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range p.GetHeaders() {
		h[name] = values
	}
	h.Set("Content-Type", p.ContentType(""))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(p) // a client that has gone hears nothing
}

// huma makes its own refusals, and the description of all of them, by this
// variable; this package is its only home.
func init() {
	huma.NewError = func(status int, text string, errs ...error) huma.StatusError {
		code := codeOfStatus(status)
		if code == chat.Malformed && strings.Contains(detail(text, errs), errUnsound.Text) {
			code = errUnsound.Code // to huma, whatever a body is refused for is malformed
		}
		if code == chat.Internal {
			return problemOf(chat.Public(errors.New(text)))
		}
		return problemOf(chat.Errorf(code, "%s", detail(text, errs)))
	}
	huma.NewErrorWithContext = func(hc huma.Context, status int, text string, errs ...error) huma.StatusError {
		err := huma.NewError(status, text, errs...)
		if p, is := err.(*problem); is && status >= http.StatusInternalServerError { //nolint:errorlint // made a line before
			p.Trace = gateway.TraceOf(hc.Context())
		}
		return err
	}
}

// detail says what is wrong and where, but not what was sent: that may be a
// password.
func detail(text string, errs []error) string {
	var parts []string
	for _, err := range errs {
		if d, is := err.(huma.ErrorDetailer); is { //nolint:errorlint // as huma itself does
			parts = append(parts, strings.TrimPrefix(d.ErrorDetail().Location+": "+d.ErrorDetail().Message, ": "))
		} else if err != nil {
			parts = append(parts, err.Error())
		}
	}
	if len(parts) == 0 {
		return text
	}
	return strings.Join(parts, "; ")
}

// refusal is err as the client may see it. What is our own fault is logged here,
// once, with the request's trace id.
func refusal(ctx context.Context, log *slog.Logger, doing string, err error) *problem {
	public := chat.Public(err)
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		// The client has gone; nobody reads this.
		public = chat.Busy(leastRetry, "the request was given up")
	case errors.Is(err, context.DeadlineExceeded):
		public = chat.Busy(leastRetry, "it takes longer than expected; repeat it with the same Idempotency-Key")
	case public.Code == chat.Internal:
		log.ErrorContext(ctx, "a request failed", "doing", doing, "trace", gateway.TraceOf(ctx), "err", err)
		public = chat.Public(errors.New("its story is in the log"))
	}
	return problemOf(public.Traced(gateway.TraceOf(ctx)))
}
