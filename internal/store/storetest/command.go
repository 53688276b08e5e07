package storetest

import "github.com/parley-chat/parley/internal/chat"

// command begins every command below: a member of the organisation asks.
func command(kind chat.Kind, by chat.UserID, room chat.RoomID) chat.Command {
	return chat.Command{ID: chat.NewID(), Room: room, By: by, As: chat.OrgMember, Nonce: chat.NewID().String(), Kind: kind}
}

// Create makes a room of the kind with these first members.
func Create(kind chat.RoomKind, name string, by chat.UserID, members ...chat.UserID) chat.Command {
	c := command(chat.KindRoom, by, chat.RoomID{})
	c.Body = chat.Body{Op: chat.OpCreate, RoomKind: kind, Members: members}
	if kind == chat.Direct {
		c.Room = chat.DirectRoomID(append([]chat.UserID{by}, members...)...)
		return c
	}
	c.Body.Name = &name
	c.Room = chat.CreatedRoomID(by, c.Nonce)
	return c
}

// Say sends a message.
func Say(by chat.UserID, room chat.RoomID, text string) chat.Command {
	c := command(chat.KindMessage, by, room)
	c.Body.Text = text
	return c
}

// Edit changes a message's text.
func Edit(by chat.UserID, room chat.RoomID, seq uint64, text string) chat.Command {
	c := command(chat.KindEdit, by, room)
	c.Target, c.Body.Text = seq, text
	return c
}

// Delete takes a message back.
func Delete(by chat.UserID, room chat.RoomID, seq uint64) chat.Command {
	c := command(chat.KindDelete, by, room)
	c.Target = seq
	return c
}

// React adds or removes a reaction.
func React(by chat.UserID, room chat.RoomID, seq uint64, emoji string, op chat.Op) chat.Command {
	c := command(chat.KindReaction, by, room)
	c.Target, c.Body.Emoji, c.Body.Op = seq, emoji, op
	return c
}

// Member changes somebody's membership.
func Member(by chat.UserID, room chat.RoomID, op chat.Op, user chat.UserID, role chat.Role) chat.Command {
	c := command(chat.KindMember, by, room)
	c.Body.Op, c.Body.User, c.Body.Role = op, user, role
	return c
}

// Rename gives a room another name.
func Rename(by chat.UserID, room chat.RoomID, name string) chat.Command {
	c := command(chat.KindRoom, by, room)
	c.Body.Op, c.Body.Name = chat.OpRename, &name
	return c
}
