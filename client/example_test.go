package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/client"
)

// Example signs in, connects, says something and reads it back.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(pretendToBeParley))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	login, err := client.New(server.URL).SignIn(ctx, "ann", "correct horse", "example")
	if err != nil {
		log.Panic(err)
	}
	session, err := client.Connect(ctx, client.Config{URL: server.URL, Tokens: login})
	if err != nil {
		log.Panic(err)
	}
	defer session.Close()

	sent, err := session.Send(ctx, "general", client.Message{Text: "Hello, everyone"})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println("committed as number", sent.Seq)
	for {
		notice, err := session.Next(ctx)
		if err != nil {
			log.Panic(err)
		}
		if event, ok := notice.(client.Event); ok {
			fmt.Println(event.Seq, event.Text())
			return
		}
	}
	// Output:
	// committed as number 1
	// 1 Hello, everyone
}

// pretendToBeParley answers just enough for the example.
func pretendToBeParley(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/sessions" {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"user":{"username":"ann"},"session":{"access_token":"a","access_expires_at":%q}}`,
			time.Now().Add(time.Hour).Format(time.RFC3339))
		return
	}
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		data, err := wsutil.ReadClientText(conn)
		if err != nil {
			return
		}
		var frame struct{ Type, Ref, Text string }
		if json.Unmarshal(data, &frame) != nil {
			return
		}
		answer := `{"type":"welcome","rooms":[{"id":"general","head":0}]}`
		if frame.Type == "send" {
			answer = fmt.Sprintf(`{"type":"ack","ref":%q,"event":{"room":"general","seq":1,"kind":"message","body":{"text":%q}}}`, frame.Ref, frame.Text)
		}
		if wsutil.WriteServerText(conn, []byte(answer)) != nil {
			return
		}
	}
}
