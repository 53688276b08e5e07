package client

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

func mustDecode(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func jwt(exp time.Time) string {
	return "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, exp.Unix())) + ".sig"
}

func startHTTP(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		srv.Close()
	})
	return srv.URL
}

// FuzzScanHead holds the fast way to what encoding/json says.
func FuzzScanHead(f *testing.F) {
	for _, seed := range []string{
		`{"type":"event","event":{"room":"r","seq":7,"id":"i","kind":"message","by":"u","at":"t","nonce":"n","body":{"text":"a\"b\u00e9"}}}`,
		`{"type":"ack","ref":"1","event":{"room":"r","seq":0}}`,
		`{"type":"ack","ref":"1"}`,
		` { "type" : "typing" , "room" : "r" , "on" : true , "x" : [ 1.5e+3 , -0 , { } , [ ] , null , false ] } `,
		`{"type":"room","room":{"id":"r","room":"x"}}`,
		`{"Type":"event"}`, `{"type":"a","type":"b"}`, `{"type":null}`, `{"type":"event","event":null}`,
		`{"type":"event","event":{"seq":1.0}}`, `{"type":"event","event":{"seq":01}}`, `{"type":"x"}}`, `{`, ``,
		`{"type":"event","event":{"seq":1,"SEQ":2}}`, "{\"type\":\"\x80\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, ok := ScanHead(data)
		if !ok {
			return
		}
		var want struct {
			Type  string          `json:"type"`
			Ref   string          `json:"ref"`
			Room  json.RawMessage `json:"room"`
			Event *struct {
				Room  string `json:"room"`
				Seq   uint64 `json:"seq"`
				Nonce string `json:"nonce"`
			} `json:"event"`
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("took %q, which is: %v", data, err)
		}
		var room, nonce string
		var seq uint64
		if want.Event != nil {
			room, seq, nonce = want.Event.Room, want.Event.Seq, want.Event.Nonce
		} else if len(want.Room) > 0 && want.Room[0] == '"' {
			mustDecode(t, want.Room, &room)
		}
		if string(h.Type) != want.Type || string(h.Ref) != want.Ref || string(h.Room) != room ||
			h.Seq != seq || string(h.Nonce) != nonce || (h.Event != nil) != (want.Event != nil) {
			t.Fatalf("%q: got %+v, want %+v", data, h, want)
		}
	})
}

func TestScanHeadTakesWhatServersSend(t *testing.T) {
	event, err := json.Marshal(message(room1, 77, "He said \"hé\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range []string{`{"type":"event"`, `{"type":"ack","ref":"z"`} {
		frame := start + `,"event":` + string(event) + `}`
		h, ok := ScanHead([]byte(frame))
		if !ok || h.Seq != 77 || string(h.Room) != room1 || string(h.Event) != string(event) {
			t.Fatalf("%s: %+v %v", frame, h, ok)
		}
	}
}

func BenchmarkScanHead(b *testing.B) {
	frame := []byte(`{"type":"event","event":{"room":"01890000-0000-8000-8000-000000000001","seq":12345,"id":"01890000-0000-7000-8000-000000000001","kind":"message","by":"01890000-0000-7000-8000-00000000000a","at":"2026-01-02T03:04:05.678Z","body":{"text":"0000000123456789 hello there, this is a message of usual length"}}}`)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if h, ok := ScanHead(frame); !ok || h.Seq != 12345 {
			b.Fatal("not scanned")
		}
	}
}

// FuzzSplitFrame holds frame splitting to the library's reader.
func FuzzSplitFrame(f *testing.F) {
	f.Add([]byte("\x81\x02hi"))
	f.Add(append([]byte("\x81\x7e\x00\x80"), make([]byte, 128)...))
	f.Add([]byte("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01x"))
	f.Add([]byte("\x88\x02\x03\xe8"))
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, n, err := SplitFrame(data)
		if err != nil || n > len(data) {
			return
		}
		want, err := ws.ReadFrame(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("took %x, which is: %v", data, err)
		}
		if frame.Op != byte(want.Header.OpCode) || frame.Fin != want.Header.Fin || !bytes.Equal(frame.Payload, want.Payload) {
			t.Fatalf("%x: got %+v, want %+v", data, frame, want)
		}
	})
}

func TestClientFramesAreMasked(t *testing.T) {
	for _, size := range []int{0, 125, 126, 0xffff, 0x10000} {
		payload := bytes.Repeat([]byte("p"), size)
		data := appendFrame(nil, OpText, [4]byte{1, 2, 3, 4}, payload)
		frame, err := ws.ReadFrame(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if !frame.Header.Masked || !bytes.Equal(ws.UnmaskFrame(frame).Payload, payload) {
			t.Fatalf("frame of %d bytes came out as %+v", size, frame.Header)
		}
	}
}

// socketPair returns a socket and the server's end of it over TCP.
func socketPair(t *testing.T, opts SocketOptions) (*Socket, net.Conn) {
	t.Helper()
	ends := make(chan net.Conn, 1)
	url := startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			t.Error(err)
			return
		}
		ends <- conn
	})
	s, err := DialSocket(t.Context(), url, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	end := <-ends
	t.Cleanup(func() { s.Drop(); end.Close() })
	return s, end
}

func TestSocketReadsWhateverTheFraming(t *testing.T) {
	s, end := socketPair(t, SocketOptions{ReadBuffer: 64})
	big := bytes.Repeat([]byte("0123456789"), 20_000)
	first := ws.NewTextFrame([]byte("frag"))
	first.Header.Fin = false
	rest := ws.NewFrame(ws.OpContinuation, true, []byte("mented"))
	go func() {
		for _, frame := range []ws.Frame{
			ws.NewTextFrame([]byte("one")), ws.NewTextFrame(nil), first, ws.NewPingFrame([]byte("beat")), rest,
			ws.NewTextFrame(big), ws.NewCloseFrame(ws.NewCloseFrameBody(4408, "too slow")),
		} {
			if err := ws.WriteFrame(end, frame); err != nil {
				t.Error(err)
			}
		}
	}()
	for _, want := range []string{"one", "", "fragmented", string(big)} {
		got, err := s.ReadText()
		if err != nil || string(got) != want {
			t.Fatalf("read %.40q, %v; want %.40q", got, err, want)
		}
	}
	_, err := s.ReadText()
	var closed *CloseError
	if !errors.As(err, &closed) || closed.Code != CloseSlowConsumer || closed.Reason != "too slow" {
		t.Fatalf("at the end: %v", err)
	}
	frame, err := ws.ReadFrame(end)
	if err != nil || frame.Header.OpCode != ws.OpPong || string(ws.UnmaskFrame(frame).Payload) != "beat" {
		t.Fatalf("answer to the ping: %+v %v", frame, err)
	}
}

func TestSocketThatDropsIsAbnormal(t *testing.T) {
	s, end := socketPair(t, SocketOptions{})
	end.Close()
	_, err := s.ReadText()
	var closed *CloseError
	if !errors.As(err, &closed) || closed.Code != CloseAbnormal {
		t.Fatalf("read: %v", err)
	}
	s, end = socketPair(t, SocketOptions{})
	s.Drop()
	if _, err := ws.ReadFrame(end); err == nil {
		t.Fatal("the server read a frame from a dropped socket")
	}
	s, end = socketPair(t, SocketOptions{})
	if err := s.Close(CloseNormal); err != nil {
		t.Fatal(err)
	}
	if frame, err := ws.ReadFrame(end); err != nil || frame.Header.OpCode != ws.OpClose {
		t.Fatalf("goodbye: %+v %v", frame, err)
	}
}

func TestSocketRefusesWhatIsTooLarge(t *testing.T) {
	s, end := socketPair(t, SocketOptions{MaxMessage: 1000})
	go func() { _ = ws.WriteFrame(end, ws.NewTextFrame(make([]byte, 2000))) }() // the client leaves halfway
	if _, err := s.ReadText(); !errors.Is(err, ErrFrame) {
		t.Fatalf("read: %v", err)
	}
}
