package client

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// GapPolicy says what a [Session] does about events that a replay left out.
type GapPolicy int

const (
	// FillGaps fetches what was left out over REST and delivers it in its place.
	FillGaps GapPolicy = iota
	// ReportGaps delivers [Truncated] and goes on behind the gap.
	ReportGaps
)

// Config describes a [Session]. URL and Tokens are needed.
type Config struct {
	// URL is the server's base address, such as http://127.0.0.1:8080.
	URL string
	// Tokens hands out access tokens; a *Login is one.
	Tokens TokenSource
	// Device names this sign-in's connection; it may be empty.
	Device string
	// WaitForServer makes Connect go on trying while the server is away,
	// until its context ends, rather than return the first failure.
	WaitForServer bool

	// Cursors and Outbox default to memory.
	Cursors CursorStore
	Outbox  Outbox
	// Gaps says what to do when a replay was cut short.
	Gaps GapPolicy
	// ReplayLimit is how many missed events per room are replayed; 0 is the
	// server's default of 500.
	ReplayLimit int

	// Pipeline is how many unanswered commands per room may be on the way at
	// once. The default of 1 keeps their order even when the server refuses
	// one for the moment; more is faster over long distances, and then a
	// command that is repeated may land behind its successor.
	Pipeline int
	// MaxPending bounds the unanswered commands of the session (default 10 000).
	MaxPending int
	// Queue is how many notices may wait for Next (default 4 096). Events
	// beyond it are fetched again later, so a slow program loses nothing.
	Queue int

	// Backoff returns the wait before attempt 0, 1, 2 … of coming back;
	// the default is FullJitter(500 ms, 20 s).
	Backoff func(attempt int) time.Duration
	// HTTP makes REST calls; nil means http.DefaultClient.
	HTTP *http.Client
	// Socket tunes the connection.
	Socket SocketOptions
	// Log gets one line per change of state; nil means none.
	Log *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	if c.URL == "" || c.Tokens == nil {
		return c, errors.New("parley: Config needs URL and Tokens")
	}
	if c.Cursors == nil {
		c.Cursors = NewMemoryCursors()
	}
	if c.Outbox == nil {
		c.Outbox = NewMemoryOutbox()
	}
	if c.Pipeline <= 0 {
		c.Pipeline = 1
	}
	if c.MaxPending <= 0 {
		c.MaxPending = 10_000
	}
	if c.Queue <= 0 {
		c.Queue = 4096
	}
	if c.Backoff == nil {
		c.Backoff = FullJitter(500*time.Millisecond, 20*time.Second)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// FullJitter returns waits drawn evenly from zero to base doubled once per
// attempt, at most limit, so that the clients of a server that died do not
// come back all at once.
func FullJitter(base, limit time.Duration) func(attempt int) time.Duration {
	return func(attempt int) time.Duration {
		most := limit
		// Beyond 30 doublings every base above a nanosecond is past a second's limit.
		if attempt < 30 && base<<attempt < limit {
			most = base << attempt
		}
		return rand.N(most + 1)
	}
}

// Times of the live connection.
const (
	pingEvery      = 25 * time.Second
	pongWithin     = 10 * time.Second
	welcomeWithin  = 15 * time.Second
	connectWithin  = 20 * time.Second
	steadyAfter    = 5 * time.Second // a connection that lasted this long starts the backoff anew
	renewAuthAhead = time.Minute
)

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isTimeout reports whether a read ended because its deadline passed.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
