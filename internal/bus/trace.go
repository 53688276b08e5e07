package bus

import "context"

type traceKey struct{}

// WithTrace gives everything asked or published with the context a trace id,
// by which one request is found again in the logs of every role it touched.
func WithTrace(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// TraceOf is the context's trace id, or "".
func TraceOf(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}
