package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/role/gateway"
)

// capabilities are what a client may want to know before it signs in.
type capabilities struct {
	Protocol int      `json:"protocol" doc:"of this door: 1"`
	Version  string   `json:"version" doc:"of the server"`
	SignUp   string   `json:"signup" enum:"open,invite,closed"`
	Features []string `json:"features"`
	Limits   limits   `json:"limits"`
}

// limits are in bytes unless the name says otherwise.
type limits struct {
	Frame          int `json:"frame"`
	Text           int `json:"text"`
	Meta           int `json:"meta"`
	Attachments    int `json:"attachments" doc:"pieces in a message"`
	Nonce          int `json:"nonce"`
	RoomName       int `json:"room_name"`
	RoomTopic      int `json:"room_topic"`
	Emoji          int `json:"emoji"`
	FirstMembers   int `json:"first_members" doc:"people a room is created with"`
	PageSize       int `json:"page_size" doc:"entries in a list"`
	HeartbeatSecs  int `json:"heartbeat_s"`
	WatchedUsers   int `json:"watched_users" doc:"in watch_presence"`
	ReplayDefault  int `json:"replay_default" doc:"events per room that a hello replays unless it says otherwise"`
	SocketsPerUser int `json:"sockets_per_user"`
}

type capabilitiesOut struct{ Body capabilities }

func (d *Door) capabilityRoutes(api huma.API) {
	on(d, api, route{method: http.MethodGet, path: "/v1/capabilities", name: "capabilities", open: true,
		spends: gateway.LimitConnect, summary: "What this server can do and allows"}, d.capabilities)
}

func (d *Door) capabilities(context.Context, *caller, *none) (*capabilitiesOut, error) {
	return &capabilitiesOut{capabilities{
		Protocol: 1, Version: d.cfg.Version, SignUp: d.cfg.SignUp,
		Features: []string{"edit", "delete", "reactions", "threads", "receipts", "typing", "presence", "search", "mentions", "meta"},
		Limits: limits{
			Frame: maxFrame, Text: chat.MaxText, Meta: chat.MaxMeta, Attachments: chat.MaxAttachments, Nonce: chat.MaxNonce,
			RoomName: chat.MaxName, RoomTopic: chat.MaxTopic, Emoji: chat.MaxEmoji, FirstMembers: chat.MaxFirst, PageSize: maxPage,
			HeartbeatSecs: int(heartbeat / time.Second), WatchedUsers: gateway.MaxWatched, ReplayDefault: replayDefault,
			SocketsPerUser: gateway.SocketsPerUser,
		},
	}}, nil
}
