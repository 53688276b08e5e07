// Package ws is the server side of websockets (RFC 6455): text messages in, shared frames out, for very many
// connections of which most are idle, and for rooms in which one message goes to thousands of them.
//
// The way in. Whole frames are unmasked where they were read and never copied; a connection on which nothing happens
// holds no buffer, and in the event loop no goroutine either.
//
//	socket ─► event loop, or the connection's goroutine      who waits          link: epoll_linux.go, goroutine.go
//	            └► pooled 4 KiB buffer                         one reader         Conn.feed
//	                 └► headers, masks, fragments, UTF-8       bad: 1002 1003     decoder
//	                      │                                         1007 4413
//	                      ├► Handler.Text (may block: the socket is not read on)
//	                      ├► ping: a pong is queued
//	                      └► close: answered, then Handler.Closed
//
// The way out. Sending only queues. Whoever flushes takes all that has gathered, in one system call, because that call
// is what a frame costs: 16 frames in one write are 13 times cheaper than 16 writes.
//
//	TextFrame ─► Conn.Send ─► queue of the connection        over MaxQueue: 4408
//	  (once,         │            │
//	   for all)      │ first      │ all of it, up to 32 KiB
//	                 ▼            ▼
//	              dirty ring ─► flusher ─► one write ─► socket         event loop: one flusher per core
//	              (or a goroutine for this flush)         └► full: waits for the event, holds up nobody
//
// The end. Conn.Close lets the queue out, then the close frame, then waits for the peer's; Conn.Drop does not. A close
// with a reason of this package (too slow, too large, silent, malformed) drops what is queued but never breaks a frame
// that has begun, so the peer can read the code. However it went, Handler.Closed is called once.
package ws
