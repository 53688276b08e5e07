// Package client speaks to a Parley server: REST calls, the live connection,
// and a bare socket for measuring tools.
//
// A program has signed in and is talking in a few lines:
//
//	login, err := client.New("http://127.0.0.1:8080").SignIn(ctx, "ann", "a long password", "my bot")
//	…
//	session, err := client.Connect(ctx, client.Config{URL: "http://127.0.0.1:8080", Tokens: login})
//	…
//	defer session.Close()
//	for {
//		notice, err := session.Next(ctx)
//		if err != nil {
//			return err // the session is over, or ctx is
//		}
//		if event, ok := notice.(client.Event); ok && event.Kind == client.KindMessage {
//			…
//		}
//	}
//
// [Client] makes the REST calls, each a method that takes a context. A refusal
// is an *[Error] with a stable code.
//
// [Session] is the live connection. It keeps, per room, the number up to which
// it has every event, and keeps every command until the server has answered it.
// When the connection ends, whichever side or cable it was, it comes back,
// names its numbers, and repeats what is unanswered with the same nonces. The
// program sees every event of its rooms exactly once, in order per room, and
// every message it sends happens once:
//
//	the server                                    the program
//	event 7 ─────────────────────────────────────► Next: 7
//	event 8 ──── lost with the connection ──╳
//	        ◄─── hello, cursor 7; send again ────  (Send still waiting)
//	event 8 ─────────────────────────────────────► Next: 8
//	ack, event 9 ────────────────────────────────► Next: 9, Send returns 9
//
// Cursors and commands live in memory; a bot that must keep the promise across
// its own restarts brings a [CursorStore] and an [Outbox].
//
// [Socket] and [ScanHead] are for load generators and fault checkers that want
// the frames themselves.
package client
