// Package native is the door of Parley's own protocol, version 1: REST under
// /v1 and a websocket at /v1/ws.
//
//	REST    api.go ─► accounts.go rooms.go messages.go admin.go ─► contract calls, gateway.Do
//	socket  socket.go ─► frame.go send.go ─► gateway.Session
//	          ▲
//	          └─ tell.go event.go ◄── gateway.Sink
//
// What the protocol calls things stands in view.go (both sides), frame.go and
// tell.go (the socket), and the two published descriptions are made from these
// types.
package native
