package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Client makes REST calls. Its methods may be used from several goroutines.
type Client struct {
	// URL is the server's base address, such as http://127.0.0.1:8080.
	URL string
	// HTTP makes the requests; nil means http.DefaultClient.
	HTTP *http.Client
	// Tokens authorises them; nil means nobody is signed in.
	Tokens TokenSource
}

// New returns a client of the server at baseURL with nobody signed in.
func New(baseURL string) *Client { return &Client{URL: baseURL} }

// As returns a client of the same server that speaks for tokens' user.
func (c *Client) As(tokens TokenSource) *Client {
	return &Client{URL: c.URL, HTTP: c.HTTP, Tokens: tokens}
}

// Page asks for a part of a list. The zero value is its first part in the
// server's default size; Limit is at most 200.
type Page struct {
	Limit  int
	Cursor string
}

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	return q
}

// call is one REST exchange: in is sent as JSON unless nil, the answer is
// decoded into out unless nil.
type call struct {
	method string
	path   string
	query  url.Values
	header http.Header
	in     any
	out    any
}

// do makes the call and returns the status of its answer. A refusal is an
// *Error. A token that the server refuses is replaced once.
func (c *Client) do(ctx context.Context, call call) (int, error) {
	var body []byte
	if call.in != nil {
		var err error
		if body, err = json.Marshal(call.in); err != nil {
			return 0, fmt.Errorf("parley: encode request: %w", err)
		}
	}
	token, err := c.token(ctx, "")
	if err != nil {
		return 0, err
	}
	status, err := c.once(ctx, call, body, token)
	if status != http.StatusUnauthorized || token == "" {
		return status, err
	}
	if token, err = c.token(ctx, token); err != nil {
		return status, err
	}
	return c.once(ctx, call, body, token)
}

func (c *Client) token(ctx context.Context, refused string) (string, error) {
	if c.Tokens == nil {
		return "", nil
	}
	return c.Tokens.Token(ctx, refused)
}

func (c *Client) once(ctx context.Context, call call, body []byte, token string) (int, error) {
	target := strings.TrimRight(c.URL, "/") + call.path
	if len(call.query) > 0 {
		target += "?" + call.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, call.method, target, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("parley: %w", err)
	}
	for name, values := range call.header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	httpClient := c.HTTP
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("parley: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return resp.StatusCode, errorOf(resp)
	}
	return resp.StatusCode, decodeAnswer(resp.Body, call.out)
}

// decodeAnswer reads the body to its end, so that the connection is kept. An
// empty body leaves out as it is.
func decodeAnswer(body io.Reader, out any) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("parley: read answer: %w", err)
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("parley: decode answer: %w", err)
	}
	return nil
}

// path joins parts to a path under /v1, each escaped.
func path(parts ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(part))
	}
	return b.String()
}

func seqText(seq uint64) string { return strconv.FormatUint(seq, 10) }

// Ready returns nil when the server would admit a command sent now.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.once(ctx, call{method: http.MethodGet, path: "/readyz"}, nil, "")
	return err
}
