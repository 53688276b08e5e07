package gateway

import (
	"context"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
)

// NewTrace makes a trace id, as the W3C's Trace Context has them.
func NewTrace() string { return chat.NewID().Hex() }

// WithTrace gives everything that is asked with the context a trace id: who
// answers writes it into the log beside what went wrong.
func WithTrace(ctx context.Context, id string) context.Context { return bus.WithTrace(ctx, id) }

// TraceOf is the context's trace id, or "".
func TraceOf(ctx context.Context) string { return bus.TraceOf(ctx) }

// withTraceOf is the context with a trace id, that of the command where nobody
// began one: a command of a socket is found in the logs by its own id.
func withTraceOf(ctx context.Context, id chat.ID) context.Context {
	if bus.TraceOf(ctx) != "" {
		return ctx
	}
	return bus.WithTrace(ctx, id.Hex())
}
