package contract

import "github.com/parley-chat/parley/internal/chat"

// Notice tells a gateway what a partition's owner committed: every event in
// (From, To] of the rooms that the gateway watches, and every event there that
// makes somebody a member. With From equal to To it only says where things stand.
type Notice struct {
	Partition int
	Epoch     uint64
	From, To  uint64 // feed numbers
	LogSeq    uint64 // every log record up to this one has been decided
	Events    []chat.Event
	Answers   []Answer // to commands of the gateway that made no event

	// Registration is the one that the owner had of the gateway; a notice made for
	// an earlier one may lack rooms.
	Registration uint64
}

// Answer is what became of a command that made no event: a refusal (Err), a
// repeat of the event with number Repeat, or nothing that needed changing.
type Answer struct {
	Key    chat.NonceKey
	Repeat uint64
	Err    *chat.Error
}

// Size is at least as many bytes as the answer takes in a notice.
func (a *Answer) Size() int {
	size := 80 + len(a.Key.Nonce) // the ids, the numbers at their longest, the lengths
	if a.Err != nil {
		size += len(a.Err.Code) + len(a.Err.Text)
	}
	return size
}
