package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/node"
)

// place is where the chat is that a command is about.
type place struct {
	folder
	cluster
}

func (p *place) config() (node.Config, error) {
	s := serve{folder: p.folder, cluster: p.cluster, DefaultRooms: []string{"general"}}
	return s.config()
}

// reach finds the server on a folder or a bus, or runs one without ports on a
// folder that is there.
func (p *place) reach(ctx context.Context, log *slog.Logger) (*node.Remote, error) {
	cfg, err := p.config()
	if err != nil {
		return nil, err
	}
	return node.Reach(ctx, cfg, quiet(log))
}

// found is reach, on a folder that is made when it is not there.
func (p *place) found(ctx context.Context, log *slog.Logger) (*node.Remote, error) {
	cfg, err := p.config()
	if err != nil {
		return nil, err
	}
	return node.ReachOrFound(ctx, cfg, quiet(log))
}

func quiet(log *slog.Logger) *slog.Logger { return slog.New(onlyWorse{log.Handler()}) }

// onlyWorse lets warnings through: an operator's command is not a server.
type onlyWorse struct{ slog.Handler }

func (h onlyWorse) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h onlyWorse) WithAttrs(a []slog.Attr) slog.Handler { return onlyWorse{h.Handler.WithAttrs(a)} }
func (h onlyWorse) WithGroup(g string) slog.Handler      { return onlyWorse{h.Handler.WithGroup(g)} }

// ask asks the server that reach finds one question.
func ask[A any](ctx context.Context, reach func(context.Context, *slog.Logger) (*node.Remote, error), log *slog.Logger, path string, q any) (*A, error) {
	r, err := reach(ctx, log)
	if err != nil {
		return nil, err
	}
	a, err := node.Ask[A](ctx, r, path, q)
	return a, errors.Join(plain(err), r.Close())
}

// plain says what was refused without its code.
func plain(err error) error {
	var e *chat.Error
	if errors.As(err, &e) {
		return errors.New(e.Text)
	}
	return err
}

type userCmd struct {
	Add    userAdd    `cmd:"" help:"Make an account."`
	List   userList   `cmd:"" help:"List accounts."`
	Invite userInvite `cmd:"" help:"Make a link with which people sign up."`
	Passwd userPasswd `cmd:"" help:"Set somebody's password and end their sessions."`
	Ban    userBan    `cmd:"" help:"End somebody's sessions and let them in no more."`
	Unban  userUnban  `cmd:"" help:"Let somebody in again."`
}

type password struct {
	PasswordStdin bool `name:"password-stdin" help:"Read the password from standard input, without asking."`
}

// read asks for a password without showing it, or takes the first line of
// standard input. When it is interrupted it shows again what is typed.
func (p *password) read(ctx context.Context, out io.Writer) (secret string, err error) {
	in := os.Stdin
	before, _ := term.GetState(int(in.Fd())) // nil: it is no terminal
	given := make(chan struct{})
	var typed string
	var failed error
	go func() {
		defer close(given)
		typed, failed = p.ask(in, out)
	}()
	select {
	case <-given:
		return typed, failed
	case <-ctx.Done():
	}
	if before != nil {
		err = term.Restore(int(in.Fd()), before)
	}
	return "", errors.Join(ctx.Err(), err)
}

func (p *password) ask(in *os.File, out io.Writer) (string, error) {
	if p.PasswordStdin || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	fmt.Fprint(out, "Password: ")
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(out)
	return string(b), err
}

type userAdd struct {
	place
	password
	Username    string `arg:"" help:"1 to 32 of a-z, 0-9, dot, underscore, hyphen."`
	DisplayName string `name:"display-name" help:"The name that others see; by default the username."`
	Role        string `name:"role" enum:",owner,admin,member,guest" default:"" help:"Org role, if another than sign-up gives: owner, admin, member or guest."`
}

func (c *userAdd) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	secret, err := c.read(ctx, out)
	if err != nil {
		return err
	}
	u, err := ask[chat.User](ctx, c.found, log, "user/add",
		node.AddUser{Username: c.Username, Password: secret, DisplayName: c.DisplayName, Role: chat.OrgRole(c.Role)})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "added %s (%s), %s\n", u.Username, u.ID, u.Role)
	return nil
}

type userList struct {
	place
	Query string `arg:"" optional:"" help:"Beginning of a name."`
	JSON  bool   `name:"json" help:"One JSON object a line."`
}

func (c *userList) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	type page struct {
		Users []chat.User `json:"users"`
		Next  string      `json:"next"`
	}
	t := newTable(out, c.JSON, "USERNAME", "NAME", "ROLE", "STATE", "SINCE", "ID")
	return pages(ctx, &c.place, log, "user/list", c.Query, func(p *page) string {
		for _, u := range p.Users {
			state := "active"
			if u.Banned {
				state = "banned"
			}
			if u.Deleted {
				state = "deleted"
			}
			t.row(userLine{u, stamp(u.CreatedAt)}, u.Username, u.DisplayName, u.Role, state, day(u.CreatedAt), u.ID)
		}
		return p.Next
	}, t.flush)
}

// userLine and roomLine are what --json prints, with times as the API writes them.
type (
	userLine struct {
		chat.User
		CreatedAt string `json:"created_at"`
	}
	roomLine struct {
		chat.Info
		CreatedAt string `json:"created_at"`
		LastAt    string `json:"last_at"`
	}
)

func day(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.DateOnly) }

// pages asks for a list, page by page, over one connection.
func pages[P any](ctx context.Context, p *place, log *slog.Logger, path, query string, show func(*P) (next string), end func() error) (err error) {
	r, err := p.reach(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	q := node.List{Query: query}
	for first := true; first || q.Cursor != ""; first = false {
		p, err := node.Ask[P](ctx, r, path, q)
		if err != nil {
			return plain(err)
		}
		q.Cursor = show(p)
	}
	return end()
}

type userInvite struct {
	place
	Uses      int           `name:"uses" default:"1" help:"How many people can sign up with it (${default})."`
	For       time.Duration `name:"for" default:"168h" help:"How long it is good (${default})."`
	Room      string        `name:"room" help:"Channel or group that they are added to: id, handle, or a name that no other room has."`
	PublicURL string        `name:"public-url" placeholder:"URL" help:"Where people find the server; what the link begins with (what the running server says, or http://127.0.0.1:8080)."`
}

func (c *userInvite) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	type made struct {
		Code string `json:"code"`
		URL  string `json:"url"`
	}
	i, err := ask[made](ctx, c.reach, log, "user/invite", node.MakeInvite{MaxUses: c.Uses, Seconds: int64(c.For / time.Second), Room: c.Room})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, strings.TrimRight(cmp.Or(c.PublicURL, i.URL, "http://127.0.0.1:8080"), "/")+chat.InvitePath+i.Code)
	return nil
}

type userPasswd struct {
	place
	password
	User string `arg:"" help:"Username or id."`
}

func (c *userPasswd) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	secret, err := c.read(ctx, out)
	if err != nil {
		return err
	}
	u, err := ask[chat.User](ctx, c.reach, log, "user/passwd", node.SetPassword{User: c.User, Password: secret})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s has a new password; their sessions have ended\n", u.Username)
	return nil
}

type userBan struct {
	place
	User string `arg:"" help:"Username or id."`
}

func (c *userBan) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	return setBan(ctx, out, log, &c.place, c.User, true)
}

type userUnban struct {
	place
	User string `arg:"" help:"Username or id."`
}

func (c *userUnban) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	return setBan(ctx, out, log, &c.place, c.User, false)
}

func setBan(ctx context.Context, out io.Writer, log *slog.Logger, p *place, user string, banned bool) error {
	u, err := ask[chat.User](ctx, p.reach, log, "user/ban", node.SetBan{User: user, Banned: banned})
	if err != nil {
		return err
	}
	state := "is not banned"
	if u.Banned {
		state = "is banned"
	}
	fmt.Fprintln(out, u.Username, state)
	return nil
}

type roomCmd struct {
	List roomList `cmd:"" help:"List rooms."`
}

type roomList struct {
	place
	Query string `arg:"" optional:"" help:"Beginning of a name or handle."`
	JSON  bool   `name:"json" help:"One JSON object a line."`
}

func (c *roomList) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	type page struct {
		Rooms []chat.Info `json:"rooms"`
		Next  string      `json:"next"`
	}
	t := newTable(out, c.JSON, "NAME", "KIND", "MEMBERS", "MESSAGES", "HEAD", "SINCE", "ID")
	return pages(ctx, &c.place, log, "room/list", c.Query, func(p *page) string {
		for _, r := range p.Rooms {
			t.row(roomLine{r, stamp(r.CreatedAt), stamp(r.LastAt)}, r.Name, r.Kind, r.MemberCount, r.Messages, r.Head, day(r.CreatedAt), r.ID)
		}
		return p.Next
	}, t.flush)
}

// table prints rows in columns, or as JSON lines.
type table struct {
	json *json.Encoder
	tab  *tabwriter.Writer
}

func newTable(out io.Writer, asJSON bool, heads ...any) *table {
	if asJSON {
		return &table{json: json.NewEncoder(out)}
	}
	t := &table{tab: tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)}
	t.row(nil, heads...)
	return t
}

func (t *table) row(whole any, cells ...any) {
	if t.json != nil {
		_ = t.json.Encode(whole)
		return
	}
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.tab, "\t")
		}
		fmt.Fprint(t.tab, c)
	}
	fmt.Fprintln(t.tab)
}

func (t *table) flush() error {
	if t.tab == nil {
		return nil
	}
	return t.tab.Flush()
}

type backup struct {
	place
	File string `arg:"" type:"path" help:"The file to write; it must not be there yet."`
}

func (c *backup) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	file, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	if err := node.Backup(ctx, cfg, file, progress(out)); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "backup written: %s, %.1f MB\n", file, float64(info.Size())/1e6)
	return nil
}

func progress(out io.Writer) func(string) {
	return func(said string) { fmt.Fprintln(out, said) }
}

type restore struct {
	folder
	File string `arg:"" type:"existingfile" help:"A file that parley backup has written."`
}

func (c *restore) Run(ctx context.Context, out io.Writer) error {
	if err := node.Restore(ctx, c.File, c.Data); err != nil {
		return err
	}
	fmt.Fprintf(out, "restored into %s; start it with: parley serve --data %s\n", c.Data, c.Data)
	return nil
}

type verify struct{ place }

func (c *verify) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	type report struct {
		Rooms    int
		Events   uint64
		Findings []string
	}
	var found report
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if !cfg.Shared() && node.Running(ctx, c.Data) {
		r, err := c.reach(ctx, log)
		if err != nil {
			return err
		}
		a, err := node.Follow[report](ctx, r, "verify", struct{}{}, progress(out))
		if err != nil {
			return plain(err)
		}
		found = *a
	} else {
		a, err := node.Verify(ctx, cfg, progress(out))
		if err != nil {
			return err
		}
		found = report(*a)
	}
	for _, f := range found.Findings {
		fmt.Fprintln(out, f)
	}
	if n := len(found.Findings); n > 0 {
		return fmt.Errorf("%d findings in %d rooms with %d events", n, found.Rooms, found.Events)
	}
	fmt.Fprintf(out, "everything is as it must be (rooms: %d, events: %d)\n", found.Rooms, found.Events)
	return nil
}

type explain struct {
	place
	Room string `arg:"" help:"Id, handle, or a name that no other room has."`
	Seq  uint64 `arg:"" help:"The event's number in the room."`
}

func (c *explain) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	x, err := ask[node.Explanation](ctx, c.reach, log, "explain", node.Explain{Room: c.Room, Seq: c.Seq})
	if err != nil {
		return err
	}
	e, o := &x.Event, &x.Event.Origin
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("event", "%s, number %d of room %s (which stands at %d)", e.Kind, e.Seq, e.Room, x.Head)
	line("id", "%s", e.ID)
	line("by", "%s", e.By)
	line("nonce", "%s", e.Nonce)
	line("at", "%s, the time of its log record", stamp(e.At))
	if o.Gateway == 0 {
		line("gateway", "none: a stored job of Parley's own")
	} else {
		line("gateway", "run %x", o.Gateway)
	}
	line("log", "record %d of partition %d", o.LogSeq, x.Partition)
	line("feed", "number %d, in the commit that began with %d", e.N, o.Batch)
	line("committed", "%s, %d ms after its record", stamp(o.Committed), o.Committed-e.At)
	switch {
	case x.Unknown != "":
		line("watchers", "unknown: %s", x.Unknown)
	case len(x.Watchers) == 0:
		line("watchers", "no gateway watches the room now")
	default:
		line("watchers", "gateway runs %x watch the room now", x.Watchers)
	}
	line("delivered", "unknown: what each session was given is not kept")
	return t.Flush()
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
