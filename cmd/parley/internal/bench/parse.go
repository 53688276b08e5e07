package bench

import (
	"bytes"
	"encoding/json"

	"github.com/parley-chat/parley/client"
)

// delivery is what the generator needs of a frame that carries an event.
type delivery struct {
	ack  bool
	room []byte
	seq  uint64
	// stamp is when the message was due, in nanoseconds of the generator's
	// clock; -1 when the event is none of the generator's messages.
	stamp int64
}

// Frames look like this; whatever differs goes the long way.
//
//	{"type":"event","event":{"room":"<36>","seq":7,"id":"<36>","kind":"message","by":"<36>","at":"<24>","body":{"text":"<19 digits> …
//	{"type":"ack","ref":"b","event":{"room":"…
const (
	eventStart = `{"type":"event","event":{"room":"`
	ackStart   = `{"type":"ack","ref":"` + ref + `","event":{"room":"`
	afterRoom  = `","seq":`
	textStart  = `"body":{"text":"`
	// toText is the distance from behind the seq to the body.
	toText = len(`,"id":"`) + 36 + len(`","kind":"message","by":"`) + 36 + len(`","at":"`) + 24 + len(`",`)
)

// ref is the one that the generator sends with all its commands: the stamp in
// the text tells them apart.
const ref = "b"

// stampSize is the number of digits that a text begins with.
const stampSize = 19

// parse reads a frame with an event. ok is false for every other frame.
func parse(p []byte) (d delivery, ok bool) {
	var at int
	switch {
	case len(p) > len(eventStart) && string(p[:len(eventStart)]) == eventStart:
		at = len(eventStart)
	case len(p) > len(ackStart) && string(p[:len(ackStart)]) == ackStart:
		at, d.ack = len(ackStart), true
	default:
		return parseSlow(p)
	}
	if len(p) < at+roomSize+len(afterRoom)+1 || string(p[at+roomSize:at+roomSize+len(afterRoom)]) != afterRoom {
		return parseSlow(p)
	}
	d.room = p[at : at+roomSize]
	at += roomSize + len(afterRoom)
	start := at
	for at < len(p) && p[at]-'0' <= 9 {
		d.seq = d.seq*10 + uint64(p[at]-'0')
		at++
	}
	if at == start || at-start > 18 {
		return parseSlow(p)
	}
	d.stamp = stamp(p[at:])
	return d, true
}

// stamp finds the digits that the event's text begins with.
func stamp(rest []byte) int64 {
	at := toText
	if len(rest) < at+len(textStart) || string(rest[at:at+len(textStart)]) != textStart {
		if at = bytes.Index(rest, []byte(textStart)); at < 0 {
			return -1
		}
	}
	at += len(textStart)
	if len(rest) < at+stampSize+1 || rest[at+stampSize] != ' ' {
		return -1
	}
	var n int64
	for _, c := range rest[at : at+stampSize] {
		if c-'0' > 9 {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// parseSlow takes frames of another layout.
func parseSlow(p []byte) (d delivery, ok bool) {
	h, ok := client.ScanHead(p)
	if !ok {
		return parseJSON(p)
	}
	kind := string(h.Type)
	if h.Event == nil || len(h.Room) != roomSize || (kind != "event" && kind != "ack") {
		return delivery{}, false
	}
	return delivery{ack: kind == "ack", room: h.Room, seq: h.Seq, stamp: stampOf(h.Event)}, true
}

func parseJSON(p []byte) (d delivery, ok bool) {
	var f struct {
		Type  string        `json:"type"`
		Event *client.Event `json:"event"`
	}
	if json.Unmarshal(p, &f) != nil || f.Event == nil || len(f.Event.Room) != roomSize || (f.Type != "event" && f.Type != "ack") {
		return delivery{}, false
	}
	d = delivery{ack: f.Type == "ack", room: []byte(f.Event.Room), seq: f.Event.Seq, stamp: textStamp(f.Event.Text())}
	return d, true
}

// stampOf decodes an event for its stamp.
func stampOf(event []byte) int64 {
	var ev client.Event
	if json.Unmarshal(event, &ev) != nil {
		return -1
	}
	return textStamp(ev.Text())
}

func textStamp(text string) int64 {
	return stamp([]byte(textStart + text + " "))
}
