package sequencer

import (
	"container/list"

	"github.com/parley-chat/parley/internal/chat"
)

// hugeRoom is the size at which a room's state is dropped and learned anew: what
// it knows of old messages and members only grows.
const hugeRoom = 1 << 20

// rooms is the state of a partition's rooms, the most recently used of them, up
// to a number of bytes.
type rooms struct {
	limit, bytes int
	byID         map[chat.RoomID]*list.Element
	order        *list.List // of *cached; the front is the newest
}

type cached struct {
	room *chat.Room
	id   chat.RoomID
	size int
}

func newRooms(limit int) *rooms {
	return &rooms{limit: limit, byID: map[chat.RoomID]*list.Element{}, order: list.New()}
}

func (r *rooms) get(id chat.RoomID) *chat.Room {
	if e := r.byID[id]; e != nil {
		r.order.MoveToFront(e)
		return e.Value.(*cached).room
	}
	return nil
}

func (r *rooms) put(id chat.RoomID, room *chat.Room) {
	c := &cached{room: room, id: id, size: room.Size()}
	r.byID[id] = r.order.PushFront(c)
	r.bytes += c.size
}

func (r *rooms) drop(id chat.RoomID) {
	if e := r.byID[id]; e != nil {
		r.bytes -= e.Value.(*cached).size
		r.order.Remove(e)
		delete(r.byID, id)
	}
}

// settle weighs the rooms of a batch anew and lets go of the oldest. A room that
// does not exist is not kept: anybody can name one.
func (r *rooms) settle(touched map[chat.RoomID]*chat.Room) {
	for id, room := range touched {
		e := r.byID[id]
		if e == nil {
			continue
		}
		c := e.Value.(*cached)
		r.bytes -= c.size
		c.size = room.Size()
		r.bytes += c.size
		if c.size > hugeRoom || room.Head == 0 {
			r.drop(id)
		}
	}
	for r.bytes > r.limit && r.order.Len() > 0 {
		r.drop(r.order.Back().Value.(*cached).id)
	}
}
