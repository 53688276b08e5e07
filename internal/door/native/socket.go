package native

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
	"github.com/parley-chat/parley/internal/ws"
)

// What the protocol says about sockets.
const (
	heartbeat    = 25 * time.Second
	maxFrame     = 64 << 10
	helloTimeout = 10 * time.Second // until the hello has come
	// cursorsWait is how many times as long the cursors behind a hello may take, all
	// of them: 100 000 are 5 MB, which is two minutes at 40 KB a second.
	cursorsWait   = 12
	maxCursors    = 100_000
	replayDefault = 500
	maxPage       = 200
	defaultPage   = 50
	// askTimeout bounds what a client's frame waits for.
	askTimeout = 5 * time.Second
	// drained is what a client may have unread when replay goes on.
	drained = 64 << 10
)

// socket is one websocket: what a client sends comes in as Text, what it must be
// told as a gateway.Sink.
type socket struct {
	door    *Door
	conn    *ws.Conn
	session *gateway.Session // from the hello on
	user    chat.UserID      // whose session it is, or will be when its cursors have come
	counted bool             // among the user's sockets
	address string

	mu       sync.Mutex
	greeting *greeting // until the hello is complete
}

// greeting is what a connection has before its session.
type greeting struct {
	token   string // of the handshake's Bearer header, then of the hello
	trace   string // of the handshake, and of the hello
	hello   gateway.Hello
	began   bool          // the hello frame has come; cursors follow
	wait    time.Duration // until the next step has come: the hello, then all cursors
	timeout *time.Timer
}

// upgrade makes a websocket of a request, or says why not.
func (d *Door) upgrade(w http.ResponseWriter, r *http.Request) {
	if !d.origins.allows(r) {
		problemOf(chat.Errorf(chat.Forbidden, "pages of this origin may not connect; see --allowed-origins")).write(w)
		return
	}
	address := d.proxies.client(r)
	if err := d.gateway.AllowAddress(address, gateway.LimitConnect); err != nil {
		refusal(r.Context(), d.log, "connecting", err).write(w)
		return
	}
	s := &socket{door: d, address: address, greeting: &greeting{wait: d.cfg.HelloTimeout,
		token: bearer(r.Header.Get("Authorization")), trace: gateway.TraceOf(r.Context())}}
	fits := d.gateway.TakeAddress(address)
	var handler ws.Handler = s
	if !fits {
		handler = turnedAway{}
	}
	conn, err := d.sockets.Upgrade(&handshake{ResponseWriter: w, trace: gateway.TraceOf(r.Context())}, r, handler)
	switch {
	case err != nil:
		if fits {
			d.gateway.ReleaseAddress(address)
		}
		d.log.Debug("a handshake failed", "trace", gateway.TraceOf(r.Context()), "err", err)
	case !fits:
		_ = conn.Send(encode(errorOf("", &chat.Error{Code: chat.RateLimited, Text: "too many sockets from this address"})))
		conn.Close(closeTooMany, "too many sockets from this address")
	default:
		s.await(conn)
	}
}

// turnedAway hears a client that there is no room for.
type turnedAway struct{}

func (turnedAway) Text(*ws.Conn, []byte)       {}
func (turnedAway) Closed(*ws.Conn, int, error) {}

// handshake makes problem documents of what package ws refuses.
type handshake struct {
	http.ResponseWriter
	trace   string
	refused bool
}

// WriteHeader is called before a refusal only: what is accepted is hijacked.
func (h *handshake) WriteHeader(status int) {
	h.refused = true
	err := chat.Errorf(chat.Malformed, "this is no websocket handshake of RFC 6455, version 13")
	if status == http.StatusServiceUnavailable {
		err = chat.Busy(leastRetry, "the server is going away")
	}
	p := problemOf(err.Traced(h.trace))
	p.Status = status
	p.write(h.ResponseWriter)
}

// Write drops the plain text.
func (h *handshake) Write(b []byte) (int, error) { return len(b), nil }

// Unwrap lets http.ResponseController reach the connection.
func (h *handshake) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// await closes the connection when no hello comes.
func (s *socket) await(conn *ws.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.greeting == nil {
		return // it has come already
	}
	s.greeting.timeout = time.AfterFunc(s.greeting.wait, func() {
		s.mu.Lock()
		late := s.greeting != nil
		s.mu.Unlock()
		if late {
			s.door.turnAway(conn, chat.Errorf(chat.Unauthenticated, "the hello did not come in time"))
		}
	})
}

// turnAway ends a connection that cannot become a session.
func (d *Door) turnAway(conn *ws.Conn, err *chat.Error) {
	_ = conn.Send(encode(errorOf("", err))) // it may have gone
	conn.Close(answers[err.Code].closes, string(err.Code))
}

// Closed ends what the connection had.
func (s *socket) Closed(*ws.Conn, int, error) {
	s.door.gateway.ReleaseAddress(s.address)
	s.settle()
	if s.counted {
		s.door.gateway.ReleaseUser(s.user)
	}
	if s.session != nil {
		s.session.Close()
	}
}

// settle ends the wait for a hello.
func (s *socket) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.greeting != nil && s.greeting.timeout != nil {
		s.greeting.timeout.Stop()
	}
	s.greeting = nil
}

// Text takes one frame of the client. It may wait; the client's next frame waits
// behind it.
func (s *socket) Text(c *ws.Conn, msg []byte) {
	if s.session == nil {
		s.conn = c
		s.greet(msg)
		return
	}
	var send sendFrame
	if fastSend(msg, &send) {
		s.session.Do(send.Ref, send.command())
		return
	}
	h, err := readHead(msg)
	if err == nil {
		err = s.act(h, msg)
	}
	if err != nil {
		s.refuse(h.Ref, err)
	}
	if err == errNoObject { //nolint:errorlint // the very value: it is never wrapped
		c.Close(closeMalformed, "not a JSON object")
	}
}

// refuse answers a frame of which the gateway never heard.
func (s *socket) refuse(ref string, err *chat.Error) {
	s.door.metrics.frames.WithLabelValues(string(err.Code)).Inc()
	s.send(errorOf(ref, err))
}

func (s *socket) send(frame any) { _ = s.conn.Send(encode(frame)) } // its end is told by Closed

// greet takes the frames before the session: a hello, and cursors where it
// announced them.
func (s *socket) greet(msg []byte) {
	h, err := readHead(msg)
	if err == nil {
		err = s.hear(h, msg)
	}
	if err != nil {
		s.door.metrics.frames.WithLabelValues(string(err.Code)).Inc()
		s.door.turnAway(s.conn, err)
	}
}

func (s *socket) hear(h head, msg []byte) *chat.Error {
	s.mu.Lock()
	g := s.greeting
	s.mu.Unlock()
	switch {
	case h.Type == "ping":
		s.send(pongFrame{"pong"})
		return nil
	case h.Type == "hello" && !g.began:
		f, err := parse[helloFrame](msg)
		if err != nil {
			return err
		}
		return s.begin(g, &f)
	case h.Type == "cursors" && g.began:
		f, err := parse[cursorsFrame](msg)
		if err != nil {
			return err
		}
		return s.take(g, &f)
	}
	return chat.Errorf(chat.Unauthenticated, "say hello first")
}

// begin finds out who says hello, and counts their socket.
func (s *socket) begin(g *greeting, f *helloFrame) *chat.Error {
	if f.Token == "" {
		f.Token = g.token
	}
	if f.ReplayLimit < 0 {
		return chat.Errorf(chat.Invalid, "replay_limit is a number of events")
	}
	if f.ReplayLimit == 0 {
		f.ReplayLimit = replayDefault
	}
	id, refused := s.identify(g.trace, f.Token)
	if refused != nil {
		return refused
	}
	s.user = id.User.ID
	if s.counted = s.door.gateway.TakeUser(s.user); !s.counted {
		return &chat.Error{Code: chat.RateLimited, Text: "you have too many sockets"}
	}
	g.began, g.token = true, f.Token
	g.hello = gateway.Hello{Identity: id, Device: f.Device, Address: s.address, ReplayLimit: f.ReplayLimit}
	if err := g.add(f.Cursors); err != nil {
		return err
	}
	if !f.More {
		s.open(g)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g.wait = cursorsWait * s.door.cfg.HelloTimeout
	if g.timeout != nil {
		g.timeout.Reset(g.wait)
	}
	return nil
}

func (s *socket) identify(trace, token string) (contract.Identity, *chat.Error) {
	ctx, cancel := asking(trace)
	defer cancel()
	id, err := s.door.gateway.Identify(ctx, token)
	if err != nil {
		return id, s.door.public(ctx, "hello", err)
	}
	return id, nil
}

// take adds cursors; the last ones open the session, for whom the token stands
// for by then.
func (s *socket) take(g *greeting, f *cursorsFrame) *chat.Error {
	if err := g.add(f.Cursors); err != nil || f.More {
		return err
	}
	id, err := s.identify(g.trace, g.token)
	if err != nil {
		return err
	}
	if id.User.ID != s.user {
		return chat.Errorf(chat.Unauthenticated, "the token is somebody else's by now")
	}
	g.hello.Identity = id
	s.open(g)
	return nil
}

func (g *greeting) add(cursors map[chat.RoomID]uint64) *chat.Error {
	if g.hello.Cursors == nil {
		g.hello.Cursors = make(map[chat.RoomID]uint64, len(cursors))
	}
	if len(g.hello.Cursors)+len(cursors) > maxCursors {
		return chat.Errorf(chat.TooLarge, "at most %d cursors", maxCursors)
	}
	maps.Copy(g.hello.Cursors, cursors)
	return nil
}

func (s *socket) open(g *greeting) {
	s.settle()
	s.session = s.door.gateway.Open(g.hello, s)
}

// asking is for a frame that asks something of other roles.
func asking(trace string) (context.Context, context.CancelFunc) {
	return context.WithTimeout(gateway.WithTrace(context.Background(), trace), askTimeout)
}

// public is err for a client; what is our own fault is logged here, with the
// trace id of the frame.
func (d *Door) public(ctx context.Context, doing string, err error) *chat.Error {
	public, trace := chat.Public(err), gateway.TraceOf(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		public = chat.Busy(leastRetry, "it takes longer than expected")
	case public.Code == chat.Internal:
		d.log.ErrorContext(ctx, "a frame failed", "doing", doing, "trace", trace, "err", err)
	}
	return public.Traced(trace)
}

// act carries out a frame of a session. Commands are answered by the gateway.
func (s *socket) act(h head, msg []byte) *chat.Error {
	switch h.Type {
	case "send":
		return with(msg, func(f *sendFrame) { s.session.Do(h.Ref, f.command()) })
	case "edit":
		return with(msg, func(f *editFrame) {
			s.session.Do(h.Ref, &chat.Command{Kind: chat.KindEdit, Room: f.Room, Target: f.Seq, Nonce: f.Nonce, Body: chat.Body{Text: f.Text}})
		})
	case "delete":
		return with(msg, func(f *deleteFrame) {
			s.session.Do(h.Ref, &chat.Command{Kind: chat.KindDelete, Room: f.Room, Target: f.Seq, Nonce: f.Nonce})
		})
	case "react":
		return with(msg, func(f *reactFrame) {
			s.session.Do(h.Ref, &chat.Command{Kind: chat.KindReaction, Room: f.Room, Target: f.Seq, Nonce: f.Nonce,
				Body: chat.Body{Emoji: f.Emoji, Op: f.Op}})
		})
	case "join", "leave":
		return with(msg, func(f *joinFrame) {
			s.session.Do(h.Ref, &chat.Command{Kind: chat.KindMember, Room: f.Room, Nonce: f.Nonce,
				Body: chat.Body{Op: chat.Op(h.Type), User: s.user}})
		})
	}
	return s.note(h, msg)
}

// with reads a frame and does something with it.
func with[F any](msg []byte, do func(*F)) *chat.Error {
	f, err := parse[F](msg)
	if err == nil {
		do(&f)
	}
	return err
}

// note carries out the frames that change no room.
func (s *socket) note(h head, msg []byte) *chat.Error {
	switch h.Type {
	case "read":
		return with(msg, func(f *readFrame) { s.session.Read(f.Room, f.Seq) })
	case "delivered":
		return with(msg, func(f *deliveredFrame) { s.session.Delivered(f.Room, f.Seq) })
	case "typing":
		return with(msg, func(f *typingFrame) { s.session.Typing(f.Room, f.On) })
	case "watch_presence":
		return with(msg, func(f *watchPresenceFrame) { s.session.WatchPresence(h.Ref, f.Users) })
	case "status":
		return with(msg, func(f *statusFrame) { s.status(h.Ref, f.Status, f.Text) })
	case "auth":
		return with(msg, func(f *authFrame) { s.renew(h.Ref, f.Token) })
	case "events":
		return with(msg, func(f *eventsAskFrame) { s.events(h.Ref, f) })
	case "ping":
		s.send(pongFrame{"pong"})
		return nil
	case "hello", "cursors":
		return chat.Errorf(chat.Conflict, "this connection has said hello")
	}
	return chat.Errorf(chat.Malformed, "unknown type %.40q", h.Type)
}

// maxStatus is how long a status text may be, in bytes.
const maxStatus = 200

func (s *socket) status(ref string, status contract.Status, text string) {
	if len(text) > maxStatus {
		s.refuse(ref, chat.Errorf(chat.TooLarge, "a status text has at most %d bytes", maxStatus))
		return
	}
	if printable(text) != nil {
		s.refuse(ref, chat.Errorf(chat.Invalid, "text is UTF-8 without U+0000"))
		return
	}
	s.session.SetStatus(ref, status, text)
}

func (s *socket) renew(ref, token string) {
	ctx, cancel := asking(gateway.NewTrace())
	defer cancel()
	var id contract.Identity
	err := s.session.Allow()
	if err == nil {
		id, err = s.door.gateway.Identify(ctx, token)
	}
	if err != nil {
		s.refuse(ref, s.door.public(ctx, "auth", err))
		return
	}
	s.session.Renew(ref, id)
}

// events answers with a page of the raw stream, when the client has read what it
// was told before: asking much is no slow reading.
func (s *socket) events(ref string, f *eventsAskFrame) {
	ctx, cancel := asking(gateway.NewTrace())
	defer cancel()
	who := s.session.User()
	limit := f.Limit
	if limit == 0 {
		limit = defaultPage
	}
	err := s.door.gateway.AllowUser(who.ID, gateway.LimitRead)
	if err == nil && (limit < 0 || limit > maxPage) {
		err = chat.Errorf(chat.Invalid, "limit is 1 to %d", maxPage)
	}
	if err == nil {
		err = s.conn.Wait(ctx, drained)
	}
	var events []event
	var head uint64
	if err == nil {
		events, head, err = s.door.eventsAfter(ctx, who.ID, who.Role.Runs(), f.Room, f.After, limit)
	}
	if err != nil {
		s.refuse(ref, s.door.public(ctx, "events", err))
		return
	}
	s.send(eventsFrame{"events", ref, f.Room, events, head})
}

// Deliver is one half of gateway.Sink.
func (s *socket) Deliver(d *gateway.Delivery, ref string, acks bool) {
	if acks {
		_ = s.conn.Send(ackFrame(ref, d.Event))
		return
	}
	_ = s.conn.Send(d.Encoded("native", eventFrame))
}

// Tell is the other. A welcome and rooms name people, who may have to be asked
// for: the gateway tells these two from the session's own goroutine.
func (s *socket) Tell(n gateway.Note) {
	switch n := n.(type) {
	case gateway.Welcome:
		peers := s.peers(n.Rooms)
		s.send(welcomeFrame{"welcome", n.Session, userOf(&n.User),
			each(n.Rooms, func(r *chat.Mine) room { return myRoomOf(r, peers, s.user) }),
			int(heartbeat / time.Second), serverFacts{s.door.cfg.Version}})
	case gateway.Entered:
		s.send(roomFrame{"room", myRoomOf(&n.Room, s.peers([]chat.Mine{n.Room}), s.user)})
	default:
		s.send(frameOf(n))
	}
}

// peers does without what cannot be asked for now: a direct room without its
// peer can be shown, a session without its rooms cannot.
func (s *socket) peers(rooms []chat.Mine) map[chat.UserID]chat.User {
	ctx, cancel := asking(gateway.NewTrace())
	defer cancel()
	peers, err := s.door.people.peers(ctx, rooms)
	if err != nil {
		s.door.log.Warn("direct rooms are shown without their peers", "trace", gateway.TraceOf(ctx), "err", err)
	}
	return peers
}

// Wait is how replay keeps the client's pace.
func (s *socket) Wait(ctx context.Context) error { return s.conn.Wait(ctx, drained) }

// Close ends the connection for the gateway's reason.
func (s *socket) Close(e gateway.End) { s.conn.Close(closings[e], string(e)) }
