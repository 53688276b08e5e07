package native

import (
	"net/http"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/role/gateway"
	"github.com/parley-chat/parley/internal/ws"
)

// Close codes of the protocol beside those of package ws.
const (
	closeMalformed       = 4400
	closeUnauthenticated = 4401 // or expired
	closeForbidden       = 4403
	closeRevoked         = 4409
	closeTooMany         = 4429
)

// answer is what a code becomes outside.
type answer struct {
	status int    // over REST
	title  string // over REST
	closes int    // of a socket that cannot begin because of it
}

// answers has a line for each code.
var answers = map[chat.Code]answer{
	chat.Invalid:         {http.StatusUnprocessableEntity, "The request breaks a rule", closeMalformed},
	chat.Malformed:       {http.StatusBadRequest, "The request could not be understood", closeMalformed},
	chat.Unauthenticated: {http.StatusUnauthorized, "Not signed in", closeUnauthenticated},
	chat.Forbidden:       {http.StatusForbidden, "Not allowed", closeForbidden},
	chat.NotFound:        {http.StatusNotFound, "Not found", closeForbidden},
	chat.Conflict:        {http.StatusConflict, "Somebody was first", closeForbidden},
	chat.TooLarge:        {http.StatusRequestEntityTooLarge, "Too large", ws.CodeTooLarge},
	chat.RateLimited:     {http.StatusTooManyRequests, "Too many requests", closeTooMany},
	chat.Unavailable:     {http.StatusServiceUnavailable, "Not available now", ws.CodeInternal},
	chat.Internal:        {http.StatusInternalServerError, "Something went wrong", ws.CodeInternal},
}

// codeOfStatus is the code for what net/http and huma refuse by themselves.
func codeOfStatus(status int) chat.Code {
	switch status {
	case http.StatusMethodNotAllowed:
		return chat.Malformed
	case http.StatusServiceUnavailable:
		return chat.Unavailable
	}
	for code, a := range answers {
		if a.status == status {
			return code
		}
	}
	if status >= 400 && status < 500 {
		return chat.Malformed
	}
	return chat.Internal
}

// closings has a close code for each end of a session.
var closings = map[gateway.End]int{
	gateway.EndExpired:  closeUnauthenticated,
	gateway.EndRevoked:  closeRevoked,
	gateway.EndDraining: ws.CodeGoingAway,
	gateway.EndInternal: ws.CodeInternal,
}
