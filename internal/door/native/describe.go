package native

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs/*
var docs embed.FS

// policy lets the page of descriptions load its own files and read the two
// descriptions, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// describe serves what describes the protocol, to programs and to people. All of
// it is made once, here.
func (d *Door) describe(api huma.API) error {
	neverNull(api.OpenAPI().Components.Schemas)
	openAPI, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe REST: %w", err)
	}
	asyncAPI, err := json.Marshal(asyncAPI(d.cfg.Version))
	if err != nil {
		return fmt.Errorf("describe the socket: %w", err)
	}
	d.serve("/v1/openapi.json", "application/vnd.oai.openapi+json;version=3.1", openAPI)
	d.serve("/v1/asyncapi.json", "application/vnd.aai.asyncapi+json;version=3.0.0", asyncAPI)
	for path, file := range map[string]string{"/v1/docs": "docs.html", "/v1/docs/docs.js": "docs.js", "/v1/docs/docs.css": "docs.css"} {
		body, err := docs.ReadFile("docs/" + file)
		if err != nil {
			return fmt.Errorf("describe the protocol: %w", err)
		}
		kind := map[string]string{"html": "text/html", "js": "text/javascript", "css": "text/css"}[strings.TrimPrefix(file, "docs.")]
		d.serve(path, kind+"; charset=utf-8", body)
	}
	return nil
}

func (d *Door) serve(path, contentType string, body []byte) {
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:12]) + `"`
	d.routes.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("ETag", etag)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}

// neverNull says of lists that they are lists. A request may have null in the
// place of one, which clients that are here already send; an answer has not.
func neverNull(all huma.Registry) {
	for name, s := range all.Map() {
		if !strings.HasSuffix(name, "InBody") {
			notNull(s)
		}
	}
}

func notNull(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	notNull(s.Items)
	for _, p := range s.Properties {
		notNull(p)
	}
}

// described is one kind of frame.
type described struct {
	name, summary string
	shape         reflect.Type
}

func frame[F any](name, summary string) described {
	return described{name, summary, reflect.TypeFor[F]()}
}

// received lists what a client may send, told what the server sends.
var (
	received = []described{
		frame[helloFrame]("hello", "First, within 10 s: who I am, and the numbers I have."),
		frame[cursorsFrame]("cursors", "More cursors than fit in the hello."),
		frame[sendFrame]("send", "Say something; answered by ack or error."),
		frame[editFrame]("edit", "Change a message's text; answered by ack or error."),
		frame[deleteFrame]("delete", "Clear a message; answered by ack or error."),
		frame[reactFrame]("react", "Put an emoji under a message, or take it away; answered by ack or error."),
		frame[joinFrame]("join", "Enter a channel; answered by ack or error, then room."),
		frame[leaveFrame]("leave", "Leave a room; answered by ack or error, then room_gone."),
		frame[readFrame]("read", "I have read the room up to this number."),
		frame[deliveredFrame]("delivered", "This client has been given the room up to this number."),
		frame[typingFrame]("typing", "I am typing, or have stopped."),
		frame[watchPresenceFrame]("watch_presence", "Tell me the presence of these users, instead of those before."),
		frame[statusFrame]("status", "How present I am."),
		frame[authFrame]("auth", "Another access token, before the old one runs out."),
		frame[eventsAskFrame]("events", "The room's events after a number."),
		frame[pingFrame]("ping", "Answered by pong."),
	}
	told = []described{
		frame[welcomeFrame]("welcome", "The session has begun: who I am, and my rooms."),
		frame[eventFrameShape]("event", "An event of one of my rooms: each exactly once, in the room's order."),
		frame[ackFrameShape]("ack", "The event of my own command, in its place in the room's order."),
		frame[errorFrame]("error", "A refusal. unavailable and internal leave a command's fate open: repeat it with its nonce."),
		frame[roomFrame]("room", "I am in this room now, or my settings of it changed. What changes a room itself is an event."),
		frame[roomGoneFrame]("room_gone", "I am in this room no more."),
		frame[truncatedFrame]("truncated", "More was missed than is replayed."),
		frame[resetFrame]("reset", "My number is beyond the room's head: forget the room; what follows starts anew."),
		frame[receiptFrame]("receipt", "How far somebody has read or been given a room. May be lost."),
		frame[typedFrame]("typing", "Somebody is typing, or has stopped. May be lost."),
		frame[presenceFrame]("presence", "Somebody's presence. May be lost."),
		frame[userFrame]("user", "Somebody's profile changed. May be lost."),
		frame[byeFrame]("bye", "The server is going: come back after that time."),
		frame[eventsFrame]("events", "The answer to events."),
		frame[pongFrame]("pong", "The answer to ping."),
	}
)

type object = map[string]any

// asyncAPI describes the socket as AsyncAPI 3.0, from the types that are spoken.
func asyncAPI(version string) object {
	registry := newRegistry()
	messages := object{}
	add := func(list []described, direction string) (refs []object) {
		for _, f := range list {
			name := direction + "_" + f.name
			messages[name] = object{"name": f.name, "title": f.name, "summary": f.summary, "contentType": "application/json",
				"payload": registry.Schema(f.shape, true, f.name)}
			refs = append(refs, object{"$ref": "#/channels/socket/messages/" + name})
		}
		return refs
	}
	received, told := add(received, "client"), add(told, "server")
	neverNull(registry)
	channel := object{}
	for name := range messages {
		channel[name] = object{"$ref": "#/components/messages/" + name}
	}
	socket := object{"$ref": "#/channels/socket"}
	return object{
		"asyncapi": "3.0.0",
		"info": object{"title": "Parley", "version": version, "description": "The socket of the native protocol, version 1: " +
			"one JSON object per text frame, `type` says which. " +
			"What is no handshake of RFC 6455 is answered with 426 and the code `malformed`. " + closeCodes()},
		"defaultContentType": "application/json",
		"channels": object{"socket": object{"address": "/v1/ws", "messages": channel,
			"bindings": object{"ws": object{"method": "GET", "bindingVersion": "0.1.0"}}}},
		"operations": object{
			"hear": object{"action": "receive", "channel": socket, "messages": received, "summary": "what a client sends"},
			"tell": object{"action": "send", "channel": socket, "messages": told, "summary": "what the server sends"},
		},
		"components": object{"schemas": registry.Map(), "messages": messages},
	}
}

// closeCodes tells them in one sentence.
func closeCodes() string {
	codes := []string{
		fmt.Sprintf("%d malformed", closeMalformed), fmt.Sprintf("%d unauthenticated or expired", closeUnauthenticated),
		fmt.Sprintf("%d forbidden", closeForbidden), "4408 slow consumer", fmt.Sprintf("%d session revoked", closeRevoked),
		"4413 frame too large", fmt.Sprintf("%d too many", closeTooMany), "1001 draining", "1011 internal",
		"1002, 1003 and 1007 as RFC 6455 has them: protocol error, binary frame, no UTF-8",
	}
	slices.Sort(codes)
	return "Close codes: " + strings.Join(codes, ", ") + ". Reconnect on 1001, 1006, 1011, 4408 and 4429, on 4401 with another token; the others are final."
}
