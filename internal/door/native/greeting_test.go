package native

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/internal/bus/bustest"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// doorFor is a door to which every token is somebody's until it expires.
func doorFor(t *testing.T, cfg Config, of gateway.Config, who contract.Identity) *Door {
	t.Helper()
	b, log := bustest.Embedded(t), slog.New(slog.NewTextHandler(io.Discard, nil))
	sub, err := contract.Identify.Answer(b, func(context.Context, *contract.IdentifyAsk) (*contract.Identity, error) { return &who, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Stop(context.Background()) })
	d, err := New(cfg, gateway.New(of, b, log, prometheus.NewRegistry()), log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

const firstPiece, onePiece, lastPiece = `{"type":"hello","token":"t","more":true}`, `{"type":"cursors","cursors":{},"more":true}`, `{"type":"cursors","cursors":{}}`

func says(t *testing.T, conn peer, frame string) {
	t.Helper()
	if err := wsutil.WriteClientText(conn, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

func TestAHelloInPiecesIsASocketOfTheUser(t *testing.T) {
	ann := chat.UserID{15: 1}
	d := doorFor(t, Config{}, gateway.Config{SocketsPerUser: 1}, contract.Identity{User: chat.User{ID: ann}})
	url := serve(t, d)
	first := dial(t, url)
	says(t, first, firstPiece)
	soon(t, "the socket is counted", func() bool {
		took := d.gateway.TakeUser(ann)
		if took {
			d.gateway.ReleaseUser(ann)
		}
		return !took
	})
	second := dial(t, url)
	says(t, second, firstPiece)
	if e, closed := ending(t, second); e.Code != chat.RateLimited || closed != 4429 {
		t.Errorf("told %+v, closed with %d", e, closed)
	}
	first.Close()
	soon(t, "a socket that went before its session counts no more", func() bool { return d.gateway.TakeUser(ann) })
}

func TestATokenMustBeGoodWhenTheLastPieceComes(t *testing.T) {
	expires := time.Now().Add(500 * time.Millisecond)
	d := doorFor(t, Config{}, gateway.Config{}, contract.Identity{User: chat.User{ID: chat.UserID{15: 1}}, Expires: expires.UnixMilli()})
	conn := dial(t, serve(t, d))
	says(t, conn, firstPiece)
	<-time.After(time.Until(expires) + time.Millisecond)
	says(t, conn, lastPiece)
	if e, closed := ending(t, conn); e.Code != chat.Unauthenticated || closed != 4401 {
		t.Errorf("told %+v, closed with %d", e, closed)
	}
}

// Pieces that keep coming do not keep the connection.
func TestAHelloWithoutEndIsClosed(t *testing.T) {
	const timeout = 50 * time.Millisecond
	d := doorFor(t, Config{HelloTimeout: timeout}, gateway.Config{}, contract.Identity{User: chat.User{ID: chat.UserID{15: 1}}})
	conn := dial(t, serve(t, d))
	says(t, conn, firstPiece)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for wsutil.WriteClientText(conn, []byte(onePiece)) == nil {
			time.Sleep(timeout / 10)
		}
	}()
	if e, closed := ending(t, conn); e.Code != chat.Unauthenticated || closed != 4401 {
		t.Errorf("told %+v, closed with %d", e, closed)
	}
	conn.Close()
	<-done
}
