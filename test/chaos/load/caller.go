package load

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
)

// caller makes one user's requests, each through some gateway.
type caller struct {
	l     *Load
	name  string
	user  string
	token string
	rng   *rand.Rand // of the goroutine that acts
}

// arrive makes a user by their first request, with a token of their own backend.
func (l *Load) arrive(ctx context.Context, name string) (*caller, error) {
	c := &caller{l: l, name: name, token: l.sign(name), rng: rand.New(rand.NewPCG(l.cfg.Seed, uint64(len(l.people)+len(l.requests))))}
	var me struct {
		ID string `json:"id"`
	}
	if err := c.insist(ctx, http.MethodGet, "/v1/users/me", "", nil, &me); err != nil {
		return nil, fmt.Errorf("making %s: %w", name, err)
	}
	c.user = me.ID
	return c, nil
}

// sign makes an HS256 token (RFC 7519) that outlives the run.
func (l *Load) sign(name string) string {
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"sub":"%[1]s","name":"%[1]s","preferred_username":"%[1]s","exp":%[2]d}`, l.cfg.Tag+name, time.Now().Add(24*time.Hour).Unix())
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, []byte(l.cfg.Secret))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

func (c *caller) gate() string { return c.l.gate() }

func (l *Load) gate() string { return l.cfg.Gates[rand.IntN(len(l.cfg.Gates))] }

// answer is what came of one request.
type answer struct {
	status int
	code   string
	retry  time.Duration
	body   []byte
}

// requestPatience is longer than the server takes to answer or to say that it
// cannot.
const requestPatience = 15 * time.Second

// ask makes one request through a gateway. An error says that nobody knows what
// became of it.
func (c *caller) ask(ctx context.Context, gate, method, path, key string, in any, prefer string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestPatience)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, gate+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	for name, value := range map[string]string{"Idempotency-Key": key, "Prefer": prefer} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.l.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return read(resp)
}

func read(resp *http.Response) (*answer, error) {
	a := &answer{status: resp.StatusCode, retry: 50 * time.Millisecond}
	var err error
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode >= 400 {
		var problem struct {
			Code string `json:"code"`
		}
		_ = json.Unmarshal(a.body, &problem)
		a.code = problem.Code
		if a.code == "" && resp.StatusCode >= 500 { // a proxy's own answer
			a.code = "unavailable"
		}
	}
	return a, nil
}

func (a *answer) open() bool { return a.code == "unavailable" || a.code == "internal" }

// insist repeats a request until it is answered for good, for a minute at most.
func (c *caller) insist(ctx context.Context, method, path, key string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var last error
	for {
		a, err := c.ask(ctx, c.gate(), method, path, key, in, "")
		switch {
		case err != nil:
			last = err
		case a.status < 300:
			if out == nil {
				return nil
			}
			return json.Unmarshal(a.body, out)
		case !a.open():
			return fmt.Errorf("%s %s: %d %s", method, path, a.status, a.body)
		default:
			last = fmt.Errorf("%s %s: %d %s", method, path, a.status, a.body)
		}
		if Sleep(ctx, time.Duration(50+rand.IntN(150))*time.Millisecond) != nil {
			return errors.Join(last, ctx.Err())
		}
	}
}

// post says something over REST. With stay it repeats until there is an answer;
// without, it goes away when the message was taken or nobody knows.
func (c *caller) post(ctx context.Context, room, nonce, text string, stay bool) *history.Event {
	c.l.flight.Add(1)
	defer c.l.flight.Add(-1)
	prefer := "wait=2"
	if !stay {
		prefer = "wait=1"
	}
	for {
		gate := c.gate()
		c.l.cfg.Log.Add(history.Record{What: history.Invoke, User: c.user, Gate: gate, Room: room, Nonce: nonce, Do: "send", Text: text})
		a, err := c.ask(ctx, gate, http.MethodPost, "/v1/rooms/"+room+"/messages", nonce, map[string]string{"text": text}, prefer)
		if err == nil {
			if event, done := c.posted(room, nonce, a); done {
				return event
			}
		}
		if !stay || Sleep(ctx, time.Duration(50+rand.IntN(200))*time.Millisecond) != nil {
			return nil
		}
	}
}

// posted writes down an answer to post. It is true when it is one for good.
func (c *caller) posted(room, nonce string, a *answer) (*history.Event, bool) {
	r := history.Record{User: c.user, Room: room, Nonce: nonce}
	switch a.status {
	case http.StatusCreated:
		var e wireEvent
		if err := json.Unmarshal(a.body, &e); err != nil {
			c.l.problem("an answer of 201: %w", err)
			return nil, true
		}
		r.What, r.Event = history.Ack, e.seen()
		c.l.cfg.Log.Add(r)
		return r.Event, true
	case http.StatusAccepted:
		r.What = history.Queued
		c.l.cfg.Log.Add(r)
		return nil, false
	}
	r.What, r.Code = history.Refuse, a.code
	if r.Code == "" {
		r.Code = fmt.Sprint("status ", a.status)
	}
	c.l.cfg.Log.Add(r)
	return nil, !a.open()
}

// words are what people say, some of it long.
func words(rng *rand.Rand) string {
	const say = "the quick brown fox jumps over the lazy dog "
	if rng.IntN(20) == 0 {
		return strings.Repeat(say, 1+rng.IntN(80))
	}
	return say[:1+rng.IntN(len(say)-1)]
}
