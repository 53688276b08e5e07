package terminal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/client"
)

// title is what to call a room.
func title(r *client.Room) string {
	switch {
	case r.Peer != nil:
		return "@" + r.Peer.Username
	case r.Name != "":
		return r.Name
	case r.Handle != "":
		return r.Handle
	case r.Kind == client.Direct:
		return "notes to self"
	}
	return "room " + r.ID[max(0, len(r.ID)-6):]
}

// sortRooms puts rooms into the order in which they are shown and numbered: by
// title, in either case.
func sortRooms(all []*client.Room) {
	slices.SortFunc(all, func(a, b *client.Room) int {
		if by := strings.Compare(strings.ToLower(title(a)), strings.ToLower(title(b))); by != 0 {
			return by
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// pick finds one of my sorted rooms by id, handle, title or number; nil if none.
func pick(mine []*client.Room, name string) (found *client.Room, err error) {
	if name == "" {
		return nil, errors.New("which room? /rooms lists them")
	}
	for i, r := range mine {
		switch {
		case r.ID == name || r.Handle != "" && name == "#"+r.Handle:
			return r, nil
		case strings.EqualFold(title(r), name) || r.Handle != "" && strings.EqualFold(r.Handle, name):
			if found != nil {
				return nil, fmt.Errorf("there are several rooms %s: /rooms lists them, /open takes the number", name)
			}
			found = r
		case strconv.Itoa(i+1) == name && found == nil:
			found = r
		}
	}
	return found, nil
}

// seek finds a room that is not mine yet. @username is the direct room with them,
// made when there is none; a public channel is joined.
func seek(ctx context.Context, rest *client.Client, name string) (client.Room, error) {
	if !strings.HasPrefix(name, "@") {
		return join(ctx, rest, name)
	}
	made, err := rest.CreateRoom(ctx, client.NewRoom{Kind: client.Direct, Members: []string{name}})
	if err != nil {
		return made, fmt.Errorf("%s: %w", name, err)
	}
	return made, nil
}

// join enters the public channel of this name, handle or id.
func join(ctx context.Context, rest *client.Client, name string) (client.Room, error) {
	handle := strings.TrimPrefix(name, "#")
	rooms, _, err := rest.PublicRooms(ctx, handle, client.Page{Limit: 200})
	if err != nil {
		return client.Room{}, err
	}
	for _, r := range rooms {
		if r.ID != name && !strings.EqualFold(r.Handle, handle) && !strings.EqualFold(r.Name, handle) {
			continue
		}
		joined, err := rest.JoinRoom(ctx, r.ID)
		if err != nil {
			return client.Room{}, fmt.Errorf("join %s: %w", name, err)
		}
		if joined.ID == "" {
			joined = r
		}
		return joined, nil
	}
	return client.Room{}, fmt.Errorf("there is no room %s to be seen from here", name)
}
