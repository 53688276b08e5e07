// Package chat is the language of Parley: people, rooms, commands and the
// events that they become, and the rules between them.
//
// It knows no network and no disk. [Room.Admit] and [Room.Apply] are pure
// functions of what a room is and what somebody asks, so the same rules hold in
// every topology, over every database and in every test.
package chat
