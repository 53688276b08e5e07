package chat

import "errors"

// Position is where a partition's worker stands. It is stored in the very
// commit that it belongs to.
type Position struct {
	Epoch    uint64 // which taking of ownership this is
	Seq      uint64 // the last log record consumed; 0 before the first
	Envelope ID     // the envelope in that record: is the log still the one we knew?
	N        uint64 // the newest feed number
}

// Commit is everything that one transaction makes true, or none of it.
type Commit struct {
	Partition int
	From, To  Position // From is compared, To is set; the epochs are equal
	Events    []*Event // feed numbers From.N+1 … To.N
	Rooms     []Info   // every room of Events as it stands after them
	Aliases   []Named
	Dead      []DeadCommand
}

// Named is an alias and the id that it stands for.
type Named struct {
	Alias
	ID ID
}

// DeadCommand is a command that could not be carried out for a reason that is
// not the asker's: it was refused as [Internal] and kept for the operator.
type DeadCommand struct {
	LogSeq  uint64
	Command Command
	Reason  string
	At      int64
}

// NonceKey names a command for ever.
type NonceKey struct {
	Room  RoomID
	By    UserID
	Nonce string
}

// Key is the command's name for ever.
func (c *Command) Key() NonceKey { return NonceKey{c.Room, c.By, c.Nonce} }

// Key is the name of the command that made the event.
func (e *Event) Key() NonceKey { return NonceKey{e.Room, e.By, e.Nonce} }

// What a store's refusal of a commit means. A store wraps them around the
// database's own words; any other error is the commit's own fault, and trying
// the same again will not help.
var (
	// ErrRepeat: a nonce of the batch was committed before.
	ErrRepeat = errors.New("a command of the batch was committed before")
	// ErrNotOwner: somebody else owns the partition now; let go.
	ErrNotOwner = errors.New("the partition has another owner")
	// ErrUnreachable: the store is away, full or overloaded; the outcome of a
	// commit is unknown, and trying again later is right.
	ErrUnreachable = errors.New("the store cannot be reached")
)

// Known is what a store knows of the [Facts] that were asked for: every one of
// them has an entry, also those that are not there.
type Known struct {
	Members   map[UserID]Role
	Targets   map[uint64]Target
	Reactions map[ReactionKey]bool
	Emojis    map[uint64]map[string]int
	Reactors  map[Reactor]int
}

// Learn takes in what the store knows.
func (r *Room) Learn(k Known) {
	for id, role := range k.Members {
		r.LearnMember(id, role)
	}
	for seq, t := range k.Targets {
		r.LearnTarget(seq, t)
	}
	for key, stands := range k.Reactions {
		r.LearnReaction(key, stands)
	}
	for seq, people := range k.Emojis {
		r.LearnEmojis(seq, people)
	}
	for key, emojis := range k.Reactors {
		r.LearnReactor(key, emojis)
	}
}

// Transient says whether the same commit may succeed later or elsewhere: it was
// not the commit's own fault.
func Transient(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNotOwner)
}
